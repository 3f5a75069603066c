// Gated recurrent unit (Cho et al. 2014) in PyTorch's form and without biases, over whole sequences from h = 0:
//
//   r = sigmoid(x_r + h' U_r), z = sigmoid(x_z + h' U_z), q = h' U_n, n = tanh(x_n + r q), h = (1 - z) n + z h',
//
// h' being the state one token earlier. x is (sequences * length, 3 d): the panels of r, then z, then n; U is (d, 3 d)
// in the same order. Matrices of sequences * length rows share panel stride `xs`. `gru` in lib/nn/reference.ts is the
// same in plain loops.
//
// Four sequences go together, so that a product with U is one 4 x 16 tile for each panel. Their states lie in
// `scratch` as panels of 4 rows, 256 bytes apart, and three times as many for the product behind them: 16 d floats.
import { sigmoid_f32x4, tanh_f32x4 } from "./simd";
import { tile_nn } from "./gemm";

/** h, h' (`previous`) and q, each (sequences * length, d). x is overwritten by r, z and n. */
export function gru_forward(
  h: usize, previous: usize, q: usize, x: usize, xs: usize, u: usize, us: usize, scratch: usize,
  sequences: i32, length: i32, d: i32,
): void {
  const panels = d >> 4;
  const gate = <usize>panels * xs, part = <usize>panels << 8;
  const product = scratch + part;
  for (let first = 0; first < sequences; first += 4) {
    const count = min(4, sequences - first);
    memory.fill(scratch, 0, part);
    for (let t = 0; t < length; t++) {
      for (let j = 0; j < 3 * panels; j++) {
        tile_nn(product + (<usize>j << 8), scratch, 256, u + <usize>j * us, 0, d);
      }
      for (let j = 0; j < panels; j++) {
        for (let b = 0; b < count; b++) {
          const row = <usize>j * xs + (<usize>((first + b) * length + t) << 6);
          const state = scratch + (<usize>j << 8) + (<usize>b << 6);
          for (let c: usize = 0; c < 64; c += 32) forward(h, previous, q, x, gate, row + c, state + c, part);
        }
      }
    }
  }
}

/** Eight elements at `at` of h, h', q and x; `state`: those of h' in scratch, and `part` bytes apart those of its products. */
// @ts-ignore: decorator
@inline
function forward(
  h: usize, previous: usize, q: usize, x: usize, gate: usize, at: usize, state: usize, part: usize,
): void {
  const one = f32x4.splat(1.0);
  const xr = x + at, xz = xr + gate, xn = xz + gate;
  const pr = state + part, pz = pr + part, pn = pz + part;
  const h0 = v128.load(state, 0), h1 = v128.load(state, 16);
  const q0 = v128.load(pn, 0), q1 = v128.load(pn, 16);
  const r0 = sigmoid_f32x4(f32x4.add(v128.load(xr, 0), v128.load(pr, 0)));
  const r1 = sigmoid_f32x4(f32x4.add(v128.load(xr, 16), v128.load(pr, 16)));
  const z0 = sigmoid_f32x4(f32x4.add(v128.load(xz, 0), v128.load(pz, 0)));
  const z1 = sigmoid_f32x4(f32x4.add(v128.load(xz, 16), v128.load(pz, 16)));
  const n0 = tanh_f32x4(f32x4.add(v128.load(xn, 0), f32x4.mul(r0, q0)));
  const n1 = tanh_f32x4(f32x4.add(v128.load(xn, 16), f32x4.mul(r1, q1)));
  const y0 = f32x4.add(f32x4.mul(f32x4.sub(one, z0), n0), f32x4.mul(z0, h0));
  const y1 = f32x4.add(f32x4.mul(f32x4.sub(one, z1), n1), f32x4.mul(z1, h1));
  v128.store(xr, r0, 0); v128.store(xr, r1, 16);
  v128.store(xz, z0, 0); v128.store(xz, z1, 16);
  v128.store(xn, n0, 0); v128.store(xn, n1, 16);
  v128.store(q + at, q0, 0); v128.store(q + at, q1, 16);
  v128.store(previous + at, h0, 0); v128.store(previous + at, h1, 16);
  v128.store(h + at, y0, 0); v128.store(h + at, y1, 16);
  v128.store(state, y0, 0); v128.store(state, y1, 16);
}

