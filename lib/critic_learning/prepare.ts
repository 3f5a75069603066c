/**
 * What a critic knows before RL starts: value pretraining on the frozen actor's rollouts (VC-PPO, arXiv 2503.01491). The
 * target of a state is the mean outcome of several rollouts from it, which did best in experiments/critic-training. A
 * generative critic learns chains of thought first, as in GenAC, and goes on with them:
 *
 * - "privileged": right ones, by one who knows the task. So in the GenAC paper, where a stronger model writes them.
 * - "equal": as the teacher of the actor's own demonstrations would write them, where it is unsure unsure too.
 *
 * Discriminative critics get the same outcomes of the same states. A share of the states comes from earlier, weaker
 * actors, and from the actor at lower temperatures, which is stronger, each with its own success rate: so a critic learns
 * what the rate in its context means, also of what RL will make of the actor.
 */
import type { NeuralActor } from "../actor/neural_actor.ts";
import { cot, withTrace } from "../critic/generative.ts";
import type { LabelledState } from "../critic/critic.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import type { IntegerRange } from "../env/environment.ts";
import type { TaskEnvironment } from "../env/task.ts";
import { mean } from "../numeric/sums.ts";
import { batchLength, type Sequence } from "../nn/batch.ts";
import { trainingFlops } from "../nn/flops.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import { RandomStream } from "../numeric/random.ts";

/** What the critic may learn from. */
export const KNOWLEDGE = ["privileged", "equal"] as const;
/** One of them. */
export type Knowledge = typeof KNOWLEDGE[number];

/** A frozen actor to judge. */
export interface JudgedActor<State, Teacher> {
  readonly actor: NeuralActor<State, Teacher>;
  /** At which it writes; default 1. */
  readonly temperature?: number;
  /** What critics are told of it, in [0, 1]; undefined for nothing. */
  readonly successRate?: number;
}

/** How many rollouts are made at once, whatever the batch: the actor's generation is cheaper in bulk. */
const ROLLOUTS = 256;

/** How many rollouts behind the value of a state. */
const CONTINUATIONS = 8;

/** States with values to learn from: made as they are asked for, up to a number, and from then on repeated. */
export class CriticLessons<State, Teacher> {
  readonly #seed: number;
  #next = 0;
  readonly #made: Lesson<State>[] = [];
  /** Rollouts made so far, and the FLOPs of generating them. */
  episodes = 0;
  flops = 0;

  constructor(
    readonly actors: readonly JudgedActor<State, Teacher>[],
    readonly teacher: Teacher,
    seed: number,
    /** Different states at most, rounded up to a multiple of 256. */
    readonly states = 32_768,
  ) {
    this.#seed = seed;
  }

  /** From the first again: for another critic. */
  restart(): void {
    this.#next = 0;
  }

