import * as z from "zod";
import { type Projection, PROJECTIONS } from "./config.ts";

const NAMES = Object.keys(PROJECTIONS) as [Projection, ...Projection[]];

/**
 * Low-rank adaptation (Hu et al. 2022), with PEFT's meaning of every number: a projection becomes
 * x W^T + alpha / rank (x A^T) B^T, with A (rank, in) and B (out, rank).
 */
export const loraSchema = z.strictObject({
  rank: z.int().min(1).describe("rank of the update, PEFT's r"),
  alpha: z.number().positive().describe("the update is scaled by alpha / rank, PEFT's lora_alpha"),
  targetModules: z.array(z.enum(NAMES)).min(1).default(NAMES)
    .describe("the projections that are adapted, PEFT's target_modules; default: all seven"),
});
