// Copies keys and values of one sequence, k and v (length, heads * head_dim), to places 0.. of chosen rows of the cache,
// (rows, heads, 2, capacity, head_dim); heads are those of keys and values. What is behind the capacity is padding.
//# include math.wgsl

struct Dims {
  length: u32,
  heads: u32,
  vectors: u32, // head_dim / 4
  capacity: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
/// How many rows, then which.
@group(0) @binding(1) var<storage, read> chosen: array<u32>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> cache: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  let head = i / dims.vectors % dims.heads;
  let place = i / dims.vectors / dims.heads;
  if (place >= min(dims.length, dims.capacity)) {
    return;
  }
  for (var n = 0u; n < chosen[0]; n++) {
    let keys = (chosen[n + 1u] * dims.heads + head) * 2u * dims.capacity;
    cache[(keys + place) * dims.vectors + i % dims.vectors] = k[i];
    cache[(keys + dims.capacity + place) * dims.vectors + i % dims.vectors] = v[i];
  }
}
