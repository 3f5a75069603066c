import assert from "node:assert/strict";
import { compareCell, compareConclusions, type Comparison, isEqual } from "./comparison.ts";

const PIN = {
  id: "a",
  cost: 1,
  configHash: "c",
  digests: { parameters: "p" },
  metrics: "m",
  numbers: [["rmse", 0.5], ["none", null]] as const,
};
const PROFILE = {
  profile: "smoke",
  kernels: "k",
  configHash: "c",
  summary: "s",
  verdicts: { C1: "see standard" },
  cells: [PIN],
} as const;
const GOT = {
  configHash: "c",
  kernels: "k",
  metrics: { rmse: 0.5, none: null },
  metricsHash: "m",
  digests: { parameters: "p" },
};
const BUNDLE = { pinned: "b", computed: "b" };

const differing = ({ hashes, numbers }: Comparison) =>
  [...hashes, ...numbers].filter((row) => !isEqual(row)).map(({ what }) => what);

Deno.test("a cell is equal if all four hashes are, and its numbers", () => {
  const same = compareCell(PIN, PROFILE, GOT, BUNDLE);
  assert.ok(same.equal);
  assert.deepEqual(same.numbers[1], { what: "none", pinned: "null", computed: "null" });
});

Deno.test("whatever differs makes a cell unequal, and is named", () => {
  const cases = [
    [{ ...GOT, digests: { parameters: "q" } }, BUNDLE, "pin: parameters"],
    [{ ...GOT, digests: {} }, BUNDLE, "pin: parameters"],
    [{ ...GOT, digests: { ...GOT.digests, more: "x" } }, BUNDLE, "pin: more"],
    [{ ...GOT, metricsHash: "n" }, BUNDLE, "pin: all metrics"],
    [{ ...GOT, configHash: "d" }, BUNDLE, "configuration"],
    [{ ...GOT, kernels: "l" }, BUNDLE, "kernels"],
    [GOT, { ...BUNDLE, computed: "x" }, "bundle"],
    [{ ...GOT, metrics: { rmse: 0.5000000000000001, none: null } }, BUNDLE, "rmse"],
    [{ ...GOT, metrics: { rmse: 0.5 } }, BUNDLE, "none"],
  ] as const;
  for (const [got, bundle, what] of cases) {
    const comparison = compareCell(PIN, PROFILE, got, bundle);
    assert.equal(comparison.equal, false);
    assert.deepEqual(differing(comparison), [what]);
  }
});

Deno.test("conclusions are the profile's configuration, its summary and every verdict", () => {
  const got = { configHash: "c", summary: "s", verdicts: { C1: "see standard" } };
  assert.ok(compareConclusions(PROFILE, got).equal);
  const cases = [
    [{ ...got, summary: "t" }, "summary"],
    [{ ...got, configHash: "d" }, "configuration"],
    [{ ...got, verdicts: { C1: "supported" } }, "verdict C1"],
    [{ ...got, verdicts: {} }, "verdict C1"],
    [{ ...got, verdicts: { ...got.verdicts, C2: "supported" } }, "verdict C2"],
  ] as const;
  for (const [wrong, what] of cases) {
    const comparison = compareConclusions(PROFILE, wrong);
    assert.equal(comparison.equal, false);
    assert.deepEqual(differing(comparison), [what]);
  }
});
