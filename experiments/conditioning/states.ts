/** Labelled states of many actors, with what the critic is told of each, and the actors' success rates. */
import type { LabelledState } from "../../lib/critic/critic.ts";
import type { CriticContext, Split } from "../../lib/env/environment.ts";
import type {
  PermutationActor,
  PermutationEnvironment,
  PermutationState,
} from "../../lib/env/permutation.ts";
import { estimateSuccessRate, sampleStates } from "../../lib/env/sampling.ts";
import { canonicalJson } from "../../lib/numeric/digest.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import { sum } from "../../lib/numeric/sums.ts";
import type { ConditioningConfig } from "./config.ts";
import { contextKind, type ContextName } from "./contexts.ts";

/** A state to judge, with its exact value. */
export type Labelled = LabelledState<PermutationState>;

/** Which states to draw, and what to tell of their actors. */
export interface Draw {
  /** Name of the random streams; their seed is the `ActorStates`'s. */
  readonly purpose: string;
  /** Default 0. */
  readonly step?: number;
  readonly count: number;
  readonly split: Split;
  /** Who acts at each row. */
  actor(row: number): PermutationActor;
  /** The success rate that is told; default: for each state one of several estimates for its actor. */
  readonly rate?: number;
}

/** How success rates are told. */
export interface RateTelling {
  /** False: never. */
  readonly told: boolean;
  /** Rollouts behind an estimate, on training problems. */
  readonly rollouts: number;
  /** Estimates for each actor. */
  readonly estimates: number;
}

/** How a context tells success rates. */
export function rateTelling(
  { rateRollouts: rollouts, rateEstimates: estimates }: Pick<
    ConditioningConfig,
    "rateRollouts" | "rateEstimates"
  >,
  context: ContextName,
): RateTelling {
  return { told: contextKind(context).rate ?? false, rollouts, estimates };
}

/** Draws labelled states. Everything depends on the seed and the `Draw` alone. */
export class ActorStates {
  readonly #estimates = new Map<string, readonly number[]>();

  constructor(
    readonly environment: PermutationEnvironment,
    private readonly seed: number,
    readonly rates: RateTelling,
  ) {}

  draw({ purpose, step = 0, count, split, actor: actorOf, rate }: Draw): Labelled[] {
    const { environment, seed } = this;
    const options = (row: number) => ({ actor: actorOf(row), split });
    const states = sampleStates(environment, { seed, purpose, step }, count, options);
    return states.map((state, row) => {
      const { actor } = options(row);
      const random = (what: string) =>
        new RandomStream({ seed, purpose: `${purpose}/${what}`, step, row });
      const context: CriticContext<PermutationState> = {
        ...(this.rates.told
          ? { successRate: rate ?? random("rate").choice(this.#estimatesFor(actor)) }
          : {}),
        episodes: this.#episodes(random("episodes"), state, actor),
      };
      return { state, context, value: environment.exactValue(state, actor) };
    });
  }

  /** As many episodes of the state's problem as the prompt has room for. */
  #episodes(random: RandomStream, state: PermutationState, actor: PermutationActor) {
    const { outcomeSlots, exampleSlots } = this.environment.config;
    const start = this.environment.restart(state);
    return Array.from(
      { length: Math.max(outcomeSlots, exampleSlots) },
      () => this.environment.rollout(random, start, actor),
    );
  }

  /** Estimates are dear, so that each actor has a fixed number of them: enough that a critic learns their noise. */
  #estimatesFor(actor: PermutationActor): readonly number[] {
    const name = canonicalJson(actor);
    const known = this.#estimates.get(name);
    if (known) return known;
    const { rollouts, estimates } = this.rates;
    const options = { actor, split: "train" } as const;
    const purpose = `conditioning/rates/${name}`;
    const made = Array.from(
      { length: estimates },
      (_, step) =>
        estimateSuccessRate(
          this.environment,
          { seed: this.seed, purpose, step },
          rollouts,
          options,
        ),
    );
    this.#estimates.set(name, made);
    return made;
  }
}

/** Training problems behind an exact success rate: its standard error is at most 0.5 / 64, here about 0.004. */
const PROBLEMS = 4096;

/** The success rate of actors on training problems, from exact values: the mean over the same problems for every actor. */
export function exactSuccessRate(
  environment: PermutationEnvironment,
  seed: number,
): (actor: PermutationActor) => number {
  const starts = Array.from({ length: PROBLEMS }, (_, row) =>
    environment.initialState(
      new RandomStream({ seed, purpose: "conditioning/problems", row }),
      { actor: { epsilon: 0 }, split: "train" },
    ));
  // Before the first move the value depends on the element alone.
  const byElement = [...Map.groupBy(starts, ({ element }) => element).values()];
  return (actor) =>
    sum(byElement.map((same) => same.length * environment.exactValue(same[0]!, actor))) / PROBLEMS;
}
