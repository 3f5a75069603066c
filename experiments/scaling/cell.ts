/** One training run: a critic of one kind and size, trained on exact values, tested on held-out words. */
import { createBackend } from "../../lib/backend/create.ts";
import type { Prediction } from "../../lib/critic/critic.ts";
import { type CriticSize, NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import type { PermutationEnvironment, PermutationState } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { supervisedStep } from "../../lib/critic/supervised.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import { valueReport } from "../../lib/eval/value_report.ts";
import { adamW } from "../../lib/nn/optimizer.ts";
import { parameterCount } from "../../lib/nn/flops.ts";
import type { Cell, CellContext, CellResult, Json } from "../../lib/run/experiment.ts";
import { loadTraining, saveTraining } from "../../lib/run/training_checkpoint.ts";
import type { StepReport } from "../../lib/tensor/backend.ts";
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

/** Steps between points of the loss curve. */
const CURVE_STEPS = 50;

/** Trains and tests one critic. `checkpointSeconds` is the least time between checkpoints. */
export async function runScalingCell(
  { seed, config }: Cell<ScalingCell>,
  context: CellContext,
  checkpointSeconds = 20,
): Promise<CellResult> {
  const environment = createEnvironment("permutation", config.environment);
  const { backend = "wasm", threads } = context;
  const engine = await createBackend(backend, { threads });
  try {
    const definition = criticDefinition(config.critic);
    const critic = new NeuralCritic(engine, definition, environment, config.size, seed);
    const { curve, seconds } = await train(critic, seed, config, context, checkpointSeconds);
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

type Critic = NeuralCritic<PermutationState>;

/** Trains to the end, from the last checkpoint if the run was interrupted. Returns the loss curve. */
async function train(
  critic: Critic,
  seed: number,
  { actor, batchSize, learningRate, steps }: ScalingCell,
  { checkpoint, progress }: CellContext,
  checkpointSeconds: number,
) {
  const { model } = critic;
  const optimizer = adamW(learningRate, steps);
  const data = { seed, purpose: "scaling/train", batchSize, actor };
  const saved = checkpoint.load();
  const curve: number[] = saved ? JSON.parse(loadTraining(model, saved).curve ?? "[]") : [];
  const start = performance.now();
  let last = start, reports: Promise<StepReport>[] = [];
  while (model.step < steps) {
    reports.push(supervisedStep(critic, data, optimizer));
    if (model.step % CURVE_STEPS === 0 || model.step === steps) {
      let sum = 0;
      for (const { loss, valueLoss } of await Promise.all(reports)) sum += loss + valueLoss;
      curve.push(sum / (model.step % CURVE_STEPS || CURVE_STEPS));
      reports = [];
      progress(model.step, steps, `loss ${curve.at(-1)!.toPrecision(3)}`);
      // Only where a point of the curve ends, so that a resumed run has the same curve.
      if (performance.now() - last >= checkpointSeconds * 1000 && model.step < steps) {
        checkpoint.save(await saveTraining(model, { curve: JSON.stringify(curve) }));
        last = performance.now();
      }
    }
  }
  return { curve, seconds: (performance.now() - start) / 1000 };
}

/** Judges the critic on held-out words of one difficulty. */
async function test(
  critic: Critic,
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
  const exact = states.map((state) => environment.exactValue(state, actor));
  const predictions = await critic.values(states.map((state) => ({ state, context: {} })));
  const report = valueReport(predictions.map((p) => p.value), exact);
  const expectation = predictions.some((p) => p.expectation !== null)
    ? valueReport(predictions.map((p) => p.expectation), exact)
    : null;
  const { slices: _, ...metrics } = report;
  return {
    ...metrics,
    calibration: metrics.calibration.map((bin) => ({ ...bin })),
    // The same answers read as the mean over the value tokens or bins in place of the integer.
    expectation: expectation && { r2: expectation.r2, rmse: expectation.rmse },
    traceAccuracy: traceAccuracy(environment, states, predictions),
  };
}

/** Fraction of responses whose chain of thought is right in every token; null for critics that write none. */
function traceAccuracy(
  environment: PermutationEnvironment,
  states: readonly PermutationState[],
  predictions: readonly Prediction[],
): number | null {
  if (!predictions.some((p) => (p.response?.length ?? 0) > 1)) return null;
  let right = 0;
  predictions.forEach(({ response }, i) => {
    const trace = environment.reasoningTrace(states[i]!);
    if (trace.every((token, k) => response![k] === token)) right++;
  });
  return right / states.length;
}
