// Gated recurrent unit (Cho et al. 2014) in PyTorch's form and without biases, over whole sequences from h = 0:
// r = sigmoid(x_r + h' U_r), z = sigmoid(x_z + h' U_z), q = h' U_n, n = tanh(x_n + r q), h = (1 - z) n + z h', h' being
// the state one token earlier. x is (sequences * length, 3 d): r, then z, then n; U is (d, 3 d) in the same order.
//
// h, h' (`previous`) and q, each (sequences * length, d), are written, x is overwritten by r, z and n. A workgroup runs
// one sequence; a thread owns every THREADS-th element of the state. `gru` in lib/nn/reference.ts: the same in plain loops.
//# include math.wgsl
const D: u32 = 64u;
const THREADS: u32 = 64u;

struct Dims {
  sequences: u32,
  length: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> h: array<f32>;
@group(0) @binding(4) var<storage, read_write> previous: array<f32>;
@group(0) @binding(5) var<storage, read_write> q: array<f32>;

/// The state, twice: one is read while the other is written.
var<workgroup> state: array<f32, 2u * D>;

fn sigmoid(x: f32) -> f32 {
  // Kept below 87 so that exp stays finite.
  return 1.0 / (1.0 + exp(min(87.0, -x)));
}

@compute @workgroup_size(THREADS)
fn main(workgroup: Workgroup, @builtin(local_invocation_index) thread: u32) {
  let sequence = flat_index(workgroup);
  if (sequence >= dims.sequences) {
    return;
  }
  for (var c = thread; c < D; c += THREADS) {
    state[c] = 0.0;
  }
  for (var t = 0u; t < dims.length; t++) {
    workgroupBarrier();
    let row = sequence * dims.length + t;
    let old = t % 2u * D;
    for (var c = thread; c < D; c += THREADS) {
      var pr = 0.0;
      var pz = 0.0;
      var pn = 0.0;
      for (var k = 0u; k < D; k += 4u) {
        //# for j in 0..4
        let h_$j = state[old + k + $(j)$u];
        let at_$j = (k + $(j)$u) * 3u * D + c;
        pr += h_$j * u[at_$j];
        pz += h_$j * u[at_$j + D];
        pn += h_$j * u[at_$j + 2u * D];
        //# end
      }
      let xr = row * 3u * D + c;
      let r = sigmoid(x[xr] + pr);
      let z = sigmoid(x[xr + D] + pz);
      // tanh(y) = 2 sigmoid(2 y) - 1: some devices' own overflows.
      let n = 2.0 * sigmoid(2.0 * (x[xr + 2u * D] + r * pn)) - 1.0;
      let before = state[old + c];
      let now = (1.0 - z) * n + z * before;
      x[xr] = r;
      x[xr + D] = z;
      x[xr + 2u * D] = n;
      q[row * D + c] = pn;
      previous[row * D + c] = before;
      h[row * D + c] = now;
      state[D - old + c] = now;
    }
  }
}
