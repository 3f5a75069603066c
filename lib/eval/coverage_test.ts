/** What intervals, adjustments and decisions promise, counted over simulated experiments with fixed streams. */
import assert from "node:assert/strict";
import { log } from "../numeric/math.ts";
import { RandomStream } from "../numeric/random.ts";
import { decide, decideFamily, type Decision, type FamilyClaim } from "./decision.ts";
import { holmAdjusted } from "./holm.ts";
import { pairedDifferences, studentInterval, studentPValues } from "./student.ts";

/** The share of experiments in which something holds. */
function share(
  purpose: string,
  experiments: number,
  holds: (random: RandomStream) => boolean,
): number {
  let count = 0;
  for (let row = 0; row < experiments; row++) {
    if (holds(new RandomStream({ seed: 1, purpose: `test/coverage/${purpose}`, row }))) count++;
  }
  return count / experiments;
}

/** Four standard errors of a share. */
const margin = (p: number, experiments: number) => 4 * Math.sqrt(p * (1 - p) / experiments);

const repeat = (n: number, draw: () => number) => Array.from({ length: n }, draw);

/** Skewed: mean 1, skewness 2. */
const exponential = (random: RandomStream) => -log(1 - random.uniform());

type Draw = (random: RandomStream) => number;
/** The scores of two methods on a seed, and how often the 95% interval of the mean difference covers 0: numpy, 400,000 experiments. */
const scores: [string, Draw, Draw, Record<number, number>][] = [
  ["normal", (r) => r.normal(), (r) => 0.5 * r.normal(), { 2: 0.95, 5: 0.95, 10: 0.95 }],
  ["skewed", exponential, exponential, { 2: 0.961, 5: 0.966, 10: 0.958 }],
  // Only one of the two methods varies: the differences are as skewed as its scores.
  ["skewed against a constant", exponential, () => 1, { 2: 0.911, 5: 0.882, 10: 0.900 }],
];
for (const [name, a, b, expected] of scores) {
  for (const [n, covered] of Object.entries(expected)) {
    Deno.test(`the 95% interval of ${name} scores, ${n} seeds, covers in ${covered}`, () => {
      const experiments = 20_000;
      const actual = share(`${name} ${n}`, experiments, (random) => {
        const x = repeat(Number(n), () => a(random));
        const y = repeat(Number(n), () => b(random));
        const { low, high } = studentInterval(pairedDifferences(x, y));
        return low <= 0 && 0 <= high;
      });
      assert.ok(Math.abs(actual - covered) < margin(covered, experiments), `${actual}`);
    });
  }
}

/** Gains of one method over m rivals: they share its scores, so they depend on each other. */
function gains(
  random: RandomStream,
  effects: readonly number[],
  seeds = 5,
): Record<string, number[]> {
  const own = repeat(seeds, () => random.normal());
  return Object.fromEntries(effects.map((effect, i) => [
    `rival ${i}`,
    own.map((score) => score - random.normal() + effect),
  ]));
}

for (const effects of [[0, 0, 0, 0, 0, 0], [0, 0, 0, 9, 9, 9]]) {
  Deno.test(`Holm rejects a true hypothesis of ${effects} in at most 5%; uncorrected tests do not`, () => {
    const experiments = 4000;
    const count = (adjust: (p: number[]) => number[]) =>
      share(`holm ${effects}`, experiments, (random) => {
        const p = Object.values(gains(random, effects)).map((x) => studentPValues(x).twoSided);
        return adjust(p).some((value, i) => effects[i] === 0 && value <= 0.05);
      });
    const wrong = count(holmAdjusted);
    assert.ok(wrong > 0.005 && wrong < 0.05 + margin(0.05, experiments), `${wrong}`);
    assert.ok(count((p) => p) > 0.08);
  });
}

/** Claims, true effects in standard deviations of a score, SESOI, and decisions that would be wrong. */
const wrongDecisions: [FamilyClaim, number[], number, Decision[]][] = [
  ["better in all", [0, 0, 0, 0], 0.2, ["supported", "contradicted"]],
  ["better in any", [0, 0, 0, 0], 0.2, ["supported", "contradicted"]],
  ["different in any", [0, 0, 0, 0], 0.2, ["supported"]],
  // The least favourable: the one effect that is 0 decides alone.
  ["better in all", [0, 9, 9, 9], 0.2, ["supported", "contradicted"]],
  ["better in any", [0, -9, -9, -9], 0.2, ["supported", "contradicted"]],
  // Distances from a threshold.
  ["better in all", [0, 0, 9, 9], 0, ["supported", "contradicted", "no material difference"]],
  ["better in all", [3, 3, 3, 3], 3, ["no material difference"]],
  ["better in all", [-3, 0, 0, 0], 3, ["no material difference"]],
  ["better in any", [-3, -3, -3, -3], 3, ["no material difference"]],
  ["different in any", [0, 0, 0, -3], 3, ["no material difference"]],
];
for (const [claim, effects, sesoi, wrong] of wrongDecisions) {
  for (const seeds of [5, 10]) {
    Deno.test(`"${claim}" of ${effects}, ${seeds} seeds, SESOI ${sesoi}: ${wrong.join(" or ")} in at most 5%`, () => {
      const experiments = 1500;
      const actual = share(`family ${claim} ${effects}`, experiments, (random) => {
        const { decision } = decideFamily(gains(random, effects, seeds), claim, { sesoi });
        return wrong.includes(decision);
      });
      assert.ok(actual < 0.05 + margin(0.05, experiments), `${actual}`);
    });
  }
}

Deno.test("one comparison is wrong in 5%, and decides what its seeds can carry", () => {
  const experiments = 4000;
  const decided = (effect: number, sesoi: number, decision: Decision) =>
    share(`one ${effect}`, experiments, (random) => {
      const effects = repeat(10, () => effect + random.normal());
      return decide(effects, { sesoi }).decision === decision;
    });
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < margin(expected, experiments), `${actual}`);
  near(decided(0, 0.01, "supported"), 0.025);
  near(decided(0, 0.01, "contradicted"), 0.025);
  // At the edge of a wide SESOI only one of the two one-sided tests can fail.
  near(decided(3, 3, "no material difference"), 0.05);
  near(decided(-3, 3, "no material difference"), 0.05);
  // statsmodels: TTestPower().power(1, 10, 0.05) = 0.8031
  near(decided(1, 0.01, "supported"), 0.8031);
});
