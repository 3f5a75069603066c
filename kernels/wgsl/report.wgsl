// Ends a step's backward pass, in one workgroup: adds up the rows' losses and the squares of the gradient, sets the
// clipping factor that AdamW reads, and writes (loss, value loss, gradient norm, failed) to row `slot` of the reports.
// A gradient that is not finite sets `failed`, which stays set: no later step changes a weight.
//# include math.wgsl
//# include step.wgsl

struct Dims {
  rows: u32, // entries of loss and value_loss
  squares: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> scalars: Scalars;
@group(0) @binding(2) var<storage, read> loss: array<f32>;
@group(0) @binding(3) var<storage, read> value_loss: array<f32>;
@group(0) @binding(4) var<storage, read> squares: array<f32>;
@group(0) @binding(5) var<storage, read_write> control: Control;
@group(0) @binding(6) var<storage, read_write> reports: array<vec4<f32>>;

var<workgroup> tree: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = vec4(0.0);
  for (var i = thread; i < dims.rows; i += 256u) {
    sum.x += loss[i];
    sum.y += value_loss[i];
  }
  for (var i = thread; i < dims.squares; i += 256u) {
    sum.z += squares[i];
  }
  tree[thread] = sum;
  for (var s = 128u; s > 0u; s /= 2u) {
    workgroupBarrier();
    if (thread < s) {
      tree[thread] += tree[thread + s];
    }
  }
  if (thread == 0u) {
    let norm = sqrt(tree[0].z);
    if (not_finite(norm)) {
      control.failed = 1u;
    }
    control.factor = min(1.0, scalars.clip / (norm + 1e-6));
    reports[scalars.slot] = vec4(
      tree[0].x * scalars.loss_scale,
      tree[0].y * scalars.value_loss_scale,
      norm,
      f32(control.failed),
    );
  }
}
