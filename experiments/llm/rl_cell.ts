import { createBackend } from "../../lib/backend/create.ts";
import type { LabelledState } from "../../lib/critic/critic.ts";
import type { Split } from "../../lib/env/environment.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import { CausalLanguageModel } from "../../lib/language_model/causal_language_model.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { CellContext, CellResult } from "../../lib/run/experiment.ts";
import { rightContinuationValues } from "../../lib/text_models/right_continuation.ts";
import { TextActor } from "../../lib/text_models/text_actor.ts";
import type { TextCritic } from "../../lib/text_models/text_critic.ts";
import {
  type TextActorTraining,
  textMethods,
  trainTextActorStep,
} from "../../lib/text_models/train_text_actor.ts";
import type { MethodMetrics, RlCell, RlMetrics } from "./cell_types.ts";
import { answerLimit, MAX_LENGTH, newCritic } from "./critic_run.ts";
import { type BaseModel, openModel } from "./base_models.ts";
import { testTextCritic, type TextReport } from "./text_report.ts";
import { adapterOptimizer, train, type Trained } from "./training.ts";

/** Tokens that an actor may write beyond the longest right response. */
const SPARE_TOKENS = 8;

/**
 * RL of an actor that is the pretrained model: it learns from demonstrations of a teacher that errs, its critics from states
 * that it reaches itself, labelled with the probability that it goes on rightly to the end; then each method starts from the
 * same actor and the same critics.
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
    const { batchSize, criticStates, demonstrations, methods, testProblems, training } = config;
    const actorSteps = Math.ceil(demonstrations / batchSize);
    const criticSteps = Math.ceil(criticStates / batchSize);
    const wanted = [...new Set(methods.flatMap((method) => textMethods[method].critic ?? []))];
    const all = actorSteps + wanted.length * criticSteps + methods.length * training.iterations;
    let done = 0;
    const fit = async (
      name: string,
      model: CausalLanguageModel,
      steps: number,
      batch: Parameters<typeof train>[2],
    ): Promise<Trained> => {
      const optimizer = adapterOptimizer(config.learningRate, steps);
      const trained = await train(model, steps, batch, optimizer, context, {
        name,
        before: done,
        all,
      });
      done += steps;
      return trained;
    };

    const test = problems(task, config.testSeed, "llm/rl/test", testProblems, "test");
    const start = newActor(base, task, config, seed);
    const taught = await fit(
      "actor",
      start.model,
      actorSteps,
      (step) =>
        Array.from({ length: batchSize }, (_, i) => {
          const row = step * batchSize + i;
          const random = new RandomStream({ seed, purpose: "llm/rl/demonstrations", row });
          const problem = task.problem(random, { split: "train" });
          return start.demonstration(task.rollout(random, problem, config.actor).state);
        }),
    );
    const preparationTokens: Record<string, number> = { actor: taught.tokens };

    const states = await ownStates(start, task, seed, "llm/rl/states", criticStates, "train");
    const held = await ownStates(
      start,
      task,
      config.testSeed,
      "llm/rl/held",
      config.testStates,
      "test",
    );
    const critics: Record<string, TextCritic<RunningSumState>> = {};
    const reports: Record<string, TextReport> = {};
    for (const name of wanted) {
      const maxTokens = answerLimit(name, base, task, [...states, ...held]);
      const critic = newCritic(name, base, task, config, seed, { maxTokens });
      const trained = await fit(
        name,
        critic.model,
        criticSteps,
        (step) =>
          states.slice(step * batchSize, (step + 1) * batchSize).map((state) =>
            critic.encode(state)
          ),
      );
      critics[name] = critic;
      preparationTokens[name] = trained.tokens;
      reports[name] = (await testTextCritic(critic, held)).report;
    }

    const results: Record<string, MethodMetrics> = {};
    const digests: Record<string, string> = { base: base.weights.digest() };
    const startTensors = await start.model.tensors();
    for (const method of methods) {
      const actor = newActor(base, task, config, seed);
      actor.model.setTensors(startTensors);
      const name = textMethods[method].critic;
      const run: TextActorTraining<RunningSumState> = {
        ...{ method, actor, reference: start, config: training, seed, conditioning: false },
        ...name !== null && { critic: await copied(critics[name]!, base, task, config, seed) },
      };
      const success = [mean(await rightContinuationValues(actor, test))];
      const iterations = [];
      for (let i = 0; i < training.iterations; i++) {
        iterations.push(await trainTextActorStep(run, i));
        if ((i + 1) % config.evaluateEvery === 0 || i + 1 === training.iterations) {
          success.push(mean(await rightContinuationValues(actor, test)));
        }
        context.progress(++done, all, `${method}: success ${success.at(-1)!.toFixed(3)}`);
      }
      results[method] = {
        success,
        trainingSuccess: iterations.map(({ successRate }) => successRate),
        referenceKl: iterations.map(({ referenceKl }) => referenceKl),
        criticParseRate: iterations.map(({ criticParseRate }) => criticParseRate),
        valueSeparation: iterations.map(({ valueSeparation }) => valueSeparation),
        tokensWritten: iterations.reduce((sum, { tokensWritten }) => sum + tokensWritten, 0),
        tokensTrained: iterations.reduce((sum, { tokensTrained }) => sum + tokensTrained, 0),
      };
      digests[method] = await actor.model.digest();
    }
    return {
      metrics: { part: "rl", critics: reports, preparationTokens, methods: results },
      digests,
      unpinned: { seconds: (performance.now() - began) / 1000 },
    };
  } finally {
    engine.close();
  }
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
  seed: number,
  purpose: string,
  count: number,
  split: Split,
): RunningSumState[] {
  return Array.from(
    { length: count },
    (_, row) => task.problem(new RandomStream({ seed, purpose, row }), { split }),
  );
}

/** One state of each of `count` responses of the actor's, labelled with the probability that it goes on rightly. */
async function ownStates(
  actor: TextActor<RunningSumState>,
  task: RunningSumEnvironment,
  seed: number,
  purpose: string,
  count: number,
  split: Split,
): Promise<LabelledState<RunningSumState>[]> {
  const responses = await actor.sample(problems(task, seed, purpose, count, split), {
    ...{ seed, purpose },
    firstRow: 0,
  });
  const states = responses.map(({ steps }, row) => {
    const random = new RandomStream({ seed, purpose: `${purpose}/step`, row });
    return random.choice(steps).state;
  });
  const values = await rightContinuationValues(actor, states);
  return states.map((state, i) => ({ state, context: {}, value: values[i]! }));
}
