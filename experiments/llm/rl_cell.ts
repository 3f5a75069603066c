import { createBackend } from "../../lib/backend/create.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import type { CausalLanguageModel } from "../../lib/language_model/causal_language_model.ts";
import { mean, sum } from "../../lib/numeric/sums.ts";
import { adapterFiles } from "../../lib/pretrained/adapter.ts";
import { type GradientQuality, gradientQuality } from "../../lib/rl/gradient_quality.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import { readSafetensors } from "../../lib/run/safetensors.ts";
import {
  loadModels,
  momentsOf,
  type SavedModel,
  saveModels,
} from "../../lib/run/training_checkpoint.ts";
import { rightContinuationValues } from "../../lib/text_models/right_continuation.ts";
import {
  sampleTextResponses,
  type TextActorTraining,
  type TextIteration,
  type TextMethod,
  textMethods,
  textPolicyGradient,
  trainTextActorStep,
} from "../../lib/text_models/train_text_actor.ts";
import { openModel } from "./base_models.ts";
import type { MethodMetrics, RlCell, RlMetrics } from "./cell_types.ts";
import {
  copied,
  newActor,
  newStart,
  type Preparation,
  prepare,
  problems,
  stepsOf,
} from "./rl_start.ts";
import { CHECKPOINT_SECONDS } from "./training.ts";

/** What is known of a run so far, as JSON. */
interface Progress extends Preparation {
  /** By method, before RL. */
  gradients?: Record<string, GradientQuality>;
  readonly methods: Record<string, MethodMetrics>;
  readonly digests: Record<string, string>;
  /** The method in whose midst the run is, if any. */
  current?: Current;
}

/** A method in its midst. */
interface Current {
  readonly method: TextMethod;
  readonly success: number[];
  readonly iterations: TextIteration[];
  successRate?: number;
}

type Run = TextActorTraining<RunningSumState>;

/**
 * RL of an actor that is the pretrained model: it learns from demonstrations of a teacher that errs, its critics from states of
 * several teachers, whose success rates they are told as they are told the actor's in RL (In-Context Conditioning). The
 * methods' policy gradients are compared at that actor; then each method starts from it and from the same critics. An
 * interrupted run is taken up after the last model that was taught, and in the midst of a method. Kept are the adapters of
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
    const start = newStart(base, task, config, seed);
    const { methods, training } = config, { preparation, all } = stepsOf(config);
    const models: Record<string, CausalLanguageModel> = { actor: start.actor.model };
    for (const [name, { model }] of Object.entries(start.critics)) models[name] = model;

    const saved = checkpoint.load();
    const progress: Progress = saved
      ? JSON.parse(readSafetensors(saved, "checkpoint").metadata.progress!)
      : { preparationTokens: {}, critics: {}, methods: {}, digests: {} };
    /** A method's run as it begins, on the models of the start themselves. */
    const atStart = (method: TextMethod): Run => {
      const { actor, critics } = start, { critic } = textMethods[method];
      return {
        ...{ method, actor, reference: actor, config: training, seed, conditioning: true },
        ...progress.successRate !== undefined && { successRate: progress.successRate },
        ...critic !== null && { critic: critics[critic]! },
      };
    };
    const newMethod = async (method: TextMethod): Promise<Run> => {
      const run = atStart(method), actor = newActor(base, task, config, seed);
      actor.model.setTensors(await start.actor.model.tensors());
      const critic = run.critic && await copied(run.critic, base, task, config, seed);
      return { ...run, actor, ...critic && { critic } };
    };
    // What methods have trained; those of finished ones are kept, too.
    const runs = new Map<TextMethod, Run>();
    for (const method of methods) {
      if (progress.methods[method] || progress.current?.method === method) {
        runs.set(method, await newMethod(method));
      }
    }
    const savedModels = (): Record<string, SavedModel> => ({
      ...models,
      ...Object.assign(
        {},
        ...[...runs].map(([method, run]) =>
          trainedModels(run, progress.current?.method === method)
        ),
      ),
    });
    if (saved) {
      loadModels(savedModels(), saved);
      const { current } = progress, run = current && runs.get(current.method)!;
      if (run) resumeAt(run, current);
    }
    const save = async () =>
      checkpoint.save(await saveModels(savedModels(), { progress: JSON.stringify(progress) }));

    await prepare(start, task, config, seed, context, progress, save);
    if (!progress.gradients) {
      context.progress(preparation, all, "policy gradients before RL");
      progress.gradients = await gradientsOf(methods.map(atStart), config);
      await save();
    }
    for (const [k, method] of methods.entries()) {
      if (progress.methods[method]) continue;
      if (!runs.has(method)) runs.set(method, await newMethod(method));
      const run = runs.get(method)!;
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
      files: await filesOf(runs, config),
      unpinned: { seconds: (performance.now() - began) / 1000 },
    };
  } finally {
    engine.close();
  }
}

/** The models that a method trains, by name; of one in its midst the optimizers' states, too. */
function trainedModels(
  { actor, critic, method }: Run,
  withMoments: boolean,
): Record<string, SavedModel> {
  const own = { actor: actor.model, ...critic && { critic: critic.model } };
  return Object.fromEntries(
    Object.entries(own).flatMap(([name, model]) => {
      const { m, v } = momentsOf(model), full = `${method}-${name}`;
      return [[full, model], ...withMoments ? [[`${full}-m`, m], [`${full}-v`, v]] : []];
    }),
  );
}

/** Puts a method to where it was, but for the models' weights and moments. */
function resumeAt(run: Run, { iterations, successRate }: Current): void {
  run.actor.model.step = iterations.length;
  if (run.critic && run.config.criticLearningRate > 0) run.critic.model.step = iterations.length;
  if (successRate !== undefined) run.successRate = successRate;
}

/** How good the methods' policy gradients are, on the batches that would come after those of training. */
async function gradientsOf(
  runs: readonly Run[],
  { gradientBatches, training }: RlCell,
): Promise<Record<string, GradientQuality>> {
  const oracle = runs.find(({ method }) => method === "oracle");
  if (!oracle || gradientBatches === 0) return {};
  const batches: Awaited<ReturnType<typeof sampleTextResponses<RunningSumState>>>[] = [];
  for (let b = 0; b < gradientBatches; b++) {
    batches.push(await sampleTextResponses(oracle, training.iterations + b));
  }
  // Gradients are large: those of one method at a time, and the oracle's.
  const gradients = async (run: Run) => {
    const own: Float32Array[] = [];
    for (const responses of batches) own.push(await textPolicyGradient(run, responses));
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
  run: Run,
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

/** The adapters of all that was trained, each a folder as PEFT loads it. */
async function filesOf(
  runs: ReadonlyMap<TextMethod, Run>,
  { model }: RlCell,
): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for (const [method, { actor, critic }] of runs) {
    for (const [name, own] of Object.entries({ actor, ...critic && { critic } })) {
      for (const [file, bytes] of Object.entries(await adapterFiles(own.model, { base: model }))) {
        files[`${method}-${name}/${file}`] = bytes;
      }
    }
  }
  return files;
}
