// Copies the first `width` columns of row i of x (rows, cols) to row slots[i] of out; nowhere where slots[i] < 0.
//# include math.wgsl

struct Dims {
  rows: u32,
  cols: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> slots: array<i32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  let row = i / dims.width;
  let column = i % dims.width;
  if (row < dims.rows && slots[row] >= 0) {
    out[u32(slots[row]) * dims.width + column] = x[row * dims.cols + column];
  }
}
