// Cross-entropy against a distribution, as HL-Gauss needs it (Farebrother et al. 2024):
// loss[i] = w[i] sum_k p[i, k] (logsumexp(x[i]) - x[i, k]); x becomes scale * w[i] * (softmax(x[i]) - p[i]).
// p is (rows, classes) and sums to 1 in each row of non-zero weight.
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
  let used = mine.used;
  let base = mine.base;
  var top = -3.0e38;
  for (var k = lane; k < used; k += LANES) {
    top = max(top, x[base + k]);
  }
  top = row_max(thread, top);
  var sum = 0.0;
  // Distances to the maximum, so that a large common part of the logits costs no digits.
  var distance = 0.0;
  for (var k = lane; k < used; k += LANES) {
    let d = x[base + k] - top;
    sum += exp(d);
    distance += targets[row * dims.classes + k] * d;
  }
  sum = row_sum(thread, sum);
  distance = row_sum(thread, distance);
  if (!mine.inside) {
    return;
  }
  if (lane == 0u) {
    loss[row] = 0.0;
    if (w != 0.0) {
      loss[row] = w * (natural_log(sum) - distance);
    }
  }
  let k0 = w * scalars[dims.scale_index];
  for (var k = lane; k < dims.cols; k += LANES) {
    var gradient = 0.0;
    if (k < used) {
      gradient = exp(x[base + k] - top) * (k0 / sum) - k0 * targets[row * dims.classes + k];
    }
    x[base + k] = gradient;
  }
}
