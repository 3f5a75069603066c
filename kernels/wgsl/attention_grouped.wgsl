// Queries, and fewer heads of keys and values: q (rows, heads * head_dim); k, v (rows, heads / GROUP * head_dim).
const GROUP: u32 = 1u; // heads of queries to one of keys and values

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> v: array<vec4<f32>>;

/// Vector i of a head's query; of a key; of a value.
fn query_vector(row: u32, head: u32, i: u32) -> vec4<f32> {
  return q[(row * dims.heads + head) * H4 + i];
}

fn key_vector(row: u32, head: u32, i: u32) -> vec4<f32> {
  return k[(row * (dims.heads / GROUP) + head) * H4 + i];
}

fn value_vector(row: u32, head: u32, i: u32) -> vec4<f32> {
  return v[(row * (dims.heads / GROUP) + head) * H4 + i];
}
