// Backward of gru_forward.wgsl through time. x holds r, z and n and is overwritten by its gradient; dp receives the
// gradient of the products h' U, so that dU = h'^T dp. With g = dh + (what the next token sends back):
// dx_n = g (1 - z) (1 - n^2), dx_z = g (h' - n) z (1 - z), dx_r = dx_n q r (1 - r), dp = (dx_r, dx_z, dx_n r),
// and g z + dp U^T goes back to the token before. x and dp are (sequences * length, 3 d), dh, `previous` (h') and q
// (sequences * length, d), U is (d, 3 d). A workgroup runs one sequence; a thread owns every THREADS-th element.
//# include math.wgsl
const D: u32 = 64u;
const THREADS: u32 = 64u;

struct Dims {
  sequences: u32,
  length: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read> dh: array<f32>;
@group(0) @binding(3) var<storage, read> previous: array<f32>;
@group(0) @binding(4) var<storage, read> q: array<f32>;
@group(0) @binding(5) var<storage, read_write> x: array<f32>;
@group(0) @binding(6) var<storage, read_write> dp: array<f32>;

/// dp of the token at hand, for all threads.
var<workgroup> product: array<f32, 3u * D>;
/// What the next token sends back; each element is its owner's alone.
var<workgroup> carry: array<f32, D>;

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let sequence = flat_index(workgroup);
  if (sequence >= dims.sequences) {
    return;
  }
  for (var c = thread; c < D; c += THREADS) {
    carry[c] = 0.0;
  }
  for (var i = 0u; i < dims.length; i++) {
    let row = sequence * dims.length + dims.length - 1u - i;
    workgroupBarrier();
    for (var c = thread; c < D; c += THREADS) {
      let at = row * D + c;
      let xr = row * 3u * D + c;
      let r = x[xr];
      let z = x[xr + D];
      let n = x[xr + 2u * D];
      let g = dh[at] + carry[c];
      let dn = g * (1.0 - z) * (1.0 - n * n);
      let dz = g * (previous[at] - n) * (z * (1.0 - z));
      let dr = dn * q[at] * (r * (1.0 - r));
      let dq = dn * r;
      x[xr] = dr;
      x[xr + D] = dz;
      x[xr + 2u * D] = dn;
      dp[xr] = dr;
      dp[xr + D] = dz;
      dp[xr + 2u * D] = dq;
      product[c] = dr;
      product[D + c] = dz;
      product[2u * D + c] = dq;
      carry[c] = g * z;
    }
    workgroupBarrier();
    for (var c = thread; c < D; c += THREADS) {
      var sum = carry[c];
      for (var k = 0u; k < 3u * D; k += 4u) {
        //# for j in 0..4
        sum += product[k + $(j)$u] * u[c * 3u * D + k + $(j)$u];
        //# end
      }
      carry[c] = sum;
    }
  }
}
