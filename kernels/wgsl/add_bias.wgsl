// y += b in every row.
//# include math.wgsl

struct Dims {
  rows: u32,
  vectors: u32, // columns / 4
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let i = element(workgroup, thread);
  if (i / dims.vectors < dims.rows) {
    y[i] += b[i % dims.vectors];
  }
}
