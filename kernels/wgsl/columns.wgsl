// Sums over rows of a matrix for one column each: a workgroup of 256 takes VECTORS columns, vectors of 4, each by as many
// threads of some rows as there are, whose sums a fixed tree adds up: the same bits in every run.
const VECTORS: u32 = 16u; // a power of two
var<workgroup> sums: array<vec4<f32>, 256>;

/// The sum of x over the threads of a column, thread % VECTORS, for its first thread. All threads must call it.
fn column_sum(thread: u32, x: vec4<f32>) -> vec4<f32> {
  sums[thread] = x;
  for (var s = 128u; s >= VECTORS; s /= 2u) {
    workgroupBarrier();
    if (thread < s) {
      sums[thread] += sums[thread + s];
    }
  }
  workgroupBarrier();
  return sums[thread];
}
