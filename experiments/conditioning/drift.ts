/** A training run in which the actor's skill moves, as a critic that is told success rates sees it. */
import { smoothSuccessRate } from "../../lib/critic/success_rate.ts";
import type { PermutationEnvironment } from "../../lib/env/permutation.ts";
import { estimateSuccessRate } from "../../lib/env/sampling.ts";
import type { ConditioningConfig } from "./config.ts";
import { exactSuccessRates } from "./states.ts";

/** One iteration of the simulated training run. */
export interface Iteration {
  readonly epsilon: number;
  /** The actor's success rate on training problems. */
  readonly current: number;
  /** The moving average over the outcomes of the iterations so far, this one's included. */
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
  const current = exactSuccessRates(environment, seed, epsilons);
  let smoothed: number | undefined;
  return epsilons.map((epsilon, step) => {
    const key = { seed, purpose: "conditioning/drift/outcomes", step };
    const options = { actor: { epsilon }, split: "train" } as const;
    const outcomes = estimateSuccessRate(environment, key, rollouts, options);
    smoothed = smoothSuccessRate(smoothed, outcomes, momentum);
    return { epsilon, current: current[step]!, smoothed };
  });
}
