// Token embedding: a row look-up, and its gradient.

/** x[i, :] = w[tokens[i], :]. x is (m, d) with panel stride `xs`, w is (vocabulary, d) with panel stride `ws`. */
export function embedding_forward(x: usize, xs: usize, w: usize, ws: usize, tokens: usize, m: i32, d: i32): void {
  for (let j = 0; j < d; j += 16) {
    for (let i = 0; i < m; i++) {
      const p = w + (<usize>load<i32>(tokens + (<usize>i << 2)) << 6), q = x + (<usize>i << 6);
      const a = v128.load(p, 0), b = v128.load(p, 16), c = v128.load(p, 32), e = v128.load(p, 48);
      v128.store(q, a, 0); v128.store(q, b, 16); v128.store(q, c, 32); v128.store(q, e, 48);
    }
    x += xs;
    w += ws;
  }
}

/** dw[tokens[i], :] += dx[i, :], rows in order. */
export function embedding_backward(dw: usize, ws: usize, dx: usize, xs: usize, tokens: usize, m: i32, d: i32): void {
  for (let j = 0; j < d; j += 16) {
    for (let i = 0; i < m; i++) {
      const p = dw + (<usize>load<i32>(tokens + (<usize>i << 2)) << 6), q = dx + (<usize>i << 6);
      const a = v128.load(q, 0), b = v128.load(q, 16), c = v128.load(q, 32), e = v128.load(q, 48);
      const s = v128.load(p, 0), t = v128.load(p, 16), u = v128.load(p, 32), v = v128.load(p, 48);
      v128.store(p, f32x4.add(s, a), 0); v128.store(p, f32x4.add(t, b), 16);
      v128.store(p, f32x4.add(u, c), 32); v128.store(p, f32x4.add(v, e), 48);
    }
    dx += xs;
    dw += ws;
  }
}
