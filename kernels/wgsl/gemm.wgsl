// The matrix product of gemm_tiles.wgsl, everything in float32 (or float16, see lib/backend/webgpu/source.ts).
//# include gemm_tiles.wgsl

alias stored_b = vec4<f32>;

@group(0) @binding(2) var<storage, read> b: array<stored_b>;

fn b_at(i: u32) -> vec4<f32> {
  return vec4<f32>(b[i]);
}
