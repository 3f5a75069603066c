// Squared error of the first columns: loss[i] = w[i] sum_k (x[i, k] - y[i, k])^2; x becomes scale * w[i] * 2 (x - y),
// 0 in the padding. y is (rows, classes).
//# include math.wgsl
//# include rows.wgsl

struct Dims {
  rows: u32,
  cols: u32, // of x
  classes: u32, // outputs
  scale_index: u32, // of `scalars`
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> scalars: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss: array<f32>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_index(workgroup, count) * ROWS + thread / LANES;
  let lane = thread % LANES;
  let inside = row < dims.rows;
  let w = select(0.0, weights[min(row, dims.rows - 1u)], inside);
  let base = row * dims.cols;
  let scale = w * scalars[dims.scale_index];
  var sum = 0.0;
  if (inside) {
    for (var k = lane; k < dims.cols; k += LANES) {
      var d = 0.0;
      if (k < dims.classes && w != 0.0) {
        d = x[base + k] - targets[row * dims.classes + k];
      }
      sum += d * d;
      x[base + k] = scale * (d + d);
    }
  }
  sum = row_sum(thread, sum);
  if (inside && lane == 0u) {
    loss[row] = w * sum;
  }
}
