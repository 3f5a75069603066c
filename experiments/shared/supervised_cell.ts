import { createBackend } from "../../lib/backend/create.ts";
import { type CriticSize, NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import type { Environment } from "../../lib/env/environment.ts";
import { taskMetadata } from "../../lib/export/task_metadata.ts";
import { parameterCount } from "../../lib/nn/flops.ts";
import { adamW, type OptimizerConfig } from "../../lib/nn/optimizer.ts";
import type { CellContext, CellResult } from "../../lib/run/experiment.ts";
import { loadTraining, saveTraining } from "../../lib/run/training_checkpoint.ts";
import type { StepReport } from "../../lib/tensor/backend.ts";

/** Which critic is trained, and how long. */
export interface SupervisedConfig {
  /** A critic of lib/critic/registry.ts. */
  readonly critic: string;
  readonly size: CriticSize;
  /** Peak rate of AdamW with warm-up and cosine. */
  readonly learningRate: number;
  /** Steps in all. */
  readonly steps: number;
  /** States in a batch. */
  readonly batchSize: number;
}

/** One training run: a critic of one kind and size, what it learns from, and how it is judged. */
export interface SupervisedRun<State, Tests> {
  readonly environment: Environment<State, unknown>;
  /** Of its weights; see `step` for that of the data. */
  readonly seed: number;
  readonly config: SupervisedConfig;
  /** Takes the optimizer step that comes after `critic.model.step` steps; must depend on that number alone. */
  step(critic: NeuralCritic<State>, optimizer: OptimizerConfig): Promise<StepReport>;
  /** What the cell says of the trained critic, in its metrics. */
  test(critic: NeuralCritic<State>): Promise<Tests>;
}

/** What every such cell says. */
export interface SupervisedMetrics {
  readonly parameters: number;
  readonly trainingFlops: number;
  /** Mean loss of each 50 steps. */
  readonly curve: readonly number[];
}

/** Steps between points of the loss curve. */
const CURVE_STEPS = 50;
/** The least time between checkpoints, in seconds, where the context does not say. */
const CHECKPOINT_SECONDS = 20;

/** Trains and tests one critic, from the last checkpoint if the run was interrupted; keeps its weights. */
export async function supervisedCell<State, Tests>(
  { config, environment, seed, step, test }: SupervisedRun<State, Tests>,
  context: CellContext,
): Promise<CellResult<SupervisedMetrics & NoInfer<Tests>>> {
  const { backend = "wasm", threads } = context;
  const engine = await createBackend(backend, { threads });
  try {
    const definition = criticDefinition(config.critic);
    const critic = new NeuralCritic(engine, definition, environment, config.size, seed);
    const optimizer = adamW(config.learningRate, config.steps);
    const start = performance.now();
    const curve = await train(critic, config.steps, () => step(critic, optimizer), context);
    const trained = performance.now();
    return {
      metrics: {
        parameters: parameterCount(critic.model.config),
        trainingFlops: config.steps * critic.trainingFlops(config.batchSize),
        ...await test(critic),
        curve,
      },
      digests: { parameters: await critic.model.digest() },
      files: {
        "model.safetensors": await saveTraining(critic.model, taskMetadata(critic), {
          moments: false,
        }),
      },
      unpinned: {
        trainingSeconds: (trained - start) / 1000,
        testSeconds: (performance.now() - trained) / 1000,
      },
    };
  } finally {
    engine.close();
  }
}

/** Trains to the end; returns the loss curve. */
async function train<State>(
  { model }: NeuralCritic<State>,
  steps: number,
  step: () => Promise<StepReport>,
  { checkpoint, progress }: CellContext,
): Promise<number[]> {
  const saved = checkpoint.load();
  const curve: number[] = saved ? JSON.parse(loadTraining(model, saved).curve ?? "[]") : [];
  const wait = 1000 * (checkpoint.seconds ?? CHECKPOINT_SECONDS);
  let last = performance.now(), reports: Promise<StepReport>[] = [];
  while (model.step < steps) {
    reports.push(step());
    if (model.step % CURVE_STEPS === 0 || model.step === steps) {
      let sum = 0;
      for (const { loss, valueLoss } of await Promise.all(reports)) sum += loss + valueLoss;
      curve.push(sum / (model.step % CURVE_STEPS || CURVE_STEPS));
      reports = [];
      progress(model.step, steps, `loss ${curve.at(-1)!.toPrecision(3)}`);
      // Only where a point of the curve ends, so that a resumed run has the same curve.
      if (performance.now() - last >= wait && model.step < steps) {
        checkpoint.save(await saveTraining(model, { curve: JSON.stringify(curve) }));
        last = performance.now();
      }
    }
  }
  return curve;
}
