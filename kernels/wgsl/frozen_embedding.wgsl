// x[i] = column tokens[i] of w, frozen, (d, vocabulary).
//# include math.wgsl
//# include packed.wgsl
const FLOAT32: u32 = 0u; // 1: w is float32, a number a word

struct Dims {
  rows: u32,
  d: u32,
  stride: u32, // numbers in a row of w, even
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<i32>;
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i / dims.d >= dims.rows) {
    return;
  }
  let at = i % dims.d * dims.stride + u32(tokens[i / dims.d]);
  if (FLOAT32 == 1u) {
    x[i] = bitcast<f32>(w[at]);
  } else {
    x[i] = unpacked(w[at / 2u])[at % 2u];
  }
}
