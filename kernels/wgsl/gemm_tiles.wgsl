// C = init + op(A) op(B), (m, n) = (m, k) (k, n), row-major, computed in float32.
// The including file says how B is stored: `b_at` gives its vector i. A and C may have columns of padding: k is then A's
// with them (C = A B), or m (C = A^T B).
//
// m is any; n, and k where it runs along rows of memory, are multiples of 4 (the engine pads columns to 16).
// Every output is one thread's, and is the fused multiply-adds of its products in the order of k: tile sizes do not
// show in the result. With several splits of k (workgroup z), C receives the partial sums (splits, m, n), which
// sum_splits.wgsl adds up.
//
// A workgroup computes a BM x BN tile: BK steps of k at a time go to workgroup memory, k outermost, so that a thread
// reads four rows of A or four columns of B as one vector. What moves is 4 x 4 blocks, transposed on the way in
// registers where k runs along rows of memory; the next step's blocks are fetched before this step is computed.
const BM: u32 = 32u; // rows of the tile
const BN: u32 = 32u; // columns of the tile
const BK: u32 = 16u; // steps of k
const TM: u32 = 4u; // rows of a thread: 4 or 8
const TN: u32 = 4u; // columns of a thread: 4 or 8
const TRANSPOSE_A: u32 = 0u; // 1: A is stored (k, m)
const TRANSPOSE_B: u32 = 0u; // 1: B is stored (n, k)
const INIT: u32 = 0u; // 0: none, 1: `start`, 2: what C holds
const THREADS: u32 = (BM / TM) * (BN / TN);
const MB: u32 = BM / 4u; // 4 x 4 blocks along m, n and k
const NB: u32 = BN / 4u;
const KB: u32 = BK / 4u;
const BLOCKS_A: u32 = MB * KB;
const BLOCKS: u32 = (MB + NB) * KB;
const LOADS: u32 = (BLOCKS + THREADS - 1u) / THREADS; // blocks that a thread moves

struct Dims {
  m: u32,
  n: u32,
  k: u32,
  k_split: u32, // steps of k in one split, a multiple of BK
  b_rows: u32, // stored rows of B: what would lie behind them is zero
  c_rows: u32, // rows of C, at most m
}

alias stored_a = vec4<f32>;
alias stored_start = vec4<f32>;
alias stored_c = vec4<f32>;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<stored_a>;
@group(0) @binding(3) var<storage, read> start: array<stored_start>;
@group(0) @binding(4) var<storage, read_write> c: array<stored_c>;

// (k, m / 4) and (k, n / 4); the position along m or n is xored with 2 (k / 4) so that neither the transposed stores
// nor the loads of a group of 8 threads meet in one bank.
var<workgroup> tile_a: array<vec4<f32>, BK * MB>;
var<workgroup> tile_b: array<vec4<f32>, BK * NB>;

struct Block {
  x0: vec4<f32>,
  x1: vec4<f32>,
  x2: vec4<f32>,
  x3: vec4<f32>,
}

fn transposed(x: Block) -> Block {
  return Block(
    vec4(x.x0.x, x.x1.x, x.x2.x, x.x3.x),
    vec4(x.x0.y, x.x1.y, x.x2.y, x.x3.y),
    vec4(x.x0.z, x.x1.z, x.x2.z, x.x3.z),
    vec4(x.x0.w, x.x1.w, x.x2.w, x.x3.w),
  );
}

/// Four elements of A from stored row `r` and column `q` on; zero outside of (rows, cols).
fn load_a(r: u32, q: u32, rows: u32, cols: u32, stride: u32) -> vec4<f32> {
  if (r < rows && q < cols) {
    return vec4<f32>(a[(r * stride + q) / 4u]);
  }
  return vec4(0.0);
}

fn load_b(r: u32, q: u32, rows: u32, cols: u32, stride: u32) -> vec4<f32> {
  if (r < min(rows, dims.b_rows) && q < cols) {
    return b_at((r * stride + q) / 4u);
  }
  return vec4(0.0);
}

