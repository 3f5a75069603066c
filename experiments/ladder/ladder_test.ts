import assert from "node:assert/strict";
import { createEnvironment } from "../../lib/env/registry.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import { UsageError } from "../../lib/errors.ts";
import {
  cellsTest,
  fakeReport,
  finished,
  interruptionTest,
  verdictsOf,
} from "../shared/testing.ts";
import { afterRightChains, baselines, type LadderMetrics } from "./cell.ts";
import { ladderCells } from "./cells.ts";
import { ladderClaims } from "./claims.ts";
import {
  type LadderConfig,
  ladderConfig,
  type LadderInput,
  learningRate,
  profiles,
} from "./config.ts";
import { r2Figure, rankingFigure } from "./figures.ts";
import ladder from "./mod.ts";
import { environmentOf, MATCHED, RUNGS } from "./rungs.ts";
import { type LadderSummary, summarizeLadder } from "./summary.ts";

const size = { dModel: 16, layers: 1 };

function config(change: Partial<LadderInput> = {}): LadderConfig {
  return ladderConfig.parse({
    seeds: [1],
    rungs: [RUNGS.S3],
    runs: [{ critic: "discriminative-mse", sizes: [size] }],
    steps: 120,
    batchSize: 16,
    testStates: 50,
    ...change,
  });
}

cellsTest(ladder);

Deno.test("matched rungs of a profile differ in their problems alone", () => {
  for (const profile of Object.values(profiles)) {
    const full = ladderConfig.parse(profile);
    const matched = full.rungs.filter(({ complexity }) => MATCHED.includes(complexity))
      .map(({ name }) => name);
    const cells = ladderCells(full).filter(({ config: { rung } }) => matched.includes(rung));
    for (const role of ["report", "search"]) {
      const of = cells.filter((cell) => cell.config.role === role);
      const runs = Map.groupBy(of, ({ config: { rung } }) => rung);
      const shapes = [...runs.values()].map((group) =>
        group.map((
          { seed, config: c },
        ) => [seed, c.critic, c.size, c.steps, c.batchSize, c.testSeed])
      );
      for (const shape of shapes) assert.deepEqual(shape, shapes[0]);
    }
  }
});

Deno.test("rungs up to NC1 have four symbols, words of one length range, and prompts alike", () => {
  const lengths = ladderConfig.parse(profiles.standard).rungs
    .filter(({ complexity }) => MATCHED.includes(complexity))
    .map(({ environment: e }) => {
      assert.ok(e.name === "permutation" || e.name === "local-check");
      const symbols = e.name === "permutation"
        ? createEnvironment(e.name, e.config).group.generators.length
        : e.config.symbols;
      assert.deepEqual([symbols, e.config.minLength, e.config.maxLength], [4, 6, 10]);
      const { prompt, trace } = environmentOf(e).maxLengths();
      assert.equal(prompt, trace + 2);
      return prompt;
    });
  assert.equal(lengths.length, 6);
  assert.ok(Math.max(...lengths) - Math.min(...lengths) <= 3, `${lengths}`);
});

Deno.test("mean and variance of the values are comparable on all rungs", () => {
  for (const { environment: e, name } of ladderConfig.parse(profiles.standard).rungs) {
    const environment = environmentOf(e);
    const key = { seed: 1, purpose: "ladder-test" };
    const values = sampleStates(environment, key, 4000, { actor: e.actor, split: "train" })
      .map((state) => environment.exactValue(state, e.actor));
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    assert.ok(mean > 0.4 && mean < 0.75, `${name}: mean ${mean}`);
    assert.ok(variance > 0.05 && variance < 0.11, `${name}: variance ${variance}`);
  }
});

Deno.test("the learning rate falls with the root of the width, tuned at 32", () => {
  const [rung] = config().rungs;
  const at = (dModel: number) => learningRate(rung!, "cot", { dModel, layers: 2 });
  assert.equal(at(32), RUNGS.S3.learningRates.cot);
  assert.ok(Math.abs(at(128) - at(32) / 2) < 1e-12);
});

Deno.test("bad configurations name field and remedy", () => {
  assert.throws(
    () => config({ rungs: [RUNGS.S3, RUNGS.S3] }),
    /two rungs have the same name: give each its own/,
  );
  assert.throws(
    () => config({ runs: [{ critic: "filler", sizes: [size] }] }),
    /a rung has no learning rate for a critic of runs: add it/,
  );
  const run = { critic: "cot", sizes: [size] };
  assert.throws(() => config({ runs: [{ ...run, rungs: ["S9"] }] }), /unknown rung: give the name/);
  assert.throws(
    () => config({ rungs: [RUNGS.S3, RUNGS.S4], runs: [{ ...run, rungs: ["S4"] }] }),
    /a rung has no run: add one/,
  );
  const search = { seeds: [1], testSeed: 8, size, rates: [1e-3, 2e-3], steps: 10 };
  assert.throws(() => ladderCells(config({ search })), UsageError);
  const same = { ...search, seeds: [101], testSeed: 7 };
  assert.throws(() => ladderCells(config({ search: same })), UsageError);
});

