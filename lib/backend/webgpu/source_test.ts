import assert from "node:assert/strict";
import { evaluate, specialize } from "./source.ts";

Deno.test("constants are replaced, those that follow from them are computed", () => {
  const { constants, code } = specialize("gemm", { BM: 64, BN: 64, TM: 8 });
  assert.equal(constants.THREADS, 128);
  assert.equal(constants.BLOCKS, 128);
  assert.match(code, /^const BM: u32 = 64u;/m);
  assert.match(code, /^const THREADS: u32 = 128u;/m);
});

Deno.test("loops are unrolled, nested ones too, and nothing of the directives is left", () => {
  const { code } = specialize("gemm", { BM: 64, TM: 8 });
  assert.ok(!/\$|\/\/#/.test(code), code.split("\n").find((l) => /\$|\/\/#/.test(l)));
  // One multiply-add for each row and group of 4 columns at each of 16 steps of k.
  assert.equal(code.match(/= fma\(/g)?.length, 16 * 8);
  assert.match(code, /c_7_0 = fma\(vec4\(a_1\[3\]\), b_0, c_7_0\);/);
});

Deno.test("included files and bindings are found", () => {
  const { code, bindings } = specialize("rmsnorm_forward", { LANES: 8 });
  assert.match(code, /fn row_sum\(/);
  assert.match(code, /^const ROWS: u32 = 16u;/m);
  assert.deepEqual(bindings.map((b) => [b.index, b.name, b.type]), [
    [0, "dims", "uniform"],
    [1, "x", "read-only-storage"],
    [2, "g", "read-only-storage"],
    [3, "y", "storage"],
    [4, "rstd", "storage"],
  ]);
});

Deno.test("integer expressions", () => {
  const names = { BM: 64, TM: 8 };
  assert.equal(evaluate("(BM / TM) * 3u + 1 - 2", names), 23);
  assert.equal(evaluate("(BM + 63u) / 64u % 2", names), 1);
  for (const wrong of ["", "1 +", "(1", "1 2", "NAME"]) {
    assert.throws(() => evaluate(wrong, names), /no integer expression/, wrong);
  }
});
