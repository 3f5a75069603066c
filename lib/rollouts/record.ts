import { z } from "zod";

const text = z.string();
const tokens = z.array(z.int().nonnegative());
const probability = z.number().min(0).max(1);

/** Text, token ids, or both. Where both are given they say the same: the ids decide, as only they are the actor's state. */
const passage = z.strictObject({ text: text.optional(), tokens: tokens.optional() })
  .refine((given) => given.text !== undefined || given.tokens !== undefined, {
    message: "neither text nor token ids: give at least one",
  });

/** The unit in which a place in a response is counted: token ids, UTF-16 code units, or reasoning steps. */
export const POSITION_UNITS = ["token", "char", "step"] as const;

const probe = z.strictObject({
  at: z.int().nonnegative().describe(
    "where: the value is that of the prompt and the response BEFORE this token, char or step",
  ),
  unit: z.enum(POSITION_UNITS),
  mean: probability.describe("mean outcome of the continuations from there, an estimate of V"),
  n: z.int().positive().describe("continuations"),
});

/**
 * One response of a language model to a prompt, with its outcome: what every file of rollouts becomes (readers.ts), whatever
 * wrote it.
 */
export const rolloutRecord = z.strictObject({
  group: text.describe("which problem and policy: responses of equal group are siblings"),
  prompt: passage.describe("what the actor read, chat template included"),
  problem: text.optional().describe("the problem for a reader, without chat template"),
  response: passage.describe("what it wrote"),
  steps: z.array(text).optional().describe("the response cut into reasoning steps, in order"),
  logProbabilities: z.array(z.number().max(0)).optional().describe(
    "of the response's tokens under the policy that sampled them, in nats; one a token",
  ),
  outcome: probability.describe("the verifier's reward of the whole response"),
  groundTruth: text.optional().describe("the right answer, for verifiers"),
  verifier: text.optional().describe("the name of the verifier that gave the outcome"),
  trainingStep: z.int().nonnegative().optional().describe("of the actor, when it wrote this"),
  actor: text.optional().describe("the actor's name, which In-Context Conditioning states"),
  successRate: probability.optional().describe(
    "the actor's recent success rate, which In-Context Conditioning states",
  ),
  tokenLimit: z.int().positive().optional().describe("the most tokens that a response may have"),
  probes: z.array(probe).optional().describe("Monte Carlo values of states along the response"),
});

/** See `rolloutRecord`. */
export type RolloutRecord = z.infer<typeof rolloutRecord>;

/** A Monte Carlo value of a state along a response. */
export type Probe = z.infer<typeof probe>;

/** See `POSITION_UNITS`. */
export type PositionUnit = (typeof POSITION_UNITS)[number];
