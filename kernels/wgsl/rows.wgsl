// Rows that LANES neighbouring threads share; a workgroup of 128 holds 128 / LANES of them. Sums and maxima over a row are
// fixed trees: the same bits in every run. All threads of the workgroup must call them. Goes with math.wgsl.
const LANES: u32 = 32u; // a power of two
const THREADS: u32 = 128u;
const ROWS: u32 = THREADS / LANES;

/// The row of a thread; its lane there is thread % LANES.
fn row_of(workgroup: Workgroup, thread: u32) -> u32 {
  return flat_index(workgroup) * ROWS + thread / LANES;
}

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
