/** What a cell prepares before RL: the actor, a pilot run from it, then the critics on the actors of both. */
import { NeuralActor } from "../../lib/actor/neural_actor.ts";
import { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import type { Question } from "../../lib/critic/critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import {
  type JudgedActor,
  prepareCriticStep,
  RolloutStates,
  traceStep,
} from "../../lib/critic_learning/prepare.ts";
import { greedyChains } from "../../lib/critic_learning/samples.ts";
import { pretrainCriticStep } from "../../lib/critic_learning/pretrain_critic.ts";
import type { TaskEnvironment } from "../../lib/env/task.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import { copyModel } from "../../lib/nn/copy_model.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import { mean } from "../../lib/numeric/sums.ts";
import { parseConfig } from "../../lib/parse_config.ts";
import type { ActorTraining } from "../../lib/rl/actor_training.ts";
import { rlAlgorithms } from "../../lib/rl/algorithms.ts";
import { methodConfig } from "../../lib/rl/methods.ts";
import { trainActorStep } from "../../lib/rl/train_actor.ts";
import { Stopwatch, totalParts } from "../../lib/rl/work.ts";
import type { Backend } from "../../lib/tensor/backend.ts";
import { firstWrongToken } from "../shared/chains.ts";
import { successOf, testResponses } from "./actor_evaluation.ts";
import type { CreditCell } from "./cells.ts";
import { criticSize } from "./config.ts";
import type { Checkpoint } from "./gradients.ts";
import { criticEntry, type CriticKind, REINFORCE } from "./methods.ts";

/** A state of any task. */
export type State = unknown;

/** What a cell works with. */
export interface CellSetup {
  readonly engine: Backend;
  readonly environment: TaskEnvironment<State, unknown>;
  readonly config: CreditCell;
  readonly seed: number;
}

/** The actor and the critics from which every method starts. */
export type Prepared = Omit<Checkpoint<State>, "successRate">;

/** Training up to a gate: what was reached, in how many rounds. */
export interface Gate {
  readonly reached: number;
  readonly rounds: number;
  readonly passed: boolean;
}

/** What preparation cost and reached. */
export interface Preparation {
  /** Loss of the actor's supervised fine-tuning. */
  readonly actor: Gate;
  /** Of the actor, on held-out problems that no result is read on. */
  readonly successRate: number;
  /** Success rates of the actors that the critics were prepared on. */
  readonly skills: readonly number[];
  /** By critic that learns right chains: the fraction right in every token after training on chains alone. */
  readonly chains: Readonly<Record<string, Gate>>;
  /** By critic: the loss at the end of regression, or the mean reward at that of REINFORCE. */
  readonly criticLoss: Readonly<Record<string, number>>;
  /**
   * Of training the actor, of the pilot run, of the rollouts that label the critics' states ("lessons"), and of training
   * each critic.
   */
  readonly flops: Readonly<Record<string, number>>;
  /** Episodes of the same. */
  readonly episodes: Readonly<Record<string, number>>;
}

/** A critic of one kind with fresh weights. */
export function newCritic(
  { config: { task }, engine, environment, seed }: CellSetup,
  kind: CriticKind,
): NeuralCritic<State> {
  const definition = criticDefinition(criticEntry(kind).definition);
  return new NeuralCritic(engine, definition, environment, criticSize(task, kind), seed);
}

