import { createBackend } from "../../lib/backend/create.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import { mean, sum } from "../../lib/numeric/sums.ts";
import { type GradientQuality, gradientQuality } from "../../lib/rl/gradient_quality.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import { rightContinuationValues } from "../../lib/text_models/right_continuation.ts";
import type { TextResponse } from "../../lib/text_models/text_actor.ts";
import {
  sampleTextResponses,
  textPolicyGradient,
  trainTextActorStep,
} from "../../lib/text_models/train_text_actor.ts";
import { openModel } from "./base_models.ts";
import type { MethodMetrics, RlCell, RlMetrics } from "./cell_types.ts";
import { prepare, problems, stepsOf } from "./rl_start.ts";
import { type Current, type MethodRun, RlState } from "./rl_state.ts";
import { CHECKPOINT_SECONDS } from "./training.ts";

/**
 * RL of an actor that is the pretrained model: it learns from demonstrations of a teacher that errs, its critics from states of
 * several teachers, whose success rates they are told as they are told the actor's in RL (In-Context Conditioning). The
 * methods' policy gradients are compared at that actor; then each method starts from it and from the same critics. An
 * interrupted run is taken up in the midst of a model's training or of a method. Kept are the adapters of
 * what the methods have trained, `METHOD-actor/` and `METHOD-critic/`.
 */
export async function runCell(
  { config, seed }: Cell<RlCell>,
  context: CellContext,
): Promise<CellResult<RlMetrics>> {
  const { backend = "wasm", checkpoint, threads } = context;
  const engine = await createBackend(backend, { threads });
  try {
    const began = performance.now();
    const base = openModel(config.model, engine, config.storage);
    const task = createEnvironment("running-sum", config.task);
    const state = await RlState.open({ base, task, config, seed }, checkpoint.load());
    const save = async () => checkpoint.save(await state.save());
    const { methods, training } = config,
      { preparation, all } = stepsOf(config),
      { progress } = state;

    await prepare(state.start, task, config, seed, context, progress, save);
    if (!progress.gradients) {
      context.progress(preparation, all, "policy gradients before RL");
      progress.gradients = await gradientsOf(
        methods.map((method) => state.atStart(method)),
        config,
      );
      await save();
    }
    for (const [k, method] of methods.entries()) {
      if (progress.methods[method]) continue;
      const run = await state.run(method);
      const current = progress.current ??= { method, success: [], iterations: [] };
      let last = performance.now();
      progress.methods[method] = await trainBy(
        run,
        current,
        task,
        config,
        async (done, success) => {
          const before = preparation + k * training.iterations;
          context.progress(before + done, all, `${method}: success ${success.toFixed(3)}`);
          const wait = 1000 * (checkpoint.seconds ?? CHECKPOINT_SECONDS);
          if (done === training.iterations || performance.now() - last < wait) return;
          if (run.successRate !== undefined) current.successRate = run.successRate;
          await save();
          last = performance.now();
        },
      );
      delete progress.current;
      progress.digests[method] = await run.actor.model.digest();
      if (k < methods.length - 1) await save();
    }
    const { critics, digests, gradients, preparationTokens } = progress;
    return {
      metrics: { part: "rl", critics, preparationTokens, gradients, methods: progress.methods },
      digests: { base: base.weights.digest(), ...digests },
      files: await state.adapters(),
      unpinned: { seconds: (performance.now() - began) / 1000 },
    };
  } finally {
    engine.close();
  }
}

/** How good the methods' policy gradients are, on the batches that would come after those of training. */
async function gradientsOf(
  runs: readonly MethodRun[],
  { gradientBatches, training }: RlCell,
): Promise<Record<string, GradientQuality>> {
  const oracle = runs.find(({ method }) => method === "oracle");
  if (!oracle || gradientBatches === 0) return {};
  const batches: {
    readonly responses: readonly TextResponse<RunningSumState>[];
    readonly logProbabilities: readonly number[][];
  }[] = [];
  for (let b = 0; b < gradientBatches; b++) {
    const responses = await sampleTextResponses(oracle, training.iterations + b);
    // Of the actor that all methods start from.
    batches.push({ responses, logProbabilities: await oracle.actor.logProbabilities(responses) });
  }
  // Gradients are large: those of one method at a time, and the oracle's.
  const gradients = async (run: MethodRun) => {
    const own: Float32Array[] = [];
    for (const { logProbabilities, responses } of batches) {
      own.push(await textPolicyGradient(run, responses, logProbabilities));
    }
    return own;
  };
  const reference = await gradients(oracle);
  const qualities: Record<string, GradientQuality> = {};
  for (const run of runs) {
    const own = run === oracle ? reference : await gradients(run);
    qualities[run.method] = gradientQuality(own, reference);
  }
  return qualities;
}

/** The iterations of a method that are left, and what all say. */
async function trainBy(
  run: MethodRun,
  { iterations, success }: Current,
  task: RunningSumEnvironment,
  { evaluateEvery, testProblems, testSeed }: RlCell,
  report: (done: number, success: number) => Promise<void>,
): Promise<MethodMetrics> {
  const test = problems(task, { seed: testSeed, purpose: "llm/rl/test" }, testProblems, "test");
  const evaluate = async () => mean(await rightContinuationValues(run.actor, test));
  if (success.length === 0) success.push(await evaluate());
  const count = run.config.iterations;
  while (iterations.length < count) {
    iterations.push(await trainTextActorStep(run, iterations.length));
    const done = iterations.length;
    if (done % evaluateEvery === 0 || done === count) success.push(await evaluate());
    await report(done, success.at(-1)!);
  }
  return {
    success,
    trainingSuccess: iterations.map(({ successRate }) => successRate),
    referenceKl: iterations.map(({ referenceKl }) => referenceKl),
    criticParseRate: iterations.map(({ criticParseRate }) => criticParseRate),
    valueSeparation: iterations.map(({ valueSeparation }) => valueSeparation),
    tokensWritten: sum(iterations.map(({ tokensWritten }) => tokensWritten)),
    tokensTrained: sum(iterations.map(({ tokensTrained }) => tokensTrained)),
  };
}
