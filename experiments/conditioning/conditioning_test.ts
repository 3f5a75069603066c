import assert from "node:assert/strict";
import type { LabelledState, Prediction, Question } from "../../lib/critic/critic.ts";
import type { PermutationState } from "../../lib/env/permutation.ts";
import { UsageError } from "../../lib/errors.ts";
import {
  cellsTest,
  fakeReport,
  finished,
  interruptionTest,
  verdictsOf,
} from "../shared/testing.ts";
import type { ConditioningMetrics } from "./cell.ts";
import { conditioningCells } from "./cells.ts";
import { conditioningClaims } from "./claims.ts";
import { type ConditioningConfig, conditioningConfig, type ConditioningInput } from "./config.ts";
import { READOUTS } from "../shared/test_report.ts";
import { conditionedEnvironment, type ContextName, contexts } from "./contexts.ts";
import { driftingActor } from "./drift.ts";
import { criticReport, GROUPS, type Reading } from "./critic_report.ts";
import conditioning from "./mod.ts";
import { ActorStates, exactSuccessRates, rateTelling } from "./states.ts";
import { type ConditioningSummary, summarizeConditioning } from "./summary.ts";

const size = { dModel: 16, layers: 1, learningRate: 1e-2 };

function config(change: Partial<ConditioningInput> = {}): ConditioningConfig {
  return conditioningConfig.parse({
    seeds: [1],
    runs: [{ critic: "discriminative-mse", contexts: ["rate"], sizes: [size] }],
    environment: { group: "S4", maxMoves: 4 },
    bootstrapReplicates: 100,
    rateEstimates: 8,
    steps: 120,
    batchSize: 16,
    testStates: 20,
    falseRateStates: 5,
    drift: { iterations: 4, states: 5, rollouts: 32 },
    ...change,
  });
}

const NAMES = Object.keys(contexts) as ContextName[];

function actorStates(context: ContextName, seed = 1): ActorStates {
  const all = config();
  const environment = conditionedEnvironment(all.environment, context, all);
  return new ActorStates(environment, seed, rateTelling(all, context));
}

const EPSILONS = [0.1, 0.7];
const draw = {
  purpose: "test",
  count: 40,
  split: "train" as const,
  epsilon: (row: number) => EPSILONS[row % 2]!,
};

cellsTest(conditioning);

Deno.test("tuning seeds may not be reported", () => {
  const runs = [{ critic: "cot", contexts: ["rate" as const], sizes: [size] }];
  const sweep = { seeds: [1], runs, factors: [1, 2] };
  assert.throws(() => conditioningCells(config({ sweep })), UsageError);
});

Deno.test("states and values do not depend on the context, and belong to their row's actor", () => {
  const [first, ...others] = NAMES.map((name) => actorStates(name).draw(draw));
  for (const labelled of others) {
    labelled.forEach(({ state, value }, i) => {
      assert.deepEqual({ state, value }, { state: first![i]!.state, value: first![i]!.value });
    });
  }
  const { environment } = actorStates("none");
  first!.forEach(({ state, value }, row) => {
    assert.equal(value, environment.exactValue(state, { epsilon: EPSILONS[row % 2]! }));
  });
});

Deno.test("a context tells what its name says", () => {
  for (const name of NAMES) {
    const states = actorStates(name);
    const { vocabulary } = states.environment;
    for (const { state, context } of states.draw(draw)) {
      const prompt = vocabulary.render(states.environment.criticPrompt(state, context));
      assert.equal(/^R\d/.test(prompt), name.includes("rate"), prompt);
      const examples = name === "examples" ? 2 : 0;
      const outcomes = (name.includes("outcomes") ? 8 : 0) + examples;
      assert.equal(prompt.match(/O[01]/g)?.length ?? 0, outcomes, prompt);
      assert.equal(prompt.includes("O?"), false, prompt);
      assert.equal(context.episodes!.length, Math.max(examples, outcomes - examples));
      for (const episode of context.episodes!) assert.deepEqual(episode.state.word, state.word);
    }
  }
});

