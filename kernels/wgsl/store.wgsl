// y = x, each as it is stored: copies weights to float16 for generation.
//# include math.wgsl

struct Dims {
  vectors: u32, // elements / 4
}

alias stored_y = vec4<f32>;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<stored_y>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i < dims.vectors) {
    y[i] = stored_y(x[i]);
  }
}
