/** How a pretrained model is run on the kit's own engine, by the commands that ask one. */
import { z } from "zod";
import { BACKENDS, MAX_THREADS } from "../backend/create.ts";
import { WEIGHT_STORAGES } from "../tensor/tape.ts";

/** Flags of a model that is run here. */
export const pretrainedFlags = {
  storage: z.enum(WEIGHT_STORAGES).default("bfloat16")
    .describe("of a model that is run here: how its weights are kept; answers depend on it"),
  backend: z.enum(BACKENDS).default("wasm").describe("likewise: what computes"),
  threads: z.int().min(1).max(MAX_THREADS)
    .default(Math.min(MAX_THREADS, navigator.hardwareConcurrency))
    .describe("likewise: threads of wasm"),
};
