// dQ of attention. With P = exp(S - lse) and dP = dO V^T: dS = P (dP - delta) scale, dQ = dS K.
// One owner per query, as in attention_forward_main.wgsl, whose names this file shares.
const QUERIES: u32 = 32u;
const ROWS: u32 = QUERIES;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> dout: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read> delta: array<f32>;

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
  var do_$c = vec4(0.0);
  var dq_$c = vec4(0.0);
  //# end
  var log_sum = 0.0;
  var mean = 0.0;
  if (query < dims.length) {
    //# for c in 0..D4
    q_$c = query_vector(row0 + query, head, part + $(c)$u) * dims.scale;
    do_$c = dout[(row0 + query) * width + head * H4 + part + $(c)$u];
    //# end
    let at = (workgroup.z * dims.heads + head) * dims.length + query;
    log_sum = lse[at];
    mean = delta[at];
  }
  let end = min(dims.length, (workgroup.x + 1u) * QUERIES);
  for (var tile = 0u; tile < end; tile += KEYS) {
    load_keys(tile, end, row0, head / GROUP, thread);
    let stop = min(KEYS, end - tile);
    for (var k = 0u; k < stop; k += 4u) {
      let at = k * H4 + part;
      // Pass 1: the scores S and dP of four keys.
      //# for j in 0..4
      var s_$j = 0.0;
      var dp_$j = 0.0;
      //# for c in 0..D4
      s_$j += dot(q_$c, keys[at + $(j * H4 + c)$u]);
      dp_$j += dot(do_$c, values[at + $(j * H4 + c)$u]);
      //# end
      //# end
      let s = over_parts(thread, vec4(s_0, s_1, s_2, s_3));
      let dp = over_parts(thread, vec4(dp_0, dp_1, dp_2, dp_3));
      let seen = vec4(tile + k) + vec4(0u, 1u, 2u, 3u) <= vec4(query);
      // Pass 2: P and dS; exp only of what is seen: a hidden score may be far above the sum.
      let p = select(vec4(0.0), exp(select(vec4(-1.0e4), s - log_sum, seen)), seen);
      let ds = p * (dp - mean) * dims.scale;
      // Pass 3: dQ += dS K.
      //# for j in 0..4
      //# for c in 0..D4
      dq_$c = fma(vec4(ds[$j]), keys[at + $(j * H4 + c)$u], dq_$c);
      //# end
      //# end
    }
  }
  if (query < dims.length) {
    //# for c in 0..D4
    put_query(row0 + query, head, part + $(c)$u, dq_$c);
    //# end
  }
}
