// dK and dV of grouped-query attention.
const ROWS: u32 = 32u;
//# include attention_parts.wgsl
//# include attention_grouped.wgsl
//# include attention_backward_key_main.wgsl

@group(0) @binding(5) var<storage, read_write> dk: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4<f32>>;

fn put_key(row: u32, head: u32, i: u32, x: vec4<f32>) {
  dk[(row * (dims.heads / GROUP) + head) * H4 + i] = x;
}

fn put_value(row: u32, head: u32, i: u32, x: vec4<f32>) {
  dv[(row * (dims.heads / GROUP) + head) * H4 + i] = x;
}
