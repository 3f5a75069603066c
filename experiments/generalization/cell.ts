/** One training run: a critic of one kind and size, trained on short words, judged on every test set. */
import { createBackend } from "../../lib/backend/create.ts";
import { type CriticSize, NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { supervisedStep } from "../../lib/critic/supervised.ts";
import type { PermutationEnvironment, PermutationState } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { parameterCount } from "../../lib/nn/flops.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import type { Cell, CellContext, CellResult, Json } from "../../lib/run/experiment.ts";
import { saveTraining } from "../../lib/run/training_checkpoint.ts";
import { type ChainReport, chainReport, haveChains } from "../shared/chains.ts";
import { evaluate, type TestReport } from "../shared/test_report.ts";
import { train } from "../shared/supervised_cell.ts";
import type { TestSet } from "./config.ts";
import { labelledTestStates, type TestSource } from "./states.ts";

/** Everything a run depends on besides its seed. */
export interface GeneralizationCell extends TestSource {
  readonly critic: string;
  readonly size: CriticSize;
  readonly learningRate: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly tests: readonly TestSet[];
}

/** A test set's numbers in a cell's metrics; without calibration, which nothing here reads. */
export interface GeneralizationReport extends Omit<TestReport, "calibration"> {
  /** Null for critics that write no chain of thought. */
  readonly chains: ChainReport | null;
  /** RMSE of the exact value for the actor of training: what a critic that learned it perfectly would have. */
  readonly trainedActorRmse: number;
}

/** Trains and tests one critic. `checkpointSeconds`: see `TrainingPlan`. */
export async function runGeneralizationCell(
  { seed, config }: Cell<GeneralizationCell>,
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
    const data = { seed, purpose: "generalization/train", batchSize, actor };
    const optimizer = adamW(learningRate, steps);
    const step = () => supervisedStep(critic, data, optimizer);
    const { curve, seconds } = await train(critic, { steps, step, checkpointSeconds }, context);
    const start = performance.now();
    const tests: Record<string, Json> = {};
    for (const set of config.tests) {
      tests[set.name] = await test(critic, environment, set, config) as unknown as Json;
    }
    return {
      metrics: {
        parameters: parameterCount(critic.model.config),
        trainingFlops: steps * critic.trainingFlops(batchSize),
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

/** Judges the critic on one test set. */
async function test(
  critic: NeuralCritic<PermutationState>,
  environment: PermutationEnvironment,
  set: TestSet,
  config: GeneralizationCell,
): Promise<GeneralizationReport> {
  const labelled = labelledTestStates(set, config);
  const { report, predictions } = await evaluate(critic, environment, labelled);
  const { calibration: _, ...scores } = report;
  let squares = 0;
  for (const { state, value } of labelled) {
    const error = environment.exactValue(state, config.actor) - value;
    squares += error * error;
  }
  return {
    ...scores,
    chains: haveChains(predictions) ? chainReport(environment, labelled, predictions) : null,
    trainedActorRmse: Math.sqrt(squares / labelled.length),
  };
}
