// dK and dV of attention. With P = exp(S - lse) and dP = dO V^T: dS = P (dP - delta) scale, dK = dS^T Q, dV = P^T dO.
// One owner per key: a workgroup takes ROWS keys of one head of one sequence, a key is worked by PARTS threads, and
// the queries that see it come through workgroup memory in tiles, one after the other of the heads that share the key.
// The including file sets ROWS.
const QUERIES: u32 = 1024u / HEAD_DIM / 8u * 8u; // queries in a tile, a multiple of 8

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> dout: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read> delta: array<f32>;

var<workgroup> queries: array<vec4<f32>, QUERIES * H4>; // times scale
var<workgroup> outs: array<vec4<f32>, QUERIES * H4>;
var<workgroup> log_sums: array<f32, QUERIES>;
var<workgroup> means: array<f32, QUERIES>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let shared_head = workgroup.y;
  let row0 = workgroup.z * dims.length;
  let key = workgroup.x * ROWS + thread % ROWS;
  let part = thread / ROWS * D4;
  //# for c in 0..D4
  var k_$c = vec4(0.0);
  var v_$c = vec4(0.0);
  var dk_$c = vec4(0.0);
  var dv_$c = vec4(0.0);
  //# end
  if (key < dims.length) {
    //# for c in 0..D4
    k_$c = key_vector(row0 + key, shared_head, part + $(c)$u);
    v_$c = value_vector(row0 + key, shared_head, part + $(c)$u);
    //# end
  }
  for (var member = 0u; member < GROUP; member++) {
    let head = shared_head * GROUP + member;
    let statistics = (workgroup.z * dims.heads + head) * dims.length;
    for (var tile = workgroup.x * ROWS; tile < dims.length; tile += QUERIES) {
      workgroupBarrier();
      for (var i = thread; i < QUERIES * H4; i += THREADS) {
        let query = tile + i / H4;
        if (query < dims.length) {
          queries[i] = query_vector(row0 + query, head, i % H4) * dims.scale;
          outs[i] = dout[((row0 + query) * dims.heads + head) * H4 + i % H4];
        } else {
          queries[i] = vec4(0.0);
          outs[i] = vec4(0.0);
        }
      }
      for (var i = thread; i < QUERIES; i += THREADS) {
        let query = min(tile + i, dims.length - 1u);
        log_sums[i] = lse[statistics + query];
        means[i] = delta[statistics + query];
      }
      workgroupBarrier();
      let stop = min(QUERIES, dims.length - tile);
      for (var q = 0u; q < stop; q += 4u) {
        let at = q * H4 + part;
        // Pass 1: the scores S and dP of four queries.
        //# for j in 0..4
        var s_$j = 0.0;
        var dp_$j = 0.0;
        //# for c in 0..D4
        s_$j += dot(k_$c, queries[at + $(j * H4 + c)$u]);
        dp_$j += dot(v_$c, outs[at + $(j * H4 + c)$u]);
        //# end
        //# end
        let s = over_parts(thread, vec4(s_0, s_1, s_2, s_3));
        let dp = over_parts(thread, vec4(dp_0, dp_1, dp_2, dp_3));
        let query = vec4(tile + q) + vec4(0u, 1u, 2u, 3u);
        let sees = (query >= vec4(key)) & (query < vec4(dims.length));
        let log_sum = vec4(log_sums[q], log_sums[q + 1u], log_sums[q + 2u], log_sums[q + 3u]);
        let mean = vec4(means[q], means[q + 1u], means[q + 2u], means[q + 3u]);
        // Pass 2: P and dS; exp only of what is seen: a hidden score may be far above the sum.
        let p = select(vec4(0.0), exp(select(vec4(-1.0e4), s - log_sum, sees)), sees);
        let ds = p * (dp - mean);
        // Pass 3: dV += P^T dO, dK += dS^T Q.
        //# for j in 0..4
        //# for c in 0..D4
        dv_$c = fma(vec4(p[$j]), outs[at + $(j * H4 + c)$u], dv_$c);
        dk_$c = fma(vec4(ds[$j]), queries[at + $(j * H4 + c)$u], dk_$c);
        //# end
        //# end
      }
    }
  }
  if (key < dims.length) {
    //# for c in 0..D4
    put_key(row0 + key, shared_head, part + $(c)$u, dk_$c);
    put_value(row0 + key, shared_head, part + $(c)$u, dv_$c);
    //# end
  }
}
