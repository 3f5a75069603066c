// Before the backward pass of attention: delta[sequence, head, t] = dot(do, o) over the head, which equals the sum over
// keys of P * dP.
//# include math.wgsl

struct Dims {
  rows: u32,
  length: u32,
  heads: u32,
  vectors: u32, // head_dim / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> o: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dout: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  let row = i / dims.heads;
  let head = i % dims.heads;
  if (row >= dims.rows) {
    return;
  }
  var sum = 0.0;
  for (var c = 0u; c < dims.vectors; c++) {
    sum += dot(o[i * dims.vectors + c], dout[i * dims.vectors + c]);
  }
  delta[(row / dims.length * dims.heads + head) * dims.length + row % dims.length] = sum;
}