/// Fetches block `id` of the step at k, k running down the block. `k_end` bounds the split.
fn fetch(id: u32, m0: u32, n0: u32, k: u32, k_end: u32) -> Block {
  if (id < BLOCKS_A) {
    if (TRANSPOSE_A == 1u) {
      let r = k + id / MB * 4u;
      let q = m0 + id % MB * 4u;
      return Block(
        load_a(r, q, k_end, dims.m, dims.m),
        load_a(r + 1u, q, k_end, dims.m, dims.m),
        load_a(r + 2u, q, k_end, dims.m, dims.m),
        load_a(r + 3u, q, k_end, dims.m, dims.m),
      );
    }
    let r = m0 + id / KB * 4u;
    let q = k + id % KB * 4u;
    return transposed(Block(
      load_a(r, q, dims.m, k_end, dims.k),
      load_a(r + 1u, q, dims.m, k_end, dims.k),
      load_a(r + 2u, q, dims.m, k_end, dims.k),
      load_a(r + 3u, q, dims.m, k_end, dims.k),
    ));
  }
  let i = id - BLOCKS_A;
  if (i >= NB * KB) {
    return Block(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
  }
  if (TRANSPOSE_B == 0u) {
    let r = k + i / NB * 4u;
    let q = n0 + i % NB * 4u;
    return Block(
      load_b(r, q, k_end, dims.n, dims.n),
      load_b(r + 1u, q, k_end, dims.n, dims.n),
      load_b(r + 2u, q, k_end, dims.n, dims.n),
      load_b(r + 3u, q, k_end, dims.n, dims.n),
    );
  }
  let r = n0 + i / KB * 4u;
  let q = k + i % KB * 4u;
  return transposed(Block(
    load_b(r, q, dims.n, k_end, dims.k),
    load_b(r + 1u, q, dims.n, k_end, dims.k),
    load_b(r + 2u, q, dims.n, k_end, dims.k),
    load_b(r + 3u, q, dims.n, k_end, dims.k),
  ));
}

/// Puts block `id` where the threads read it.
fn put(id: u32, x: Block) {
  if (id < BLOCKS_A) {
    var kb = id % KB;
    var mb = id / KB;
    if (TRANSPOSE_A == 1u) {
      kb = id / MB;
      mb = id % MB;
    }
    let at = kb * 4u * MB + (mb ^ (2u * kb));
    tile_a[at] = x.x0;
    tile_a[at + MB] = x.x1;
    tile_a[at + 2u * MB] = x.x2;
    tile_a[at + 3u * MB] = x.x3;
    return;
  }
  let i = id - BLOCKS_A;
  if (i < NB * KB) {
    var kb = i % KB;
    var nb = i / KB;
    if (TRANSPOSE_B == 0u) {
      kb = i / NB;
      nb = i % NB;
    }
    let at = kb * 4u * NB + (nb ^ (2u * kb));
    tile_b[at] = x.x0;
    tile_b[at + NB] = x.x1;
    tile_b[at + 2u * NB] = x.x2;
    tile_b[at + 3u * NB] = x.x3;
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let m0 = workgroup.y * BM;
  let n0 = workgroup.x * BN;
  let k_start = workgroup.z * dims.k_split;
  let k_end = min(dims.k, k_start + dims.k_split);
  // A thread's rows are ty * 4 + 0..3 and, with TM = 8, half a tile further down; its columns likewise.
  let ty = thread / (BN / TN);
  let tx = thread % (BN / TN);
  //# for i in 0..TM
  //# for j in 0..TN/4
  var c_$i_$j = vec4(0.0);
  //# end
  //# end
  //# for l in 0..LOADS
  var next_$l = fetch(thread + $(l * THREADS)$u, m0, n0, k_start, k_end);
  //# end
  for (var k = k_start; k < k_end; k += BK) {
    //# for l in 0..LOADS
    put(thread + $(l * THREADS)$u, next_$l);
    //# end
    workgroupBarrier();
    //# for l in 0..LOADS
    next_$l = fetch(thread + $(l * THREADS)$u, m0, n0, k + BK, k_end);
    //# end
    //# for t in 0..BK
    {
      //# for i in 0..TM/4
      let a_$i = tile_a[$(t * MB)$u + ((ty + $(i * MB / 2)$u) ^ $(2 * (t / 4))$u)];
      //# end
      //# for j in 0..TN/4
      let b_$j = tile_b[$(t * NB)$u + ((tx + $(j * NB / 2)$u) ^ $(2 * (t / 4))$u)];
      //# end
      //# for i in 0..TM
      //# for j in 0..TN/4
      c_$i_$j = fma(vec4(a_$(i / 4)$[$(i % 4)$]), b_$j, c_$i_$j);
      //# end
      //# end
    }
    //# end
    workgroupBarrier();
  }
  let base = workgroup.z * dims.c_rows * (dims.n / 4u);
  //# for i in 0..TM
  {
    let row = m0 + (ty + $((i / 4) * MB / 2)$u) * 4u + $(i % 4)$u;
    if (row < dims.c_rows) {
      //# for j in 0..TN/4
      {
        let column = n0 + (tx + $(j * NB / 2)$u) * 4u;
        if (column < dims.n) {
          let at = (row * dims.n + column) / 4u;
          var sum = c_$i_$j;
          if (INIT == 1u) {
            sum += vec4<f32>(start[at]);
          }
          if (INIT == 2u) {
            sum += vec4<f32>(c[at]);
          }
          c[base + at] = stored_c(sum);
        }
      }
      //# end
    }
  }
  //# end
}
