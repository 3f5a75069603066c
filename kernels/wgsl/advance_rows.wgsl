// Ends a step of generation, in one workgroup: keeps each unfinished row's token at its place, `filled`, and either
// finishes the row, because the token stops it, is none, or was to be the last, or feeds the token to the next step.
// Counts the rows that go on. The counters are memory, so that one list of dispatches serves every step.
const THREADS: u32 = 64u;

struct Dims {
  rows: u32,
  capacity: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
/// The rows that have not finished.
@group(0) @binding(1) var<storage, read_write> step: array<u32>;
/// Bit k % 32 of word k / 32 is set where token k ends a row.
@group(0) @binding(2) var<storage, read> stops: array<u32>;
@group(0) @binding(3) var<storage, read> next: array<i32>;
/// The place of a row's last token.
@group(0) @binding(4) var<storage, read> last: array<i32>;
/// (rows, capacity)
@group(0) @binding(5) var<storage, read_write> responses: array<i32>;
@group(0) @binding(6) var<storage, read_write> tokens: array<i32>;
@group(0) @binding(7) var<storage, read_write> filled: array<i32>;
@group(0) @binding(8) var<storage, read_write> finished: array<u32>;

var<workgroup> live: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
  var mine = 0u;
  for (var row = thread; row < dims.rows; row += THREADS) {
    if (finished[row] == 0u) {
      let token = next[row];
      let place = filled[row];
      responses[row * dims.capacity + u32(place)] = token;
      if (token < 0 || ((stops[u32(token) / 32u] >> (u32(token) % 32u)) & 1u) != 0u || place == last[row]) {
        finished[row] = 1u;
      } else {
        tokens[row] = token;
        filled[row] = place + 1;
        mine += 1u;
      }
    }
  }
  live[thread] = mine;
  for (var n = THREADS / 2u; n > 0u; n /= 2u) {
    workgroupBarrier();
    if (thread < n) {
      live[thread] += live[thread + n];
    }
  }
  if (thread == 0u) {
    step[0] = live[0];
  }
}
