import assert from "node:assert/strict";
import { createEnvironment } from "../../lib/env/registry.ts";
import { UsageError } from "../../lib/errors.ts";
import {
  cellsTest,
  fakeReport,
  finished,
  interruptionTest,
  verdictsOf,
} from "../shared/testing.ts";
import type { GeneralizationMetrics } from "./cell.ts";
import { generalizationCells } from "./cells.ts";
import { generalizationClaims } from "./claims.ts";
import {
  type GeneralizationConfig,
  generalizationConfig,
  type GeneralizationInput,
} from "./config.ts";
import generalization from "./mod.ts";
import { labelledTestStates } from "./states.ts";
import { type GeneralizationSummary, summarizeGeneralization } from "./summary.ts";

const size = { dModel: 16, layers: 1, learningRate: 1e-2 };

const tests: NonNullable<GeneralizationInput["tests"]> = [
  { name: "in distribution", shift: "none", min: 3, max: 5 },
  { name: "2x length", shift: "length", min: 10, max: 10 },
  { name: "3x length", shift: "length", min: 15, max: 15 },
  { name: "skill", shift: "skill", min: 3, max: 5, epsilon: 0.7 },
  {
    name: "biased",
    shift: "start",
    min: 3,
    max: 5,
    bias: { generator: "rot", probability: 0.5 },
  },
];

function config(change: Partial<GeneralizationInput> = {}): GeneralizationConfig {
  return generalizationConfig.parse({
    seeds: [1],
    runs: [{ critic: "discriminative-mse", sizes: [size] }],
    environment: { group: "S4", minLength: 3, maxLength: 5 },
    tests,
    steps: 100,
    batchSize: 16,
    testStates: 60,
    ...change,
  });
}

cellsTest(generalization);

Deno.test("what cannot be tested is refused before anything is trained", () => {
  const first = tests[0]!;
  assert.throws(() => config({ headline: "5x length" }), /must be the name of one of the tests/);
  assert.throws(() => config({ tests: [...tests, first] }), /same name/);
  assert.throws(() => config({ tests: tests.toReversed() }), /first test set, and no other/);
  const refused = (change: object) => {
    const changed = config({ tests: [first, { ...tests[1]!, ...change }] });
    assert.throws(() => generalizationCells(changed), UsageError);
  };
  refused({ min: 60, max: 60 });
  refused({ min: 11 });
  refused({ bias: { generator: "(012)", probability: 0.5 } });
});

Deno.test("the states of every set are held out, unsolved, and what the set says", () => {
  const full = config({ testStates: 300 });
  const { environment: e, actor } = full;
  const environment = createEnvironment("permutation", e);
  const rot = environment.group.generators.findIndex(({ name }) => name === "rot");
  const share = new Map<string, number>();
  for (const set of full.tests) {
    const labelled = labelledTestStates(set, full);
    assert.deepEqual(labelledTestStates(set, full), labelled);
    const symbols = labelled.flatMap(({ state }) => state.word);
    share.set(set.name, symbols.filter((g) => g === rot).length / symbols.length);
    for (const { state, value } of labelled) {
      assert.equal(environment.splitOf(state.word), "test");
      assert.notEqual(state.element, 0);
      assert.ok(state.word.length >= set.min && state.word.length <= set.max);
      assert.ok(state.moves.length >= e.minMovesBefore && state.moves.length <= e.maxMovesBefore);
      assert.equal(state.stepsLeft, e.maxMoves - state.moves.length);
      const epsilon = set.epsilon ?? actor.epsilon;
      assert.equal(value, environment.exactValue(state, { epsilon }));
    }
    const counts = new Set(labelled.map(({ state }) => state.moves.length));
    assert.equal(
      counts.size,
      e.maxMovesBefore - e.minMovesBefore + 1,
      "all numbers of moves occur",
    );
  }
  // Half of the symbols and a quarter of the other half, as far as held-out words allow.
  assert.ok(share.get("biased")! > 0.5 && share.get("biased")! < 0.75, `${share.get("biased")}`);
  assert.ok(share.get("2x length")! > 0.2 && share.get("2x length")! < 0.3);
});

