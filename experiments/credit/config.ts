import { z } from "zod";
import { taskNames } from "../../lib/env/registry.ts";
import { MIN_TEMPERATURE } from "../../lib/nn/generate_options.ts";
import { actorTrainingConfig } from "../../lib/rl/actor_training.ts";
import { commonFields, count, rate, size } from "../shared/config.ts";
import { tuningSeeds } from "../shared/search.ts";
import { type CriticKind, METHOD_NAMES } from "./methods.ts";

const preparation = z.strictObject({
  size: size.describe("Its transformer; peak rate of preparation."),
  traces: z.strictObject({
    steps: count.describe("Steps."),
    difficulty: z.strictObject({ min: count, max: count }).describe(
      "Problem sizes in the environment's own unit, one drawn for each batch.",
    ),
  }).optional().describe("Steps on chains of thought alone, before outcomes: generative critics."),
  steps: count.describe("Steps of preparation on the frozen actor."),
  batchSize: count.default(64).describe("States in a batch of preparation."),
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
  actor: size.describe("The actor's transformer; peak rate of supervised fine-tuning."),
  sftSteps: count.describe("Steps of supervised fine-tuning on demonstrations."),
  sftBatchSize: count.default(64).describe("Demonstrations in a batch."),
  discriminative: preparation.describe("The discriminative critic."),
  generative: preparation.describe("The generative critics."),
  lessons: count.default(32_768).describe("Different states in the critics' preparation."),
  methods: z.array(z.strictObject({
    name: z.enum(METHOD_NAMES).describe("A method of methods.ts."),
    learningRate: rate.describe("The actor's, constant after warm-up; chosen on tuning seeds."),
  })).min(1).refine(
    (methods) => new Set(methods.map(({ name }) => name)).size === methods.length,
    { error: "a method stands twice" },
  ).describe("How the actor is trained."),
  search: z.strictObject({
    methods: z.array(z.enum(METHOD_NAMES)).min(1).describe("Whose rates; the others take a kin's."),
    seeds: tuningSeeds,
    rates: z.array(rate).min(2).describe("The actor's learning rates, the same for every method."),
    iterations: count.describe("Iterations of each run."),
  }).optional().describe("The search from which the learning rates come."),
  weakSteps: z.array(count).default([]).describe(
    "Steps after which earlier, weaker actors are kept, whose values the critics learn too.",
  ),
  temperatures: z.array(z.number().min(MIN_TEMPERATURE).lt(1)).default([]).describe(
    "Temperatures at which the actor is stronger; the critics learn its values there too.",
  ),
});

/** Configuration of the credit experiment. */
export const creditConfig = z.strictObject({
  ...commonFields,
  tasks: z.array(taskConfig).min(1).describe("What is learned."),
  training: actorTrainingConfig.omit({ learningRate: true, conditioning: true, critic: true })
    .prefault({}).describe("What all methods share."),
  evaluateEvery: count.default(20).describe("Iterations between evaluations."),
  testProblems: count.default(512).describe("Held-out problems of an evaluation."),
  testStates: count.default(64).describe("States on them at which critics are judged."),
  gradientBatches: count.default(16)
    .describe("Batches of rollouts by which gradients are compared before training."),
}).refine(({ tasks }) => new Set(tasks.map(({ name }) => name)).size === tasks.length, {
  path: ["tasks"],
  error: "two tasks have the same name: give each its own",
});

/** A resolved configuration. */
export type CreditConfig = z.output<typeof creditConfig>;
/** A configuration before defaults. */
export type CreditInput = z.input<typeof creditConfig>;
/** A resolved task. */
export type TaskConfig = z.output<typeof taskConfig>;

/** How a critic is prepared. */
export function preparationOf(
  task: Pick<TaskConfig, "discriminative" | "generative">,
  kind: CriticKind,
): TaskConfig["generative"] {
  return kind === "discriminative" ? task.discriminative : task.generative;
}
