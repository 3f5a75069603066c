// Causal multi-head attention, one pass over the keys with a running maximum (Dao et al. 2022):
// o (rows, heads * head_dim) = softmax(causal(Q K^T / sqrt(head_dim))) V; lse keeps the log of each softmax's sum.
// The same in plain loops: `attention` in lib/nn/reference.ts.
//
// rows = sequences * length. A workgroup takes QUERIES queries of one head of one sequence; a query is worked by PARTS
// threads of DIMS dimensions each. Keys and values come through workgroup memory in tiles, 8 keys at a time from there.
const QUERIES: u32 = 32u;
const ROWS: u32 = QUERIES;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read_write> o: array<vec4<f32>>;
/// (sequences, heads, length)
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let head = workgroup.y;
  let row0 = workgroup.z * dims.length;
  let width = dims.heads * H4;
  let query = workgroup.x * QUERIES + thread % QUERIES;
  let part = thread / QUERIES * D4;
  //# for c in 0..D4
  var q_$c = vec4(0.0);
  var o_$c = vec4(0.0);
  //# end
  if (query < dims.length) {
    //# for c in 0..D4
    q_$c = query_vector(row0 + query, head, part + $(c)$u) * dims.scale;
    //# end
  }
  var top = -3.0e38;
  var total = 0.0;
  let end = min(dims.length, (workgroup.x + 1u) * QUERIES);
  for (var tile = 0u; tile < end; tile += KEYS) {
    load_keys(tile, end, row0, head / GROUP, thread);
    let stop = min(KEYS, end - tile);
    for (var k = 0u; k < stop; k += 8u) {
      let at = k * H4 + part;
      // Pass 1: the scores of eight keys.
      //# for j in 0..8
      var s_$j = 0.0;
      //# for c in 0..D4
      s_$j += dot(q_$c, keys[at + $(j * H4 + c)$u]);
      //# end
      //# end
      let s0 = over_parts(thread, vec4(s_0, s_1, s_2, s_3));
      let s1 = over_parts(thread, vec4(s_4, s_5, s_6, s_7));
      // Pass 2: their softmax so far. A key after the query is hidden; the first eight keys hold one that every query sees, so that `top` is real.
      let first = vec4(tile + k) + vec4(0u, 1u, 2u, 3u);
      let seen0 = first <= vec4(query);
      let seen1 = first + vec4(4u) <= vec4(query);
      let m0 = select(vec4(-3.0e38), s0, seen0);
      let m1 = select(vec4(-3.0e38), s1, seen1);
      let m = max(m0, m1);
      let highest = max(top, max(max(m.x, m.y), max(m.z, m.w)));
      let shrink = exp(top - highest);
      let p0 = select(vec4(0.0), exp(m0 - highest), seen0);
      let p1 = select(vec4(0.0), exp(m1 - highest), seen1);
      total = total * shrink + (dot(p0, vec4(1.0)) + dot(p1, vec4(1.0)));
      top = highest;
      // Pass 3: O = P V so far.
      //# for c in 0..D4
      o_$c *= shrink;
      //# end
      //# for j in 0..8
      //# for c in 0..D4
      o_$c = fma(vec4(p$(j / 4)$[$(j % 4)$]), values[at + $(j * H4 + c)$u], o_$c);
      //# end
      //# end
    }
  }
  if (query < dims.length) {
    let out = (row0 + query) * width + head * H4 + part;
    //# for c in 0..D4
    o[out + $(c)$u] = o_$c / total;
    //# end
    if (part == 0u) {
      lse[(workgroup.z * dims.heads + head) * dims.length + query] = top + log(total);
    }
  }
}
