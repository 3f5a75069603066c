// Sums of squares of the flat gradient, 4096 floats a workgroup: out[workgroup]. First half of the gradient's norm.
//# include math.wgsl
const THREADS: u32 = 256u;
const LANES: u32 = THREADS;
//# include trees.wgsl

struct Dims {
  vectors: u32, // floats / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let group = flat_index(workgroup);
  var sum = 0.0;
  for (var i = 0u; i < 4u; i++) {
    let at = (group * 4u + i) * THREADS + thread;
    if (at < dims.vectors) {
      sum += dot(g[at], g[at]);
    }
  }
  sum = row_sum(thread, sum);
  if (thread == 0u && group * 4u * THREADS < dims.vectors) {
    out[group] = sum;
  }
}
