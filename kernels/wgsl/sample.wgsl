// Chooses each row's next token, as sample_parts.wgsl says. Where forced is >= 0 that token is taken: this is how a prompt
// is fed. What a row does after NOT_FINITE is thrown away.
// Rows s * rows.. of `forced` and `tokens` belong to step s; the token chosen at s is written at s + 1.
//# include math.wgsl
//# include sample_parts.wgsl
//# include trees.wgsl

@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(3) var<storage, read> forced: array<i32>;
@group(0) @binding(6) var<storage, read_write> tokens: array<i32>;

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let row = flat_index(workgroup);
  let inside = row < dims.rows;
  let at = (step[0] + 1u) * dims.rows + row;
  let is_filtered = FILTERED == 1u && inside && sampling.inverse_temperature != 0.0 && forced[at] < 0;
  let token = choose(row, thread, step[0], inside, is_filtered);
  if (thread == 0u && inside) {
    tokens[at] = select(i32(token), forced[at], forced[at] >= 0);
  }
}