interruptionTest(
  ladder,
  () =>
    ["discriminative-mse", "cot"].map((critic) =>
      ladderCells(config({ runs: [{ critic, sizes: [size] }] }))[0]!
    ),
  2,
);

Deno.test("the baselines are the best functions of progress, and of progress and the chain's end", () => {
  const environment = createEnvironment("permutation", {
    group: "Z3",
    maxMoves: 4,
    maxMovesBefore: 3,
  });
  const word = ["+1", "+1", "+1", "+1"];
  const labelled = [
    // Progress 0: values 0 and 1; progress 1/4: 0.5 and 0.5. Mean 0.5, variance 0.125, all of it inside progress 0.
    { moves: [], value: 0 },
    { moves: [], value: 1 },
    { moves: ["+1"], value: 0.5 },
    { moves: ["+1"], value: 0.5 },
  ].map(({ moves, value }) => ({ state: environment.state(word, moves), context: {}, value }));
  assert.deepEqual(baselines(environment, labelled), { progressR2: 0, conclusionR2: 0 });
  // The same states at different distances, 1 and 0: the chain's end tells them apart.
  const apart = labelled.map((one, i) =>
    i === 1 ? { ...one, state: environment.state(["+1", "-1"]) } : one
  );
  assert.deepEqual(baselines(environment, apart), { progressR2: 0, conclusionR2: 1 });
  // On a group's rung the distance and the steps left are all there is to know.
  const { environment: e } = config({ rungs: [RUNGS.S5] }).rungs[0]!;
  const s5 = environmentOf(e);
  const states = sampleStates(s5, { seed: 1, purpose: "ladder-test" }, 300, {
    actor: e.actor,
    split: "test",
  });
  const exact = states.map((state) => ({
    state,
    context: {},
    value: s5.exactValue(state, e.actor),
  }));
  assert.ok(Math.abs(baselines(s5, exact).conclusionR2 - 1) < 0.02);
});

Deno.test("r2 after right chains leaves out the others", () => {
  const environment = createEnvironment("permutation", { group: "S3" });
  const answer = (word: string[], value: number, exact: number, right: boolean) => {
    const state = environment.state(word);
    const response = [
      ...environment.reasoningTrace(state),
      environment.vocabulary.valueToken(value),
    ];
    if (!right) response[0] = environment.vocabulary.filler;
    return {
      labelled: { state, context: {}, value: exact },
      prediction: { value, expectation: null, responses: [response] },
    };
  };
  const answers = [
    answer(["rot"], 0.2, 0.2, true),
    answer(["(01)"], 0.6, 0.8, true),
    answer(["rot", "(01)"], 1, 0, false),
  ];
  const judged = afterRightChains(
    environment,
    answers.map((a) => a.labelled),
    answers.map((a) => a.prediction),
  );
  assert.equal(judged.n, 2);
  // MSE 0.02, variance of 0.2 and 0.8: 0.09.
  assert.ok(Math.abs(judged.r2! - (1 - 0.02 / 0.09)) < 1e-12);
  const silent = answers.map(({ prediction: { value, expectation } }) => ({ value, expectation }));
  assert.deepEqual(
    afterRightChains(environment, answers.map((a) => a.labelled), silent),
    { n: 0, r2: null },
  );
});

/** r2 by rung and critic: one score per seed. */
type Made = Readonly<Record<string, readonly [discriminative: number[], cot: number[]]>>;

/** What is made up beside the r2. */
interface MadeUp {
  /** r2 of the CoT critic after right chains; null: too few are right. Default: 0.5 and more by seed. */
  readonly after?: number | null;
  /** r2 with twice the data, on the rungs that have such runs. */
  readonly moreData?: Made;
}

