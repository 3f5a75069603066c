import type { ValueTree } from "../../lib/actor/exact_values.ts";
import type { NeuralActor } from "../../lib/actor/neural_actor.ts";
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import type { CriticContext } from "../../lib/env/environment.ts";
import { rankingAccuracy } from "../../lib/eval/ranking.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { CriticReading } from "../../lib/rl/ask_critic.ts";
import { RandomStream } from "../../lib/numeric/random.ts";

/** What an actor does on held-out problems, and how well a critic knows it. */
export interface Evaluation {
  readonly iteration: number;
  /** The fraction of held-out problems solved by one sampled response each; the same random numbers for all runs. */
  readonly success: number;
  /** Of the critic against the actor's values, on states along those responses; null without a critic. */
  readonly criticRmse: number | null;
  /** Mean of the critic's value less the actor's. */
  readonly criticBias: number | null;
  readonly criticRanking: number | null;
}

/** How to evaluate. */
export interface ActorEvaluationOptions<State> {
  readonly testSeed: number;
  readonly testProblems: number;
  /** At which the actor writes; default 1. */
  readonly temperature?: number;
  /** A critic to be judged, and what it is told. */
  readonly critic?: NeuralCritic<State>;
  readonly context?: Pick<CriticContext, "successRate">;
  readonly read?: CriticReading;
  /** States at which it is judged, at most one of each problem. */
  readonly states?: number;
  readonly valuesOf?: (
    actor: NeuralActor<State>,
    roots: readonly State[],
  ) => Promise<ValueTree[]>;
}

/** Evaluates. Parse failures of a critic count as an error of 1, a penalized MSE. */
export async function evaluateActor<State>(
  actor: NeuralActor<State>,
  {
    critic,
    context = {},
    read = "expectation",
    states: count = 64,
    temperature = 1,
    testProblems,
    testSeed,
    valuesOf,
  }: ActorEvaluationOptions<State>,
): Promise<Omit<Evaluation, "iteration">> {
  const { environment } = actor;
  const problems = Array.from({ length: testProblems }, (_, row) =>
    environment.problem(
      new RandomStream({ seed: testSeed, purpose: "credit/test", row }),
      { split: "test" },
    ));
  const responses = await actor.sample(problems, {
    seed: testSeed,
    purpose: "credit/test responses",
    firstRow: 0,
  }, temperature);
  const success = mean(responses.map(({ reward }) => reward));
  if (!critic || !valuesOf) {
    return { success, criticRmse: null, criticBias: null, criticRanking: null };
  }
  // A state of each response in turn: the first of some, the last of others.
  const states = responses.slice(0, count).map(({ states }, i) => states[i % states.length]!);
  const exact = (await valuesOf(actor, states)).map((tree) => tree.value([]));
  const predictions = await critic.values(states.map((state) => ({ state, context })));
  const values = predictions.map(({ value, expectation }) =>
    read === "expectation" ? expectation ?? value : value
  );
  const known = values.flatMap((v, i) => v === null ? [] : [v - exact[i]!]);
  return {
    success,
    criticRmse: Math.sqrt(mean(values.map((v, i) => v === null ? 1 : (v - exact[i]!) ** 2))),
    criticBias: known.length === 0 ? null : mean(known),
    criticRanking: rankingAccuracy(values, exact),
  };
}
