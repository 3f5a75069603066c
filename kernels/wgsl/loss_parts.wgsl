// What the losses share: x (rows, cols) becomes the gradient, of which the first `classes` columns are not padding. The
// including file says what a `target_element` is. Goes with math.wgsl and rows.wgsl. The same
// losses in plain loops: `referenceLoss` in lib/nn/reference.ts.
struct Dims {
  rows: u32,
  cols: u32, // of x
  classes: u32, // or outputs
  scale_index: u32, // of `scalars`
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> scalars: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<target_element>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss: array<f32>;

/// What a thread works on.
struct Row {
  row: u32,
  lane: u32,
  inside: bool,
  weight: f32, // 0 where the row is not inside
  used: u32, // columns with a loss: none where the weight is 0
  base: u32, // of the row in x
}

fn loss_row(workgroup: Workgroup, thread: u32) -> Row {
  let row = row_of(workgroup, thread);
  let inside = row < dims.rows;
  let w = select(0.0, weights[min(row, dims.rows - 1u)], inside);
  let used = select(0u, dims.classes, w != 0.0);
  return Row(row, thread % LANES, inside, w, used, row * dims.cols);
}
