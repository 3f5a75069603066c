// The product of gemm_rows_main.wgsl with B frozen in 16 bits.
//# include gemm_rows_main.wgsl
//# include packed.wgsl

@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;

fn b_at(i: u32) -> vec4<f32> {
  let words = b[i];
  return vec4(unpacked(words.x), unpacked(words.y));
}
