// Backward of y = g x rstd to x:
// dx = init + rstd (g dy) - x rstd^3 / d sum_c(g dy x). The gain's gradient is rmsnorm_gain.wgsl.
//# include math.wgsl
//# include rows.wgsl
//# include trees.wgsl
const INIT: u32 = 0u; // 0: none, 1: `start`, 2: what dx holds

struct Dims {
  rows: u32,
  vectors: u32, // d / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> start: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dx: array<vec4<f32>>;

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let row = row_of(workgroup, thread);
  let lane = thread % LANES;
  let base = row * dims.vectors;
  let end = select(0u, dims.vectors, row < dims.rows);
  var product = 0.0;
  for (var i = lane; i < end; i += LANES) {
    product += dot(dy[base + i] * g[i], x[base + i]);
  }
  let sum = row_sum(thread, product);
  if (row >= dims.rows) {
    return;
  }
  let r = rstd[row];
  let k = ((r * r) * r) * (sum / f32(dims.vectors * 4u));
  for (var i = lane; i < end; i += LANES) {
    var d = (dy[base + i] * r) * g[i] - x[base + i] * k;
    if (INIT == 1u) {
      d += start[base + i];
    }
    if (INIT == 2u) {
      d += dx[base + i];
    }
    dx[base + i] = d;
  }
}
