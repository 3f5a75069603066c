// Queries, keys and values side by side: qkv (rows, 3 * heads * head_dim), each head by head.
const GROUP: u32 = 1u; // heads of queries to one of keys and values

@group(0) @binding(1) var<storage, read> qkv: array<vec4<f32>>;

/// Vector i of a head's query; of its key; of its value.
fn query_vector(row: u32, head: u32, i: u32) -> vec4<f32> {
  return qkv[(row * 3u * dims.heads + head) * H4 + i];
}

fn key_vector(row: u32, head: u32, i: u32) -> vec4<f32> {
  return qkv[((row * 3u + 1u) * dims.heads + head) * H4 + i];
}

fn value_vector(row: u32, head: u32, i: u32) -> vec4<f32> {
  return qkv[((row * 3u + 2u) * dims.heads + head) * H4 + i];
}