/** A summary in which the critics have the given r2. */
function summary(made: Made, { after = 0.5, moreData }: MadeUp = {}): LadderSummary {
  const seeds = Object.values(made)[0]![0].map((_, i) => i + 1);
  const runs = ["discriminative-mse", "cot"].map((critic) => ({ critic, sizes: [size] }));
  const full = config({
    seeds,
    rungs: Object.values(RUNGS).filter(({ name }) => name in made),
    runs,
    ...moreData &&
      {
        moreData: {
          factor: 2,
          runs: runs.map((run) => ({ ...run, rungs: Object.keys(moreData) })),
        },
      },
  });
  const cells = finished(
    ladderCells(full),
    ({ seed, config: { critic, role, rung } }): LadderMetrics => {
      const cot = critic === "cot";
      const r2 = (role === "report" ? made : moreData!)[rung]![cot ? 1 : 0][seed - 1]!;
      return {
        parameters: cot ? 6000 : 5000,
        trainingFlops: 1,
        test: fakeReport((1 - r2) * 0.08, {
          varianceExact: 0.08,
          meanExact: 0.6,
          rankingAccuracy: 0.5 + r2 / 2,
          traceAccuracy: cot ? 0.8 : null,
        }),
        afterRightChains: after === null
          ? { n: 10, r2: null }
          : { n: 800, r2: after + seed / 1000 },
        baselines: { progressR2: 0.05, conclusionR2: 0.9 },
        curve: [],
      };
    },
  );
  return summarizeLadder(full, cells);
}

function verdicts(s: LadderSummary): Record<string, string> {
  return verdictsOf(ladderClaims, s);
}

/** Differences of two such scores vary a little by seed. */
const near = (x: number) => [-0.01, 0, 0.01].map((offset) => x + offset * (1 + x / 10));

Deno.test("the verdicts of what theory would have", () => {
  const s = summary({
    "local check": [near(0.97), near(0.98)],
    Z120: [near(0.92), near(0.98)],
    S4: [near(0.92), near(0.985)],
    S5: [near(0.1), near(0.97)],
    circuit: [near(0.1), near(0.95)],
    "3-SAT": [near(0.1), near(0.4)],
  });
  assert.deepEqual(verdicts(s), {
    "L1": "supported",
    // 0.92 is above 0.9 by less than its interval is wide.
    "L1-learned": "undecided",
    "L2": "supported",
    "L2-circuit": "supported",
    "L3": "supported",
    "L4": "supported",
    // 0.01 on the local check.
    "L5": "no material difference",
  });
  assert.match(r2Figure(s).description.title, /rung/);
  assert.equal(rankingFigure(s).description.series.length, 2);
});

Deno.test("the verdicts where the opposite is true", () => {
  const s = summary({
    "local check": [near(0.1), near(0.8)],
    S4: [near(0.2), near(0.7)],
    S5: [near(0.98), near(0.6)],
    circuit: [near(0.9), near(0.2)],
    "3-SAT": [near(0.9), near(0.95)],
  }, { after: 0.97 });
  assert.deepEqual(verdicts(s), {
    "L1": "contradicted",
    "L1-learned": "contradicted",
    "L2": "contradicted",
    "L2-circuit": "contradicted",
    "L3": "contradicted",
    "L4": "contradicted",
    "L5": "contradicted",
  });
});

Deno.test("L1 needs every pair of rungs of neighbouring classes, whatever their order in a class", () => {
  // Z120 above the local check breaks the order; S4 below S5 would too.
  const s = summary({
    "local check": [near(0.5), near(0.98)],
    Z120: [near(0.9), near(0.98)],
    S4: [near(0.3), near(0.98)],
    S5: [near(0.1), near(0.98)],
  });
  const { verdict, reading } = ladderClaims[0]!.evaluate(s);
  assert.equal(verdict, "contradicted");
  assert.match(reading, /holds for 3 of 4 pairs of rungs, not for local check over Z120\.$/);
});

Deno.test("claims are about the most data: what more of it changes, they change with", () => {
  const few = { "local check": [near(0.4), near(0.5)], S5: [near(0.1), near(0.3)] } as const;
  const moreData = {
    "local check": [near(0.98), near(0.98)],
    S5: [near(0.1), near(0.98)],
  } as const;
  const without = verdicts(summary(few)), having = verdicts(summary(few, { moreData }));
  assert.deepEqual(
    ["L1-learned", "L2", "L5"].map((id) => [without[id], having[id]]),
    [
      ["contradicted", "supported"],
      ["contradicted", "supported"],
      // No advantage is left on the local check.
      ["supported", "no material difference"],
    ],
  );
});

Deno.test("with one seed, or where runs overlap, or without the rungs, nothing is decided", () => {
  const one = summary({ S4: [[0.3], [0.95]], S5: [[0.1], [0.95]], "3-SAT": [[0.1], [0.4]] });
  for (const verdict of Object.values(verdicts(one))) assert.equal(verdict, "undecided");
  const overlapping = summary({
    S4: [[0.2, 0.9, 0.95], [0.9, 0.2, 0.95]],
    S5: [[0.9, 0.2, 0.95], [0.3, 0.95, 0.9]],
  });
  for (const verdict of Object.values(verdicts(overlapping))) assert.equal(verdict, "undecided");
});

Deno.test("too few right chains decide nothing about 3-SAT", () => {
  const s = summary({ "3-SAT": [near(0.1), near(0.4)] }, { after: null });
  assert.equal(verdicts(s)["L3"], "undecided");
});