Deno.test("the trace keeps its distance from the word, whatever the context", () => {
  for (const name of NAMES) {
    const puzzle = actorStates(name).environment;
    const [{ state, context }] = actorStates(name).draw({ ...draw, count: 1 }) as [
      LabelledState<PermutationState>,
    ];
    const header = puzzle.criticPrompt(state, context).length - puzzle.reasoningTrace(state).length;
    assert.equal(puzzle.traceOffset - header, 46, name);
  }
});

Deno.test("told success rates are noisy estimates of the actor's own", () => {
  const states = actorStates("rate");
  const exact = exactSuccessRates(states.environment, 1, EPSILONS);
  const told = states.draw({ ...draw, count: 400 }).map(({ context }) => context.successRate!);
  EPSILONS.forEach((_, k) => {
    const own = told.filter((_, row) => row % 2 === k);
    const mean = own.reduce((a, b) => a + b) / own.length;
    // 8 estimates of 64 rollouts, Bernoulli; the exact rate itself is known to 0.004.
    const error = Math.sqrt(exact[k]! * (1 - exact[k]!) / (8 * 64));
    assert.ok(Math.abs(mean - exact[k]!) < 4 * error + 0.02, `${mean}, exact ${exact[k]}`);
    assert.ok(new Set(own).size > 2, "estimates differ");
    for (const rate of own) assert.ok(Number.isInteger(rate * 64));
  });
  assert.ok(states.draw({ ...draw, rate: 0.25 }).every((s) => s.context.successRate === 0.25));
});

Deno.test("the drifting actor moves linearly; its smoothed rate is the moving average of its batches'", () => {
  const { environment } = actorStates("none");
  const plan = { from: 0.8, to: 0.2, iterations: 4, states: 1, rollouts: 500 };
  const batches = driftingActor(environment, { ...plan, momentum: 0 }, 7);
  [0.8, 0.6, 0.4, 0.2].forEach((epsilon, i) => {
    assert.ok(Math.abs(batches[i]!.epsilon - epsilon) < 1e-12);
    const { current, smoothed } = batches[i]!;
    // Four standard errors of 500 rollouts.
    assert.ok(Math.abs(current - smoothed) < 4 * Math.sqrt(0.25 / 500), `${current} ${smoothed}`);
  });
  assert.ok(batches.every(({ current }, i) => i === 0 || current > batches[i - 1]!.current));
  const smoothed = driftingActor(environment, { ...plan, momentum: 0.75 }, 7);
  let average = batches[0]!.smoothed;
  smoothed.forEach((iteration, i) => {
    if (i > 0) average = 0.75 * average + 0.25 * batches[i]!.smoothed;
    assert.equal(iteration.smoothed, average);
    assert.equal(iteration.current, batches[i]!.current);
  });
});

/** A critic that answers what it is told to. */
function answering(
  answer: (question: Question<PermutationState>) => Pick<Prediction, "value" | "expectation">,
) {
  return {
    name: "fake",
    values: (questions: readonly Question<PermutationState>[]) =>
      Promise.resolve(questions.map(answer)),
  };
}

