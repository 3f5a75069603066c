// Squared error of the first columns: loss[i] = w[i] sum_k (x[i, k] - y[i, k])^2; x becomes scale * w[i] * 2 (x - y),
// 0 in the padding. y is (rows, classes).
//# include math.wgsl
//# include rows.wgsl
//# include trees.wgsl
//# include loss_parts.wgsl
alias target_element = f32;

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let mine = loss_row(workgroup, thread);
  let row = mine.row;
  let lane = mine.lane;
  let w = mine.weight;
  let base = mine.base;
  let scale = w * scalars[dims.scale_index];
  var sum = 0.0;
  if (mine.inside) {
    for (var k = lane; k < dims.cols; k += LANES) {
      var d = 0.0;
      if (k < mine.used) {
        d = x[base + k] - targets[row * dims.classes + k];
      }
      sum += d * d;
      x[base + k] = scale * (d + d);
    }
  }
  sum = row_sum(thread, sum);
  if (mine.inside && lane == 0u) {
    loss[row] = w * sum;
  }
}
