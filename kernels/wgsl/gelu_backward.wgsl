// Backward of y = gelu(u): dy *= dy/du in place, `slope` being what the forward pass left in u.
//# include math.wgsl

struct Dims {
  vectors: u32, // elements / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> slope: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i < dims.vectors) {
    dy[i] *= slope[i];
  }
}