/**
 * Backward through time. x holds r, z and n and is overwritten by its gradient; `dp` (sequences * length, 3 d) receives
 * the gradient of the products h' U, so that dU = h'^T dp. `ut` is U^T (3 d, d) with panel stride `uts`. With
 * g = dh + (what the next token sends back):
 * dx_n = g (1 - z) (1 - n^2), dx_z = g (h' - n) z (1 - z), dx_r = dx_n q r (1 - r), dp = (dx_r, dx_z, dx_n r),
 * and g z + dp U^T goes back to the token before.
 */
export function gru_backward(
  x: usize, xs: usize, dp: usize, dh: usize, previous: usize, q: usize, ut: usize, uts: usize, scratch: usize,
  sequences: i32, length: i32, d: i32,
): void {
  const panels = d >> 4;
  const gate = <usize>panels * xs, part = <usize>panels << 8;
  for (let first = 0; first < sequences; first += 4) {
    const count = min(4, sequences - first);
    memory.fill(scratch, 0, part << 2);
    for (let t = length - 1; t >= 0; t--) {
      for (let j = 0; j < panels; j++) {
        for (let b = 0; b < count; b++) {
          const row = <usize>j * xs + (<usize>((first + b) * length + t) << 6);
          const carry = scratch + (<usize>j << 8) + (<usize>b << 6);
          for (let c: usize = 0; c < 64; c += 32) backward(x, dp, dh, previous, q, gate, row + c, carry + c, part);
        }
      }
      if (t == 0) break;
      for (let j = 0; j < panels; j++) {
        const carry = scratch + (<usize>j << 8);
        tile_nn(carry, scratch + part, 256, ut + <usize>j * uts, carry, 3 * d);
      }
    }
  }
}

/** Eight elements at `at`; `carry`: what came back, replaced by g z, and `part` bytes apart the parts of dp. */
// @ts-ignore: decorator
@inline
function backward(
  x: usize, dp: usize, dh: usize, previous: usize, q: usize, gate: usize, at: usize, carry: usize, part: usize,
): void {
  const one = f32x4.splat(1.0);
  const xr = x + at, xz = xr + gate, xn = xz + gate;
  const r0 = v128.load(xr, 0), r1 = v128.load(xr, 16), z0 = v128.load(xz, 0), z1 = v128.load(xz, 16);
  const n0 = v128.load(xn, 0), n1 = v128.load(xn, 16), q0 = v128.load(q + at, 0), q1 = v128.load(q + at, 16);
  const h0 = v128.load(previous + at, 0), h1 = v128.load(previous + at, 16);
  const g0 = f32x4.add(v128.load(dh + at, 0), v128.load(carry, 0));
  const g1 = f32x4.add(v128.load(dh + at, 16), v128.load(carry, 16));
  const y0 = f32x4.sub(one, z0), y1 = f32x4.sub(one, z1);
  const dn0 = f32x4.mul(f32x4.mul(g0, y0), f32x4.sub(one, f32x4.mul(n0, n0)));
  const dn1 = f32x4.mul(f32x4.mul(g1, y1), f32x4.sub(one, f32x4.mul(n1, n1)));
  const dz0 = f32x4.mul(f32x4.mul(g0, f32x4.sub(h0, n0)), f32x4.mul(z0, y0));
  const dz1 = f32x4.mul(f32x4.mul(g1, f32x4.sub(h1, n1)), f32x4.mul(z1, y1));
  const dr0 = f32x4.mul(f32x4.mul(dn0, q0), f32x4.mul(r0, f32x4.sub(one, r0)));
  const dr1 = f32x4.mul(f32x4.mul(dn1, q1), f32x4.mul(r1, f32x4.sub(one, r1)));
  const dq0 = f32x4.mul(dn0, r0), dq1 = f32x4.mul(dn1, r1);
  const b0 = f32x4.mul(g0, z0), b1 = f32x4.mul(g1, z1);
  v128.store(xr, dr0, 0); v128.store(xr, dr1, 16);
  v128.store(xz, dz0, 0); v128.store(xz, dz1, 16);
  v128.store(xn, dn0, 0); v128.store(xn, dn1, 16);
  const pr = dp + at, pz = pr + gate, pn = pz + gate;
  v128.store(pr, dr0, 0); v128.store(pr, dr1, 16);
  v128.store(pz, dz0, 0); v128.store(pz, dz1, 16);
  v128.store(pn, dq0, 0); v128.store(pn, dq1, 16);
  const sr = carry + part, sz = sr + part, sn = sz + part;
  v128.store(sr, dr0, 0); v128.store(sr, dr1, 16);
  v128.store(sz, dz0, 0); v128.store(sz, dz1, 16);
  v128.store(sn, dq0, 0); v128.store(sn, dq1, 16);
  v128.store(carry, b0, 0); v128.store(carry, b1, 16);
}
