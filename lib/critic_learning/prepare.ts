/**
 * What a critic knows before RL starts: value pretraining on the frozen actor's rollouts (VC-PPO, arXiv 2503.01491). The
 * target of a state is the mean outcome of several rollouts from it, which did best in experiments/critic-training. A
 * generative critic learns chains of thought first, as in GenAC, and goes on with them. Discriminative critics get the
 * same outcomes of the same states. A share of the states comes from earlier, weaker actors, and from the actor at lower
 * temperatures, which is stronger, each with its own success rate: so a critic learns what the rate in its context means,
 * also of what RL will make of the actor.
 */
import type { NeuralActor } from "../actor/neural_actor.ts";
import type { CriticDefinition, LabelledState } from "../critic/critic.ts";
import type { NeuralCritic } from "../critic/neural_critic.ts";
import { checkWritesChain } from "../critic/responses.ts";
import type { IntegerRange } from "../env/environment.ts";
import type { TaskEnvironment } from "../env/task.ts";
import { UsageError } from "../errors.ts";
import { mean } from "../numeric/sums.ts";
import { batchLength, type Sequence } from "../nn/batch.ts";
import { trainingFlops } from "../nn/flops.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import { RandomStream, type StreamKey } from "../numeric/random.ts";

/**
 * Whose chains of thought a critic learns:
 *
 * - "privileged": right ones, by one who knows the task. So in the GenAC paper, where a stronger model writes them.
 * - "equal": as the teacher of the actor's own demonstrations would write them, where it is unsure unsure too.
 */
export const KNOWLEDGE = ["privileged", "equal"] as const;
/** One of them. */
export type Knowledge = typeof KNOWLEDGE[number];

/** A frozen actor to judge. */
export interface JudgedActor<State, Teacher> {
  readonly actor: NeuralActor<State, Teacher>;
  /** At which it writes; default 1. */
  readonly temperature?: number;
  /** What critics' prompts state of it, in [0, 1]; undefined for nothing. */
  readonly successRate?: number;
}

/** How many rollouts are made at once, whatever the batch: the actor's generation is cheaper in bulk. */
const ROLLOUTS = 256;

/** How many rollouts behind the value of a state. */
const CONTINUATIONS = 8;

/** A state of a rollout with the mean outcome of further rollouts from it. */
export interface RolloutState<State> extends LabelledState<State> {
  /** Of the rollout that the state is of. */
  readonly outcome: 0 | 1;
  /** Of the random numbers of a teacher's chain of thought about it. */
  readonly chainKey: StreamKey;
}

/**
 * States of the actors' rollouts with values to learn from: made as they are asked for, up to a number, and from then on
 * repeated.
 */
export class RolloutStates<State, Teacher> {
  readonly #seed: number;
  #next = 0;
  readonly #made: RolloutState<State>[] = [];
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

  /** The next `count`. */
  async next(count: number): Promise<RolloutState<State>[]> {
    const out: RolloutState<State>[] = [];
    while (out.length < count) {
      if (this.#next >= this.states) this.#next = 0;
      if (this.#next >= this.#made.length) this.#made.push(...await this.#make());
      out.push(this.#made[this.#next++]!);
    }
    return out;
  }

  /**
   * Training sequences of a critic for some of the states.
   *
   * @throws UsageError for equal knowledge of a critic that needs privileged labels.
   */
  encode(
    { definition }: NeuralCritic<State>,
    states: readonly RolloutState<State>[],
    knowledge: Knowledge,
  ): Sequence[] {
    checkKnowledge(definition, knowledge);
    const { environment } = this.actors[0]!.actor;
    return states.map((labelled) => {
      if (!definition.writesChain || knowledge === "privileged") {
        return definition.encode(environment, labelled);
      }
      const random = new RandomStream(labelled.chainKey);
      const chain = environment.teacherTrace(random, labelled.state, this.teacher);
      return definition.encode(environment, labelled, chain);
    });
  }

  /** A rollout of each problem; one state of each, before a token chosen at random; rollouts from there. */
  async #make(): Promise<RolloutState<State>[]> {
    const round = this.#made.length / ROLLOUTS, seed = this.#seed;
    const { actor, successRate, temperature } = this.actors[round % this.actors.length]!;
    const { environment } = actor;
    const rowKey = (purpose: string, row: number): StreamKey => ({
      seed,
      purpose: `critic-preparation/${purpose}`,
      step: round,
      row,
    });
    const stream = (purpose: string, row: number) => new RandomStream(rowKey(purpose, row));
    const starts = Array.from(
      { length: ROLLOUTS },
      (_, row) => environment.problem(stream("problems", row), { split: "train" }),
    );
    const key = (purpose: string, rows: number) => ({
      seed,
      purpose: `critic-preparation/${purpose}`,
      firstRow: round * rows,
    });
    const responses = await actor.sample(starts, key("responses", ROLLOUTS), temperature);
    const states = responses.map(({ states }, row) =>
      states[stream("states", row).integer(states.length)]!
    );
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
      const value = mean(own.map(({ reward }) => reward));
      const { reward: outcome } = responses[row]!;
      return { state, context, value, outcome, chainKey: rowKey("traces", row) };
    });
  }
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
  /**
   * Who wrote what the chains are about: the teacher, or writers of all skills from the teacher's to one who makes no
   * mistake but for a slip now and then. These are what RL makes of the actor; a critic that has met the teacher's mistakes
   * alone knows them by where they happen and takes others for right. Default "teacher".
   */
  readonly writers?: "teacher" | "all skills";
}

