// A vector added to every row, and a factor. Matrices are (m, n) in panels.

/** y += b, row by row. b is (1, n) with panel stride `bs`. */
export function add_bias(y: usize, ys: usize, b: usize, bs: usize, m: i32, n: i32): void {
  for (let j = 0; j < n; j += 16) {
    const b0 = v128.load(b, 0), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    for (let p = y, end = y + (<usize>m << 6); p < end; p += 64) {
      const y0 = v128.load(p, 0), y1 = v128.load(p, 16), y2 = v128.load(p, 32), y3 = v128.load(p, 48);
      v128.store(p, f32x4.add(y0, b0), 0); v128.store(p, f32x4.add(y1, b1), 16);
      v128.store(p, f32x4.add(y2, b2), 32); v128.store(p, f32x4.add(y3, b3), 48);
    }
    y += ys;
    b += bs;
  }
}

/** db += the rows of dy, in order. db is (1, n) with panel stride `bs`. */
export function add_bias_backward(db: usize, bs: usize, dy: usize, ys: usize, m: i32, n: i32): void {
  for (let j = 0; j < n; j += 16) {
    let t0 = v128.load(db, 0), t1 = v128.load(db, 16), t2 = v128.load(db, 32), t3 = v128.load(db, 48);
    for (let p = dy, end = dy + (<usize>m << 6); p < end; p += 64) {
      const y0 = v128.load(p, 0), y1 = v128.load(p, 16), y2 = v128.load(p, 32), y3 = v128.load(p, 48);
      t0 = f32x4.add(t0, y0); t1 = f32x4.add(t1, y1); t2 = f32x4.add(t2, y2); t3 = f32x4.add(t3, y3);
    }
    v128.store(db, t0, 0); v128.store(db, t1, 16); v128.store(db, t2, 32); v128.store(db, t3, 48);
    dy += ys;
    db += bs;
  }
}

/** x *= by. */
export function scale(x: usize, xs: usize, by: f32, m: i32, n: i32): void {
  const k = f32x4.splat(by);
  for (let j = 0; j < n; j += 16) {
    for (let p = x, end = x + (<usize>m << 6); p < end; p += 64) {
      const x0 = v128.load(p, 0), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      v128.store(p, f32x4.mul(x0, k), 0); v128.store(p, f32x4.mul(x1, k), 16);
      v128.store(p, f32x4.mul(x2, k), 32); v128.store(p, f32x4.mul(x3, k), 48);
    }
    x += xs;
  }
}
