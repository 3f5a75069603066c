// RMSNorm (Zhang & Sennrich 2019): y (m, d) = g x rstd, rstd[i] = 1 / sqrt(mean_c x[i, c]^2 + eps).
// The same in plain loops: `rmsNorm` in lib/nn/reference.ts.
//# include math.wgsl
//# include rows.wgsl
//# include trees.wgsl

struct Dims {
  rows: u32,
  vectors: u32, // d / 4
  eps: f32,
}

alias stored_x = vec4<f32>;
alias stored_g = vec4<f32>;
alias stored_y = vec4<f32>;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<stored_x>;
@group(0) @binding(2) var<storage, read> g: array<stored_g>;
@group(0) @binding(3) var<storage, read_write> y: array<stored_y>;
@group(0) @binding(4) var<storage, read_write> rstd: array<f32>;

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let row = row_of(workgroup, thread);
  let lane = thread % LANES;
  let base = row * dims.vectors;
  let end = select(0u, dims.vectors, row < dims.rows);
  var square = 0.0;
  for (var i = lane; i < end; i += LANES) {
    let v = vec4<f32>(x[base + i]);
    square += dot(v, v);
  }
  let mean = row_sum(thread, square) / f32(dims.vectors * 4u);
  let r = 1.0 / sqrt(mean + dims.eps);
  for (var i = lane; i < end; i += LANES) {
    y[base + i] = stored_y((vec4<f32>(x[base + i]) * r) * vec4<f32>(g[i]));
  }
  if (lane == 0u && row < dims.rows) {
    rstd[row] = r;
  }
}
