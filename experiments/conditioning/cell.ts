/** One training run: a critic of one kind, size and context, trained on a mixture of actors, then judged. */
import { createBackend } from "../../lib/backend/create.ts";
import { type CriticSize, NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import { parameterCount } from "../../lib/nn/flops.ts";
import type { Cell, CellContext, CellResult, Json } from "../../lib/run/experiment.ts";
import { saveTraining } from "../../lib/run/training_checkpoint.ts";
import { train } from "../shared/supervised_cell.ts";
import type { ConditioningConfig } from "./config.ts";
import { conditionedEnvironment, type ContextName } from "./contexts.ts";
import { evaluateCritic, type Evaluation, READOUTS } from "./critic_report.ts";
import { ActorStates, rateTelling } from "./states.ts";

/** Everything a run depends on besides its seed. */
export interface ConditioningCell
  extends Omit<ConditioningConfig, "seeds" | "runs" | "sweep" | `bootstrap${string}`> {
  readonly critic: string;
  readonly context: ContextName;
  readonly size: CriticSize;
  readonly learningRate: number;
  /** Learning rate over the chosen one; 1 for reported runs. */
  readonly factor: number;
  /** A run of the sweep is not reported. */
  readonly role: "report" | "sweep";
}

/** The metrics of a cell. */
export interface ConditioningMetrics extends Evaluation {
  readonly parameters: number;
  readonly trainingFlops: number;
  readonly curve: readonly number[];
}

/** Trains and tests one critic. `checkpointSeconds`: see `TrainingPlan`. */
export async function runCell(
  { seed, config }: Cell<ConditioningCell>,
  context: CellContext,
  checkpointSeconds?: number,
): Promise<CellResult> {
  const { actors, batchSize, critic: name, learningRate, size, steps, testSeed } = config;
  const environment = conditionedEnvironment(config.environment, config.context, config);
  const rates = rateTelling(config, config.context);
  const { backend = "wasm", threads } = context;
  const engine = await createBackend(backend, { threads });
  try {
    const definition = criticDefinition(name);
    const critic = new NeuralCritic(engine, definition, environment, size, seed);
    const data = new ActorStates(environment, seed, rates);
    const optimizer = adamW(learningRate, steps);
    const step = () =>
      critic.update(
        data.draw({
          purpose: "conditioning/train",
          step: critic.model.step,
          count: batchSize,
          split: "train",
          epsilon: (row) => actors.seen[row % actors.seen.length]!,
        }),
        optimizer,
      );
    const { curve, seconds } = await train(critic, { steps, step, checkpointSeconds }, context);
    const start = performance.now();
    const metrics: ConditioningMetrics = {
      parameters: parameterCount(critic.model.config),
      trainingFlops: steps * critic.trainingFlops(batchSize),
      curve,
      ...await evaluateCritic(critic, new ActorStates(environment, testSeed, rates), config, {
        // Where the value is not an emitted token, the mean over value tokens is not what was trained.
        readouts: definition.valueHead ? ["value"] : READOUTS,
        full: config.role === "report",
      }),
    };
    return {
      metrics: metrics as unknown as Record<string, Json>,
      digests: { parameters: await critic.model.digest() },
      files: { "model.safetensors": await saveTraining(critic.model, {}, { moments: false }) },
      unpinned: { trainingSeconds: seconds, testSeconds: (performance.now() - start) / 1000 },
    };
  } finally {
    engine.close();
  }
}
