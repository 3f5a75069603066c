// AdamW (Loshchilov & Hutter 2019) over the flat buffer of all weights, PyTorch's order of operations:
// g *= clip; p *= decay (1 - lr * weight decay); m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
// p -= step (lr / bias correction 1) m / (sqrt(v) root (1 / sqrt(bias correction 2)) + eps).
// Does nothing after a gradient that was not finite.
//# include math.wgsl
//# include step.wgsl

struct Dims {
  vectors: u32, // floats / 4
  decayed: u32, // of those the leading ones with weight decay
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> scalars: Scalars;
@group(0) @binding(2) var<storage, read> control: Control;
@group(0) @binding(3) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> weights: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> v: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i >= dims.vectors || control.failed != 0u) {
    return;
  }
  let g = gradient[i] * control.factor;
  let mean = m[i] * scalars.beta1 + g * (1.0 - scalars.beta1);
  let square = v[i] * scalars.beta2 + (g * g) * (1.0 - scalars.beta2);
  m[i] = mean;
  v[i] = square;
  let decay = select(1.0, scalars.decay, i < dims.decayed);
  weights[i] = weights[i] * decay -
    (mean * scalars.step) / (sqrt(square) * scalars.root + scalars.epsilon);
}
