// Backward of y = silu(gate) up: gate and up become their gradients.
//# include math.wgsl
//# include sigmoid.wgsl

struct Dims {
  vectors: u32, // elements / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> gate: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> up: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i >= dims.vectors) {
    return;
  }
  let x = gate[i];
  let s = sigmoid(x);
  // silu'(x) = s (1 + x (1 - s))
  gate[i] = dy[i] * up[i] * (s * (1.0 + x * (1.0 - s)));
  up[i] = dy[i] * (x * s);
}
