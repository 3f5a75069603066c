/** A training run in which the actor's skill moves, as a critic that is told success rates sees it. */
import { smoothSuccessRate } from "../../lib/critic/success_rate.ts";
import type { PermutationEnvironment } from "../../lib/env/permutation.ts";
import { estimateSuccessRate } from "../../lib/env/sampling.ts";
import type { ConditioningConfig } from "./config.ts";
import { exactSuccessRate } from "./states.ts";

/** One iteration of the simulated training run. */
export interface Iteration {
  readonly epsilon: number;
  /** The actor's success rate on training problems. */
  readonly current: number;
  /**
   * What a critic is told in RL: the moving average over the outcomes of the iterations before this one. The first
   * iteration has none before it and tells its own.
   */
  readonly smoothed: number;
}

/** The actor over the run: epsilon moves linearly, the success rate is followed from each iteration's outcomes. */
export function driftingActor(
  environment: PermutationEnvironment,
  { from, to, iterations, rollouts, momentum }: ConditioningConfig["drift"],
  seed: number,
): Iteration[] {
  const epsilons = Array.from(
    { length: iterations },
    (_, i) => from + (to - from) * i / (iterations - 1),
  );
  const rateOf = exactSuccessRate(environment, seed);
  let average: number | undefined;
  return epsilons.map((epsilon, step) => {
    const key = { seed, purpose: "conditioning/drift/outcomes", step };
    const options = { actor: { epsilon }, split: "train" } as const;
    const outcomes = estimateSuccessRate(environment, key, rollouts, options);
    const smoothed = average ?? outcomes;
    average = smoothSuccessRate(average, outcomes, momentum);
    return { epsilon, current: rateOf({ epsilon }), smoothed };
  });
}
