// GELU, tanh form (Hendrycks & Gimpel 2016): y = u * s(u), s = 1 / (1 + exp(-2 z)), z = sqrt(2/pi) (u + 0.044715 u^3).
// The same in plain loops: `gelu` in lib/nn/reference.ts.
import { exp_f32x4 } from "./simd";

/** 1, 87, -2 sqrt(2/pi), that times 0.044715, 2 sqrt(2/pi), that times 3 * 0.044715. */
const GELU = memory.data<f32>([
  1.0, 87.0, -1.5957691216057308, -0.07135481282652102, 1.5957691216057308, 0.21406443847956306,
], 16);

/** The constant at byte `offset` of GELU; each use loads anew, for V8 pairs loads but not their sharing. */
// @ts-ignore: decorator
@inline
function gelu(offset: usize): v128 {
  return v128.load32_splat(GELU + offset);
}

/**
 * y = gelu(u); u is overwritten by the derivative dy/du, which is all that the backward pass needs.
 * Both are (m, n) with panel stride `us`.
 */
export function gelu_forward(y: usize, u: usize, us: usize, m: i32, n: i32): void {
  for (let j = 0; j < n; j += 16) {
    for (let i: usize = 0, end = <usize>m << 6; i < end; i += 32) {
      const ua = v128.load(u + i, 0), ub = v128.load(u + i, 16);
      const u2a = f32x4.mul(ua, ua), u2b = f32x4.mul(ub, ub);
      // -2 z = u (-2 sqrt(2/pi) - 2 sqrt(2/pi) 0.044715 u^2), kept below 87 so that exp stays finite
      const za = f32x4.pmin(gelu(4), f32x4.mul(ua, f32x4.add(gelu(8), f32x4.mul(gelu(12), u2a))));
      const zb = f32x4.pmin(gelu(4), f32x4.mul(ub, f32x4.add(gelu(8), f32x4.mul(gelu(12), u2b))));
      const sa = f32x4.div(gelu(0), f32x4.add(gelu(0), exp_f32x4(za)));
      const sb = f32x4.div(gelu(0), f32x4.add(gelu(0), exp_f32x4(zb)));
      const ya = f32x4.mul(ua, sa), yb = f32x4.mul(ub, sb);
      // dy/du = s + y (1 - s) 2 z'(u)
      const ta = f32x4.add(gelu(16), f32x4.mul(gelu(20), u2a)), tb = f32x4.add(gelu(16), f32x4.mul(gelu(20), u2b));
      const da = f32x4.add(sa, f32x4.mul(f32x4.mul(ya, f32x4.sub(gelu(0), sa)), ta));
      const db = f32x4.add(sb, f32x4.mul(f32x4.mul(yb, f32x4.sub(gelu(0), sb)), tb));
      v128.store(y + i, ya, 0); v128.store(y + i, yb, 16);
      v128.store(u + i, da, 0); v128.store(u + i, db, 16);
    }
    y += us;
    u += us;
  }
}

/** dy *= dy/du in place: the backward of y = gelu(u), `slope` being what the forward pass left in u. */
export function gelu_backward(dy: usize, slope: usize, us: usize, m: i32, n: i32): void {
  for (let j = 0; j < n; j += 16) {
    for (let i: usize = 0, end = <usize>m << 6; i < end; i += 64) {
      const s0 = v128.load(slope + i, 0), s1 = v128.load(slope + i, 16);
      const s2 = v128.load(slope + i, 32), s3 = v128.load(slope + i, 48);
      const y0 = v128.load(dy + i, 0), y1 = v128.load(dy + i, 16);
      const y2 = v128.load(dy + i, 32), y3 = v128.load(dy + i, 48);
      v128.store(dy + i, f32x4.mul(y0, s0), 0); v128.store(dy + i, f32x4.mul(y1, s1), 16);
      v128.store(dy + i, f32x4.mul(y2, s2), 32); v128.store(dy + i, f32x4.mul(y3, s3), 48);
    }
    dy += us;
    slope += us;
  }
}
