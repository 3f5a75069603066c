import type { LabelledState } from "../../lib/critic/critic.ts";
import type { CriticContext } from "../../lib/env/environment.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import { estimateSuccessRate } from "../../lib/env/sampling.ts";
import { labelledStates } from "./text_report.ts";

/** Programmatic actors whose values a critic learns at once. */
export interface SeveralActors {
  /** How often each errs where it may. */
  readonly epsilons: readonly number[];
  /** Whether the critic is told each one's success rate. */
  readonly told: boolean;
  /** Episodes from which a success rate is estimated. */
  readonly episodes: number;
}

/** What a critic is taught by `SeveralActors`, and is told of one. */
export interface ActorsLessons {
  /** The actor's success rate, estimated once, if it is told. */
  context(epsilon: number): CriticContext<RunningSumState>;
  /** State `row` of the training data: of the actors in turn, with its exact value. */
  example(row: number): LabelledState<RunningSumState>;
}

/** Lessons on several actors; all is drawn from `seed`. */
export function lessonsOf(
  { episodes, epsilons, told }: SeveralActors,
  task: RunningSumEnvironment,
  seed: number,
): ActorsLessons {
  const known = new Map<number, CriticContext<RunningSumState>>();
  const context = (epsilon: number) => {
    if (!told) return {};
    if (!known.has(epsilon)) {
      const key = { seed, purpose: `llm/rate/${epsilon}` };
      const options = { actor: { epsilon }, split: "train" } as const;
      known.set(epsilon, { successRate: estimateSuccessRate(task, key, episodes, options) });
    }
    return known.get(epsilon)!;
  };
  return {
    context,
    example: (row) => {
      const epsilon = epsilons[row % epsilons.length]!;
      const key = { seed, purpose: "llm/conditioning", firstRow: row };
      const options = { actor: { epsilon }, split: "train" } as const;
      return labelledStates(task, key, 1, options, context(epsilon))[0]!;
    },
  };
}
