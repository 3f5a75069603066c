// Sums of squares of the flat gradient, 4096 floats a workgroup: out[workgroup]. First half of the gradient's norm.
//# include math.wgsl

struct Dims {
  vectors: u32, // floats / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> tree: array<f32, 256>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let group = flat_index(workgroup);
  var sum = 0.0;
  for (var i = 0u; i < 4u; i++) {
    let at = group * 1024u + i * 256u + thread;
    if (at < dims.vectors) {
      sum += dot(g[at], g[at]);
    }
  }
  tree[thread] = sum;
  for (var s = 128u; s > 0u; s /= 2u) {
    workgroupBarrier();
    if (thread < s) {
      tree[thread] += tree[thread + s];
    }
  }
  if (thread == 0u && group * 1024u < dims.vectors) {
    out[group] = tree[0];
  }
}