/** Prepares everything in place. */
export async function prepare(
  setup: CellSetup,
  { actor, critics }: Prepared,
  progress: (info: string, share: number) => void,
): Promise<{ preparation: Preparation; seconds: Record<string, number> }> {
  const { config: { task, needs }, environment, seed } = setup;
  const teacher = parseConfig(environment.teacher, task.teacher, "teacher");
  const clock = new Stopwatch(["actor", "pilot", "lessons", ...needs]);
  const flops: Record<string, number> = {}, episodes: Record<string, number> = {};

  const tuned = await fineTune(setup, actor, teacher, (step) => {
    progress(`actor: step ${step}`, 0.2 * step / (task.sft.steps * task.sft.rounds));
  });
  flops.actor = tuned.flops;
  clock.lap("actor");

  const pilot = await pilotRun(setup, actor);
  flops.pilot = pilot.flops;
  episodes.pilot = pilot.episodes;
  clock.lap("pilot");

  progress("lessons", 0.25);
  const { judged, questions } = await judgedActors(setup, [
    { actor },
    ...task.temperatures.map((temperature) => ({ actor, temperature })),
    ...pilot.checkpoints.map((actor) => ({ actor })),
  ]);
  const labelled = new RolloutStates(judged, teacher, seed, task.lessons);
  await labelled.next(task.lessons);
  flops.lessons = labelled.flops;
  episodes.lessons = labelled.episodes;
  clock.lap("lessons");

  const chains: Record<string, Gate> = {}, criticLoss: Record<string, number> = {};
  for (const [i, kind] of needs.entries()) {
    const critic = critics[kind]!, { reinforced } = criticEntry(kind);
    const report = (share: number) =>
      progress(`${kind}: step ${critic.model.step}`, 0.3 + 0.7 * (i + share) / needs.length);
    labelled.restart();
    if (reinforced) {
      await copyModel(critics.generative!.model, critic.model);
      const learned = await reinforceOnFrozen(setup, critic, labelled);
      criticLoss[kind] = learned.reward;
      flops[kind] = flops.generative! + learned.flops;
    } else {
      if (criticEntry(kind).fromActor) await copyModel(actor.model, critic.model);
      const learned = await prepareCritic(setup, kind, critic, { labelled, questions, report });
      if (learned.gate) chains[kind] = learned.gate;
      criticLoss[kind] = learned.loss;
      flops[kind] = learned.flops;
    }
    clock.lap(kind);
  }
  return {
    preparation: {
      actor: tuned.gate,
      successRate: judged[0]!.successRate,
      skills: judged.map(({ successRate }) => successRate),
      chains,
      criticLoss,
      flops,
      episodes,
    },
    seconds: clock.seconds,
  };
}

/** Rounds of training until `measure` passes; the schedule of round r has r times the steps, so that it goes on. */
async function trainToGate(
  { steps, rounds }: { readonly steps: number; readonly rounds: number },
  train: (total: number) => Promise<void>,
  measure: () => Promise<number> | number,
  passes: (reached: number) => boolean,
): Promise<Gate> {
  for (let round = 1;; round++) {
    await train(round * steps);
    const reached = await measure(), passed = passes(reached);
    if (passed || round === rounds) return { reached, rounds: round, passed };
  }
}

async function fineTune(
  { config: { task: { actor: size, sft } }, seed }: CellSetup,
  actor: NeuralActor<State>,
  teacher: unknown,
  report: (step: number) => void,
): Promise<{ gate: Gate; flops: number }> {
  const losses: number[] = [], { batchSize } = sft;
  const gate = await trainToGate(
    sft,
    async (total) => {
      const optimizer = adamW(size.learningRate, total);
      while (actor.model.step < total) {
        const key = { seed, purpose: "credit/sft", batchSize };
        losses.push((await actor.supervisedStep(key, teacher, optimizer)).loss);
        if (actor.model.step % 50 === 0) report(actor.model.step);
      }
    },
    () => mean(losses.slice(-50)),
    (loss) => loss <= sft.gate,
  );
  return { gate, flops: actor.model.step * actor.trainingFlops(batchSize) };
}

/** GRPO from the actor, which itself stays as it is; its checkpoints are what RL will make of it, more or less. */
async function pilotRun(
  { config: { task: { actor: size, pilot } }, engine, environment, seed }: CellSetup,
  actor: NeuralActor<State>,
) {
  const { checkpoints: at, learningRate, problems, responses } = pilot;
  const fresh = () => new NeuralActor(engine, environment, size, seed);
  const own = fresh(), iterations = maximum(at);
  await copyModel(actor.model, own.model);
  const run: ActorTraining<State> = {
    actor: own,
    reference: actor,
    algorithm: rlAlgorithms.grpo,
    config: methodConfig({}, { problems, responses, iterations, learningRate }),
    // Not the problems of the runs to come.
    seed: seed + 1_000_000,
  };
  const checkpoints: NeuralActor<State>[] = [];
  let flops = 0;
  for (let i = 0; i < iterations; i++) {
    flops += totalParts((await trainActorStep(run, i)).flops);
    if (!at.includes(i + 1)) continue;
    const copy = fresh();
    await copyModel(own.model, copy.model);
    checkpoints.push(copy);
  }
  return { checkpoints, flops, episodes: iterations * problems * responses };
}

/** Of problems that decide about gates and rates, and are none of those that results are read on. */
function validationSeed({ testSeed }: CreditCell): number {
  return testSeed + 1;
}

