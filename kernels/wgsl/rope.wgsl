// Rotary position embedding (Su et al. 2021) with caller-given position ids, on the first `rotary` dimensions of
// every head, in place. In each 16 dimensions, i and i + w / 2 of the w = min(rotary, 16) rotated ones are a pair.
// `sign` is 1 forward and -1 backward: the inverse of a rotation is its transpose.
// The same in plain loops: `rotate` in lib/nn/reference.ts.
//# include math.wgsl

struct Dims {
  rows: u32,
  cols: u32,
  heads: u32,
  head_dim: u32,
  rotary: u32,
  sign: f32,
}

alias stored_x = f32;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read> positions: array<i32>;
/// (positions, rotary / 2, 2): cosine and sine.
@group(0) @binding(3) var<storage, read> table: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> x: array<stored_x>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let pairs = dims.rotary / 2u;
  let i = element(workgroup, thread);
  let f = i % pairs;
  let head = i / pairs % dims.heads;
  let row = i / pairs / dims.heads;
  if (row >= dims.rows) {
    return;
  }
  let half = min(dims.rotary, 16u) / 2u;
  let angle = table[u32(positions[step[0] * dims.rows + row]) * pairs + f];
  let first = row * dims.cols + head * dims.head_dim + f / half * 16u + f % half;
  let second = first + half;
  let p = f32(x[first]);
  let q = f32(x[second]);
  let sine = angle.y * dims.sign;
  x[first] = stored_x(p * angle.x - q * sine);
  x[second] = stored_x(q * angle.x + p * sine);
}
