/** What an actor does on held-out problems, exactly, and how well a critic knows it. */
import { exactValues } from "../../lib/actor/exact_values.ts";
import type { NeuralActor } from "../../lib/actor/neural_actor.ts";
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import type { CriticContext } from "../../lib/env/environment.ts";
import { rankingAccuracy } from "../../lib/eval/ranking.ts";
import { mean } from "../../lib/eval/sums.ts";
import type { CriticReading } from "../../lib/rl/ask_critic.ts";
import { RandomStream } from "../../lib/tensor/random.ts";

/** See the file's header. */
export interface Evaluation {
  readonly iteration: number;
  /** Probability of reward 1, exact, mean over the held-out problems. */
  readonly success: number;
  /** Of the critic against the exact values, on states along one response to each problem; null without a critic. */
  readonly criticRmse: number | null;
  /** Mean of the critic's value less the exact one. */
  readonly criticBias: number | null;
  readonly criticRanking: number | null;
}

/** Evaluates. Parse failures of a critic count as an error of 1 (paper.md's penalized MSE). */
export async function evaluate<State>(
  actor: NeuralActor<State>,
  { critic, context = {}, read = "expectation", testProblems, testSeed }: {
    readonly testSeed: number;
    readonly testProblems: number;
    readonly critic?: NeuralCritic<State>;
    readonly context?: Pick<CriticContext, "successRate">;
    readonly read?: CriticReading;
  },
): Promise<Omit<Evaluation, "iteration">> {
  const { environment } = actor;
  const problems = Array.from({ length: testProblems }, (_, row) =>
    environment.problem(
      new RandomStream({ seed: testSeed, purpose: "credit/test", row }),
      { split: "test" },
    ));
  const trees = await exactValues(actor, problems);
  const success = mean(trees.map((tree) => tree.value([])));
  if (!critic) return { success, criticRmse: null, criticBias: null, criticRanking: null };
  const responses = await actor.sample(problems, {
    seed: testSeed,
    purpose: "credit/test responses",
    firstRow: 0,
  });
  // A state of each response in turn, the first of some, the last of others.
  const exact: number[] = [];
  const questions = responses.map(({ states, tokens }, i) => {
    const t = i % states.length;
    exact.push(
      trees[i]!.value(tokens.slice(0, t).map((x) => environment.actionTokens.indexOf(x))),
    );
    return { state: states[t]!, context };
  });
  const predictions = await critic.values(questions);
  const values = predictions.map(({ value, expectation }) =>
    read === "expectation" ? expectation ?? value : value
  );
  const known = values.flatMap((v, i) => v === null ? [] : [{ v, exact: exact[i]! }]);
  return {
    success,
    criticRmse: Math.sqrt(mean(values.map((v, i) => v === null ? 1 : (v - exact[i]!) ** 2))),
    criticBias: known.length === 0 ? null : mean(known.map(({ v, exact }) => v - exact)),
    criticRanking: known.length < 2
      ? null
      : rankingAccuracy(known.map(({ v }) => v), known.map(({ exact }) => exact)) ?? null,
  };
}
