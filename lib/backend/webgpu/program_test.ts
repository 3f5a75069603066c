import assert from "node:assert/strict";
import { type Dispatch, grid, MAX_GROUPS, type Temporary } from "./dispatch.ts";
import { GEMM_VARIANTS, planGemm, planVariant } from "./gemm.ts";
import { partBounds, planMemory } from "./program.ts";

const temporary = (label: string, elements: number): Temporary => ({
  space: "temporary",
  label,
  elements,
});
const dispatch = (...operands: Temporary[]): Dispatch => ({
  kernel: "x",
  dims: [],
  groups: [1, 1, 1],
  operands: Object.fromEntries(operands.map((o) => [o.label, o])),
});

Deno.test("memory of a dead operand is used again, that of a live one is not", () => {
  const [a, b, c, d] = [
    temporary("a", 100),
    temporary("b", 10),
    temporary("c", 90),
    temporary("d", 120),
  ];
  const { slots, slotBytes } = planMemory(
    [dispatch(a, b), dispatch(b, c), dispatch(c, d)],
    new Map(),
  );
  assert.notEqual(slots.get(a), slots.get(b));
  assert.equal(slots.get(c), slots.get(a), "c fits where a was");
  assert.equal(slots.get(d), slots.get(b), "b's place grows");
  assert.deepEqual(slotBytes, [480, 400]);
});

Deno.test("more workgroups than a dimension holds are folded", () => {
  assert.deepEqual(grid(7), [7, 1, 1]);
  for (const n of [MAX_GROUPS + 1, 200_001]) {
    const [x, y] = grid(n);
    assert.ok(x <= MAX_GROUPS && x * y >= n && x * y < n + y, `${n}: ${x} x ${y}`);
  }
});

Deno.test("long programs are submitted in parts, no product is divided", () => {
  const product = (n: number) => ({
    ...dispatch(),
    kernel: "frozen_gemm",
    dims: [n, 2 ** 12, 2 ** 12],
  });
  const small = dispatch(), large = product(2 ** 12), huge = product(2 ** 16);
  assert.deepEqual(partBounds([]), [0, 0]);
  assert.deepEqual(partBounds([small, large, small]), [0, 3]);
  // Two of 2^36 fit; a product that is longer than a part is one by itself.
  assert.deepEqual(partBounds([large, large, small, large, small]), [0, 3, 5]);
  assert.deepEqual(partBounds([small, huge, small, huge]), [0, 2, 4]);
});

Deno.test("splits cover k once, in whole steps", () => {
  for (const k of [1, 255, 256, 1037, 8192, 100_003]) {
    for (const variant of GEMM_VARIANTS) {
      const shape = { m: 96, n: 288, k, transposeA: true, transposeB: false };
      const { splits, kSplit } = planVariant(shape, variant);
      assert.equal(kSplit % 16, 0);
      assert.ok((splits - 1) * kSplit < k && splits * kSplit >= k, `${k}: ${splits} x ${kSplit}`);
    }
  }
});

Deno.test("the tuning chooses the variant; an unknown one falls back to the smallest", () => {
  const shape = { m: 4096, n: 4096, k: 512, transposeA: false, transposeB: false };
  assert.equal(planGemm(shape, { "nn large": "128x128" }).constants.BM, 128);
  assert.equal(planGemm(shape, { "nn large": "gone" }).constants.BM, 32);
});
