import assert from "node:assert/strict";
import { capital, decided, difference, listed, missing, shown } from "./verdicts.ts";

/** Seeds whose mean is this, with a standard deviation of 0.02: the 95% interval is the mean -+ 0.025. */
function around(mean: number): number[] {
  const scale = 0.02 / Math.sqrt(2.5);
  return [-2, -1, 0, 1, 2].map((x) => mean + scale * x);
}

const reading = (numbers: string) => `Gains: ${numbers}.`;
const verdict = (
  effects: Record<string, number[]>,
  claim?: "better in any" | "different in any",
) => decided(effects, { sesoi: 0.1, ...claim ? { claim } : {} }, reading).verdict;

Deno.test("numbers are written with their intervals, an unknown end as a question", () => {
  const a = { estimate: 0.1234, low: 0.1, high: 0.15 };
  const b = { estimate: -1, low: null, high: null };
  assert.equal(shown(a), "0.123 [0.100, 0.150]");
  assert.equal(
    listed({ small: a, large: b }),
    "0.123 [0.100, 0.150] (small); -1.000 [?, ?] (large)",
  );
  assert.equal(capital("lower at d16"), "Lower at d16");
});

Deno.test("what paired seeds have in common does not widen the interval of their difference", () => {
  const b = [0, 10, 20, 30, 40], a = b.map((x, i) => x + 1 + 0.01 * i);
  const { estimate, low, high } = difference(a, b);
  assert.ok(Math.abs(estimate - 1.02) < 1e-12, String(estimate));
  // By hand: sd of 0, 0.01, .., 0.04 is 0.0158; t of 4 degrees of freedom 2.776.
  assert.ok(Math.abs(low! - (1.02 - 0.01963)) < 1e-5 && Math.abs(high! - (1.02 + 0.01963)) < 1e-5);
  assert.throws(() => difference([1], [1, 2]), RangeError);
});

Deno.test("effects are decided against the smallest one of interest", () => {
  assert.equal(verdict({ a: around(0.4) }), "supported");
  assert.equal(verdict({ a: around(-0.4) }), "contradicted");
  assert.equal(verdict({ a: around(0.03) }), "no material difference");
  assert.equal(verdict({ a: [-1, 1, -0.5, 0.5, 0.1] }), "undecided");
});

Deno.test("without another word a claim is about every comparison", () => {
  const better = around(0.4), worse = around(-0.4), unclear = [-1, 1, -0.5, 0.5, 0.1];
  assert.equal(verdict({ better, also: around(0.5) }), "supported");
  assert.equal(verdict({ better, unclear }), "undecided");
  assert.equal(verdict({ better, worse }), "contradicted");
  assert.equal(verdict({ better, unclear }, "better in any"), "supported");
  assert.equal(verdict({ worse, unclear }, "different in any"), "supported");
});

Deno.test("distances from a threshold have no smallest effect: nothing is immaterial", () => {
  const beyond = (effects: number[]) => decided({ a: effects }, { sesoi: 0 }, reading).verdict;
  assert.equal(beyond(around(0.03)), "supported");
  assert.equal(beyond(around(0.01)), "undecided");
  assert.equal(beyond(around(-0.03)), "contradicted");
});

Deno.test("the reading names every comparison, the evidence has its tests", () => {
  const found = decided({ grpo: around(0.4), ppo: around(0.2) }, { sesoi: 0.1 }, reading);
  assert.equal(
    found.reading,
    "Gains: 0.400 [0.375, 0.425] (grpo); 0.200 [0.175, 0.225] (ppo).",
  );
  const { grpo } = found.evidence as Record<string, Record<string, unknown>>;
  assert.equal(grpo!.n, 5);
  assert.equal(grpo!.sesoi, 0.1);
  assert.equal(grpo!.simultaneousDecision, "supported");
  assert.ok(Math.abs(grpo!.sd as number - 0.02) < 1e-12);
  assert.deepEqual(JSON.parse(JSON.stringify(found)), found);
});

Deno.test("nothing to compare, or a single seed, decides nothing", () => {
  assert.deepEqual(missing("No chains."), {
    verdict: "undecided",
    reading: "No chains.",
    evidence: {},
  });
  assert.deepEqual(
    decided({}, { sesoi: 0.1 }, reading, "No rival was run."),
    missing("No rival was run."),
  );
  const single = decided({ a: [0.4] }, { sesoi: 0.1 }, reading);
  assert.equal(single.verdict, "undecided");
  assert.equal(single.reading, "Gains: 0.400 [?, ?] (a).");
});
