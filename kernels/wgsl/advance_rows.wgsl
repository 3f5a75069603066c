// Ends a step of generation: keeps each unfinished row's token at its place, `filled`, and either finishes the row,
// because the token stops it, is none, or was to be the last, or feeds the token to the next step. All is memory, so that
// one list of dispatches serves every step.
//# include math.wgsl

struct Dims {
  rows: u32,
  capacity: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
/// Bit k % 32 of word k / 32 is set where token k ends a row.
@group(0) @binding(1) var<storage, read> stops: array<u32>;
@group(0) @binding(2) var<storage, read> next: array<i32>;
/// The place of a row's last token.
@group(0) @binding(3) var<storage, read> last: array<i32>;
/// (rows, capacity)
@group(0) @binding(4) var<storage, read_write> responses: array<i32>;
@group(0) @binding(5) var<storage, read_write> tokens: array<i32>;
@group(0) @binding(6) var<storage, read_write> filled: array<i32>;
@group(0) @binding(7) var<storage, read_write> finished: array<u32>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let row = element(workgroup, thread);
  if (row >= dims.rows || finished[row] != 0u) {
    return;
  }
  let token = next[row];
  let place = filled[row];
  responses[row * dims.capacity + u32(place)] = token;
  // Of no token, NOT_FINITE, any bit will do.
  let word = stops[u32(max(token, 0)) / 32u];
  let stops_row = ((word >> (u32(token) % 32u)) & 1u) != 0u;
  if (token < 0 || stops_row || place == last[row]) {
    finished[row] = 1u;
  } else {
    tokens[row] = token;
    filled[row] = place + 1;
  }
}
