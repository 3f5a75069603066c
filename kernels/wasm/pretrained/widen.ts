// Frozen weights. A matrix (rows, cols) stands in panels of 16 columns, as all matrices do; numbers of 16 bits make rows of
// 32 bytes. Widening them to float32 is exact.

/** How a frozen matrix is stored. */
export const FLOAT32 = 0, FLOAT16 = 1, BFLOAT16 = 2;

/** 2^112, which moves float16's exponents to float32's. */
const SHIFT = memory.data<f32>([5192296858534827628530496329220096.0], 16);
/** float16: its exponent and mantissa where float32's begin, 65536 as float32, infinity, the sign. */
const BITS = memory.data<u32>([0x0fffe000, 0x47800000, 0x7f800000, 0x80000000], 16);

/** Four bfloat16 numbers in the low halves of the lanes. */
// @ts-ignore: decorator
@inline
export function from_bfloat16(x: v128): v128 {
  return i32x4.shl(x, 16);
}

/** Four float16 numbers, sign-extended to the lanes; subnormal and infinite ones, too. */
// @ts-ignore: decorator
@inline
export function from_float16(x: v128): v128 {
  const f = f32x4.mul(v128.and(i32x4.shl(x, 13), v128.load32_splat(BITS, 0)), v128.load32_splat(SHIFT));
  const beyond = v128.and(f32x4.ge(f, v128.load32_splat(BITS, 4)), v128.load32_splat(BITS, 8));
  return v128.or(v128.or(f, beyond), v128.and(x, v128.load32_splat(BITS, 12)));
}

/** Four neighbouring numbers, stored as `storage` (16 bits) says. */
// @ts-ignore: decorator
@inline
export function load_wide(p: usize, storage: i32): v128 {
  return storage == BFLOAT16 ? from_bfloat16(v128.load16x4_u(p)) : from_float16(v128.load16x4_s(p));
}

/** `rows` rows of one panel, stored in 16 bits, to rows of float32. */
// @ts-ignore: decorator
@inline
function widen_rows(to: usize, from: usize, rows: i32, storage: i32): void {
  for (let end = to + (<usize>rows << 6); to < end; to += 64) {
    const a = load_wide(from, storage), b = load_wide(from + 8, storage);
    const c = load_wide(from + 16, storage), d = load_wide(from + 24, storage);
    v128.store(to, a, 0); v128.store(to, b, 16); v128.store(to, c, 32); v128.store(to, d, 48);
    from += 32;
  }
}

/** `rows` rows of one panel, stored in 16 bits, to rows of float32. */
export function widen(to: usize, from: usize, rows: i32, storage: i32): void {
  if (storage == BFLOAT16) widen_rows(to, from, rows, BFLOAT16);
  else widen_rows(to, from, rows, FLOAT16);
}

/** The four numbers at p, `row_bytes` / 16 bytes each. */
// @ts-ignore: decorator
@inline
function load_four(p: usize, storage: i32): v128 {
  return storage == FLOAT32 ? v128.load(p) : load_wide(p, storage);
}

/** Transposes 16 rows of `panels` panels: 16 rows of float32 for each panel. */
// @ts-ignore: decorator
@inline
function widen_transposed_rows(to: usize, from: usize, stride: usize, panels: i32, storage: i32): void {
  const shift: usize = storage == FLOAT32 ? 2 : 1;
  for (; panels > 0; panels--) {
    for (let j: usize = 0; j < 16; j += 4) {
      for (let i: usize = 0; i < 16; i += 4) {
        const p = from + ((i << 4) << shift) + (j << shift);
        const a = load_four(p, storage), b = load_four(p + (16 << shift), storage);
        const c = load_four(p + (32 << shift), storage), d = load_four(p + (48 << shift), storage);
        const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5), ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
        const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5), cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
        const q = to + (j << 6) + (i << 2);
        v128.store(q, i32x4.shuffle(ab0, cd0, 0, 1, 4, 5), 0);
        v128.store(q, i32x4.shuffle(ab0, cd0, 2, 3, 6, 7), 64);
        v128.store(q, i32x4.shuffle(ab1, cd1, 0, 1, 4, 5), 128);
        v128.store(q, i32x4.shuffle(ab1, cd1, 2, 3, 6, 7), 192);
      }
    }
    from += stride;
    to += 1024;
  }
}

/** Transposes 16 rows of `panels` panels, `stride` bytes apart: 16 rows of float32 for each panel. */
export function widen_transposed(to: usize, from: usize, stride: usize, panels: i32, storage: i32): void {
  if (storage == FLOAT32) widen_transposed_rows(to, from, stride, panels, FLOAT32);
  else if (storage == BFLOAT16) widen_transposed_rows(to, from, stride, panels, BFLOAT16);
  else widen_transposed_rows(to, from, stride, panels, FLOAT16);
}
