/** One training run: a critic of one kind and size, trained on exact values, tested on held-out words. */
import { createBackend } from "../../lib/backend/create.ts";
import { type CriticSize, NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import type { PermutationEnvironment, PermutationState } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { supervisedStep } from "../../lib/critic/supervised.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import { parameterCount } from "../../lib/nn/flops.ts";
import type { Cell, CellContext, CellResult, Json } from "../../lib/run/experiment.ts";
import { saveTraining } from "../../lib/run/training_checkpoint.ts";
import { asJson, evaluate } from "../shared/test_report.ts";
import { train } from "../shared/supervised_cell.ts";
import type { ScalingConfig } from "./config.ts";

/** Everything a run depends on besides its seed. */
export interface ScalingCell {
  readonly critic: string;
  readonly size: CriticSize;
  readonly learningRate: number;
  /** Learning rate over the chosen one; 1 for reported runs. */
  readonly factor: number;
  /** A run of the sweep is not reported. */
  readonly role: "report" | "sweep";
  readonly environment: ScalingConfig["environment"];
  readonly actor: ScalingConfig["actor"];
  readonly steps: number;
  readonly batchSize: number;
  readonly testSeed: number;
  readonly testStates: number;
  readonly difficulties: ScalingConfig["difficulties"];
}

/** Trains and tests one critic. `checkpointSeconds`: see `TrainingPlan`. */
export async function runScalingCell(
  { seed, config }: Cell<ScalingCell>,
  context: CellContext,
  checkpointSeconds?: number,
): Promise<CellResult> {
  const environment = createEnvironment("permutation", config.environment);
  const { backend = "wasm", threads } = context;
  const engine = await createBackend(backend, { threads });
  try {
    const definition = criticDefinition(config.critic);
    const critic = new NeuralCritic(engine, definition, environment, config.size, seed);
    const { actor, batchSize, learningRate, steps } = config;
    const data = { seed, purpose: "scaling/train", batchSize, actor };
    const optimizer = adamW(learningRate, steps);
    const step = () => supervisedStep(critic, data, optimizer);
    const { curve, seconds } = await train(critic, { steps, step, checkpointSeconds }, context);
    const start = performance.now();
    const tests: Record<string, Json> = {};
    for (const difficulty of config.difficulties) {
      tests[difficulty.name] = await test(critic, environment, config, difficulty);
    }
    return {
      metrics: {
        parameters: parameterCount(critic.model.config),
        trainingFlops: config.steps * critic.trainingFlops(config.batchSize),
        tests,
        curve,
      },
      digests: { parameters: await critic.model.digest() },
      files: { "model.safetensors": await saveTraining(critic.model, {}, { moments: false }) },
      unpinned: { trainingSeconds: seconds, testSeconds: (performance.now() - start) / 1000 },
    };
  } finally {
    engine.close();
  }
}

/** Judges the critic on held-out words of one difficulty. */
async function test(
  critic: NeuralCritic<PermutationState>,
  environment: PermutationEnvironment,
  { actor, testSeed, testStates }: ScalingCell,
  { name, min, max }: ScalingConfig["difficulties"][number],
): Promise<Json> {
  const states = sampleStates(
    environment,
    { seed: testSeed, purpose: `scaling/test/${name}` },
    testStates,
    {
      actor,
      split: "test",
      difficulty: { min, max },
    },
  );
  const labelled = states.map((state) => ({
    state,
    context: {},
    value: environment.exactValue(state, actor),
  }));
  return asJson((await evaluate(critic, environment, labelled)).report);
}
