// dK and dV of qkv.
const ROWS: u32 = 32u;
//# include attention_parts.wgsl
//# include attention_packed.wgsl
//# include attention_backward_key_main.wgsl

@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4<f32>>;

fn put_key(row: u32, head: u32, i: u32, x: vec4<f32>) {
  dqkv[((row * 3u + 1u) * dims.heads + head) * H4 + i] = x;
}

fn put_value(row: u32, head: u32, i: u32, x: vec4<f32>) {
  dqkv[((row * 3u + 2u) * dims.heads + head) * H4 + i] = x;
}
