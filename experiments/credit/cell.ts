/**
 * One task and seed: the actor's supervised fine-tuning, the critics' preparation, the gradients of all methods at that
 * checkpoint, then RL by every method from it. An interrupted cell is taken up after the last finished method.
 */
import { exactValues } from "../../lib/actor/exact_values.ts";
import { localValues } from "../../lib/actor/local_values.ts";
import { NeuralActor } from "../../lib/actor/neural_actor.ts";
import { createBackend } from "../../lib/backend/create.ts";
import { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import type { TaskEnvironment } from "../../lib/env/task.ts";
import { mean } from "../../lib/numeric/sums.ts";
import { copyModel } from "../../lib/nn/copy_model.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import { prepareCriticStep, RolloutStates, traceStep } from "../../lib/critic_learning/prepare.ts";
import { type ActorTraining, criticContext } from "../../lib/rl/actor_training.ts";
import type { IterationDiagnostics, IterationReport } from "../../lib/rl/iteration_report.ts";
import { methodConfig } from "../../lib/rl/methods.ts";
import { trainActorStep } from "../../lib/rl/train_actor.ts";
import { findTrainingFailures, type TrainingFailure } from "../../lib/rl/training_failures.ts";
import { type Parts, Stopwatch } from "../../lib/rl/work.ts";
import { parseConfig } from "../../lib/parse_config.ts";
import type { Backend } from "../../lib/tensor/backend.ts";
import type { Cell, CellContext, CellResult, Json } from "../../lib/run/experiment.ts";
import { loadModels, saveModels } from "../../lib/run/training_checkpoint.ts";
import { type CreditCell, taskEnvironment } from "./cells.ts";
import { preparationOf } from "./config.ts";
import { evaluate, type Evaluation } from "./actor_evaluation.ts";
import {
  type Checkpoint,
  type Example,
  exampleRollout,
  type GradientQuality,
  gradientQuality,
} from "./gradients.ts";
import { type CriticKind, CRITICS, methodOf } from "./methods.ts";

/** What one method did. */
export interface MethodResult {
  /** At iteration 0, and after every `evaluateEvery`. */
  readonly points: readonly Evaluation[];
  /** Means over the iterations since the point before. */
  readonly training: readonly Diagnostics[];
  readonly failures: readonly TrainingFailure[];
  /** FLOPs of all iterations by part. */
  readonly flops: Parts;
  /** SHA-256 of the last weights of the actor. */
  readonly digest: string;
  readonly seconds: Parts;
}

/** What is kept of iterations. */
export type Diagnostics =
  & { readonly iteration: number }
  & IterationDiagnostics;

type State = unknown;

/** What a cell prepares once. */
type Prepared = Omit<Checkpoint<State>, "successRate">;

interface Progress {
  readonly preparation: Preparation;
  /** Wall time of the actor's, the lessons' and each critic's. */
  readonly preparationSeconds: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, GradientQuality>>;
  readonly example: Example;
  readonly runs: Record<string, MethodResult>;
}

/** What preparation cost and reached. */
export interface Preparation {
  readonly actorLoss: number;
  /** Of the actor, on held-out problems. */
  readonly successRate: number;
  readonly criticLoss: Readonly<Record<string, number>>;
  /** Of training the actor and each critic, and of the lessons' rollouts. */
  readonly flops: Readonly<Record<string, number>>;
  /** Rollouts of the frozen actors, for the lessons. */
  readonly episodes: number;
}

/** See the file's header. */
export async function runCell(
  { seed, config }: Cell<CreditCell>,
  { backend = "wasm", checkpoint, progress, threads }: CellContext,
): Promise<CellResult> {
  const { task } = config;
  const environment = taskEnvironment(task);
  const engine = await createBackend(backend, { threads });
  try {
    const prepared: Prepared = {
      actor: new NeuralActor(engine, environment, task.actor, seed),
      critics: Object.fromEntries(
        config.needs.map((kind) => [kind, critic(engine, environment, kind, task, seed)]),
      ),
      exactValues: (task.values === "tree" ? exactValues : localValues) as Prepared["exactValues"],
    };
    const models = {
      actor: prepared.actor.model,
      ...Object.fromEntries(
        config.needs.map((kind) => [kind, prepared.critics[kind]!.model]),
      ),
    };
    const units = config.runs.length + 2;
    const saved = checkpoint.load();
    let state: Progress;
    if (saved) state = JSON.parse(loadModels(models, saved).progress!);
    else {
      const { preparation, seconds } = await prepare(
        engine,
        environment,
        prepared,
        config,
        seed,
        (info, share) => progress(share, units, info),
      );
      const methods = config.runs.map(({ method }) => method),
        choices = methodConfig({}, { ...config.training, learningRate: 1e-3 });
      const frozen = { ...prepared, successRate: preparation.successRate };
      const batches = config.gradientBatches;
      const gradients = batches === 0
        ? {}
        : await gradientQuality(frozen, methods, choices, { seed, batches });
      const example = await exampleRollout(frozen, methods, choices, seed);
      progress(2, units, "gradients");
      state = { preparation, preparationSeconds: seconds, gradients, example, runs: {} };
      checkpoint.save(await saveModels(models, { progress: JSON.stringify(state) }));
    }
    for (const run of config.runs) {
      if (state.runs[run.id]) continue;
      state.runs[run.id] = await trainBy(
        engine,
        environment,
        prepared,
        run,
        config,
        seed,
        state.preparation.successRate,
        (info, share) => progress(2 + Object.keys(state.runs).length + share, units, info),
      );
      checkpoint.save(await saveModels(models, { progress: JSON.stringify(state) }));
    }
    const by = <T>(part: (r: MethodResult) => T) =>
      Object.fromEntries(config.runs.map(({ id }) => [id, part(state.runs[id]!)]));
    return {
      metrics: {
        preparation: state.preparation as unknown as Json,
        gradients: state.gradients as unknown as Json,
        example: state.example as unknown as Json,
        runs: by(({ points, training, failures, flops }) => ({
          points,
          training,
          failures,
          flops,
        })) as unknown as Json,
      },
      digests: {
        ...Object.fromEntries(
          await Promise.all(
            Object.entries(models).map(async ([name, model]) => [name, await model.digest()]),
          ),
        ),
        ...by(({ digest }) => digest),
      },
      unpinned: {
        seconds: by(({ seconds }) => seconds) as unknown as Json,
        preparationSeconds: state.preparationSeconds,
      },
    };
  } finally {
    engine.close();
  }
}

function critic(
  engine: Backend,
  environment: TaskEnvironment<State, unknown, unknown>,
  kind: CriticKind,
  task: CreditCell["task"],
  seed: number,
): NeuralCritic<State> {
  const definition = criticDefinition(CRITICS[kind].definition);
  return new NeuralCritic(engine, definition, environment, preparationOf(task, kind).size, seed);
}

/** Supervised fine-tuning of the actor, then of the critics on the frozen actor, all on the same lessons. */
async function prepare(
  engine: Backend,
  environment: TaskEnvironment<State, unknown, unknown>,
  { actor, critics }: Prepared,
  { task, needs, testProblems, testSeed }: CreditCell,
  seed: number,
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
  const told = (name: string, step: number, steps: number, from: number, to: number) => {
    if (step % 50 === 0) progress(`${name}: step ${step}`, from + (to - from) * step / steps);
  };
  while (actor.model.step < task.sftSteps) {
    told("actor", actor.model.step, task.sftSteps, 0, 0.3);
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
    const { success } = await evaluate(each.actor, { ...each, testSeed, testProblems });
    judged.push({ ...each, successRate: success });
  }
  const criticLoss: Record<string, number> = {};
  const lessons = new RolloutStates(judged, teacher, seed, task.lessons);
  clock.lap("actor");
  await lessons.next(task.lessons);
  flops.lessons = lessons.flops;
  clock.lap("lessons");
  for (const [i, kind] of needs.entries()) {
    const own = critics[kind]!, { knowledge } = CRITICS[kind];
    const { traces, steps, batchSize, size } = preparationOf(task, kind);
    const first = traces?.steps ?? 0, all = first + steps;
    const optimizer = adamW(size.learningRate, all);
    lessons.restart();
    const curve: number[] = [];
    let spent = steps * own.trainingFlops(batchSize);
    while (own.model.step < all) {
      told(
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
        curve.push(await prepareCriticStep(own, lessons, batchSize, optimizer, knowledge));
      }
    }
    flops[kind] = spent;
    criticLoss[kind] = mean(curve.slice(-50));
    clock.lap(kind);
  }
  const { episodes } = lessons, actorLoss = mean(losses.slice(-50));
  const { successRate } = judged[0]!;
  return {
    preparation: { actorLoss, successRate, criticLoss, flops, episodes },
    seconds: clock.seconds,
  };
}

async function trainBy(
  engine: Backend,
  environment: TaskEnvironment<State, unknown, unknown>,
  prepared: Prepared,
  { learningRate, method: name }: CreditCell["runs"][number],
  cell: CreditCell,
  seed: number,
  successRate: number,
  progress: (info: string, share: number) => void,
): Promise<MethodResult> {
  const { evaluateEvery, task, testProblems, testSeed } = cell;
  const method = methodOf(name);
  const config = methodConfig(method, { ...cell.training, learningRate });
  const actor = new NeuralActor(engine, environment, task.actor, seed);
  await copyModel(prepared.actor.model, actor.model);
  const run: ActorTraining<State> = {
    actor,
    reference: prepared.actor,
    exactValues: prepared.exactValues,
    algorithm: method.algorithm,
    config,
    seed,
    successRate,
    initialSuccessRate: successRate,
  };
  let own: NeuralCritic<State> | undefined;
  if (method.critic) {
    own = critic(engine, environment, method.critic, task, seed);
    const criticReference = prepared.critics[method.critic]!;
    await copyModel(criticReference.model, own.model);
    Object.assign(run, { critic: own, criticReference });
  }
  const test = { testSeed, testProblems };
  const ask = () =>
    evaluate(actor, {
      ...test,
      ...(own
        ? {
          critic: own,
          valuesOf: prepared.exactValues,
          states: cell.testStates,
          read: config.critic.read,
          context: criticContext(run, run.successRate!),
        }
        : {}),
    });
  const points: Evaluation[] = [{ ...await ask(), iteration: 0 }];
  const reports: IterationReport[] = [], diagnostics: Diagnostics[] = [];
  for (let i = 0; i < config.iterations; i++) {
    reports.push(await trainActorStep(run, i));
    if ((i + 1) % evaluateEvery > 0 && i + 1 < config.iterations) continue;
    points.push({ ...await ask(), iteration: i + 1 });
    const since = reports.slice(points.at(-2)!.iteration);
    diagnostics.push({ iteration: i + 1, ...means(since) });
    const { criticRmse, success } = points.at(-1)!;
    progress(
      `${name}: success ${success.toFixed(2)}, KL ${since.at(-1)!.referenceKl.toFixed(2)}` +
        (criticRmse === null ? "" : `, critic RMSE ${criticRmse.toFixed(2)}`),
      (i + 1) / config.iterations,
    );
  }
  return {
    points,
    training: diagnostics,
    failures: findTrainingFailures(reports),
    flops: total(reports, "flops"),
    seconds: total(reports, "seconds"),
    digest: await actor.model.digest(),
  };
}

function total(reports: readonly IterationReport[], what: "flops" | "seconds"): Parts {
  const parts = Object.keys(reports[0]![what]) as (keyof Parts)[];
  return Object.fromEntries(
    parts.map((part) => [part, reports.reduce((sum, r) => sum + r[what][part], 0)]),
  ) as Parts;
}

/** The mean of each number; null where a report has none. */
function means(reports: readonly IterationReport[]): IterationDiagnostics {
  const { tokens: _t, flops: _f, seconds: _s, ...first } = reports[0]!;
  return Object.fromEntries(
    (Object.keys(first) as (keyof typeof first)[]).map((name) => {
      const values = reports.flatMap((r) => r[name] === null ? [] : [r[name]]);
      return [name, values.length < reports.length ? null : mean(values)];
    }),
  ) as unknown as IterationDiagnostics;
}
