/** What methods of RL start with: an actor that has learnt from demonstrations, and critics of its values. */
import type { LabelledState } from "../../lib/critic/critic.ts";
import type { Split } from "../../lib/env/environment.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import { CausalLanguageModel } from "../../lib/language_model/causal_language_model.ts";
import type { Sequence } from "../../lib/nn/batch.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { CellContext } from "../../lib/run/experiment.ts";
import { rightContinuationValues } from "../../lib/text_models/right_continuation.ts";
import { TextActor } from "../../lib/text_models/text_actor.ts";
import type { TextCritic, TextCriticName } from "../../lib/text_models/text_critic.ts";
import { textMethods } from "../../lib/text_models/train_text_actor.ts";
import type { BaseModel } from "./base_models.ts";
import type { RlCell } from "./cell_types.ts";
import { answerLimit, MAX_LENGTH, newCritic } from "./critic_run.ts";
import { lessonsOf } from "./several_actors.ts";
import { testTextCritic, type TextReport } from "./text_report.ts";
import { adapterOptimizer, train, type Trained } from "./training.ts";

/** Tokens that an actor may write beyond the longest right response. */
const SPARE_TOKENS = 8;

/** The actor and the critics with which every method starts. */
export interface Start {
  readonly actor: TextActor<RunningSumState>;
  readonly critics: Readonly<Record<string, TextCritic<RunningSumState>>>;
}

/** What is known of them, as JSON. */
export interface Preparation {
  /** The model in whose training the run is, if any: how far it is, and what it has said. */
  training?: { readonly name: string; readonly step: number } & Trained;
  /** The actor's before RL; left out before the first critic is taught. */
  successRate?: number;
  readonly preparationTokens: Record<string, number>;
  readonly critics: Record<string, TextReport>;
}

/** The critics that the methods need. */
function criticsOf({ methods }: RlCell): TextCriticName[] {
  return [...new Set(methods.flatMap((method) => textMethods[method].critic ?? []))];
}

/** Optimizer steps of actors, and of critics in preparation. */
export function stepsOf(config: RlCell) {
  const { batchSize, criticStates, demonstrations, methods, training } = config;
  const actor = Math.ceil(demonstrations / batchSize),
    critic = Math.ceil(criticStates / batchSize);
  const preparation = actor + criticsOf(config).length * critic;
  return { actor, critic, preparation, all: preparation + methods.length * training.iterations };
}

/** The models, untrained. */
export function newStart(
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

/** Teaches the actor, then its critics, but for those that are taught, from where the run was; `save` keeps it. */
export async function prepare(
  { actor, critics }: Start,
  task: RunningSumEnvironment,
  config: RlCell,
  seed: number,
  context: CellContext,
  progress: Preparation,
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
      {
        trained: progress.training,
        save: async (trained) => {
          progress.training = { ...trained, name, step: model.step };
          await save();
        },
      },
    );
    delete progress.training;
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
  let own: LabelledState<RunningSumState>[] | undefined;
  for (const [name, critic] of Object.entries(critics)) {
    if (preparationTokens[name] === undefined) {
      await fit(name, critic.model, steps.critic, (row) => critic.encode(lessons.example(row)));
      context.progress(before + steps.critic, steps.all, `test of the ${name}`);
      const successRate = progress.successRate ??= await successRateOf(actor, task, config, seed);
      own ??= await ownStates(actor, task, config, successRate);
      progress.critics[name] = (await testTextCritic(critic, own)).report;
      await save();
    }
    before += steps.critic;
  }
}

/** An actor with fresh adapters. */
export function newActor(
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
export async function copied(
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

/** Problems that depend on `key` alone. */
export function problems(
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

/** The actor's success rate as critics are told it before RL: of so many responses to training problems. */
async function successRateOf(
  actor: TextActor<RunningSumState>,
  task: RunningSumEnvironment,
  { conditioning: { episodes } }: RlCell,
  seed: number,
): Promise<number> {
  const asked = problems(task, { seed, purpose: "llm/rl/rate" }, episodes, "train");
  const responses = await actor.sample(asked, {
    ...{ seed, purpose: "llm/rl/rate/responses", firstRow: 0 },
  });
  return mean(responses.map(({ reward }) => reward));
}

/** Held-out states that the actor reaches itself, one of each of so many responses, labelled as in `rightContinuationValues`. */
async function ownStates(
  actor: TextActor<RunningSumState>,
  task: RunningSumEnvironment,
  { testSeed: seed, testStates }: RlCell,
  successRate: number,
): Promise<LabelledState<RunningSumState>[]> {
  const wanted = problems(task, { seed, purpose: "llm/rl/held" }, testStates, "test");
  const responses = await actor.sample(wanted, {
    ...{ seed, purpose: "llm/rl/held/responses", firstRow: 0 },
  });
  const states = responses.map(({ steps }, row) => {
    const random = new RandomStream({ seed, purpose: "llm/rl/held/step", row });
    return random.choice(steps).state;
  });
  const values = await rightContinuationValues(actor, states);
  return states.map((state, i) => ({ state, context: { successRate }, value: values[i]! }));
}
