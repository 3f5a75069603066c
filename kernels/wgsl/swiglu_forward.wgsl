// y = silu(gate) up, silu(x) = x sigmoid(x) (Shazeer 2020).
//# include math.wgsl
//# include sigmoid.wgsl

struct Dims {
  vectors: u32, // elements / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gate: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> up: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i < dims.vectors) {
    y[i] = (gate[i] * sigmoid(gate[i])) * up[i];
  }
}
