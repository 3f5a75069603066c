import assert from "node:assert/strict";
import type { LabelledState, Prediction, Question } from "../../lib/critic/critic.ts";
import type { PermutationState } from "../../lib/env/permutation.ts";
import { estimateSuccessRate } from "../../lib/env/sampling.ts";
import { UsageError } from "../../lib/errors.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
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
import {
  type ConditioningConfig,
  conditioningConfig,
  type ConditioningInput,
  profiles,
} from "./config.ts";
import { READOUTS } from "../shared/test_report.ts";
import { conditionedEnvironment, type ContextName, contexts } from "./contexts.ts";
import { driftingActor } from "./drift.ts";
import { criticReport, GROUPS, type Reading } from "./critic_report.ts";
import conditioning from "./mod.ts";
import { ActorStates, exactSuccessRate, rateTelling } from "./states.ts";
import { type ConditioningSummary, summarizeConditioning } from "./summary.ts";
import { BEHAVIOURS, KNOWN, matchedActors } from "./transfer.ts";

const size = { dModel: 16, layers: 1, learningRate: 1e-2 };

function config(change: Partial<ConditioningInput> = {}): ConditioningConfig {
  return conditioningConfig.parse({
    seeds: [1],
    runs: [{ critic: "discriminative-mse", contexts: ["rate"], sizes: [size] }],
    environment: { group: "S4", maxMoves: 4 },
    rateEstimates: 8,
    steps: 120,
    batchSize: 16,
    testStates: 20,
    falseRateStates: 5,
    drift: { iterations: 4, states: 5, rollouts: 32 },
    transfer: { distance: 2, states: 10 },
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
  actor: (row: number) => ({ epsilon: EPSILONS[row % 2]! }),
};

cellsTest(conditioning);

Deno.test("tuning seeds may not be reported", () => {
  const runs = [{ critic: "cot", contexts: ["rate" as const], sizes: [size] }];
  const sweep = { seeds: [1], runs, factors: [1, 2] };
  assert.throws(() => conditioningCells(config({ sweep })), UsageError);
});

Deno.test("behaviours are compared with actors seen in training", () => {
  assert.throws(() => conditioningCells(config({ transfer: { epsilons: [0.3, 0.6] } })), {
    name: "UsageError",
    message: /transfer\.epsilons: 0\.6: choose from actors\.seen/,
  });
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
  const rateOf = exactSuccessRate(states.environment, 1);
  const exact = EPSILONS.map((epsilon) => rateOf({ epsilon }));
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

Deno.test("the success rate of every tested actor has a token that training tells", () => {
  const full = conditioningConfig.parse(profiles.standard);
  const { seen, between, beyond } = full.actors;
  const environment = conditionedEnvironment(full.environment, "rate", full);
  const { vocabulary } = environment;
  for (const seed of full.seeds) {
    const states = new ActorStates(environment, seed, rateTelling(full, "rate"));
    const actor = (row: number) => ({ epsilon: seen[row % seen.length]! });
    const told = states.draw({ ...draw, count: 400, actor })
      .map(({ context }) => vocabulary.rateToken(context.successRate!));
    const rateOf = exactSuccessRate(environment, full.testSeed);
    for (const epsilon of [...seen, ...between, ...beyond]) {
      const token = vocabulary.rateToken(rateOf({ epsilon }));
      const share = told.filter((t) => t === token).length / told.length;
      assert.ok(share > 0.02, `${vocabulary.names[token]}: ${share} of seed ${seed}'s states`);
    }
  }
});

Deno.test("the drifting actor moves linearly; what is told is known before the iteration's outcomes", () => {
  const { environment } = actorStates("none");
  const plan = { from: 0.8, to: 0.2, iterations: 4, states: 1, rollouts: 500 };
  const drift = driftingActor(environment, { ...plan, momentum: 0.75 }, 7);
  const rateOf = exactSuccessRate(environment, 7);
  const outcomes = drift.map(({ epsilon }, step) =>
    estimateSuccessRate(
      environment,
      { seed: 7, purpose: "conditioning/drift/outcomes", step },
      500,
      { actor: { epsilon }, split: "train" },
    )
  );
  [0.8, 0.6, 0.4, 0.2].forEach((epsilon, i) => {
    assert.ok(Math.abs(drift[i]!.epsilon - epsilon) < 1e-12);
    assert.equal(drift[i]!.current, rateOf(drift[i]!));
    // Four standard errors of 500 rollouts.
    const error = Math.abs(outcomes[i]! - drift[i]!.current);
    assert.ok(error < 4 * Math.sqrt(0.25 / 500), `${error}`);
  });
  assert.ok(drift.every(({ current }, i) => i === 0 || current > drift[i - 1]!.current));
  // As in lib/rl: the first iteration, before which nothing is known, tells its own outcomes.
  const [first, second, third] = outcomes as [number, number, number];
  const afterSecond = 0.75 * first + 0.25 * second;
  assert.deepEqual(
    drift.map(({ smoothed }) => smoothed),
    [first, first, afterSecond, 0.75 * afterSecond + 0.25 * third],
  );
});

Deno.test("an actor's exact success rate is the mean of its values at training problems", () => {
  const { environment } = actorStates("none");
  const actor = { epsilon: 0.2, far: { distance: 2, epsilon: 0.6 } };
  let sum = 0;
  for (let row = 0; row < 4096; row++) {
    const random = new RandomStream({ seed: 3, purpose: "conditioning/problems", row });
    const start = environment.initialState(random, { actor: { epsilon: 0 }, split: "train" });
    sum += environment.exactValue(start, actor);
  }
  assert.ok(Math.abs(exactSuccessRate(environment, 3)(actor) - sum / 4096) < 1e-12);
});

Deno.test("matched actors are equal in success rate and err where they are said to", () => {
  const { environment } = actorStates("none");
  const matched = matchedActors(environment, { distance: 2, epsilons: [0.3, 0.5] }, 7);
  const rateOf = exactSuccessRate(environment, 7);
  assert.deepEqual(
    matched.map(({ behaviour, epsilon }) => [behaviour, epsilon]),
    [0.3, 0.5].flatMap((epsilon) => BEHAVIOURS.map((behaviour) => [behaviour, epsilon])),
  );
  for (const { actor, behaviour, epsilon, rate } of matched) {
    assert.equal(rate, rateOf({ epsilon }));
    assert.ok(Math.abs(rateOf(actor) - rate) < 1e-8, `${behaviour}: ${rateOf(actor)}, ${rate}`);
  }
  // Only far from the goal: one step away it never fails. Only near it: every first step comes closer.
  const [, far, near] = matched.map(({ actor }) => actor);
  const oneAway = environment.state(["rot"]), twoAway = environment.state(["rot", "(01)"]);
  assert.equal(environment.exactValue({ ...oneAway, stepsLeft: 1 }, far!), 1);
  assert.ok(environment.exactValue({ ...oneAway, stepsLeft: 1 }, near!) < 0.9);
  const chance = environment.exactValue({ ...twoAway, stepsLeft: 2 }, near!);
  const afterOne = environment.exactValue({ ...oneAway, stepsLeft: 1 }, near!);
  assert.ok(Math.abs(chance - afterOne) < 1e-12);
  assert.throws(() => matchedActors(environment, { distance: 2, epsilons: [0.9] }, 7), {
    name: "UsageError",
    message: /^transfer\.epsilons: 0\.9: no actor that errs far from the goal/,
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
    const { groups, actors, drift, falseRates, transfer } = readouts[readout]!;
    for (const report of [...Object.values(groups), ...actors]) {
      near(report.bias, shift);
      near(report.rmse, Math.abs(shift));
      assert.equal(report.rankingAccuracy, 1);
    }
    assert.deepEqual(actors.map((a) => a.epsilon), [0.1, 0.3, 0.5, 0.7, 0.2, 0.4, 0.6, 0.05, 0.75]);
    assert.deepEqual([groups.seen.n, groups.between.n, groups.beyond.n], [80, 60, 40]);
    assert.deepEqual(Object.keys(drift), ["current", "smoothed"]);
    for (const report of Object.values(drift)) {
      report.bias.forEach((bias) => near(bias, shift));
      report.penalizedMse.forEach((mse) => near(mse, shift * shift));
      report.meanPrediction.forEach((mean, i) => near(mean, meanExact[i]! + shift));
      report.ece.forEach((ece) => near(ece, Math.abs(shift)));
      assert.equal(report.calibration.reduce((n, bin) => n + bin.count, 0), 20);
    }
    assert.equal(transfer.length, 2 * BEHAVIOURS.length);
    for (const { behaviour, knownActorMse, penalizedMse } of transfer) {
      near(penalizedMse, shift * shift);
      assert.equal(knownActorMse === 0, behaviour === KNOWN);
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

Deno.test("a critic that is exact for the known actors errs on others of the same rate by their distance", async () => {
  const test = actorStates("rate", 7);
  const known = matchedActors(test.environment, config().transfer, 7)
    .filter(({ behaviour }) => behaviour === KNOWN);
  const trusting = answering(({ state, context }) => {
    const told = known.find(({ rate }) => rate === context.successRate);
    const value = told ? test.environment.exactValue(state, told.actor) : 0;
    return { value, expectation: null };
  });
  const { readouts } = await criticReport(trusting, test, config(), {
    readouts: ["value"],
    full: true,
  });
  for (const { behaviour, penalizedMse, knownActorMse } of readouts.value!.transfer) {
    assert.equal(penalizedMse, knownActorMse);
    assert.equal(penalizedMse > 0.001, behaviour !== KNOWN, `${behaviour}: ${penalizedMse}`);
  }
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

/**
 * A reading with the given error on the actors of training, `excess` more on those of other behaviour, and values that
 * move by `shift` when a better actor's rate is told.
 */
function fakeReading(
  { actors, drift, transfer }: ConditioningConfig,
  error: number,
  shift: number | null,
  excess: number,
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
    transfer: transfer.epsilons.flatMap((epsilon) =>
      BEHAVIOURS.map((behaviour) => ({
        behaviour,
        epsilon,
        penalizedMse: (error + (behaviour === KNOWN ? 0 : excess)) ** 2,
        knownActorMse: behaviour === KNOWN ? 0 : 0.01,
      }))
    ),
  };
}

type Errors = Readonly<Record<string, Partial<Record<ContextName, readonly number[]>>>>;

/** By seed; all the same length. */
interface Effects {
  /** By critic and context. */
  readonly errors: Errors;
  /** Of values, when a better actor's rate is told. */
  readonly shifts: readonly number[];
  /** Error on actors of other behaviour less that on known ones. */
  readonly excess: readonly number[];
}

/** A summary in which these are the effects. */
function summary({ errors, shifts, excess }: Effects): ConditioningSummary {
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
        readouts: { value: fakeReading(full, error, shift, excess[seed - 1]!) },
      };
    },
  );
  return summarizeConditioning(full, cells);
}

function verdicts(effects: Effects): Record<string, string> {
  return verdictsOf(conditioningClaims, summary(effects));
}

/** Five seeds about a centre; differences of two of them vary by a few thousandths. */
function about(centre: number, order = 0): number[] {
  const noise = [0.001, -0.002, 0, 0.003, -0.002];
  return noise.map((_, i) => centre + noise[(i + order) % noise.length]!);
}

Deno.test("the verdicts of what the paper says", () => {
  const effects = {
    errors: {
      "discriminative-mse": { none: about(0.2), rate: about(0.2, 1), outcomes: about(0.1) },
      cot: { none: about(0.3), rate: about(0.2, 1), outcomes: about(0.1) },
    },
    shifts: about(0.1),
    excess: about(0.05),
  };
  assert.deepEqual(verdicts(effects), {
    "C4": "supported",
    "C4-discriminative": "no material difference",
    "C4-generative-only": "supported",
    "C4-between": "no material difference",
    "C4-beyond": "no material difference",
    "C4-token": "supported",
    "C4-outcomes": "supported",
    "C4-transfer": "supported",
  });
  const { gains, rows } = summary(effects);
  const gain = gains.find((g) => g.critic === "cot" && g.from === "none" && g.to === "rate")!;
  const { scores, mean } = gain.gains["RMSE along the drift"];
  scores.forEach((x, i) => assert.ok(Math.abs(x - about(0.3)[i]! + about(0.2, 1)[i]!) < 1e-12));
  assert.ok(Math.abs(mean.estimate - 0.1) < 1e-12);
  const [known, other] = rows.find((row) => row.critic === "cot")!.transfer;
  assert.deepEqual([known!.behaviour, known!.knownActorRmse], [KNOWN, 0]);
  assert.ok(Math.abs(other!.rmse.mean.estimate - 0.35) < 1e-12 && other!.knownActorRmse === 0.1);
});

Deno.test("where both kinds gain, both are supported, and not only the generative one gains", () => {
  const both = { none: about(0.3), rate: about(0.2, 1), outcomes: about(0.1) };
  const errors = { "discriminative-mse": both, cot: both };
  assert.deepEqual(verdicts({ errors, shifts: about(0.1), excess: about(0, 1) }), {
    "C4": "supported",
    "C4-discriminative": "supported",
    "C4-generative-only": "contradicted",
    "C4-between": "supported",
    "C4-beyond": "supported",
    "C4-token": "supported",
    "C4-outcomes": "supported",
    "C4-transfer": "no material difference",
  });
});

Deno.test("the verdicts where the opposite is true", () => {
  const worse = { none: about(0.1), rate: about(0.2, 1), outcomes: about(0.3) };
  const errors = { "discriminative-mse": worse, cot: worse };
  const opposite = verdicts({ errors, shifts: about(-0.1), excess: about(-0.05) });
  for (const [id, verdict] of Object.entries(opposite)) assert.equal(verdict, "contradicted", id);
});

Deno.test("C4 needs a gain in every measure that is not immaterial", () => {
  const verdict = (rate: readonly number[]) =>
    verdicts({ errors: { cot: { none: about(0.3), rate } }, shifts: about(0), excess: about(0) })
      .C4;
  assert.equal(verdict(about(0.28, 1)), "supported");
  // Significant, and less than the smallest effect of interest.
  assert.equal(verdict(about(0.297)), "no material difference");
  assert.equal(verdict([0.1, 0.5, 0.2, 0.4, 0.2]), "undecided");
});

Deno.test("with one seed, or without what a claim is about, nothing is decided", () => {
  const both = { none: [0.3], rate: [0.2], outcomes: [0.1] };
  const errors = { "discriminative-mse": both, cot: both };
  const one = verdicts({ errors, shifts: [0.1], excess: [0.1] });
  for (const [id, verdict] of Object.entries(one)) assert.equal(verdict, "undecided", id);
  const none = verdicts({
    errors: { "discriminative-mse": { none: about(0.3) } },
    shifts: about(0.1),
    excess: about(0.1),
  });
  for (const [id, verdict] of Object.entries(none)) assert.equal(verdict, "undecided", id);
});
