// Frozen weights of 16 bits, two in a word: WGSL reads them without shader-f16.
const BFLOAT16: u32 = 0u; // 0: float16, 1: bfloat16

/// The two numbers of a word, the one in the lower bits first.
fn unpacked(word: u32) -> vec2<f32> {
  if (BFLOAT16 == 1u) {
    return bitcast<vec2<f32>>(vec2(word << 16u, word & 0xffff0000u));
  }
  return unpack2x16float(word);
}
