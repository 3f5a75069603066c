// One decoding step of grouped-query attention: appends k and v of each row at place filled[row] of its cache and attends
// over places 0..filled[row], 64 at a time with a running maximum. A workgroup takes one head of queries of one row; the
// first of the heads that share a key appends it, and all take this step's from k and v, so that none waits for another.
// q is (rows, heads * head_dim), k and v (rows, heads / GROUP * head_dim); the cache is (rows, heads / GROUP, 2, capacity,
// head_dim): keys, then values.
const HEAD_DIM: u32 = 16u;
const GROUP: u32 = 1u; // heads of queries to one of keys and values
const THREADS: u32 = 64u;
const LANES: u32 = THREADS;
//# include trees.wgsl
const DIMS: u32 = (HEAD_DIM + THREADS - 1u) / THREADS; // output dimensions of a thread

struct Dims {
  heads: u32,
  capacity: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> filled: array<i32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read_write> cache: array<f32>;
@group(0) @binding(6) var<storage, read_write> o: array<f32>;

var<workgroup> query: array<f32, HEAD_DIM>;
var<workgroup> scores: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let head = workgroup.x;
  let row = workgroup.y;
  let shared_head = row * (dims.heads / GROUP) + head / GROUP;
  let now = shared_head * HEAD_DIM;
  let keys = shared_head * 2u * dims.capacity * HEAD_DIM;
  let values = keys + dims.capacity * HEAD_DIM;
  let mine = (row * dims.heads + head) * HEAD_DIM;
  let t = u32(filled[row]);
  for (var c = thread; c < HEAD_DIM; c += THREADS) {
    query[c] = q[mine + c] * dims.scale;
    if (head % GROUP == 0u) {
      cache[keys + t * HEAD_DIM + c] = k[now + c];
      cache[values + t * HEAD_DIM + c] = v[now + c];
    }
  }
  workgroupBarrier();
  //# for i in 0..DIMS
  var o_$i = 0.0;
  //# end
  var top = -3.0e38;
  var total = 0.0;
  for (var tile = 0u; tile <= t; tile += THREADS) {
    // Pass 1: the score of a key for each thread.
    let key = tile + thread;
    var s = -3.0e38;
    if (key <= t) {
      s = 0.0;
      if (key == t) {
        for (var c = 0u; c < HEAD_DIM; c++) {
          s = fma(query[c], k[now + c], s);
        }
      } else {
        for (var c = 0u; c < HEAD_DIM; c++) {
          s = fma(query[c], cache[keys + key * HEAD_DIM + c], s);
        }
      }
    }
    // Pass 2: the softmax so far: maximum, then sum.
    let highest = max(top, row_max(thread, s));
    let p = select(0.0, exp(s - highest), key <= t);
    scores[thread] = p;
    let shrink = exp(top - highest);
    total = total * shrink + row_sum(thread, p);
    top = highest;
    let seen = min(THREADS, t - tile);
    // Pass 3: O = P V so far.
    //# for i in 0..DIMS
    {
      let c = thread + $(THREADS * i)$u;
      if (c < HEAD_DIM) {
        o_$i *= shrink;
        for (var j = 0u; j < seen; j++) {
          o_$i = fma(scores[j], cache[values + (tile + j) * HEAD_DIM + c], o_$i);
        }
        if (seen < THREADS) {
          o_$i = fma(scores[seen], v[now + c], o_$i);
        }
      }
    }
    //# end
    workgroupBarrier();
  }
  //# for i in 0..DIMS
  if (thread + $(THREADS * i)$u < HEAD_DIM) {
    o[mine + thread + $(THREADS * i)$u] = o_$i / total;
  }
  //# end
}