Deno.test("without a bias, biased words are the environment's own", () => {
  const full = config({ testStates: 3000, environment: {} });
  const uniform = { name: "uniform", shift: "start", min: 6, max: 10 } as const;
  const statistics = (bias: object) => {
    const labelled = labelledTestStates({ ...uniform, ...bias }, full);
    const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;
    return [
      mean(labelled.map(({ value }) => value)),
      mean(labelled.map(({ state }) => state.word.length)),
      mean(labelled.map(({ state }) => state.moves.length)),
    ];
  };
  const own = statistics({});
  const ours = statistics({ bias: { generator: "rot", probability: 0 } });
  // Standard errors of a difference: 0.006, 0.037, 0.029.
  [0.02, 0.13, 0.1].forEach((tolerance, i) =>
    assert.ok(Math.abs(own[i]! - ours[i]!) < tolerance, `${own} ${ours}`)
  );
});

interruptionTest(
  generalization,
  () =>
    ["discriminative-mse", "cot"].map((critic) =>
      generalizationCells(config({ runs: [{ critic, sizes: [size] }] }))[0]!
    ),
  1,
  ({ config: { critic } }, { metrics: { tests } }) => {
    for (const [name, report] of Object.entries(tests)) {
      const { chains, n, penalizedMse, traceAccuracy, trainedActorRmse } = report;
      assert.equal(trainedActorRmse > 0.1, name === "skill");
      if (critic === "discriminative-mse") {
        assert.equal(chains, null);
        continue;
      }
      const { afterRight, afterWrong, firstWrong, reached } = chains!;
      assert.equal(afterRight.count + afterWrong.count, n);
      assert.equal(afterRight.count, traceAccuracy! * n);
      assert.equal(firstWrong.reduce((a, b) => a + b), afterWrong.count);
      assert.equal(reached[0], n);
      const mse = (afterRight.squares + afterWrong.squares) / n;
      assert.ok(Math.abs(mse - penalizedMse) < 1e-9);
    }
  },
);

type Errors = Partial<Record<string, number[][]>>;

/**
 * A summary with the given RMSE by size and seed, sizes tenfold apart: for both critics on every test set, or on those
 * named.
 */
function summary(discriminative: number[][], generative: number[][], elsewhere: Errors = {}) {
  const full = config({
    seeds: discriminative[0]!.map((_, i) => i + 1),
    runs: ["discriminative-mse", "cot"].map((critic) => ({
      critic,
      sizes: discriminative.map((_, i) => ({ ...size, layers: i + 1 })),
    })),
  });
  const cells = finished(
    generalizationCells(full),
    ({ seed, config: { critic, size } }): GeneralizationMetrics => {
      const reports = full.tests.map(({ name }) => {
        const scores = critic === "cot" ? elsewhere[name] ?? generative : discriminative;
        const rmse = scores[size.layers - 1]![seed - 1]!;
        const report = fakeReport(rmse * rmse, { rankingAccuracy: 1 - rmse });
        return [name, { ...report, chains: null, trainedActorRmse: 0 }];
      });
      return {
        parameters: 10 ** (size.layers + 2),
        trainingFlops: 1,
        tests: Object.fromEntries(reports),
        curve: [],
      };
    },
  );
  return summarizeGeneralization(full, cells);
}

function verdicts(s: GeneralizationSummary): Record<string, string> {
  return verdictsOf(generalizationClaims, s);
}

const flat = [[0.25, 0.24, 0.26], [0.25, 0.26, 0.24]];
const falling = [[0.2, 0.19, 0.21], [0.03, 0.04, 0.03]];

const near = (a: number | null, b: number) =>
  assert.ok(a !== null && Math.abs(a - b) < 1e-12, `${a}`);

