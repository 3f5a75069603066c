// Frozen weights. A matrix (rows, cols) stands in panels of 16 columns, as all matrices do; numbers of 16 bits make rows of
// 32 bytes. Widening them to float32 is exact. Vectors are loaded at fixed offsets from one address: V8 pairs no others.

/** How a frozen matrix is stored. */
export const FLOAT32 = 0, FLOAT16 = 1, BFLOAT16 = 2;

/** 2^112, which moves float16's exponents to float32's. */
const SHIFT = memory.data<f32>([5192296858534827628530496329220096.0], 16);
/** float16: its exponent and mantissa where float32's begin, 65536 as float32, infinity, the sign. */
const BITS = memory.data<u32>([0x0fffe000, 0x47800000, 0x7f800000, 0x80000000], 16);

/** Four numbers of 16 bits, each in the low half of a lane. */
// @ts-ignore: decorator
@inline
export function wide(x: v128, storage: i32): v128 {
  if (storage == BFLOAT16) return i32x4.shl(x, 16);
  // Exact for subnormal numbers, too; infinity and NaN come out at 65536 and above.
  const f = f32x4.mul(v128.and(i32x4.shl(x, 13), v128.load32_splat(BITS, 0)), v128.load32_splat(SHIFT));
  const beyond = v128.and(f32x4.ge(f, v128.load32_splat(BITS, 4)), v128.load32_splat(BITS, 8));
  return v128.or(v128.or(f, beyond), v128.and(i32x4.shl(x, 16), v128.load32_splat(BITS, 12)));
}

// @ts-ignore: decorator
@inline
function widen_rows(to: usize, from: usize, rows: i32, storage: i32): void {
  for (let end = to + (<usize>rows << 6); to < end; to += 64) {
    const a = v128.load16x4_u(from, 0), b = v128.load16x4_u(from, 8);
    const c = v128.load16x4_u(from, 16), d = v128.load16x4_u(from, 24);
    v128.store(to, wide(a, storage), 0); v128.store(to, wide(b, storage), 16);
    v128.store(to, wide(c, storage), 32); v128.store(to, wide(d, storage), 48);
    from += 32;
  }
}

function widen_float16(to: usize, from: usize, rows: i32): void {
  widen_rows(to, from, rows, FLOAT16);
}

function widen_bfloat16(to: usize, from: usize, rows: i32): void {
  widen_rows(to, from, rows, BFLOAT16);
}

/** `rows` rows of one panel, stored in 16 bits, to rows of float32. */
export function widen(to: usize, from: usize, rows: i32, storage: i32): void {
  // Functions of their own: V8 pairs all of a function's vectors or none.
  if (storage == BFLOAT16) widen_bfloat16(to, from, rows);
  else widen_float16(to, from, rows);
}

/** Transposes the 4 x 4 block of rows a, b, c and d to q, 64 bytes a row. */
// @ts-ignore: decorator
@inline
function transpose_four(q: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5), ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5), cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(q, i32x4.shuffle(ab0, cd0, 0, 1, 4, 5), 0);
  v128.store(q, i32x4.shuffle(ab0, cd0, 2, 3, 6, 7), 64);
  v128.store(q, i32x4.shuffle(ab1, cd1, 0, 1, 4, 5), 128);
  v128.store(q, i32x4.shuffle(ab1, cd1, 2, 3, 6, 7), 192);
}

/** The 16 x 16 block at p, transposed to q. */
// @ts-ignore: decorator
@inline
function transpose_wide(q: usize, p: usize, storage: i32): void {
  for (let end = q + 64; q < end; q += 16) {
    for (let j: usize = 0; j < 1024; j += 256) {
      if (storage == FLOAT32) {
        transpose_four(q + j, v128.load(p, 0), v128.load(p, 64), v128.load(p, 128), v128.load(p, 192));
        p += 16;
      } else {
        transpose_four(
          q + j,
          wide(v128.load16x4_u(p, 0), storage), wide(v128.load16x4_u(p, 32), storage),
          wide(v128.load16x4_u(p, 64), storage), wide(v128.load16x4_u(p, 96), storage),
        );
        p += 8;
      }
    }
    // On to the next four rows.
    p += storage == FLOAT32 ? 192 : 96;
  }
}

/** Transposes 16 rows of `panels` panels, `stride` bytes apart: 16 rows of float32 for each panel. */
export function widen_transposed(to: usize, from: usize, stride: usize, panels: i32, storage: i32): void {
  for (; panels > 0; panels--) {
    if (storage == BFLOAT16) transpose_wide(to, from, BFLOAT16);
    else if (storage == FLOAT16) transpose_wide(to, from, FLOAT16);
    else transpose_wide(to, from, FLOAT32);
    from += stride;
    to += 1024;
  }
}
