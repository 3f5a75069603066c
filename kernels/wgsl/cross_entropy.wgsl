// Softmax cross-entropy with a weight per row: loss[i] = w[i] (logsumexp(x[i, :n]) - x[i, targets[i]]); x becomes the
// gradient scale * w[i] * (softmax(x[i]) - onehot(targets[i])), 0 in the padding and in rows of weight 0.
//# include math.wgsl
//# include rows.wgsl
//# include trees.wgsl
//# include loss_parts.wgsl
alias target_element = i32;

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
  for (var k = lane; k < used; k += LANES) {
    sum += exp(x[base + k] - top);
  }
  sum = row_sum(thread, sum);
  var target_class = dims.cols;
  var logit = 0.0;
  if (w != 0.0) {
    target_class = u32(targets[row]);
    logit = x[base + target_class];
  }
  // The target's logit is overwritten below by another thread.
  storageBarrier();
  workgroupBarrier();
  if (!mine.inside) {
    return;
  }
  if (lane == 0u) {
    loss[row] = 0.0;
    if (w != 0.0) {
      loss[row] = w * ((top - logit) + natural_log(sum));
    }
  }
  let k0 = w * scalars[dims.scale_index];
  for (var k = lane; k < dims.cols; k += LANES) {
    var gradient = 0.0;
    if (k < used) {
      gradient = exp(x[base + k] - top) * (k0 / sum);
      if (k == target_class) {
        gradient -= k0;
      }
    }
    x[base + k] = gradient;
  }
}
