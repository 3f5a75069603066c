import * as z from "zod";
import { actorTrainingConfig } from "../../lib/rl/actor_training.ts";
import { commonFields, count, rate } from "../shared/config.ts";

/** Configuration of the cost experiment. */
export const costConfig = z.strictObject({
  ...commonFields,
  gates: z.array(count.min(2)).min(1)
    .describe("Response lengths: gates of a circuit, of which the actor writes one a token."),
  segments: z.array(count).min(1)
    .describe("Segments of a response at whose first token GenAC asks its critic."),
  dModel: count.multipleOf(16).default(32).describe(
    "Width of actor and critics: a multiple of 16.",
  ),
  layers: count.default(2).describe("Layers of actor and critics."),
  warmUp: z.strictObject({
    steps: count.default(150).describe("Supervised steps of the actor and of each critic."),
    batchSize: count.default(32).describe("Sequences in a batch."),
    learningRate: rate.default(6e-3).describe("Peak rate."),
  }).prefault({}).describe("After it models write what has the right form: that decides the cost."),
  training: actorTrainingConfig.omit({ learningRate: true, conditioning: true, critic: true })
    .prefault({ iterations: 3 }).describe("What is measured: RL iterations."),
});

/** A resolved configuration. */
export type CostConfig = z.output<typeof costConfig>;
/** A configuration before defaults. */
export type CostInput = z.input<typeof costConfig>;
