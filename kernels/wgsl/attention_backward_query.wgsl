// dQ of qkv.
//# include attention_backward_query_main.wgsl
//# include attention_parts.wgsl
//# include attention_packed.wgsl
//# include attention_keys.wgsl

@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4<f32>>;

fn put_query(row: u32, head: u32, i: u32, x: vec4<f32>) {
  dqkv[(row * 3u * dims.heads + head) * H4 + i] = x;
}
