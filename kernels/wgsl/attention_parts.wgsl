// What the attention kernels share: a workgroup owns ROWS rows (queries or keys) of one head of one sequence, and a row
// is worked by PARTS threads of DIMS dimensions each. The including file sets ROWS.
const HEAD_DIM: u32 = 16u;
const DIMS: u32 = 16u; // dimensions of a thread
const PARTS: u32 = HEAD_DIM / DIMS;
const THREADS: u32 = ROWS * PARTS;
const D4: u32 = DIMS / 4u;
const H4: u32 = HEAD_DIM / 4u;

struct Dims {
  length: u32,
  heads: u32,
  scale: f32,
}

var<workgroup> shares: array<vec4<f32>, THREADS>;

/// Sum of x over the PARTS threads of a row.
fn over_parts(thread: u32, x: vec4<f32>) -> vec4<f32> {
  if (PARTS == 1u) {
    return x;
  }
  workgroupBarrier();
  shares[thread] = x;
  workgroupBarrier();
  var sum = shares[thread % ROWS];
  for (var p = 1u; p < PARTS; p++) {
    sum += shares[p * ROWS + thread % ROWS];
  }
  return sum;
}