  /** The next `count` lessons. */
  async next(count: number): Promise<Lesson<State>[]> {
    const out: Lesson<State>[] = [];
    while (out.length < count) {
      if (this.#next >= this.states) this.#next = 0;
      if (this.#next >= this.#made.length) this.#made.push(...await this.#make());
      out.push(this.#made[this.#next++]!);
    }
    return out;
  }

  /** Training sequences of a critic for lessons. */
  encode(
    critic: NeuralCritic<State>,
    lessons: readonly Lesson<State>[],
    knowledge: Knowledge,
  ): Sequence[] {
    const { environment } = this.actors[0]!.actor;
    return lessons.map(({ labelled, trace }) =>
      critic.definition.name === cot.name && knowledge === "equal"
        ? withTrace(
          environment,
          labelled,
          environment.teacherTrace(trace(), labelled.state, this.teacher),
        )
        : critic.definition.encode(environment, labelled)
    );
  }

  /** A rollout of each problem; one state of each, before a token chosen at random; rollouts from there. */
  async #make(): Promise<Lesson<State>[]> {
    const round = this.#made.length / ROLLOUTS, seed = this.#seed;
    const { actor, successRate, temperature } = this.actors[round % this.actors.length]!;
    const { environment } = actor;
    const stream = (purpose: string) => (row: number) =>
      new RandomStream({ seed, purpose: `critic-preparation/${purpose}`, step: round, row });
    const [problems, choices, traces] = [stream("problems"), stream("states"), stream("traces")];
    const starts = Array.from(
      { length: ROLLOUTS },
      (_, row) => environment.problem(problems(row), { split: "train" }),
    );
    const key = (purpose: string, rows: number) => ({
      seed,
      purpose: `critic-preparation/${purpose}`,
      firstRow: round * rows,
    });
    const responses = await actor.sample(starts, key("responses", ROLLOUTS), temperature);
    const states = responses.map(({ states }, row) => states[choices(row).integer(states.length)]!);
    const rollouts = await actor.sample(
      states.flatMap((state) => new Array<State>(CONTINUATIONS).fill(state)),
      key("continuations", ROLLOUTS * CONTINUATIONS),
      temperature,
    );
    this.episodes += ROLLOUTS * (1 + CONTINUATIONS);
    this.flops += actor.generationFlops(responses) + actor.generationFlops(rollouts);
    const context = successRate === undefined ? {} : { successRate };
    return states.map((state, row) => {
      const own = rollouts.slice(row * CONTINUATIONS, (row + 1) * CONTINUATIONS);
      return {
        labelled: { state, context, value: mean(own.map(({ reward }) => reward)) },
        trace: () => traces(row),
      };
    });
  }
}

/** A state with its value, and the random numbers of its chain of thought. */
export interface Lesson<State> {
  readonly labelled: LabelledState<State>;
  readonly trace: () => RandomStream;
}

/** What chains of thought are about, and who writes them. */
export interface TraceSource<State, Teacher> {
  readonly environment: TaskEnvironment<State, unknown, Teacher>;
  readonly teacher: Teacher;
  readonly knowledge: Knowledge;
  readonly seed: number;
  readonly batchSize: number;
  /**
   * Problem sizes in the environment's own unit, one drawn for each batch: what is learned on short problems, which cost
   * little, carries over to long ones.
   */
  readonly difficulty: IntegerRange;
}

/**
 * One optimizer step of a generative critic's supervised fine-tuning on chains of thought, about states that the teacher
 * wrote, before any outcome is known: the value after them is not trained. Depends on `source` and the critic's step alone.
 *
 * @returns The loss and the step's FLOPs.
 */
export async function traceStep<State, Teacher>(
  critic: NeuralCritic<State>,
  { environment, teacher, knowledge, seed, batchSize, difficulty }: TraceSource<State, Teacher>,
  optimizer: OptimizerConfig,
): Promise<{ loss: number; flops: number }> {
  const { step } = critic.model, { min, max } = difficulty;
  const random = (purpose: string, row = 0) =>
    new RandomStream({ seed, purpose: `critic-preparation/${purpose}`, step, row });
  const size = min + random("trace size").integer(max - min + 1);
  const sequences = Array.from({ length: batchSize }, (_, row) => {
    const own = random("trace problems", row);
    const range = { min: size, max: size };
    const problem = environment.problem(own, { split: "train", difficulty: range });
    const tokens = environment.demonstration(own, problem, teacher);
    const written = tokens.slice(0, own.integer(tokens.length));
    const state = written.reduce((s, token) => environment.act(s, token), problem);
    const trace = knowledge === "equal"
      ? environment.teacherTrace(own, state, teacher)
      : environment.reasoningTrace(state);
    // Any rate: no chain depends on it.
    const context = { successRate: own.uniform() };
    const sequence = withTrace(environment, { state, context, value: 0 }, trace);
    const last = sequence.tokens.length - 1;
    return { ...sequence, weights: sequence.weights!.map((w, i) => i === last ? 0 : w) };
  });
  const length = batchLength(sequences);
  const { loss } = await critic.model.train(sequences, length, optimizer);
  return { loss, flops: trainingFlops(critic.model.config, batchSize, length) };
}

/** One optimizer step on `batch` lessons; `knowledge` matters to critics that write chains of thought. */
export async function prepareCriticStep<State, Teacher>(
  critic: NeuralCritic<State>,
  lessons: CriticLessons<State, Teacher>,
  batch: number,
  optimizer: OptimizerConfig,
  knowledge: Knowledge = "privileged",
): Promise<number> {
  const { loss, valueLoss } = await critic.train(
    lessons.encode(critic, await lessons.next(batch), knowledge),
    optimizer,
  );
  return loss + valueLoss;
}
