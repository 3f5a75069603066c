/** What a cell prepares before RL: the actor by supervised fine-tuning, then the critics on the frozen actor. */
import { NeuralActor } from "../../lib/actor/neural_actor.ts";
import { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { prepareCriticStep, RolloutStates, traceStep } from "../../lib/critic_learning/prepare.ts";
import type { TaskEnvironment } from "../../lib/env/task.ts";
import { copyModel } from "../../lib/nn/copy_model.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import { mean } from "../../lib/numeric/sums.ts";
import { parseConfig } from "../../lib/parse_config.ts";
import { Stopwatch } from "../../lib/rl/work.ts";
import type { Backend } from "../../lib/tensor/backend.ts";
import { evaluateActor } from "./actor_evaluation.ts";
import type { CreditCell } from "./cells.ts";
import { preparationOf } from "./config.ts";
import type { Checkpoint } from "./gradients.ts";
import { type CriticKind, CRITICS } from "./methods.ts";

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

/** What preparation cost and reached. */
export interface Preparation {
  readonly actorLoss: number;
  /** Of the actor, on held-out problems. */
  readonly successRate: number;
  readonly criticLoss: Readonly<Record<string, number>>;
  /** Of training the actor and each critic; `lessons`: of the rollouts that label the critics' states. */
  readonly flops: Readonly<Record<string, number>>;
  /** Those rollouts, by the frozen actors. */
  readonly episodes: number;
}

/** A critic of one kind with fresh weights. */
export function newCritic(
  { config: { task }, engine, environment, seed }: CellSetup,
  kind: CriticKind,
): NeuralCritic<State> {
  const definition = criticDefinition(CRITICS[kind].definition);
  return new NeuralCritic(engine, definition, environment, preparationOf(task, kind).size, seed);
}

/** Supervised fine-tuning of the actor, then of the critics on the frozen actor, all on the same labelled states. */
export async function prepare(
  { config: { task, needs, testProblems, testSeed }, engine, environment, seed }: CellSetup,
  { actor, critics }: Prepared,
  progress: (info: string, share: number) => void,
): Promise<{ preparation: Preparation; seconds: Record<string, number> }> {
  const teacher = parseConfig(environment.teacher, task.teacher, "teacher");
  const weak: NeuralActor<State>[] = [];
  const losses: number[] = [];
  const flops: Record<string, number> = {
    actor: task.sftSteps * actor.trainingFlops(task.sftBatchSize),
  };
  const optimizer = adamW(task.actor.learningRate, task.sftSteps);
  const clock = new Stopwatch(["actor", "lessons", ...needs]);
  // Shares of the preparation by what each part is likely to take.
  const report = (name: string, step: number, steps: number, from: number, to: number) => {
    if (step % 50 === 0) progress(`${name}: step ${step}`, from + (to - from) * step / steps);
  };
  while (actor.model.step < task.sftSteps) {
    report("actor", actor.model.step, task.sftSteps, 0, 0.3);
    const key = { seed, purpose: "credit/sft", batchSize: task.sftBatchSize };
    losses.push((await actor.supervisedStep(key, teacher, optimizer)).loss);
    if (task.weakSteps.includes(actor.model.step)) {
      const copy = new NeuralActor(engine, environment, task.actor, seed);
      await copyModel(actor.model, copy.model);
      weak.push(copy);
    }
  }
  const judged = [];
  for (
    const each of [
      { actor },
      ...weak.map((actor) => ({ actor })),
      ...task.temperatures.map((temperature) => ({ actor, temperature })),
    ]
  ) {
    const { success } = await evaluateActor(each.actor, { ...each, testSeed, testProblems });
    judged.push({ ...each, successRate: success });
  }
  const criticLoss: Record<string, number> = {};
  const labelled = new RolloutStates(judged, teacher, seed, task.lessons);
  clock.lap("actor");
  await labelled.next(task.lessons);
  flops.lessons = labelled.flops;
  clock.lap("lessons");
  for (const [i, kind] of needs.entries()) {
    const own = critics[kind]!, { knowledge } = CRITICS[kind];
    const { traces, steps, batchSize, size } = preparationOf(task, kind);
    const first = traces?.steps ?? 0, all = first + steps;
    const optimizer = adamW(size.learningRate, all);
    labelled.restart();
    const curve: number[] = [];
    let spent = steps * own.trainingFlops(batchSize);
    while (own.model.step < all) {
      report(
        kind,
        own.model.step,
        all,
        0.3 + 0.7 * i / needs.length,
        0.3 + 0.7 * (i + 1) / needs.length,
      );
      if (traces && own.model.step < first) {
        const { difficulty } = traces;
        const source = { environment, teacher, knowledge, seed, batchSize, difficulty };
        spent += (await traceStep(own, source, optimizer)).flops;
      } else {
        curve.push(await prepareCriticStep(own, labelled, batchSize, optimizer, knowledge));
      }
    }
    flops[kind] = spent;
    criticLoss[kind] = mean(curve.slice(-50));
    clock.lap(kind);
  }
  const { episodes } = labelled, actorLoss = mean(losses.slice(-50));
  const { successRate } = judged[0]!;
  return {
    preparation: { actorLoss, successRate, criticLoss, flops, episodes },
    seconds: clock.seconds,
  };
}
