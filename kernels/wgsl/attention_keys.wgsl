// Keys and values of one head of one sequence in tiles, for the kernels of attention that own queries. Goes with
// attention_parts.wgsl.
const KEYS: u32 = 1024u / HEAD_DIM; // keys in a tile, a multiple of 8

var<workgroup> keys: array<vec4<f32>, KEYS * H4>;
var<workgroup> values: array<vec4<f32>, KEYS * H4>;

/// Brings keys `tile`.. and their values to workgroup memory; 0 from key `end` on. row0: the sequence's first row.
fn load_keys(tile: u32, end: u32, row0: u32, head: u32, thread: u32) {
  let width = dims.heads * H4;
  workgroupBarrier();
  for (var i = thread; i < KEYS * H4; i += THREADS) {
    let key = tile + i / H4;
    if (key < end) {
      let at = (row0 + key) * 3u * width + width + head * H4 + i % H4;
      keys[i] = qkv[at];
      values[i] = qkv[at + width];
    } else {
      keys[i] = vec4(0.0);
      values[i] = vec4(0.0);
    }
  }
  workgroupBarrier();
}
