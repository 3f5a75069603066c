// GELU, tanh form (Hendrycks & Gimpel 2016): y = u s(u), s = 1 / (1 + exp(-2 z)), z = sqrt(2/pi) (u + 0.044715 u^3).
// u is overwritten by dy/du, which is all that the backward pass needs.
// The same in plain loops: `gelu` in lib/nn/reference.ts.
//# include math.wgsl

struct Dims {
  vectors: u32, // elements / 4
}

alias stored_y = vec4<f32>;
alias stored_u = vec4<f32>;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> y: array<stored_y>;
@group(0) @binding(2) var<storage, read_write> u: array<stored_u>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i >= dims.vectors) {
    return;
  }
  let x = vec4<f32>(u[i]);
  let square = x * x;
  // Kept below 87 so that exp stays finite.
  let z = min(vec4(87.0), x * (-1.5957691216057308 - 0.07135481282652102 * square));
  let s = 1.0 / (1.0 + exp(z));
  let out = x * s;
  y[i] = stored_y(out);
  // dy/du = s + y (1 - s) 2 z'(u)
  u[i] = stored_u(s + (out * (1.0 - s)) * (1.5957691216057308 + 0.21406443847956306 * square));
}
