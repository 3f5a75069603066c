// C = init + A B for few rows, (m, n) = (m, k) (k, n), row-major, computed in float32, for generation: what moves is B, once
// for every ROWS rows. The including file says how B is stored: `b_at` gives its vector i.
//
// A workgroup takes ROWS rows and VECTORS vectors of 4 columns, by 256 / VECTORS threads of every so many steps of k.
// The order of a sum depends on k and VECTORS alone: a row's result is the same whatever is beside it.
const VECTORS: u32 = 16u; // a power of two
const ROWS: u32 = 16u; // a multiple of 4
const INIT: u32 = 0u; // 0: none, 1: `start`, 2: what C holds
const R4: u32 = ROWS / 4u;
const SLICES: u32 = 256u / VECTORS;
const STEPS: u32 = 128u; // steps of k in workgroup memory

struct Dims {
  m: u32,
  n: u32,
  k: u32, // columns of A
  b_rows: u32, // rows of B, at most k: what would lie behind them is zero
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> start: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> c: array<vec4<f32>>;

/// First (STEPS, R4): four rows of A at a step; then (4, 256): what the threads have of four rows of C.
var<workgroup> tile: array<vec4<f32>, 1024>;

fn a_at(row: u32, k: u32) -> f32 {
  if (row < dims.m && k < dims.k) {
    return a[row * dims.k + k];
  }
  return 0.0;
}

fn put(row: u32, column: u32, value: vec4<f32>) {
  if (row < dims.m) {
    let at = row * (dims.n / 4u) + column;
    var sum = value;
    if (INIT == 1u) {
      sum += start[at];
    }
    if (INIT == 2u) {
      sum += c[at];
    }
    c[at] = sum;
  }
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let row0 = workgroup.y * ROWS;
  let column = workgroup.x * VECTORS + thread % VECTORS;
  let inside = column < dims.n / 4u;
  //# for r in 0..ROWS
  var c_$r = vec4(0.0);
  //# end
  for (var k0 = 0u; k0 < dims.b_rows; k0 += STEPS) {
    workgroupBarrier();
    for (var i = thread; i < STEPS * R4; i += 256u) {
      let row = row0 + i / STEPS * 4u;
      let k = k0 + i % STEPS;
      tile[i % STEPS * R4 + i / STEPS] =
        vec4(a_at(row, k), a_at(row + 1u, k), a_at(row + 2u, k), a_at(row + 3u, k));
    }
    workgroupBarrier();
    let end = select(0u, min(STEPS, dims.b_rows - k0), inside);
    for (var k = thread / VECTORS; k < end; k += SLICES) {
      let b = b_at((k0 + k) * (dims.n / 4u) + column);
      //# for i in 0..R4
      {
        let a = tile[k * R4 + $(i)$u];
        //# for j in 0..4
        c_$(4 * i + j)$ = fma(vec4(a[$j]), b, c_$(4 * i + j)$);
        //# end
      }
      //# end
    }
  }
  //# for i in 0..R4
  {
    workgroupBarrier();
    //# for j in 0..4
    tile[$(256 * j)$u + thread] = c_$(4 * i + j)$;
    //# end
    for (var s = 128u; s >= VECTORS; s /= 2u) {
      workgroupBarrier();
      if (thread < s) {
        //# for j in 0..4
        tile[$(256 * j)$u + thread] += tile[$(256 * j)$u + thread + s];
        //# end
      }
    }
    if (thread < VECTORS && inside) {
      //# for j in 0..4
      put(row0 + $(4 * i + j)$u, column, tile[$(256 * j)$u + thread]);
      //# end
    }
  }
  //# end
}
