// Counts a decoding step. The counter is memory, so that one list of dispatches serves every step.

struct Dims {
  by: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> step: array<u32>;

@compute @workgroup_size(1)
fn main() {
  step[0] += dims.by;
}
