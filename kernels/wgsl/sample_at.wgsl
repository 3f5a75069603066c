// Chooses each row's next token, as sample_parts.wgsl says, at a step of its own.
//# include math.wgsl
//# include sample_parts.wgsl
//# include trees.wgsl

@group(0) @binding(1) var<storage, read> steps: array<u32>;
@group(0) @binding(3) var<storage, read_write> next: array<i32>;

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let row = flat_index(workgroup);
  let inside = row < dims.rows;
  let is_filtered = FILTERED == 1u && inside && sampling.inverse_temperature != 0.0;
  let token = choose(row, thread, steps[min(row, dims.rows - 1u)], inside, is_filtered);
  if (thread == 0u && inside) {
    next[row] = i32(token);
  }
}