Deno.test("a critic that is off by a constant is measured to be so, at either reading", async () => {
  const test = actorStates("rate", 7);
  const off = answering((q) => {
    const { value } = q as LabelledState<PermutationState>;
    return { value: value + 0.25, expectation: value - 0.125 };
  });
  const { meanExact, readouts } = await criticReport(off, test, config(), {
    readouts: READOUTS,
    full: true,
  });
  const near = (got: number | null, expected: number) =>
    assert.ok(got !== null && Math.abs(got - expected) < 1e-12, `${got}, expected ${expected}`);
  for (const [readout, shift] of [["value", 0.25], ["expectation", -0.125]] as const) {
    const { groups, actors, drift, falseRates } = readouts[readout]!;
    for (const report of [...Object.values(groups), ...actors]) {
      near(report.bias, shift);
      near(report.rmse, Math.abs(shift));
      assert.equal(report.rankingAccuracy, 1);
    }
    assert.deepEqual(actors.map((a) => a.epsilon), [0.1, 0.3, 0.5, 0.7, 0.2, 0.4, 0.6, 0.05, 0.9]);
    assert.deepEqual([groups.seen.n, groups.between.n, groups.beyond.n], [80, 60, 40]);
    assert.deepEqual(Object.keys(drift), ["current", "smoothed"]);
    for (const report of Object.values(drift)) {
      report.bias.forEach((bias) => near(bias, shift));
      report.penalizedMse.forEach((mse) => near(mse, shift * shift));
      report.meanPrediction.forEach((mean, i) => near(mean, meanExact[i]! + shift));
      report.ece.forEach((ece) => near(ece, Math.abs(shift)));
      assert.equal(report.calibration.reduce((n, bin) => n + bin.count, 0), 20);
    }
    // The exact value of who acts does not move with what is told; what is believed does.
    for (const told of falseRates) {
      told.meanPrediction.forEach((mean, k) => near(mean, falseRates[0]!.meanPrediction[k]!));
    }
    assert.deepEqual(falseRates.map((t) => t.epsilon), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    [0.1, 0.3, 0.5, 0.7].forEach((epsilon, k) => {
      const own = falseRates.find((told) => told.epsilon === epsilon)!;
      near(own.meanPrediction[k]!, own.meanBelieved[k]! + shift);
    });
    for (const k of [0, 1, 2, 3]) {
      const believed = falseRates.map((told) => told.meanBelieved[k]!);
      assert.ok(believed.every((x, i) => i === 0 || x < believed[i - 1]!), `${believed}`);
    }
  }
});

Deno.test("a critic that repeats what it is told follows every false rate and the moving average", async () => {
  const test = actorStates("rate", 7);
  const repeating = answering(({ context }) => ({
    value: context.successRate!,
    expectation: null,
  }));
  const { readouts } = await criticReport(repeating, test, config(), {
    readouts: ["value"],
    full: true,
  });
  const { drift, falseRates } = readouts.value!;
  for (const { rate, meanPrediction } of falseRates) {
    for (const mean of meanPrediction) assert.ok(Math.abs(mean! - rate) < 1e-12);
  }
  driftingActor(test.environment, config().drift, 7).forEach((iteration, i) => {
    for (const telling of ["current", "smoothed"] as const) {
      assert.ok(Math.abs(drift[telling]!.meanPrediction[i]! - iteration[telling]) < 1e-12);
    }
  });
});

Deno.test("what cannot be parsed is charged an error of 1; without a told rate there are no tellings", async () => {
  const silent = answering(() => ({ value: null, expectation: null }));
  const { readouts } = await criticReport(silent, actorStates("outcomes", 7), config(), {
    readouts: ["value"],
    full: true,
  });
  const { groups, drift, falseRates } = readouts.value!;
  assert.equal(groups.seen.penalizedMse, 1);
  assert.deepEqual(Object.keys(drift), ["current"]);
  assert.deepEqual(drift.current!.penalizedMse, [1, 1, 1, 1]);
  assert.deepEqual(drift.current!.bias, [null, null, null, null]);
  assert.deepEqual(falseRates, []);
});

interruptionTest(
  conditioning,
  () =>
    ([["discriminative-mse", "rate+outcomes"], ["cot", "rate"]] as const).map(([critic, told]) => {
      const runs = [{ critic, contexts: [told], sizes: [size] }];
      return conditioningCells(config({ runs }))[0]!;
    }),
  2,
  (_, { metrics: { curve } }) => assert.ok(curve.at(-1)! < 0.8 * curve[0]!, curve.join(" ")),
);

/** A reading with the given error everywhere, and values that move by `shift` when a better actor's rate is told. */
function fakeReading(
  { actors, drift }: ConditioningConfig,
  error: number,
  shift: number | null,
): Reading {
  const { calibration: _, ...report } = fakeReport(error * error, {
    rmse: error,
    bias: error,
    ece: error,
    rankingAccuracy: 1 - error,
  });
  const each = <T>(x: T) => Array.from({ length: drift.iterations }, () => x);
  const course = {
    meanPrediction: each(0.5),
    bias: each(-error),
    penalizedMse: each(error * error),
    ece: [error, error, error, error],
    calibration: [],
  };
  const told = [...actors.seen, ...actors.between].toSorted((a, b) => a - b);
  return {
    groups: { seen: report, between: report, beyond: report },
    actors: GROUPS.flatMap((group) =>
      actors[group].map((epsilon) => ({ ...report, group, epsilon }))
    ),
    // The true course is no better: the claims are about the moving average.
    drift: shift === null ? { current: course } : {
      current: { ...course, bias: each(-1), penalizedMse: each(1) },
      smoothed: course,
    },
    falseRates: shift === null ? [] : told.map((epsilon, i) => ({
      epsilon,
      rate: 1 - epsilon,
      meanPrediction: actors.seen.map(() => 0.5 - shift * i),
      meanBelieved: actors.seen.map(() => 0.5 - 0.1 * i),
    })),
  };
}

type Errors = Readonly<Record<string, Partial<Record<ContextName, readonly number[]>>>>;

/** A summary in which each critic has, with each context, the given error at each seed. */
function summary(errors: Errors, shifts: readonly number[]): ConditioningSummary {
  const full = config({
    seeds: shifts.map((_, i) => i + 1),
    runs: Object.entries(errors).map(([critic, byContext]) => ({
      critic,
      contexts: Object.keys(byContext) as ContextName[],
      sizes: [size],
    })),
  });
  const cells = finished(
    conditioningCells(full),
    ({ seed, config: { context, critic } }): ConditioningMetrics => {
      const error = errors[critic]![context]![seed - 1]!;
      const shift = context === "rate" ? shifts[seed - 1]! : null;
      return {
        parameters: 1000,
        trainingFlops: 1,
        curve: [],
        meanExact: [0.2, 0.4, 0.6, 0.8],
        readouts: { value: fakeReading(full, error, shift) },
      };
    },
  );
  return summarizeConditioning(full, cells);
}

function verdicts(s: ConditioningSummary): Record<string, string> {
  return verdictsOf(conditioningClaims, s);
}

const high = [0.30, 0.31, 0.29], middle = [0.20, 0.21, 0.19], low = [0.10, 0.11, 0.09];

Deno.test("the verdicts of what the paper says", () => {
  const s = summary({
    "discriminative-mse": { none: middle, rate: [0.21, 0.20, 0.19], outcomes: low },
    cot: { none: high, rate: middle, outcomes: low },
  }, [0.1, 0.11, 0.1]);
  assert.deepEqual(verdicts(s), {
    "C4": "supported",
    "C4-discriminative": "inconclusive",
    "C4-generative-only": "supported",
    "C4-between": "inconclusive",
    "C4-beyond": "inconclusive",
    "C4-token": "supported",
    "C4-outcomes": "supported",
  });
  const [{ gain }] = s.contrasts as [ConditioningSummary["contrasts"][number]];
  assert.ok(Math.abs(gain.estimate! - 0.1) < 1e-12 && gain.low! > 0);
});

Deno.test("where both kinds gain, both are supported and the contrast is not", () => {
  const both = { none: high, rate: middle, outcomes: low };
  assert.deepEqual(
    verdicts(summary({ "discriminative-mse": both, cot: both }, [0.1, 0.11, 0.1])),
    {
      "C4": "supported",
      "C4-discriminative": "supported",
      "C4-generative-only": "not supported",
      "C4-between": "supported",
      "C4-beyond": "supported",
      "C4-token": "supported",
      "C4-outcomes": "supported",
    },
  );
});

Deno.test("the verdicts where the opposite is true", () => {
  const worse = { none: low, rate: middle, outcomes: high };
  const opposite = verdicts(
    summary({ "discriminative-mse": worse, cot: worse }, [-0.1, -0.11, -0.1]),
  );
  for (const [id, verdict] of Object.entries(opposite)) assert.equal(verdict, "not supported", id);
});

Deno.test("with one seed, or with values that do not move, nothing is decided", () => {
  const both = { none: [0.3], rate: [0.2], outcomes: [0.1] };
  const one = verdicts(summary({ "discriminative-mse": both, cot: both }, [0.1]));
  for (const verdict of Object.values(one)) assert.equal(verdict, "inconclusive");
  const three = { none: high, rate: middle, outcomes: low };
  const still = verdicts(summary({ cot: three }, [0.01, -0.01, 0]));
  assert.equal(still["C4-token"], "inconclusive");
  assert.equal(still["C4-generative-only"], "inconclusive");
  assert.equal(still["C4-discriminative"], "inconclusive");
});