/** Actors with their success rates, and states of responses of all of them, one a problem: what chains are judged on. */
async function judgedActors(
  { config }: CellSetup,
  actors: readonly Omit<JudgedActor<State, unknown>, "successRate">[],
) {
  const judged: (JudgedActor<State, unknown> & { readonly successRate: number })[] = [];
  const questions: Question<State>[] = [];
  for (const [a, each] of actors.entries()) {
    const { actor, temperature = 1 } = each, seed = validationSeed(config);
    const responses = await testResponses(actor, seed, config.testProblems, { temperature });
    const successRate = successOf(responses);
    judged.push({ ...each, successRate });
    responses.forEach(({ states }, i) => {
      if (i % actors.length !== a) return;
      // Every actor's states lie at every place.
      const place = Math.floor(i / actors.length) % states.length;
      questions.push({ state: states[place]!, context: { successRate } });
    });
  }
  return { judged, questions };
}

/** What a critic is prepared with. */
interface Lessons {
  readonly labelled: RolloutStates<State, unknown>;
  /** About states of held-out problems. */
  readonly questions: readonly Question<State>[];
  readonly report: (share: number) => void;
}

/** Chains of thought where it writes some, then regression on the mean outcomes of labelled states. */
async function prepareCritic(
  setup: CellSetup,
  kind: CriticKind,
  critic: NeuralCritic<State>,
  lessons: Lessons,
): Promise<{ gate?: Gate; loss: number; flops: number }> {
  const { config: { task }, environment, seed } = setup, { labelled, report } = lessons;
  const { knowledge, preparation } = criticEntry(kind);
  const { batchSize, size, steps } = task[preparation];
  let learned: { gate?: Gate; flops: number } = { flops: 0 };
  if (preparation === "generative") {
    const { traces } = task.generative;
    const source = {
      environment,
      teacher: labelled.teacher,
      knowledge,
      seed,
      writers: "all skills" as const,
      ...traces,
    };
    learned = await learnChains(setup, critic, source, lessons);
    // Outcomes have a schedule of their own.
    await copyModel(critic.model, critic.model);
  }
  const optimizer = adamW(size.learningRate, steps), curve: number[] = [];
  while (critic.model.step < steps) {
    curve.push(await prepareCriticStep(critic, labelled, batchSize, optimizer, knowledge));
    if (critic.model.step % 50 === 0) report((1 + critic.model.step / steps) / 2);
  }
  return {
    ...learned,
    loss: mean(curve.slice(-50)),
    flops: learned.flops + steps * critic.trainingFlops(batchSize),
  };
}

/**
 * Chains alone, up to the gate: the fraction of chains that are right in every token. With equal knowledge a chain is a
 * sample, so that there is no gate: it takes one round.
 */
async function learnChains(
  { config: { task: { generative: { traces } } } }: CellSetup,
  critic: NeuralCritic<State>,
  source: Parameters<typeof traceStep<State, unknown>>[1],
  { questions, report }: Lessons,
): Promise<{ gate?: Gate; flops: number }> {
  const { environment, knowledge } = source;
  let flops = 0;
  const train = async (total: number) => {
    const optimizer = adamW(traces.learningRate, total);
    while (critic.model.step < total) {
      flops += (await traceStep(critic, source, optimizer)).flops;
      if (critic.model.step % 50 === 0) {
        report(critic.model.step / (2 * traces.steps * traces.rounds));
      }
    }
  };
  if (knowledge === "equal") {
    await train(traces.steps);
    return { flops };
  }
  const right = async () => {
    const chains = await greedyChains(critic, questions);
    return mean(
      questions.map(({ state }, i) =>
        firstWrongToken(environment.reasoningTrace(state), chains[i]) === null ? 1 : 0
      ),
    );
  };
  const gate = await trainToGate(traces, train, right, (share) => share >= traces.gate);
  return { gate, flops };
}

/** GenAC's second stage: the critic alone learns by the method's REINFORCE from rollouts of the frozen actors. */
async function reinforceOnFrozen(
  { config: { task: { generative: { reinforce } } }, seed }: CellSetup,
  critic: NeuralCritic<State>,
  labelled: RolloutStates<State, unknown>,
): Promise<{ reward: number; flops: number }> {
  const { learningRate, steps } = reinforce;
  const optimizer = { ...adamW(learningRate, steps), finalFraction: 1 };
  const rewards: number[] = [];
  let flops = 0;
  while (critic.model.step < steps) {
    const report = await pretrainCriticStep(critic, labelled, {
      config: REINFORCE,
      optimizer,
      seed,
    });
    flops += report.flops;
    rewards.push(report.reward!);
  }
  return { reward: mean(rewards.slice(-20)), flops };
}
