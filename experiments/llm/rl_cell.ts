import { createBackend } from "../../lib/backend/create.ts";
import type { LabelledState } from "../../lib/critic/critic.ts";
import type { Split } from "../../lib/env/environment.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import { CausalLanguageModel } from "../../lib/language_model/causal_language_model.ts";
import type { Sequence } from "../../lib/nn/batch.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import { mean, sum } from "../../lib/numeric/sums.ts";
import type { CellContext, CellResult } from "../../lib/run/experiment.ts";
import { loadModels, saveModels } from "../../lib/run/training_checkpoint.ts";
import { rightContinuationValues } from "../../lib/text_models/right_continuation.ts";
import { TextActor } from "../../lib/text_models/text_actor.ts";
import type { TextCritic, TextCriticName } from "../../lib/text_models/text_critic.ts";
import {
  type TextActorTraining,
  type TextIteration,
  textMethods,
  trainTextActorStep,
} from "../../lib/text_models/train_text_actor.ts";
import type { MethodMetrics, RlCell, RlMetrics } from "./cell_types.ts";
import { answerLimit, MAX_LENGTH, newCritic } from "./critic_run.ts";
import { type BaseModel, openModel } from "./base_models.ts";
import { lessonsOf } from "./several_actors.ts";
import { testTextCritic, type TextReport } from "./text_report.ts";
import { adapterOptimizer, train } from "./training.ts";

/** Tokens that an actor may write beyond the longest right response. */
const SPARE_TOKENS = 8;

/** What is known of a run so far, as JSON. */
interface Progress {
  /** The actor's before RL; left out before the first critic is taught. */
  successRate?: number;
  readonly preparationTokens: Record<string, number>;
  readonly critics: Record<string, TextReport>;
  readonly methods: Record<string, MethodMetrics>;
  readonly digests: Record<string, string>;
}

/** States that the actor reaches itself, as its critics are asked about them. */
interface OwnStates {
  readonly labelled: LabelledState<RunningSumState>[];
  /** Of the responses that they are of. */
  readonly successRate: number;
}

/** The actor and the critics with which every method starts. */
interface Start {
  readonly actor: TextActor<RunningSumState>;
  readonly critics: Readonly<Record<string, TextCritic<RunningSumState>>>;
}

/**
 * RL of an actor that is the pretrained model: it learns from demonstrations of a teacher that errs, its critics from states of
 * several teachers, whose success rates they are told as they are told the actor's in RL (In-Context Conditioning); then each
 * method starts from the same actor and the same critics. An interrupted run is taken up after the last model that was taught
 * or the last finished method.
 */
export async function runRl(
  config: RlCell,
  seed: number,
  context: CellContext,
): Promise<CellResult<RlMetrics>> {
  const { backend = "wasm", threads } = context;
  const engine = await createBackend(backend, { threads });
  try {
    const began = performance.now();
    const base = openModel(config.model, engine, config.storage);
    const task = createEnvironment("running-sum", config.task);
    const start = newStart(base, task, config, seed);
    const models = {
      actor: start.actor.model,
      ...Object.fromEntries(
        Object.entries(start.critics).map(([name, { model }]) => [name, model]),
      ),
    };
    const saved = context.checkpoint.load();
    const progress: Progress = saved
      ? JSON.parse(loadModels(models, saved).progress!)
      : { preparationTokens: {}, critics: {}, methods: {}, digests: {} };
    const save = async () =>
      context.checkpoint.save(await saveModels(models, { progress: JSON.stringify(progress) }));
    await prepare(start, task, config, seed, context, progress, save);
    const { methods, training } = config;
    for (const [k, method] of methods.entries()) {
      if (progress.methods[method]) continue;
      const actor = newActor(base, task, config, seed);
      actor.model.setTensors(await start.actor.model.tensors());
      const name = textMethods[method].critic;
      const run: TextActorTraining<RunningSumState> = {
        ...{ method, actor, reference: start.actor, config: training, seed, conditioning: true },
        ...progress.successRate !== undefined && { successRate: progress.successRate },
        ...name !== null && {
          critic: await copied(start.critics[name]!, base, task, config, seed),
        },
      };
      const { preparation, all } = stepsOf(config);
      const before = preparation + k * training.iterations;
      progress.methods[method] = await trainBy(
        run,
        task,
        config,
        (done, success) =>
          context.progress(before + done, all, `${method}: success ${success.toFixed(3)}`),
      );
      progress.digests[method] = await actor.model.digest();
      if (k < methods.length - 1) await save();
    }
    const { critics, digests, preparationTokens } = progress;
    return {
      metrics: { part: "rl", critics, preparationTokens, methods: progress.methods },
      digests: { base: base.weights.digest(), ...digests },
      unpinned: { seconds: (performance.now() - began) / 1000 },
    };
  } finally {
    engine.close();
  }
}

/** The critics that the methods need. */
function criticsOf({ methods }: RlCell): TextCriticName[] {
  return [...new Set(methods.flatMap((method) => textMethods[method].critic ?? []))];
}

/** Optimizer steps of actors, and of critics in preparation. */
function stepsOf(config: RlCell) {
  const { batchSize, criticStates, demonstrations, methods, training } = config;
  const actor = Math.ceil(demonstrations / batchSize),
    critic = Math.ceil(criticStates / batchSize);
  const preparation = actor + criticsOf(config).length * critic;
  return { actor, critic, preparation, all: preparation + methods.length * training.iterations };
}