/** Probability with which a writer of `"all skills"` writes any action token. */
const SLIP = 0.05;

/**
 * One optimizer step of a generative critic's supervised fine-tuning on chains of thought, about states that the
 * source's writers wrote, before any outcome is known: the value after them is not trained. Depends on `source` and the critic's step alone.
 *
 * @returns The loss in nats per token, and the step's FLOPs.
 * @throws UsageError for a critic that writes no chain of thought.
 */
export async function traceStep<State, Teacher>(
  critic: NeuralCritic<State>,
  source: TraceSource<State, Teacher>,
  optimizer: OptimizerConfig,
): Promise<{ loss: number; flops: number }> {
  const { environment, teacher, knowledge, seed, batchSize, difficulty: { min, max } } = source;
  const { definition, model } = critic, { step } = model;
  checkWritesChain(definition);
  checkKnowledge(definition, knowledge);
  const random = (purpose: string, row = 0) =>
    new RandomStream({ seed, purpose: `critic-preparation/${purpose}`, step, row });
  const size = min + random("trace size").integer(max - min + 1);
  const sequences = Array.from({ length: batchSize }, (_, row) => {
    const own = random("trace problems", row);
    const range = { min: size, max: size };
    const problem = environment.problem(own, { split: "train", difficulty: range });
    const state = source.writers === "all skills"
      ? writtenWithSkill(own, problem, source)
      : writtenByTeacher(own, problem, source);
    const trace = knowledge === "equal"
      ? environment.teacherTrace(own, state, teacher)
      : environment.reasoningTrace(state);
    // Any rate: no chain depends on it.
    const context = { successRate: own.uniform() };
    return chainAlone(definition.encode(environment, { state, context, value: 0 }, trace));
  });
  const length = batchLength(sequences);
  const { loss } = await model.train(sequences, length, optimizer);
  return { loss, flops: trainingFlops(model.config, batchSize, length) };
}

/** A problem after the first tokens of a demonstration. */
function writtenByTeacher<State, Teacher>(
  random: RandomStream,
  problem: State,
  { environment, teacher }: TraceSource<State, Teacher>,
): State {
  const tokens = environment.demonstration(random, problem, teacher);
  const written = tokens.slice(0, random.integer(tokens.length));
  return written.reduce((s, token) => environment.act(s, token), problem);
}

/** A problem after the first tokens of a writer who is right where the teacher may be wrong with a probability of its own. */
function writtenWithSkill<State, Teacher>(
  random: RandomStream,
  problem: State,
  { environment, teacher }: TraceSource<State, Teacher>,
): State {
  const { actionTokens, expertTeacher } = environment, skill = random.uniform();
  const count = random.integer(environment.stepsLeft(problem));
  let state = problem;
  for (let i = 0; i < count; i++) {
    const writer = random.uniform() < skill ? expertTeacher : teacher;
    const [token] = environment.demonstration(random, state, writer);
    const slip = random.uniform() < SLIP;
    state = environment.act(
      state,
      slip ? actionTokens[random.integer(actionTokens.length)]! : token!,
    );
  }
  return state;
}

/** The sequence without the loss of its last token, whatever the head. */
function chainAlone(sequence: Sequence): Sequence {
  const last = sequence.tokens.length - 1;
  const { weights, valueWeights } = sequence;
  return {
    ...sequence,
    ...(weights ? { weights: weights.map((w, i) => i === last ? 0 : w) } : {}),
    ...(valueWeights ? { valueWeights: valueWeights.map(() => 0) } : {}),
  };
}

function checkKnowledge({ name, privilegedLabels }: CriticDefinition, knowledge: Knowledge): void {
  if (knowledge === "privileged" || !privilegedLabels) return;
  throw new UsageError("knowledge", knowledge, `${name} learns the true labels: use "privileged"`);
}

/**
 * One optimizer step on `batch` states.
 *
 * @returns The losses of both heads together.
 * @throws UsageError as `RolloutStates.encode`.
 */
export async function prepareCriticStep<State, Teacher>(
  critic: NeuralCritic<State>,
  states: RolloutStates<State, Teacher>,
  batch: number,
  optimizer: OptimizerConfig,
  knowledge: Knowledge = "privileged",
): Promise<number> {
  const sequences = states.encode(critic, await states.next(batch), knowledge);
  const { loss, valueLoss } = await critic.train(sequences, optimizer);
  return loss + valueLoss;
}
