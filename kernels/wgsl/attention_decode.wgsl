// One decoding step: appends K and V of this step (position t of the cache) and attends over keys 0..t, 64 at a time
// with a running maximum. A workgroup takes one head of one row. qkv is (rows, 3 * heads * head_dim); the cache is
// (rows, heads, 2, capacity, head_dim): keys, then values.
const HEAD_DIM: u32 = 16u;
const THREADS: u32 = 64u;
const LANES: u32 = THREADS;
//# include trees.wgsl
const DIMS: u32 = (HEAD_DIM + THREADS - 1u) / THREADS; // output dimensions of a thread

struct Dims {
  heads: u32,
  capacity: u32,
  scale: f32,
}

alias stored_qkv = f32;
alias stored_cache = f32;
alias stored_o = f32;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read> qkv: array<stored_qkv>;
@group(0) @binding(3) var<storage, read_write> cache: array<stored_cache>;
@group(0) @binding(4) var<storage, read_write> o: array<stored_o>;

var<workgroup> query: array<f32, HEAD_DIM>;
var<workgroup> scores: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let head = workgroup.x;
  let row = workgroup.y;
  let t = step[0];
  let width = dims.heads * HEAD_DIM;
  let mine = row * 3u * width + head * HEAD_DIM;
  let keys = (row * dims.heads + head) * 2u * dims.capacity * HEAD_DIM;
  let values = keys + dims.capacity * HEAD_DIM;
  for (var c = thread; c < HEAD_DIM; c += THREADS) {
    query[c] = f32(qkv[mine + c]) * dims.scale;
    cache[keys + t * HEAD_DIM + c] = stored_cache(qkv[mine + width + c]);
    cache[values + t * HEAD_DIM + c] = stored_cache(qkv[mine + 2u * width + c]);
  }
  storageBarrier();
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
      for (var c = 0u; c < HEAD_DIM; c++) {
        s = fma(query[c], f32(cache[keys + key * HEAD_DIM + c]), s);
      }
    }
    // Pass 2: the softmax so far: maximum, then sum.
    let highest = max(top, row_max(thread, s));
    let p = select(0.0, exp(s - highest), key <= t);
    scores[thread] = p;
    let shrink = exp(top - highest);
    total = total * shrink + row_sum(thread, p);
    top = highest;
    let seen = min(THREADS, t + 1u - tile);
    // Pass 3: O = P V so far.
    //# for i in 0..DIMS
    {
      let c = thread + $(THREADS * i)$u;
      if (c < HEAD_DIM) {
        o_$i *= shrink;
        for (var j = 0u; j < seen; j++) {
          o_$i = fma(scores[j], f32(cache[values + (tile + j) * HEAD_DIM + c]), o_$i);
        }
      }
    }
    //# end
    workgroupBarrier();
  }
  //# for i in 0..DIMS
  if (thread + $(THREADS * i)$u < HEAD_DIM) {
    o[row * width + head * HEAD_DIM + thread + $(THREADS * i)$u] = stored_o(o_$i / total);
  }
  //# end
}