/** The models, untrained. */
function newStart(
  base: BaseModel,
  task: RunningSumEnvironment,
  config: RlCell,
  seed: number,
): Start {
  // Every sum of training and test has an answer as long as one of these.
  const addends = new Array<number>(task.config.maxLength).fill(9);
  const context = { successRate: 1 };
  const longest = [{ state: { start: 9, addends, written: [] }, context, value: 1 }];
  const critics = criticsOf(config).map((name) => {
    const maxTokens = answerLimit(name, base, task, longest);
    const options = { maxTokens, answerWeight: config.conditioning.answerWeight };
    return [name, newCritic(name, base, task, config, seed, options)] as const;
  });
  return { actor: newActor(base, task, config, seed), critics: Object.fromEntries(critics) };
}

/** Teaches the actor, then its critics, but for those that are taught; `save` keeps each. */
async function prepare(
  { actor, critics }: Start,
  task: RunningSumEnvironment,
  config: RlCell,
  seed: number,
  context: CellContext,
  progress: Progress,
  save: () => Promise<void>,
): Promise<void> {
  const { batchSize } = config, { preparationTokens } = progress, steps = stepsOf(config);
  let before = 0;
  const fit = async (
    name: string,
    model: CausalLanguageModel,
    count: number,
    example: (row: number) => Sequence,
  ) => {
    const { tokens } = await train(
      model,
      count,
      (step) => Array.from({ length: batchSize }, (_, i) => example(step * batchSize + i)),
      adapterOptimizer(config.learningRate, count),
      context,
      { name, before, all: steps.all },
    );
    preparationTokens[name] = tokens;
  };
  if (preparationTokens.actor === undefined) {
    await fit("actor", actor.model, steps.actor, (row) => {
      const random = new RandomStream({ seed, purpose: "llm/rl/demonstrations", row });
      const problem = task.problem(random, { split: "train" });
      return actor.demonstration(task.rollout(random, problem, config.actor).state);
    });
    await save();
  }
  before += steps.actor;
  const lessons = lessonsOf({ ...config.conditioning, told: true }, task, seed);
  let own: OwnStates | undefined;
  for (const [name, critic] of Object.entries(critics)) {
    if (preparationTokens[name] === undefined) {
      await fit(name, critic.model, steps.critic, (row) => critic.encode(lessons.example(row)));
      context.progress(before + steps.critic, steps.all, `test of the ${name}`);
      own ??= await ownStates(actor, task, config);
      progress.successRate = own.successRate;
      progress.critics[name] = (await testTextCritic(critic, own.labelled)).report;
      await save();
    }
    before += steps.critic;
  }
}

/** All iterations of a method. */
async function trainBy(
  run: TextActorTraining<RunningSumState>,
  task: RunningSumEnvironment,
  { evaluateEvery, testProblems, testSeed }: RlCell,
  report: (done: number, success: number) => void,
): Promise<MethodMetrics> {
  const test = problems(task, { seed: testSeed, purpose: "llm/rl/test" }, testProblems, "test");
  const evaluate = async () => mean(await rightContinuationValues(run.actor, test));
  const success = [await evaluate()];
  const iterations: TextIteration[] = [], count = run.config.iterations;
  for (let done = 1; done <= count; done++) {
    iterations.push(await trainTextActorStep(run, done - 1));
    if (done % evaluateEvery === 0 || done === count) success.push(await evaluate());
    report(done, success.at(-1)!);
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

function newActor(
  { weights, tokenizer }: BaseModel,
  task: RunningSumEnvironment,
  { lora }: RlCell,
  seed: number,
): TextActor<RunningSumState> {
  const model = new CausalLanguageModel(weights, {
    maxLength: MAX_LENGTH,
    lora,
    languageHead: true,
  }).initialize(seed);
  const addends = new Array<number>(task.config.maxLength).fill(9);
  const longest = task.responseText({ start: 9, addends, written: addends });
  const maxTokens = tokenizer.encode(longest + task.responseStop).length + SPARE_TOKENS;
  return new TextActor(model, tokenizer, task, maxTokens);
}

/** A critic with the same adapters, to be trained apart. */
async function copied(
  critic: TextCritic<RunningSumState>,
  base: BaseModel,
  task: RunningSumEnvironment,
  config: RlCell,
  seed: number,
): Promise<TextCritic<RunningSumState>> {
  const copy = newCritic(critic.name, base, task, config, seed, critic.options);
  copy.model.setTensors(await critic.model.tensors());
  return copy;
}

function problems(
  task: RunningSumEnvironment,
  key: { readonly seed: number; readonly purpose: string },
  count: number,
  split: Split,
): RunningSumState[] {
  return Array.from(
    { length: count },
    (_, row) => task.problem(new RandomStream({ ...key, row }), { split }),
  );
}

/** Held-out states that the actor reaches itself, one of each of so many responses, labelled as in `rightContinuationValues`. */
async function ownStates(
  actor: TextActor<RunningSumState>,
  task: RunningSumEnvironment,
  { testSeed: seed, testStates }: RlCell,
): Promise<OwnStates> {
  const key = { seed, purpose: "llm/rl/held" };
  const wanted = problems(task, key, testStates, "test");
  const responses = await actor.sample(wanted, { ...key, firstRow: 0 });
  const states = responses.map(({ steps }, row) => {
    const random = new RandomStream({ seed, purpose: "llm/rl/held/step", row });
    return random.choice(steps).state;
  });
  const values = await rightContinuationValues(actor, states);
  const successRate = mean(responses.map(({ reward }) => reward)), context = { successRate };
  return {
    labelled: states.map((state, i) => ({ state, context, value: values[i]! })),
    successRate,
  };
}
