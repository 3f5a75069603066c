// Sums over rows of a matrix for one column each: a workgroup takes 16 columns, vectors of 4, by 16 threads of some rows,
// whose sums a fixed tree adds up: the same bits in every run.
var<workgroup> sums: array<vec4<f32>, 256>;

/// The sum of x over the threads of a column, thread % 16, for its first thread. All threads must call it.
fn column_sum(thread: u32, x: vec4<f32>) -> vec4<f32> {
  sums[thread] = x;
  for (var s = 128u; s >= 16u; s /= 2u) {
    workgroupBarrier();
    if (thread < s) {
      sums[thread] += sums[thread + s];
    }
  }
  workgroupBarrier();
  return sums[thread];
}
