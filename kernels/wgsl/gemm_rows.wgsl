// The product of gemm_rows_main.wgsl, everything in float32.
//# include gemm_rows_main.wgsl

@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;

fn b_at(i: u32) -> vec4<f32> {
  return b[i];
}
