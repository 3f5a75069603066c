import assert from "node:assert/strict";
import { nonInferiority } from "./non_inferiority.ts";

const interval = (low: number | null, high: number | null) => ({
  estimate: low === null ? null : (low + high!) / 2,
  low,
  high,
  level: 0.95,
  replicates: 100,
});
type Ends = readonly [low: number | null, high: number | null];
const verdict = (mse: Ends, auc: Ends, parseRate = 1) =>
  nonInferiority({ mse: interval(...mse), auc: interval(...auc), parseRate });

Deno.test("each gate by the end of its interval", () => {
  const words = ([mse, auc, rate]: [Ends, Ends, number]) => {
    const { mse: m, auc: a, parseRate, all } = verdict(mse, auc, rate);
    return [m, a, parseRate, all];
  };
  const yes = "not worse", no = "worse", open = "undecided";
  assert.deepEqual(words([[-0.1, 0.009], [-0.019, 0], 0.99]), [yes, yes, yes, yes]);
  assert.deepEqual(words([[0.009, 0.011], [0, 0.1], 1]), [open, yes, yes, open]);
  assert.deepEqual(words([[-0.1, 0], [-0.03, -0.01], 1]), [yes, open, yes, open]);
  assert.deepEqual(words([[0.011, 0.02], [0, 0.1], 1]), [no, yes, yes, no]);
  assert.deepEqual(words([[-0.1, 0], [-0.05, -0.021], 1]), [yes, no, yes, no]);
  assert.deepEqual(words([[-0.1, 0], [0, 0.1], 0.98]), [yes, yes, no, no]);
});

Deno.test("an AUC that cannot be measured is left out; an error that cannot be is not passed over", () => {
  assert.deepEqual(verdict([-0.1, 0], [null, null]), {
    mse: "not worse",
    auc: "not measured",
    parseRate: "not worse",
    all: "not worse",
  });
  const none = { mse: interval(null, null), auc: interval(0, 0.1), parseRate: 1 };
  assert.equal(nonInferiority(none).all, "not measured");
});

Deno.test("margins can be given, and none is below 0", () => {
  const difference = { mse: interval(0, 0.03), auc: interval(-0.1, 0), parseRate: 0.9 };
  const margins = { mse: 0.05, auc: 0.2, parseRate: 0.9 };
  assert.equal(nonInferiority(difference, margins).all, "not worse");
  assert.throws(() => nonInferiority(difference, { auc: -1 }), /^RangeError: margins.auc: -1/);
});
