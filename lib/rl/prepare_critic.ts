/**
 * What a critic knows before RL starts: value pretraining on the frozen actor's rollouts (VC-PPO, arXiv 2503.01491). The
 * target of a state is the outcome of one rollout through it. A generative critic learns chains of thought with it:
 *
 * - "privileged": right ones, by one who knows the task. So in the GenAC paper, where a stronger model writes them.
 * - "equal": as the teacher of the actor's own demonstrations would write them, where it is unsure unsure too.
 *
 * Discriminative critics get the same outcomes of the same states. A share of the states comes from earlier and weaker
 * actors, with their own success rates, so that a critic learns what the rate in its context means.
 */
import type { NeuralActor } from "../actor/neural_actor.ts";
import { cot, withTrace } from "../critic/generative.ts";
import type { LabelledState } from "../critic/critic.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import type { Sequence } from "../nn/batch.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import { RandomStream } from "../tensor/random.ts";

/** What the critic may learn from. */
export const KNOWLEDGE = ["privileged", "equal"] as const;
/** One of them. */
export type Knowledge = typeof KNOWLEDGE[number];

/** A frozen actor to judge. */
export interface JudgedActor<State, Teacher> {
  readonly actor: NeuralActor<State, Teacher>;
  /** What critics are told of it, in [0, 1]; undefined for nothing. */
  readonly successRate?: number;
}

/** How many rollouts are made at once, whatever the batch: the actor's generation is cheaper in bulk. */
const ROLLOUTS = 256;

/** States with values to learn from, made as they are asked for. */
export class CriticLessons<State, Teacher> {
  readonly #seed: number;
  #round = 0;
  #ready: { labelled: LabelledState<State>; random: RandomStream }[] = [];
  /** Rollouts made so far. */
  episodes = 0;

  constructor(
    readonly actors: readonly JudgedActor<State, Teacher>[],
    readonly teacher: Teacher,
    readonly knowledge: Knowledge,
    seed: number,
  ) {
    this.#seed = seed;
  }

  /** The next `count` lessons. */
  async next(count: number): Promise<{ labelled: LabelledState<State>; random: RandomStream }[]> {
    while (this.#ready.length < count) this.#ready.push(...await this.#make());
    return this.#ready.splice(0, count);
  }

  /** Training sequences of a critic for lessons. */
  encode(
    critic: NeuralCritic<State>,
    lessons: readonly { labelled: LabelledState<State>; random: RandomStream }[],
  ): Sequence[] {
    const { environment } = this.actors[0]!.actor;
    return lessons.map(({ labelled, random }) =>
      critic.definition.name === cot.name && this.knowledge === "equal"
        ? withTrace(
          environment,
          labelled,
          environment.teacherTrace(random, labelled.state, this.teacher),
        )
        : critic.definition.encode(environment, labelled)
    );
  }

  /** A rollout of each problem; one state of each, before a token chosen at random. */
  async #make() {
    const round = this.#round++, seed = this.#seed;
    const { actor, successRate } = this.actors[round % this.actors.length]!;
    const { environment } = actor;
    const stream = (purpose: string) => (row: number) =>
      new RandomStream({ seed, purpose: `critic-preparation/${purpose}`, step: round, row });
    const [problems, choices, traces] = [stream("problems"), stream("states"), stream("traces")];
    const states = Array.from(
      { length: ROLLOUTS },
      (_, row) => environment.problem(problems(row), { split: "train" }),
    );
    const responses = await actor.sample(states, {
      seed,
      purpose: "critic-preparation/responses",
      firstRow: round * ROLLOUTS,
    });
    this.episodes += ROLLOUTS;
    const chosen = responses.map(({ states }, row) => choices(row).integer(states.length));
    const context = successRate === undefined ? {} : { successRate };
    return responses.map(({ states, reward }, row) => ({
      labelled: { state: states[chosen[row]!]!, context, value: reward },
      random: traces(row),
    }));
  }
}

/** One optimizer step on `batch` lessons. */
export async function prepareCriticStep<State, Teacher>(
  critic: NeuralCritic<State>,
  lessons: CriticLessons<State, Teacher>,
  batch: number,
  optimizer: OptimizerConfig,
): Promise<number> {
  const { loss, valueLoss } = await critic.train(
    lessons.encode(critic, await lessons.next(batch)),
    optimizer,
  );
  return loss + valueLoss;
}
