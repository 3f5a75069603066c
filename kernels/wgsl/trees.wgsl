// Sums and maxima over rows of LANES neighbouring threads, in a workgroup of THREADS: fixed trees, the same bits in every
// run. All threads of the workgroup must call them. The including file sets THREADS and LANES, a power of two.
var<workgroup> row_scratch: array<f32, THREADS>;

fn row_sum(thread: u32, x: f32) -> f32 {
  let lane = thread % LANES;
  workgroupBarrier();
  row_scratch[thread] = x;
  for (var s = LANES / 2u; s > 0u; s /= 2u) {
    workgroupBarrier();
    if (lane < s) {
      row_scratch[thread] += row_scratch[thread + s];
    }
  }
  workgroupBarrier();
  return row_scratch[thread - lane];
}

fn row_max(thread: u32, x: f32) -> f32 {
  let lane = thread % LANES;
  workgroupBarrier();
  row_scratch[thread] = x;
  for (var s = LANES / 2u; s > 0u; s /= 2u) {
    workgroupBarrier();
    if (lane < s) {
      row_scratch[thread] = max(row_scratch[thread], row_scratch[thread + s]);
    }
  }
  workgroupBarrier();
  return row_scratch[thread - lane];
}
