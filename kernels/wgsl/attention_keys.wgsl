// Keys and values of one head of one sequence in tiles, for the kernels of attention that own queries. Goes with
// attention_parts.wgsl and a file that says where queries, keys and values lie.
const KEYS: u32 = 1024u / HEAD_DIM / 8u * 8u; // keys in a tile, a multiple of 8

var<workgroup> keys: array<vec4<f32>, KEYS * H4>;
var<workgroup> values: array<vec4<f32>, KEYS * H4>;

/// Brings keys `tile`.. and their values to workgroup memory; 0 from key `end` on. row0: the sequence's first row; head: of
/// the keys.
fn load_keys(tile: u32, end: u32, row0: u32, head: u32, thread: u32) {
  workgroupBarrier();
  for (var i = thread; i < KEYS * H4; i += THREADS) {
    let key = tile + i / H4;
    if (key < end) {
      keys[i] = key_vector(row0 + key, head, i % H4);
      values[i] = value_vector(row0 + key, head, i % H4);
    } else {
      keys[i] = vec4(0.0);
      values[i] = vec4(0.0);
    }
  }
  workgroupBarrier();
}