Deno.test("MSE side by side, their ratio by seed, and the length at which it reaches one half", () => {
  const { lost, pairs, tests } = summary([[0.2, 0.4], [0.4, 0.4]], [[0.1, 0.1], [0.1, 0.1]], {
    "2x length": [[0.2, 0.4], [0.2, 0.4]],
  });
  assert.deepEqual(tests.map(({ length }) => length), [1, 2, 3, 1, 1]);
  const at = (size: string) => pairs.find((pair) => pair.size === size && pair.test === "skill")!;
  at("d16-L1").ratio.scores.forEach((ratio, i) => near(ratio, [1 / 4, 1 / 16][i]!));
  near(at("d16-L1").generative.mean.estimate, 0.01);
  near(at("d16-L1").discriminative.mean.estimate, 0.1);
  near(at("d16-L2").ratio.mean.estimate, 1 / 16);
  assert.deepEqual(lost.map(({ size }) => size), ["d16-L1", "d16-L2"]);
  // From 1/4 to 1: half of the way in logarithms. From 1/16 to 1: three quarters.
  near(lost[0]!.bySeed[0]!, 1.5);
  near(lost[0]!.bySeed[1]!, 1.75);
  // From 1/16 to 1/4, and from there to 1/16.
  assert.equal(lost[1]!.bySeed[0], null);
  // The mean ratios, 1/16 and (1/4 + 1) / 2.
  near(lost[1]!.ofMean, 1 + Math.log(8) / Math.log(10));
});

Deno.test("the verdicts of what the paper says", () => {
  assert.deepEqual(verdicts(summary(flat, falling)), {
    "C3": "supported",
    "C3-longer": "supported",
    "C3-sizes": "supported",
    "C3-scale": "supported",
    "C3-skill": "supported",
    "C3-start": "supported",
  });
});

Deno.test("the verdicts where the opposite is true", () => {
  for (const verdict of Object.values(verdicts(summary(falling, flat)))) {
    assert.equal(verdict, "contradicted");
  }
});

Deno.test("each claim reads the test sets that it is about", () => {
  const high = [[0.9, 0.8, 0.9], [0.9, 0.8, 0.9]];
  const only = (name: string) => verdicts(summary(flat, falling, { [name]: high }));
  assert.deepEqual(only("in distribution"), verdicts(summary(flat, falling)));
  const wrong = (name: string) =>
    Object.entries(only(name)).filter(([, verdict]) => verdict === "contradicted").map(([id]) =>
      id
    );
  assert.deepEqual(wrong("2x length"), ["C3", "C3-sizes", "C3-scale"]);
  assert.deepEqual(wrong("3x length"), ["C3-longer", "C3-sizes"]);
  assert.deepEqual(wrong("skill"), ["C3-sizes", "C3-skill"]);
  assert.deepEqual(wrong("biased"), ["C3-sizes", "C3-start"]);
});

Deno.test("C3 is about half of the MSE, at the largest size", () => {
  const of = (rmse: number) => {
    const seeds = [rmse, rmse - 0.001, rmse + 0.001];
    const { C3, "C3-longer": longer, "C3-skill": skill } = verdicts(
      summary(flat, [[0.9, 0.9, 0.8], seeds]),
    );
    assert.equal(longer, C3);
    assert.equal(skill, "supported");
    return C3;
  };
  // 0.25 / sqrt(2) = 0.177.
  assert.equal(of(0.15), "supported");
  assert.equal(of(0.21), "contradicted");
  assert.equal(of(0.177), "undecided");
});

Deno.test("a handicap that shrinks is no advantage that grows", () => {
  const shrinking = [[0.9, 0.91, 0.89], [0.5, 0.51, 0.49]];
  assert.equal(verdicts(summary(flat, shrinking))["C3-scale"], "contradicted");
  const constant = [[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]];
  assert.equal(
    verdicts(summary([[0.3, 0.3, 0.3], [0.3, 0.3, 0.3]], constant))["C3-scale"],
    "no material difference",
  );
});

Deno.test("errors that are lower by less than matters are not materially different", () => {
  const slightly = flat.map((seeds) => seeds.map((rmse) => rmse - 0.005));
  const { "C3-sizes": sizes, "C3-skill": skill, C3 } = verdicts(summary(flat, slightly));
  assert.deepEqual([sizes, skill], ["no material difference", "no material difference"]);
  assert.equal(C3, "contradicted");
});

Deno.test("with one seed, without both critics, or where the runs overlap, nothing is decided", () => {
  const one = summary([[0.25], [0.25]], [[0.1], [0.05]]);
  const overlapping = [[0.05, 0.3, 0.1], [0.1, 0.05, 0.3]];
  const none: GeneralizationSummary = { ...one, pairs: [], lost: [] };
  for (const s of [one, summary(flat, overlapping), none]) {
    for (const verdict of Object.values(verdicts(s))) assert.equal(verdict, "undecided");
  }
});
