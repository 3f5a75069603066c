// x[i] = w[tokens[i]]: a row look-up. While decoding, the tokens of step s start at s * rows.
//# include math.wgsl

struct Dims {
  rows: u32,
  vectors: u32, // d / 4
}

alias stored_w = vec4<f32>;
alias stored_x = vec4<f32>;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read> tokens: array<i32>;
@group(0) @binding(3) var<storage, read> w: array<stored_w>;
@group(0) @binding(4) var<storage, read_write> x: array<stored_x>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  let row = i / dims.vectors;
  if (row < dims.rows) {
    x[i] = stored_x(w[u32(tokens[step[0] * dims.rows + row]) * dims.vectors + i % dims.vectors]);
  }
}
