import { NeuralActor } from "../../lib/actor/neural_actor.ts";
import { createBackend } from "../../lib/backend/create.ts";
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { copyModel } from "../../lib/nn/copy_model.ts";
import { mean } from "../../lib/numeric/sums.ts";
import { type ActorTraining, criticContext } from "../../lib/rl/actor_training.ts";
import type { GradientQuality } from "../../lib/rl/gradient_quality.ts";
import type { IterationDiagnostics, IterationReport } from "../../lib/rl/iteration_report.ts";
import { methodConfig } from "../../lib/rl/methods.ts";
import { trainActorStep } from "../../lib/rl/train_actor.ts";
import { findTrainingFailures, type TrainingFailure } from "../../lib/rl/training_failures.ts";
import type { Parts } from "../../lib/rl/work.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import { loadModels, saveModels } from "../../lib/run/training_checkpoint.ts";
import {
  type CriticEvaluation,
  evaluateCritic,
  exactSuccess,
  successOf,
  testResponses,
  VALUE_SOURCES,
} from "./actor_evaluation.ts";
import { type CreditCell, type MethodRun, taskEnvironment } from "./cells.ts";
import { comparedMethods, type Example, exampleRollout, gradientQualities } from "./gradients.ts";
import { methodOf, trainingOf } from "./methods.ts";
import {
  type CellSetup,
  newCritic,
  type Preparation,
  prepare,
  type Prepared,
  type State,
} from "./preparation.ts";

/** An actor's success on held-out problems, and how good its critic is. */
export interface Evaluation {
  /** After how many iterations. */
  readonly iteration: number;
  /** Mean probability of success, from the actor's policy. */
  readonly success: number;
  /** Successes of one response to each problem; null at evaluations at which critics are not judged. */
  readonly sampled: number | null;
  /** Null without a critic, and where `sampled` is. */
  readonly critic: CriticEvaluation | null;
}

/** What one method did. */
export interface MethodResult {
  /** At iteration 0, after every `evaluateEvery`, and at the end. */
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

interface Progress {
  readonly preparation: Preparation;
  /** Wall time by part: the actor's, that of labelling states ("lessons"), and each critic's. */
  readonly preparationSeconds: Readonly<Record<string, number>>;
  readonly gradients: Readonly<Record<string, GradientQuality>>;
  readonly example: Example;
  readonly runs: Record<string, MethodResult>;
}

/** What a cell says. */
export interface CreditMetrics extends Pick<Progress, "preparation" | "gradients" | "example"> {
  /** By id of the run. */
  readonly runs: Readonly<
    Record<string, Pick<MethodResult, "points" | "training" | "failures" | "flops">>
  >;
}

/**
 * One task and seed: the actor's supervised fine-tuning, the critics' preparation, the gradients of all methods at that
 * checkpoint, then RL by every method from it. An interrupted cell is taken up after the last finished method.
 */
export async function runCell(
  { seed, config }: Cell<CreditCell>,
  { backend = "wasm", checkpoint, progress, threads }: CellContext,
): Promise<CellResult<CreditMetrics>> {
  const { task } = config;
  const environment = taskEnvironment(task);
  const engine = await createBackend(backend, { threads });
  try {
    const setup: CellSetup = { engine, environment, config, seed };
    const prepared: Prepared = {
      actor: new NeuralActor(engine, environment, task.actor, seed),
      critics: Object.fromEntries(
        config.needs.map((kind) => [kind, newCritic(setup, kind)]),
      ),
      exactValues: VALUE_SOURCES[task.values].values,
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
        setup,
        prepared,
        (info, share) => progress(share, units, info),
      );
      const choices = methodConfig({}, config.training);
      const methods = comparedMethods(config.runs.map(({ method }) => method), choices);
      const frozen = { ...prepared, successRate: preparation.successRate };
      const batches = config.gradientBatches;
      const gradients = batches === 0
        ? {}
        : await gradientQualities(frozen, methods, choices, { seed, batches });
      const example = await exampleRollout(frozen, methods, choices, seed);
      progress(2, units, "gradients");
      state = { preparation, preparationSeconds: seconds, gradients, example, runs: {} };
      checkpoint.save(await saveModels(models, { progress: JSON.stringify(state) }));
    }
    for (const run of config.runs) {
      if (state.runs[run.id]) continue;
      state.runs[run.id] = await trainBy(
        setup,
        prepared,
        run,
        state.preparation.successRate,
        (info, share) => progress(2 + Object.keys(state.runs).length + share, units, info),
      );
      checkpoint.save(await saveModels(models, { progress: JSON.stringify(state) }));
    }
    const by = <T>(part: (r: MethodResult) => T) =>
      Object.fromEntries(config.runs.map(({ id }) => [id, part(state.runs[id]!)]));
    return {
      metrics: {
        preparation: state.preparation,
        gradients: state.gradients,
        example: state.example,
        runs: by(({ points, training, failures, flops }) => ({
          points,
          training,
          failures,
          flops,
        })),
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
        seconds: by(({ seconds }) => seconds),
        preparationSeconds: state.preparationSeconds,
      },
    };
  } finally {
    engine.close();
  }
}

/** RL by one method, from what was prepared. */
async function trainBy(
  setup: CellSetup,
  prepared: Prepared,
  { learningRate, method: name }: MethodRun,
  successRate: number,
  progress: (info: string, share: number) => void,
): Promise<MethodResult> {
  const { config: cell, engine, environment, seed } = setup;
  const { criticTest, evaluateEvery, judgeEvery, task, testProblems, testSeed } = cell;
  const method = methodOf(name);
  const config = trainingOf(name, { ...cell.training, learningRate });
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
  let critic: NeuralCritic<State> | undefined;
  if (method.critic) {
    critic = newCritic(setup, method.critic);
    const criticReference = prepared.critics[method.critic]!;
    await copyModel(criticReference.model, critic.model);
    Object.assign(run, { critic, criticReference });
  }
  const evaluate = async (iteration: number): Promise<Evaluation> => {
    const source = VALUE_SOURCES[task.values];
    const success = await exactSuccess(actor, source, testSeed, task.exactProblems);
    const isJudged = iteration % judgeEvery === 0 || iteration === config.iterations;
    if (!isJudged) return { iteration, success, sampled: null, critic: null };
    const responses = await testResponses(actor, testSeed, testProblems, {
      sampling: seed,
      evaluation: iteration,
    });
    return {
      iteration,
      success,
      sampled: successOf(responses),
      critic: critic
        ? await evaluateCritic({
          critic,
          actor,
          valuesOf: prepared.exactValues,
          states: criticTest.states,
          read: config.critic.read,
          context: criticContext(run, run.successRate!),
        }, responses.slice(0, criticTest.problems))
        : null,
    };
  };
  const points: Evaluation[] = [await evaluate(0)];
  const reports: IterationReport[] = [], diagnostics: Diagnostics[] = [];
  for (let i = 0; i < config.iterations; i++) {
    reports.push(await trainActorStep(run, i));
    if ((i + 1) % evaluateEvery > 0 && i + 1 < config.iterations) continue;
    points.push(await evaluate(i + 1));
    const since = reports.slice(points.at(-2)!.iteration);
    diagnostics.push({ iteration: i + 1, ...means(since) });
    const { critic: judged, success } = points.at(-1)!;
    progress(
      `${name}: success ${success.toFixed(2)}, KL ${since.at(-1)!.referenceKl.toFixed(2)}` +
        (judged ? `, critic RMSE ${judged.rmse.toFixed(2)}` : ""),
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
  ) as IterationDiagnostics;
}
