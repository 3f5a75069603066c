/** Actors of equal success rate and other behaviour, which a critic that is told the rate alone cannot tell apart. */
import type { PermutationActor, PermutationEnvironment } from "../../lib/env/permutation.ts";
import { UsageError } from "../../lib/errors.ts";
import type { ConditioningConfig } from "./config.ts";
import { exactSuccessRate } from "./states.ts";

/** Where an actor makes its random moves. */
export const BEHAVIOURS = [
  "errs everywhere",
  "errs far from the goal",
  "errs near the goal",
] as const;
/** One of them. */
export type Behaviour = (typeof BEHAVIOURS)[number];

/** The behaviour of the actors that critics are trained on. */
export const KNOWN: Behaviour = "errs everywhere";

/** An actor with the success rate of the known one with that epsilon. */
export interface MatchedActor {
  readonly behaviour: Behaviour;
  /** The known actor's. */
  readonly epsilon: number;
  readonly rate: number;
  readonly actor: PermutationActor;
}

/**
 * For each epsilon the known actor and one of every other behaviour, equal in success rate on training problems to about
 * 1e-9.
 *
 * @throws UsageError where an actor does better even if it always errs in its part of the puzzle.
 */
export function matchedActors(
  environment: PermutationEnvironment,
  { distance, epsilons }: Pick<ConditioningConfig["transfer"], "distance" | "epsilons">,
  seed: number,
): MatchedActor[] {
  const rateOf = exactSuccessRate(environment, seed);
  const other: Record<Behaviour, (epsilon: number) => PermutationActor> = {
    "errs everywhere": (epsilon) => ({ epsilon }),
    "errs far from the goal": (epsilon) => ({ epsilon: 0, far: { distance, epsilon } }),
    "errs near the goal": (epsilon) => ({ epsilon, far: { distance, epsilon: 0 } }),
  };
  return epsilons.flatMap((epsilon) =>
    BEHAVIOURS.map((behaviour): MatchedActor => {
      const rate = rateOf({ epsilon });
      if (behaviour === KNOWN) return { behaviour, epsilon, rate, actor: { epsilon } };
      const own = epsilonWithRate((x) => rateOf(other[behaviour](x)), rate);
      if (own === null) {
        const remedy = `no actor that ${behaviour} is as bad; choose a smaller one`;
        throw new UsageError("transfer.epsilons", epsilon, remedy);
      }
      return { behaviour, epsilon, rate, actor: other[behaviour](own) };
    })
  );
}

/** The epsilon in 0..1 at which a rate that falls with it is `rate`, by bisection; null where it is higher even at 1. */
function epsilonWithRate(rateAt: (epsilon: number) => number, rate: number): number | null {
  if (rateAt(1) > rate) return null;
  let low = 0, high = 1;
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (rateAt(middle) > rate) low = middle;
    else high = middle;
  }
  return low;
}
