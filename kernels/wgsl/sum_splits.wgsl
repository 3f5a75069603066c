// y = init + the sum over splits of x (splits, size), in order; vectors of 4.
//# include math.wgsl
const INIT: u32 = 0u; // 0: none, 1: `start`, 2: what y holds

struct Dims {
  splits: u32,
  vectors: u32, // size / 4
}

alias stored_start = vec4<f32>;
alias stored_y = vec4<f32>;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> start: array<stored_start>;
@group(0) @binding(3) var<storage, read_write> y: array<stored_y>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i >= dims.vectors) {
    return;
  }
  var sum = vec4(0.0);
  for (var s = 0u; s < dims.splits; s++) {
    sum += x[s * dims.vectors + i];
  }
  if (INIT == 1u) {
    sum += vec4<f32>(start[i]);
  }
  if (INIT == 2u) {
    sum += vec4<f32>(y[i]);
  }
  y[i] = stored_y(sum);
}
