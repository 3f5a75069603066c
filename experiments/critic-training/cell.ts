import { createBackend } from "../../lib/backend/create.ts";
import { cot } from "../../lib/critic/generative.ts";
import { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { supervisedStep } from "../../lib/critic/supervised.ts";
import type { LabelledState } from "../../lib/critic/critic.ts";
import type { PermutationState } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { mean, populationVariance } from "../../lib/numeric/sums.ts";
import { copyModel } from "../../lib/nn/copy_model.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import { monteCarloStep } from "../../lib/critic_learning/regression.ts";
import { type ReinforceReport, reinforceStep } from "../../lib/critic_learning/reinforce.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import { loadTraining, saveTraining } from "../../lib/run/training_checkpoint.ts";
import { heldOutStates } from "../shared/test_report.ts";
import type { CriticTrainingCell, TrainingRun } from "./cells.ts";
import { measure, type Snapshot } from "./snapshot.ts";

/** What a step of any recipe reports; those of Monte Carlo have a gradient norm only. */
type Diagnostics = Pick<ReinforceReport, "gradientNorm"> & Partial<ReinforceReport>;

/** Means over the steps since the point before. */
export type TrainingDiagnostics = { readonly step: number } & Diagnostics;

/** What one recipe did. */
export interface RunResult {
  /** After the start. */
  readonly points: readonly Snapshot[];
  readonly training: readonly TrainingDiagnostics[];
  /** SHA-256 of the last weights. */
  readonly digest: string;
  readonly seconds: number;
}

/** What a cell keeps while it runs. */
interface Progress {
  readonly sftSteps: number;
  /** Mean loss of each fifty SFT steps. */
  readonly sftCurve: readonly number[];
  /** The critic after SFT. */
  readonly start: Snapshot;
  readonly runs: Record<string, RunResult>;
}

/** What a cell says. */
export interface CriticTrainingMetrics extends Pick<Progress, "sftSteps" | "start"> {
  /** Mean loss of each fifty SFT steps. */
  readonly curve: readonly number[];
  /** Standard deviation of the exact values of the test states. */
  readonly exactSpread: number;
  /** By id of the run. */
  readonly runs: Readonly<Record<string, Pick<RunResult, "points" | "training">>>;
}

type Critic = NeuralCritic<PermutationState>;

/**
 * Trains one critic by SFT, then by every recipe from there. An interrupted cell is taken up after the last finished
 * recipe.
 */
export async function runCell(
  { seed, config }: Cell<CriticTrainingCell>,
  { backend = "wasm", checkpoint, progress, threads }: CellContext,
): Promise<CellResult<CriticTrainingMetrics>> {
  const { actor, runs, steps, testSeed, testStates } = config;
  const environment = createEnvironment("permutation", config.environment);
  const engine = await createBackend(backend, { threads });
  try {
    const make = (): Critic => new NeuralCritic(engine, cot, environment, config.size, seed);
    const reference = make(), critic = make();
    const key = { seed: testSeed, purpose: "critic-training/states" };
    const labelled = heldOutStates(environment, key, testStates, { actor });

    const saved = checkpoint.load();
    const state: Progress = saved
      ? JSON.parse(loadTraining(reference.model, saved).progress!)
      : await supervisedTraining(reference, labelled, seed, config, progress);

    for (const run of runs) {
      if (state.runs[run.id]) continue;
      await copyModel(reference.model, critic.model);
      state.runs[run.id] = await train(critic, reference, run, labelled, seed, config);
      const done = Object.keys(state.runs).length;
      progress(config.sftSteps + done * steps, config.sftSteps + runs.length * steps, run.id);
      checkpoint.save(
        await saveTraining(reference.model, { progress: JSON.stringify(state) }, {
          moments: false,
        }),
      );
    }

    const finished = runs.map(({ id }) => [id, state.runs[id]!] as const);
    const by = <T>(part: (r: RunResult) => T) =>
      Object.fromEntries(finished.map(([id, r]) => [id, part(r)]));
    return {
      metrics: {
        sftSteps: state.sftSteps,
        curve: state.sftCurve,
        start: state.start,
        exactSpread: Math.sqrt(populationVariance(labelled.map(({ value }) => value))),
        runs: by(({ points, training }) => ({ points, training })),
      },
      digests: { sft: await reference.model.digest(), ...by(({ digest }) => digest) },
      unpinned: { seconds: by(({ seconds }) => seconds) },
    };
  } finally {
    engine.close();
  }
}

/** SFT on exact values, to the end or until the loss is low enough. */
async function supervisedTraining(
  critic: Critic,
  labelled: readonly LabelledState<PermutationState>[],
  seed: number,
  { sftActor, sftBatchSize, sftLearningRate, sftLoss, sftSteps, testSeed }: CriticTrainingCell,
  progress: CellContext["progress"],
): Promise<Progress> {
  const { model } = critic;
  const data = {
    seed,
    purpose: "critic-training/sft",
    batchSize: sftBatchSize,
    actor: sftActor,
  };
  const optimizer = adamW(sftLearningRate, sftSteps);
  const losses: number[] = [];
  while (model.step < sftSteps) {
    losses.push((await supervisedStep(critic, data, optimizer)).loss);
    if (losses.at(-1)! < sftLoss) break;
  }
  progress(sftSteps, sftSteps, "SFT");
  const curve: number[] = [];
  for (let i = 0; i < losses.length; i += 50) curve.push(mean(losses.slice(i, i + 50)));
  const start = { ...await measure(critic, critic, labelled, testSeed), step: 0 };
  return { sftSteps: model.step, sftCurve: curve, start, runs: {} };
}

async function train(
  critic: Critic,
  reference: Critic,
  { algorithm, learningRate }: TrainingRun,
  labelled: readonly LabelledState<PermutationState>[],
  seed: number,
  { actor, evaluateEvery, steps, testSeed }: CriticTrainingCell,
): Promise<RunResult> {
  const begun = performance.now();
  const { model } = critic;
  const data = { seed, purpose: "critic-training/rl", actor };
  const optimizer = { ...adamW(learningRate, steps), finalFraction: 1 };
  const step = stepOf(algorithm);
  const points: Snapshot[] = [], training: TrainingDiagnostics[] = [];
  let reports: Diagnostics[] = [];
  while (model.step < steps) {
    reports.push(await step(critic, reference, data, optimizer));
    if (model.step % evaluateEvery === 0 || model.step === steps) {
      points.push(await measure(critic, reference, labelled, testSeed));
      training.push({ step: model.step, ...means(reports) });
      reports = [];
    }
  }
  return {
    points,
    training,
    digest: await model.digest(),
    seconds: (performance.now() - begun) / 1000,
  };
}

type Step = (
  critic: Critic,
  reference: Critic,
  data: Parameters<typeof reinforceStep>[1],
  optimizer: Parameters<typeof reinforceStep>[3],
) => Promise<Diagnostics>;

function stepOf(algorithm: TrainingRun["algorithm"]): Step {
  if (algorithm.kind === "reinforce") {
    const { choices } = algorithm;
    return (critic, reference, data, optimizer) =>
      reinforceStep(
        critic,
        data,
        choices,
        optimizer,
        choices.klCoefficient > 0 ? reference : undefined,
      );
  }
  const { choices } = algorithm;
  return async (critic, reference, data, optimizer) => {
    const { gradientNorm } = await monteCarloStep(critic, data, choices, optimizer, reference);
    return { gradientNorm };
  };
}

/** The mean of each field that every report has as a number. */
function means(reports: readonly Diagnostics[]): Diagnostics {
  const names = Object.keys(reports[0]!) as (keyof Diagnostics)[];
  const entries = names.flatMap((name) => {
    const values = reports.flatMap((r) => typeof r[name] === "number" ? [r[name]] : []);
    return values.length === reports.length ? [[name, mean(values)] as const] : [];
  });
  return Object.fromEntries(entries) as Diagnostics;
}
