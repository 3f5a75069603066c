/** What the runs of critics share: the model and its critic, its training, its files. */
import { createBackend } from "../../lib/backend/create.ts";
import type { LabelledState } from "../../lib/critic/critic.ts";
import { adapterFiles } from "../../lib/pretrained/adapter.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import { CausalLanguageModel } from "../../lib/language_model/causal_language_model.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import { sum } from "../../lib/numeric/sums.ts";
import type { CellContext, CellResult } from "../../lib/run/experiment.ts";
import { loadTraining, saveTraining } from "../../lib/run/training_checkpoint.ts";
import {
  criticHeads,
  TextCritic,
  type TextCriticName,
  type TextCriticOptions,
} from "../../lib/text_models/text_critic.ts";
import type { CommonCell, CriticMetrics } from "./cell_types.ts";
import { type BaseModel, openModel } from "./base_models.ts";
import { testTextCritic, type TextReport } from "./text_report.ts";
import { adapterOptimizer, train } from "./training.ts";

/** Tokens of the longest text. */
export const MAX_LENGTH = 512;
/** How long a critic may write, in lengths of the longest right answer: one that takes a step too many may still end. */
const LONGEST = 2;

/** A critic on a model, with fresh adapters. */
export function newCritic(
  name: TextCriticName,
  { weights, tokenizer }: BaseModel,
  task: RunningSumEnvironment,
  { lora }: Pick<CommonCell, "lora">,
  seed: number,
  options: TextCriticOptions,
): TextCritic<RunningSumState> {
  const model = new CausalLanguageModel(weights, {
    maxLength: MAX_LENGTH,
    lora,
    ...criticHeads(name),
  }).initialize(seed);
  return new TextCritic(name, model, tokenizer, task, options);
}

/** Most tokens that a critic may write about these questions; 0 for one that writes none. */
export function answerLimit(
  name: TextCriticName,
  { tokenizer }: BaseModel,
  task: RunningSumEnvironment,
  labelled: readonly LabelledState<RunningSumState>[],
): number {
  if (name === "head") return 0;
  const lengths = labelled.map(({ state, context }) => {
    const chain = name === "chain" ? task.traceText(state, context) : "";
    return tokenizer.encode(`${chain} <answer>10</answer>`).length;
  });
  return LONGEST * maximum(lengths);
}

/** A critic's run, but for the data. */
export interface CriticRun {
  readonly config: CommonCell;
  readonly seed: number;
  readonly part: CriticMetrics["part"];
  readonly critic: TextCriticName;
  readonly options: Omit<TextCriticOptions, "maxTokens">;
  /** How long it is trained, and how many states there are for it, of which each may come up again. */
  amount(base: BaseModel, task: RunningSumEnvironment): { steps: number; states: number };
  /** State `row` of the training data. */
  example(task: RunningSumEnvironment, row: number): LabelledState<RunningSumState>;
  /** The row that training step and place in the batch have. */
  row(index: number): number;
  /** By name; the first is in distribution. */
  tests(task: RunningSumEnvironment): Record<string, LabelledState<RunningSumState>[]>;
}

/** Trains and tests a critic, from the last checkpoint if the run was interrupted; keeps its adapters. */
export async function runCritic(
  run: CriticRun,
  context: CellContext,
): Promise<CellResult<CriticMetrics>> {
  const { config, critic: name, part, seed } = run;
  const { backend = "wasm", threads } = context;
  const engine = await createBackend(backend, { threads });
  try {
    const began = performance.now();
    const base = openModel(config.model, engine, config.storage);
    const task = createEnvironment("running-sum", config.task);
    const sets = run.tests(task);
    const limit = answerLimit(name, base, task, Object.values(sets).flat());
    const critic = newCritic(name, base, task, config, seed, { ...run.options, maxTokens: limit });
    const { batchSize, learningRate } = config, { states, steps } = run.amount(base, task);
    const { checkpoint } = context, saved = checkpoint.load();
    const trained = await train(
      critic.model,
      steps,
      (step) =>
        Array.from(
          { length: batchSize },
          (_, i) => critic.encode(run.example(task, run.row(step * batchSize + i))),
        ),
      adapterOptimizer(learningRate, steps),
      context,
      { name: "training", before: 0, all: steps },
      {
        trained: saved && JSON.parse(loadTraining(critic.model, saved).training!),
        save: async (trained) => {
          const training = JSON.stringify(trained);
          checkpoint.save(await saveTraining(critic.model, { training }));
        },
      },
    );
    const trainedAt = performance.now();
    const tests: Record<string, TextReport> = {};
    let answerTokens: number | undefined;
    for (const [set, labelled] of Object.entries(sets)) {
      context.progress(steps, steps, `test: ${set}`);
      const { report, tokens } = await testTextCritic(critic, labelled);
      tests[set] = report;
      answerTokens ??= tokens;
    }
    const tensors = Object.values(await critic.model.tensors());
    return {
      metrics: {
        part,
        parameters: sum(tensors.map(({ data }) => data.length)),
        trainingTokens: trained.tokens,
        trainingStates: states,
        answerTokens: answerTokens!,
        tests,
        curve: trained.curve,
      },
      digests: { base: base.weights.digest(), parameters: await critic.model.digest() },
      // The cell's folder is an adapter as PEFT loads it.
      files: await adapterFiles(critic.model, { base: config.model }),
      unpinned: {
        trainingSeconds: (trainedAt - began) / 1000,
        testSeconds: (performance.now() - trainedAt) / 1000,
      },
    };
  } finally {
    engine.close();
  }
}
