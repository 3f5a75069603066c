// Rows that LANES neighbouring threads share; a workgroup of 128 holds 128 / LANES of them. Goes with math.wgsl.
const LANES: u32 = 32u; // a power of two
const THREADS: u32 = 128u;
const ROWS: u32 = THREADS / LANES;

/// The row of a thread; its lane there is thread % LANES.
fn row_of(workgroup: Workgroup, thread: u32) -> u32 {
  return flat_index(workgroup) * ROWS + thread / LANES;
}
