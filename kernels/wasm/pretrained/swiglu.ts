// SwiGLU (Shazeer 2020): y = silu(gate) up, silu(x) = x sigmoid(x). All matrices are (m, n) with panel stride `xs`.
import { sigmoid_f32x4 } from "../assembly/simd";

const ONE = memory.data<f32>([1.0], 16);

/** y = (gate sigmoid(gate)) up. */
export function swiglu_forward(y: usize, gate: usize, up: usize, xs: usize, m: i32, n: i32): void {
  for (let j = 0; j < n; j += 16) {
    for (let i: usize = 0, end = <usize>m << 6; i < end; i += 32) {
      const ga = v128.load(gate + i, 0), gb = v128.load(gate + i, 16);
      const ua = v128.load(up + i, 0), ub = v128.load(up + i, 16);
      const sa = sigmoid_f32x4(ga), sb = sigmoid_f32x4(gb);
      v128.store(y + i, f32x4.mul(f32x4.mul(ga, sa), ua), 0); v128.store(y + i, f32x4.mul(f32x4.mul(gb, sb), ub), 16);
    }
    y += xs;
    gate += xs;
    up += xs;
  }
}

/** With s = sigmoid(gate) and a = gate s: gate becomes (dy up) (s + a (1 - s)), and up becomes dy a. */
export function swiglu_backward(dy: usize, gate: usize, up: usize, xs: usize, m: i32, n: i32): void {
  for (let j = 0; j < n; j += 16) {
    for (let i: usize = 0, end = <usize>m << 6; i < end; i += 32) {
      const ga = v128.load(gate + i, 0), gb = v128.load(gate + i, 16);
      const ua = v128.load(up + i, 0), ub = v128.load(up + i, 16);
      const ya = v128.load(dy + i, 0), yb = v128.load(dy + i, 16);
      const sa = sigmoid_f32x4(ga), sb = sigmoid_f32x4(gb);
      const aa = f32x4.mul(ga, sa), ab = f32x4.mul(gb, sb);
      const da = f32x4.add(sa, f32x4.mul(aa, f32x4.sub(v128.load32_splat(ONE), sa)));
      const db = f32x4.add(sb, f32x4.mul(ab, f32x4.sub(v128.load32_splat(ONE), sb)));
      v128.store(gate + i, f32x4.mul(f32x4.mul(ya, ua), da), 0);
      v128.store(gate + i, f32x4.mul(f32x4.mul(yb, ub), db), 16);
      v128.store(up + i, f32x4.mul(ya, aa), 0); v128.store(up + i, f32x4.mul(yb, ab), 16);
    }
    dy += xs;
    gate += xs;
    up += xs;
  }
}
