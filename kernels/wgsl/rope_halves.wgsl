// Rotary position embedding (Su et al. 2021) of Hugging Face's Llama, in place: dimensions i and i + head_dim / 2 of every
// head are a pair. `sign` is 1 forward and -1 backward: the inverse of a rotation is its transpose.
//# include math.wgsl

struct Dims {
  rows: u32,
  heads: u32,
  pairs: u32, // of a head
  sign: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> positions: array<i32>;
/// (positions, pairs, 2): cosine and sine.
@group(0) @binding(2) var<storage, read> table: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  let row = i / dims.pairs / dims.heads;
  if (row >= dims.rows) {
    return;
  }
  let angle = table[u32(positions[row]) * dims.pairs + i % dims.pairs];
  let first = i / dims.pairs * 2u * dims.pairs + i % dims.pairs;
  let second = first + dims.pairs;
  let p = x[first];
  let q = x[second];
  let sine = angle.y * dims.sign;
  x[first] = p * angle.x - q * sine;
  x[second] = q * angle.x + p * sine;
}
