// The bias's gradient db = sum_i dy, first half: sums over blocks of BLOCK rows, out (blocks, columns). The second half is
// sum_splits.wgsl. A workgroup takes one block and 64 columns.
//# include columns.wgsl
const BLOCK: u32 = 128u;

struct Dims {
  rows: u32,
  vectors: u32, // columns / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let column = workgroup.y * 16u + thread % 16u;
  let end = min(dims.rows, (workgroup.x + 1u) * BLOCK);
  var sum = vec4(0.0);
  if (column < dims.vectors) {
    for (var row = workgroup.x * BLOCK + thread / 16u; row < end; row += 16u) {
      sum += dy[row * dims.vectors + column];
    }
  }
  sum = column_sum(thread, sum);
  if (thread < 16u && column < dims.vectors) {
    out[workgroup.x * dims.vectors + column] = sum;
  }
}
