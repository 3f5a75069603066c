// Ends a decoding step, in one workgroup: notes which rows have emitted a stop token of their own choice, or could choose
// none, counts those that have not, and moves on. The counters are memory, so that one list of dispatches serves every step.
// Rows s * rows.. of `forced` and `tokens` belong to step s; the token chosen at s stands at s + 1.
const THREADS: u32 = 64u;

struct Dims {
  rows: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
/// The step, and the rows that have not finished.
@group(0) @binding(1) var<storage, read_write> step: array<u32>;
/// Bit k % 32 of word k / 32 is set where token k ends a row.
@group(0) @binding(2) var<storage, read> stops: array<u32>;
@group(0) @binding(3) var<storage, read> forced: array<i32>;
@group(0) @binding(4) var<storage, read> tokens: array<i32>;
@group(0) @binding(5) var<storage, read_write> finished: array<u32>;

var<workgroup> live: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
  let at = (step[0] + 1u) * dims.rows;
  var mine = 0u;
  for (var row = thread; row < dims.rows; row += THREADS) {
    let token = u32(tokens[at + row]);
    let ends = tokens[at + row] < 0 || ((stops[token / 32u] >> (token % 32u)) & 1u) != 0u;
    if (forced[at + row] < 0 && ends) {
      finished[row] = 1u;
    }
    mine += 1u - finished[row];
  }
  live[thread] = mine;
  for (var n = THREADS / 2u; n > 0u; n /= 2u) {
    workgroupBarrier();
    if (thread < n) {
      live[thread] += live[thread + n];
    }
  }
  if (thread == 0u) {
    step[0] += 1u;
    step[1] = live[0];
  }
}
