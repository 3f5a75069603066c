// Token embedding out of a frozen matrix that may be the output layer, too: its columns are the tokens.
import { FLOAT32, wide } from "./widen";

/** x[i, :] = w[:, tokens[i]]. x is (m, d) with panel stride `xs`, frozen w is (d, vocabulary) with panel stride `ws`. */
export function frozen_embedding(
  x: usize, xs: usize, w: usize, ws: usize, storage: i32, tokens: usize, m: i32, d: i32,
): void {
  for (let i = 0; i < m; i++) {
    const token = load<i32>(tokens + (<usize>i << 2));
    const panel = w + <usize>(token >> 4) * ws;
    for (let c = 0; c < d; c += 4) {
      const q = x + <usize>(c >> 4) * xs + (<usize>i << 6) + (<usize>(c & 15) << 2);
      if (storage == FLOAT32) {
        const p = panel + (<usize>c << 6) + (<usize>(token & 15) << 2);
        f32.store(q, f32.load(p, 0), 0); f32.store(q, f32.load(p, 64), 4);
        f32.store(q, f32.load(p, 128), 8); f32.store(q, f32.load(p, 192), 12);
        continue;
      }
      const p = panel + (<usize>c << 5) + (<usize>(token & 15) << 1);
      const bits = i32x4(load<u16>(p, 0), load<u16>(p, 32), load<u16>(p, 64), load<u16>(p, 96));
      v128.store(q, wide(bits, storage));
    }
  }
}
