// dw[t] = sum of dx[i] over the rows i with tokens[i] = t. No atomics: the CPU sorts the rows by token (stable), and a
// workgroup owns one token and 64 columns.
//# include columns.wgsl
const INIT: u32 = 0u; // 0: none, 2: what dw holds

struct Dims {
  vocabulary: u32,
  vectors: u32, // d / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
/// Rows in the order of their tokens.
@group(0) @binding(1) var<storage, read> order: array<u32>;
/// (vocabulary + 1): token t's rows are order[starts[t]..starts[t + 1]].
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> dx: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dw: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let token = workgroup.x;
  let column = workgroup.y * 16u + thread % 16u;
  let end = starts[token + 1u];
  var sum = vec4(0.0);
  if (column < dims.vectors) {
    for (var i = starts[token] + thread / 16u; i < end; i += 16u) {
      sum += dx[order[i] * dims.vectors + column];
    }
  }
  sum = column_sum(thread, sum);
  if (thread < 16u && column < dims.vectors) {
    let at = token * dims.vectors + column;
    if (INIT == 2u) {
      dw[at] += sum;
    } else {
      dw[at] = sum;
    }
  }
}
