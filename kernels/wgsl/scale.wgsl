// x *= by.
//# include math.wgsl

struct Dims {
  vectors: u32, // elements / 4
  by: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i < dims.vectors) {
    x[i] *= dims.by;
  }
}
