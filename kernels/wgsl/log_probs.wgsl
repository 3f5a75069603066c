// Of rows with slots[i] >= 0: out[i, 0] = log softmax(x[i])[targets[i]], out[i, 1] = the entropy of that distribution. x is
// (rows, cols), of which the first `classes` columns are not padding; out is (rows, 16).
//# include math.wgsl
//# include rows.wgsl
//# include trees.wgsl

struct Dims {
  rows: u32,
  cols: u32, // of x
  classes: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read> slots: array<i32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let row = row_of(workgroup, thread);
  let lane = thread % LANES;
  let is_wanted = row < dims.rows && slots[min(row, dims.rows - 1u)] >= 0;
  let used = select(0u, dims.classes, is_wanted);
  let base = row * dims.cols;
  var top = -3.0e38;
  for (var k = lane; k < used; k += LANES) {
    top = max(top, x[base + k]);
  }
  top = row_max(thread, top);
  var sum = 0.0;
  var distance = 0.0;
  for (var k = lane; k < used; k += LANES) {
    let d = x[base + k] - top;
    let p = exp(d);
    sum += p;
    distance = fma(p, d, distance);
  }
  sum = row_sum(thread, sum);
  distance = row_sum(thread, distance);
  if (is_wanted && lane == 0u) {
    let log_sum = natural_log(sum);
    out[row * 16u] = (x[base + u32(targets[row])] - top) - log_sum;
    out[row * 16u + 1u] = log_sum - distance / sum;
  }
}
