import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { decide, decideFamily, type Decision, type FamilyClaim } from "./decision.ts";
import { pairedDifferences, studentInterval } from "./student.ts";
import { near } from "./testdata.ts";
import fixture from "./testdata/tests.json" with { type: "json" };

const sesoi = 0.1;

Deno.test("the tests against the SESOI equal statsmodels' ttost_paired", () => {
  for (const { a, b, sesoi, ...expected } of fixture.samples) {
    const comparison = decide(pairedDifferences(a, b), { sesoi });
    near(comparison.pEquivalence, expected.pEquivalence, 1e-12);
    near(comparison.pNonInferiority, expected.pNonInferiority, 1e-12);
    near(comparison.pNonSuperiority, expected.pNonSuperiority, 1e-12);
  }
});

Deno.test("the decision is what the 90% and 95% intervals say", () => {
  const seen = new Map<Decision, number>();
  for (let row = 0; row < 2000; row++) {
    const random = new RandomStream({ seed: 1, purpose: "test/decision", row });
    const centre = 0.3 * random.normal();
    const effects = Array.from({ length: 5 }, () => centre + 0.08 * random.normal());
    const { decision, ...interval } = decide(effects, { sesoi });
    const narrow = studentInterval(effects, 0.9);
    const expected = -sesoi < narrow.low && narrow.high < sesoi
      ? "no material difference"
      : interval.low > 0
      ? "supported"
      : interval.high < 0
      ? "contradicted"
      : "undecided";
    assert.equal(decision, expected);
    seen.set(decision, (seen.get(decision) ?? 0) + 1);
  }
  assert.equal(seen.size, 4);
  assert.ok([...seen.values()].every((count) => count > 50), JSON.stringify([...seen]));
});

Deno.test("a significant effect that is surely immaterial is no material difference", () => {
  const effects = [0.031, 0.024, 0.036, 0.022, 0.029];
  const { p, low, decision } = decide(effects, { sesoi });
  assert.ok(p < 0.001 && low > 0);
  assert.equal(decision, "no material difference");
  assert.equal(decide(effects, { sesoi: 0.02 }).decision, "supported");
  assert.equal(decide(effects, { sesoi: 0.02, alpha: 1e-6 }).decision, "undecided");
});

Deno.test("with a SESOI of 0 the interval decides alone, and nothing is immaterial", () => {
  for (
    const [effects, expected] of [
      [[0.001, 0.002, 0.0015], "supported"],
      [[-0.001, -0.002, -0.0015], "contradicted"],
      [[0.001, -0.001, 0.0001], "undecided"],
      [[0, 0], "undecided"],
    ] as const
  ) {
    const comparison = decide(effects, { sesoi: 0 });
    assert.equal(comparison.decision, expected);
    assert.equal(comparison.sesoi, 0);
  }
});

Deno.test("equal effects on all seeds are decided by their value", () => {
  const cases: [number, Decision][] = [
    [0, "no material difference"],
    [0.09, "no material difference"],
    [0.1, "supported"],
    [0.3, "supported"],
    [-0.1, "contradicted"],
  ];
  for (const [value, expected] of cases) {
    assert.equal(decide([value, value], { sesoi }).decision, expected);
  }
});

/** Five effects with this mean and a standard deviation of 0.02: its 95% interval is the mean -+ 0.025. */
function around(mean: number): number[] {
  const scale = 0.02 / Math.sqrt(2.5);
  return [-2, -1, 0, 1, 2].map((x) => mean + scale * x);
}

/** As `around`, but with a p-value of 0.03, which Holm's adjustment over two or more does not let pass. */
const barely = (() => {
  // P(|T_4| > 3.2978) = 0.03
  const mean = 1;
  const scale = mean * Math.sqrt(5) / 3.2978 / Math.sqrt(2.5);
  return [-2, -1, 0, 1, 2].map((x) => mean + scale * x);
})();

const better = around(0.4);
const worse = around(-0.4);
const equal = around(0.01);
const unclear = [-1, 1, -0.5, 0.5, 0.1];
const less = barely.map((x) => -x);

