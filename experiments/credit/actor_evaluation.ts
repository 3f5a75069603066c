import { exactValues, type ValueTree } from "../../lib/actor/exact_values.ts";
import { localSuccess, localValues, rootValues } from "../../lib/actor/local_values.ts";
import type { ActorResponse, NeuralActor } from "../../lib/actor/neural_actor.ts";
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import type { CriticLearningConfig } from "../../lib/critic_learning/train_critic.ts";
import type { CriticContext } from "../../lib/env/environment.ts";
import type { TaskEnvironment } from "../../lib/env/task.ts";
import { rankingAccuracy } from "../../lib/eval/ranking.ts";
import { mean, populationVariance } from "../../lib/numeric/sums.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import { firstWrongToken } from "../shared/chains.ts";

/** Which value of a generative critic counts. */
export type CriticReading = CriticLearningConfig["read"];

/** How good a critic is on states along the current actor's responses to held-out problems, against the actor's values. */
export interface CriticEvaluation {
  /** Parse failures count as an error of 1. */
  readonly rmse: number;
  /** RMSE of always predicting the mean of these values: their standard deviation. */
  readonly meanPredictorRmse: number;
  /** Mean of the critic's value less the actor's; null if nothing could be parsed. */
  readonly bias: number | null;
  readonly ranking: number | null;
  /** Fraction of its chains that are right in every token; null for a critic that writes none. */
  readonly rightChains: number | null;
}

/** Where an actor's values come from: a configuration's `values`. */
export interface ValueSource {
  /** A tree for each root. */
  values<State>(actor: NeuralActor<State>, roots: readonly State[]): Promise<ValueTree[]>;
  /** The probability of success on each problem. */
  success<State>(actor: NeuralActor<State>, problems: readonly State[]): Promise<number[]>;
}

/** By name. */
export const VALUE_SOURCES = {
  tree: {
    values: exactValues,
    success: async (actor, problems) => rootValues(await exactValues(actor, problems)),
  },
  local: { values: localValues, success: localSuccess },
} as const satisfies Record<string, ValueSource>;

/** Held-out problems, the same for every actor. */
function testProblems<State>(
  environment: TaskEnvironment<State, unknown>,
  seed: number,
  count: number,
): State[] {
  return Array.from({ length: count }, (_, row) =>
    environment.problem(
      new RandomStream({ seed, purpose: "credit/test", row }),
      { split: "test" },
    ));
}

/**
 * An actor's responses to held-out problems, one each.
 *
 * @param sampling Seed of their random numbers, by default the problems'; which evaluation it is.
 */
export function testResponses<State>(
  actor: NeuralActor<State>,
  seed: number,
  count: number,
  { sampling = seed, evaluation = 0, temperature = 1 }: {
    readonly sampling?: number;
    readonly evaluation?: number;
    readonly temperature?: number;
  } = {},
): Promise<ActorResponse<State>[]> {
  const problems = testProblems(actor.environment, seed, count);
  const firstRow = evaluation * count;
  return actor.sample(
    problems,
    { seed: sampling, purpose: "credit/test responses", firstRow },
    temperature,
  );
}

/** An actor's mean probability of success on the problems of `testResponses`, without a sample. */
export async function exactSuccess<State>(
  actor: NeuralActor<State>,
  { success }: ValueSource,
  seed: number,
  count: number,
): Promise<number> {
  return mean(await success(actor, testProblems(actor.environment, seed, count)));
}

/** The fraction of successes. */
export function successOf(responses: readonly Pick<ActorResponse<unknown>, "reward">[]): number {
  return mean(responses.map(({ reward }) => reward));
}

/** What a critic is asked, and how it is read. */
export interface CriticTest<State> {
  readonly critic: NeuralCritic<State>;
  readonly actor: NeuralActor<State>;
  readonly context: Pick<CriticContext, "successRate">;
  readonly read: CriticReading;
  /** States along each response, spread over it evenly. */
  readonly states: number;
  readonly valuesOf: (actor: NeuralActor<State>, roots: readonly State[]) => Promise<ValueTree[]>;
}

/** Judges a critic on states along responses of the actor. */
export async function evaluateCritic<State>(
  { actor, context, critic, read, states: count, valuesOf }: CriticTest<State>,
  responses: readonly ActorResponse<State>[],
): Promise<CriticEvaluation> {
  const { environment } = actor;
  const trees = await valuesOf(actor, responses.map(({ states }) => states[0]!));
  const asked = responses.flatMap(({ states, tokens }, i) => {
    const actions = tokens.map((token) => environment.actionTokens.indexOf(token));
    // Each response begins elsewhere, so that together they cover every position.
    const places = Array.from(
      { length: count },
      (_, j) => Math.floor(states.length * (j + i % count / count) / count),
    );
    return [...new Set(places)].map((t) => ({
      state: states[t]!,
      exact: trees[i]!.value(actions.slice(0, t)),
    }));
  });
  const predictions = await critic.values(asked.map(({ state }) => ({ state, context })));
  const exact = asked.map((a) => a.exact);
  const values = predictions.map(({ value, expectation }) =>
    read === "expectation" ? expectation ?? value : value
  );
  const known = values.flatMap((v, i) => v === null ? [] : [v - exact[i]!]);
  const { writesChain } = critic.definition;
  return {
    rmse: Math.sqrt(mean(values.map((v, i) => v === null ? 1 : (v - exact[i]!) ** 2))),
    meanPredictorRmse: Math.sqrt(populationVariance(exact)),
    bias: known.length === 0 ? null : mean(known),
    ranking: rankingAccuracy(values, exact),
    rightChains: writesChain
      ? mean(
        predictions.map(({ responses }, i) =>
          firstWrongToken(environment.reasoningTrace(asked[i]!.state), responses?.[0]) === null
            ? 1
            : 0
        ),
      )
      : null,
  };
}
