import * as z from "zod";
import { QWEN, SMOLLM2 } from "../../lib/pretrained/known_models.ts";
import { runningSumActor, runningSumConfig } from "../../lib/env/running_sum.ts";
import { TEXT_METHODS, textRlConfig } from "../../lib/text_models/train_text_actor.ts";
import { commonFields, count, rate } from "../shared/config.ts";
import { searchAround } from "../shared/search.ts";
import { TINY, TINY_WIDE } from "./base_models.ts";
import { RUNS } from "./runs.ts";

const epsilons = z.array(z.number().min(0).max(1)).min(2);
/** How critics are told success rates. */
const telling = {
  episodes: count.default(64).describe(
    "Episodes from which an actor's success rate is estimated.",
  ),
  answerWeight: z.number().positive().default(5)
    .describe("Weight of the answer's digits in training, against all other tokens."),
};

/** Configuration of the experiment with pretrained language models. */
export const llmConfig = z.strictObject({
  ...commonFields,
  models: z.array(z.string()).min(1).default([SMOLLM2]).describe(
    `Pretrained models: ${SMOLLM2}, ${QWEN}, ${TINY} (random, made on the spot), the path of a Hugging Face folder or a GGUF file.`,
  ),
  storage: z.enum(["float32", "float16", "bfloat16"]).default("bfloat16")
    .describe("How their weights are stored; results depend on it."),
  lora: z.strictObject({
    rank: count.default(16).describe("Rank of the adapters, of all seven projections."),
    alpha: z.number().positive().default(32).describe("The update is scaled by alpha / rank."),
  }).prefault({}).describe("Low-rank adapters, the only weights of a model that are trained."),
  task: runningSumConfig.prefault({}).describe("The task, running sums."),
  actor: runningSumActor.prefault({ epsilon: 0.5 }).describe(
    "The actor whose values are learned.",
  ),
  runs: z.array(z.enum(RUNS)).min(1).describe("The critics that are trained on its values."),
  states: count.default(1500).describe("States that a critic learns from, where data are equal."),
  batchSize: count.default(16).describe("States in a training batch."),
  learningRate: rate.default(1e-3).describe("Peak learning rate, of adapters and heads."),
  longLearningRate: rate.default(3e-4)
    .describe("The same of value heads that are trained for longer, on as many tokens as chains."),
  testStates: count.default(200).describe("Held-out states of each length."),
  longer: z.array(count).default([8, 10]).describe("Numbers of addends beyond those of training."),
  search: searchAround(z.array(z.enum(RUNS)).min(1)),
  sizes: z.strictObject({
    models: z.array(z.string()).min(1).default([QWEN]).describe("The other models."),
    runs: z.array(z.enum(RUNS)).min(1).default(["chain", "head"])
      .describe("The critics; the first of `models` has them, too."),
    seeds: count.default(3).describe("Only the first so many seeds."),
  }).optional().describe(
    "The same from pretrained models of other sizes, beside the first of `models`.",
  ),
  conditioning: z.strictObject({
    epsilons: epsilons.default([0.1, 0.7])
      .describe("The actors of training, half of the states each."),
    unseen: z.number().min(0).max(1).default(0.4).describe(
      "An actor that is met in the test alone.",
    ),
    ...telling,
  }).optional().describe("In-Context Conditioning: critics of several actors."),
  rl: z.strictObject({
    methods: z.array(z.enum(TEXT_METHODS)).min(1).default([...TEXT_METHODS])
      .describe("How the actor is trained."),
    seeds: count.optional().describe("Only the first so many seeds; default all."),
    task: runningSumConfig.prefault({ minLength: 6, maxLength: 8 }).describe("The task."),
    actor: runningSumActor.prefault({ epsilon: 0.8 }).describe(
      "The teacher of the actor, so often wrong that there is something to gain by values.",
    ),
    demonstrations: count.default(800).describe("Of the teacher, from which the actor starts."),
    criticStates: count.default(1536).describe("States of teachers from which critics start."),
    conditioning: z.strictObject({
      epsilons: epsilons.default([0.1, 0.3, 0.5, 0.8]).describe(
        "The teachers. Critics are told their success rates, and the actor's in RL.",
      ),
      ...telling,
    }).prefault({}).describe("In-Context Conditioning of critics."),
    gradientBatches: z.int().min(0).refine((n) => n !== 1, "one batch has none to be compared with")
      .default(12).describe("Batches on which policy gradients are compared before RL."),
    testProblems: count.default(48).describe("Held-out problems, of which success is exact."),
    evaluateEvery: count.default(2).describe("Iterations between evaluations."),
    training: textRlConfig.prefault({}).describe("What all methods have alike."),
  }).optional().describe("RL of an actor that is the model itself."),
});

/** A resolved configuration. */
export type LlmConfig = z.output<typeof llmConfig>;
type Input = z.input<typeof llmConfig>;

/** smoke: seconds, a tiny random model; quick: minutes with SmolLM2 on two cores; standard: hours. */
export const profiles: Record<"smoke" | "quick" | "standard", Input> = {
  smoke: {
    seeds: [1, 2],
    models: [TINY],
    runs: ["chain", "head", "head-passes", "head-states", "one-shot", "features", "chain-outcomes"],
    // Short sums, which the tiny model learns to write about: some of its chains and answers are right.
    task: { minLength: 2, maxLength: 3 },
    states: 480,
    batchSize: 8,
    learningRate: 7e-3,
    longLearningRate: 5e-3,
    testStates: 24,
    longer: [4],
    search: { seeds: [101], runs: ["head"], factors: [1, 3] },
    sizes: { models: [TINY_WIDE] },
    conditioning: { episodes: 16 },
    rl: {
      task: { minLength: 1, maxLength: 1 },
      demonstrations: 960,
      criticStates: 320,
      gradientBatches: 2,
      testProblems: 8,
      evaluateEvery: 1,
      training: {
        problems: 2,
        responses: 4,
        iterations: 2,
        learningRate: 3e-3,
        criticLearningRate: 1e-4,
        criticStates: 4,
        criticResponses: 2,
      },
    },
  },
  quick: {
    seeds: [1],
    runs: ["chain", "head", "head-states", "features"],
    states: 640,
    // Heads have too few steps here for the lower rate.
    longLearningRate: 1e-3,
    testStates: 64,
    longer: [8],
  },
  standard: {
    seeds: [6, 7, 8, 9, 10],
    runs: ["chain", "head", "head-passes", "head-states", "one-shot", "features"],
    search: { seeds: [101], runs: ["head-states"], factors: [0.3, 1, 3] },
    conditioning: {},
  },
};
