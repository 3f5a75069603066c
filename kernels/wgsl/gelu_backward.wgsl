// Backward of y = gelu(u): dy *= dy/du in place, `slope` being what the forward pass left in u.
//# include math.wgsl

struct Dims {
  vectors: u32, // elements / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> slope: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_index(workgroup, count) * 256u + thread;
  if (i < dims.vectors) {
    dy[i] *= slope[i];
  }
}