/** Families, and what is said of: better in all, better in any, different in any. */
const families: [string, number[][], Decision, Decision, Decision][] = [
  ["all better", [better, better, better], "supported", "supported", "supported"],
  ["all worse", [worse, worse], "contradicted", "contradicted", "supported"],
  [
    "all equal",
    [equal, equal, equal],
    "no material difference",
    "no material difference",
    "no material difference",
  ],
  ["all unclear", [unclear, unclear], "undecided", "undecided", "undecided"],
  ["one better, one worse", [better, worse], "contradicted", "supported", "supported"],
  ["one better, one equal", [better, equal], "no material difference", "supported", "supported"],
  ["one worse, one equal", [worse, equal], "contradicted", "no material difference", "supported"],
  ["one better, one unclear", [better, unclear], "undecided", "supported", "supported"],
  ["one worse, one unclear", [worse, unclear], "contradicted", "undecided", "supported"],
  ["one equal, one unclear", [equal, unclear], "undecided", "undecided", "undecided"],
  // Each at 0.03: what all must show is not corrected, what one has to show is.
  ["all barely better", [barely, barely], "supported", "undecided", "undecided"],
  ["all barely worse", [less, less], "undecided", "contradicted", "undecided"],
  ["one better, one barely worse", [better, less], "contradicted", "supported", "supported"],
  ["one unclear, one barely worse", [unclear, less], "undecided", "undecided", "undecided"],
];
for (const [name, effects, ...expected] of families) {
  Deno.test(`a family: ${name}`, () => {
    const claims: FamilyClaim[] = ["better in all", "better in any", "different in any"];
    const named = Object.fromEntries(effects.map((x, i) => [`rival ${i}`, x]));
    assert.deepEqual(
      claims.map((claim) => decideFamily(named, claim, { sesoi }).decision),
      expected,
    );
  });
}

Deno.test("barely is at p = 0.03", () => near(decide(barely, { sesoi }).p, 0.03, 1e-5));

Deno.test("a family of one is the comparison alone", () => {
  for (const effects of [better, worse, equal, unclear, barely]) {
    const alone = decide(effects, { sesoi });
    for (const claim of ["better in all", "better in any"] as const) {
      const { decision, comparisons } = decideFamily({ only: effects }, claim, { sesoi });
      assert.equal(decision, alone.decision);
      assert.deepEqual(comparisons, {
        only: {
          ...alone,
          adjustedP: alone.p,
          adjustedPEquivalence: alone.pEquivalence,
          simultaneousDecision: alone.decision,
        },
      });
    }
  }
});

Deno.test("comparisons of a family are decided alone and simultaneously", () => {
  const { comparisons } = decideFamily({ better, barely, equal }, "better in all", { sesoi });
  const { barely: one } = comparisons;
  assert.equal(one!.decision, "supported");
  // Second of three by rising p among better (1e-6), barely (0.03), equal (0.3).
  near(one!.adjustedP, 2 * one!.p);
  assert.equal(one!.simultaneousDecision, "undecided");
  assert.equal(comparisons.equal!.simultaneousDecision, "no material difference");
  assert.equal(comparisons.better!.simultaneousDecision, "supported");
});

Deno.test("bad input is a RangeError that says what to do", () => {
  const cases: [() => unknown, RegExp][] = [
    [() => decide([1, 2], { sesoi: -1 }), /^RangeError: sesoi: -1: give a number of 0 or more/],
    [() => decide([1, 2], { sesoi: Infinity }), /^RangeError: sesoi: Infinity/],
    [() => decide([1, 2], { sesoi, alpha: 1 }), /^RangeError: alpha: 1: give a number between/],
    [() => decide([1], { sesoi }), /^RangeError: effects: length 1: give at least two seeds/],
    [
      () => decideFamily({}, "better in all", { sesoi }),
      /^RangeError: effects: empty: give at least one comparison/,
    ],
    [
      () => decideFamily({ ppo: [1, NaN] }, "better in all", { sesoi }),
      /^RangeError: effects\.ppo\[1\]: NaN: give a finite number/,
    ],
  ];
  for (const [call, message] of cases) assert.throws(call, message);
});
