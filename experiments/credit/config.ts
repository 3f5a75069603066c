import * as z from "zod";
import { taskNames } from "../../lib/env/registry.ts";
import { MIN_TEMPERATURE } from "../../lib/nn/generate_options.ts";
import { actorTrainingConfig } from "../../lib/rl/actor_training.ts";
import { commonFields, count, rate, size } from "../shared/config.ts";
import { tuningSeeds } from "../shared/search.ts";
import { criticEntry, type CriticKind, METHOD_NAMES } from "./methods.ts";

/**
 * Training up to a gate: rounds of `steps` until what is measured after one passes. The second round goes on from the first
 * along a schedule of twice the length, and so on.
 */
const rounds = count.max(8).default(1).describe("Rounds of these steps at most, until the gate.");

const outcomes = {
  size: size.describe("Its transformer; peak rate of regression on outcomes."),
  steps: count.describe("Steps of regression on outcomes of the frozen actors."),
  batchSize: count.default(32).describe("States in a batch."),
};

const generative = z.strictObject({
  ...outcomes,
  traces: z.strictObject({
    learningRate: rate.describe("Peak rate."),
    steps: count.describe("Steps of a round."),
    batchSize: count.default(32).describe("Chains in a batch."),
    difficulty: z.strictObject({ min: count, max: count }).describe(
      "Problem sizes in the environment's own unit, one drawn for each batch.",
    ),
    gate: z.number().min(0).max(1).describe(
      "Fraction of chains right in every token that must be reached.",
    ),
    rounds,
  }).describe("Steps on chains of thought alone, before outcomes."),
  reinforce: z.strictObject({
    steps: count.describe("Steps."),
    learningRate: rate.describe("The critic's, constant after warm-up."),
  }).describe("GenAC's second stage: REINFORCE on the frozen actors' rollouts."),
});

/** A task with its actor and what critics may know. */
export const taskConfig = z.strictObject({
  name: z.string().describe("Name in figures and tables."),
  environment: z.enum(taskNames).describe("An environment for actors (lib/env/task.ts)."),
  environmentConfig: z.record(z.string(), z.unknown()).default({})
    .describe("Its configuration."),
  teacher: z.record(z.string(), z.unknown())
    .describe("Who writes the demonstrations; see the environment."),
  values: z.enum(["tree", "local"]).describe(
    "The actor's values: exact from all responses, or from its policy table (circuits, words).",
  ),
  exactProblems: count.default(512).describe(
    "Held-out problems over whose values success is the mean; a response is sampled to each of `testProblems`.",
  ),
  actor: size.describe("The actor's transformer; peak rate of supervised fine-tuning."),
  sft: z.strictObject({
    steps: count.describe("Steps of a round."),
    batchSize: count.default(64).describe("Demonstrations in a batch."),
    gate: z.number().positive().describe(
      "Loss in nats per token, mean over the last 50 steps, that must be reached.",
    ),
    rounds,
  }).describe("Supervised fine-tuning of the actor on demonstrations."),
  pilot: z.strictObject({
    problems: count,
    responses: count,
    learningRate: rate.describe("The actor's."),
    checkpoints: z.array(count).min(1).describe("Iterations after which the actor is kept."),
  }).describe(
    "A run of GRPO beforehand, whose actors the critics are prepared on, too: the range of skill that RL will cross.",
  ),
  temperatures: z.array(z.number().min(MIN_TEMPERATURE).lt(1)).default([]).describe(
    "Temperatures at which the actor is stronger; the critics learn its values there too.",
  ),
  lessons: count.describe(
    "Different states in the critics' preparation, each with 8 continuations.",
  ),
  discriminative: z.strictObject(outcomes).describe("The discriminative critic."),
  generative: generative.describe("The generative critics."),
  methods: z.array(z.strictObject({
    name: z.enum(METHOD_NAMES).describe("A method of methods.ts."),
    learningRate: rate.describe("The actor's, constant after warm-up; chosen on tuning seeds."),
    seeds: count.optional().describe("Only the first so many seeds; default all."),
  })).min(1).refine(
    (methods) => new Set(methods.map(({ name }) => name)).size === methods.length,
    { error: "a method stands twice" },
  ).describe("How the actor is trained."),
  search: z.strictObject({
    seeds: tuningSeeds,
    runs: z.array(z.strictObject({
      method: z.enum(METHOD_NAMES).describe("Whose rate is sought."),
      rates: z.array(rate).min(2).describe("The actor's learning rates that are tried."),
    })).min(1).describe("Methods; the others take the rate of a kin."),
  }).optional().describe(
    "The search from which the learning rates come, at the runs' own horizon.",
  ),
});

/** Configuration of the credit experiment. */
export const creditConfig = z.strictObject({
  ...commonFields,
  tasks: z.array(taskConfig).min(1).describe("What is learned."),
  training: actorTrainingConfig.omit({ learningRate: true, conditioning: true, critic: true })
    .prefault({}).describe("What all methods share."),
  evaluateEvery: count.default(25).describe("Iterations between evaluations of the actor."),
  judgeEvery: count.default(50).describe("Iterations between evaluations of its critic."),
  testProblems: count.default(512).describe(
    "Held-out problems to each of which a response is sampled: to check the exact success, and for the rates before RL.",
  ),
  criticTest: z.strictObject({
    problems: count.default(64).describe("Held-out problems."),
    states: count.default(4).describe("States along the response to each."),
  }).prefault({}).describe("The states on which critics are judged."),
  gradientBatches: z.int().min(0).default(8)
    .describe("Batches of rollouts by which gradients are compared before training."),
}).refine(({ tasks }) => new Set(tasks.map(({ name }) => name)).size === tasks.length, {
  path: ["tasks"],
  error: "two tasks have the same name: give each its own",
}).refine(({ evaluateEvery, judgeEvery }) => judgeEvery % evaluateEvery === 0, {
  path: ["judgeEvery"],
  error: "give a multiple of evaluateEvery",
});

/** A resolved configuration. */
export type CreditConfig = z.output<typeof creditConfig>;
/** A configuration before defaults. */
export type CreditInput = z.input<typeof creditConfig>;
/** A resolved task. */
export type TaskConfig = z.output<typeof taskConfig>;

/** The transformer of a critic. */
export function criticSize(
  task: Pick<TaskConfig, "actor" | "discriminative" | "generative">,
  kind: CriticKind,
): { readonly dModel: number; readonly layers: number } {
  const { fromActor, preparation } = criticEntry(kind);
  return fromActor ? task.actor : task[preparation].size;
}
