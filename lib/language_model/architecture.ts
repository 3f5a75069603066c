import * as z from "zod";

/** Families of models that can be read, by Hugging Face's `model_type`. */
export const FAMILIES = ["llama", "qwen2"] as const;

const count = z.int().min(1);
const tokenId = z.int().nonnegative();
const positive = z.number().positive();

/**
 * How rotary positions reach beyond the length that a model was trained for; `ropeFrequencies` computes it.
 *
 * - `default`: as they are.
 * - `linear`: all frequencies divided by the factor.
 * - `dynamic`: the base grows with a sequence that is longer than `maxPositions` (NTK-aware).
 * - `llama3`: low frequencies divided by the factor, high ones kept, between them a smooth passage.
 * - `divisors`: frequency i divided by the i-th number, which is how a GGUF file holds `llama3`.
 */
const ropeScalingSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("default") }),
  z.strictObject({ type: z.literal("linear"), factor: positive }),
  z.strictObject({ type: z.literal("dynamic"), factor: z.number().min(1) }),
  z.strictObject({
    type: z.literal("llama3"),
    factor: positive,
    lowFreqFactor: positive,
    highFreqFactor: positive,
    /** Tokens of the sequences that the model was first trained on. */
    originalMaxPositions: count,
  }),
  z.strictObject({ type: z.literal("divisors"), divisors: z.array(positive) }),
]);

/** How rotary positions reach beyond the length that a model was trained for. */
export type RopeScaling = z.output<typeof ropeScalingSchema>;

/**
 * What a decoder of Llama's kind computes, besides its weights: RMSNorm before attention and MLP, grouped-query attention
 * with rotary positions (dimension i and i + headDim / 2 are a pair), SwiGLU.
 */
export const architectureSchema = z.strictObject({
  family: z.enum(FAMILIES),
  vocabularySize: count,
  hiddenSize: count,
  /** Width of the MLP's gate. */
  intermediateSize: count,
  layers: count,
  /** Heads of queries. */
  heads: count,
  /** Heads of keys and values; query head h reads head floor(h * kvHeads / heads). */
  kvHeads: count,
  headDim: count,
  /** Added to the mean of squares in RMSNorm. */
  normEpsilon: positive,
  ropeTheta: positive,
  ropeScaling: ropeScalingSchema,
  /** Whether the output layer is the embedding. */
  tiedEmbeddings: z.boolean(),
  /** Whether the projections to queries, keys and values have biases. */
  qkvBias: z.boolean(),
  /** Tokens of the longest sequence that the model is made for. */
  maxPositions: count,
  bosTokenId: tokenId.nullable(),
  /** Each ends a text. */
  eosTokenIds: z.array(tokenId),
  padTokenId: tokenId.nullable(),
}).superRefine((a, context) => {
  const refuse = (field: keyof typeof a, message: string) =>
    context.addIssue({ code: "custom", path: [field], message });
  if (a.heads % a.kvHeads !== 0) refuse("kvHeads", `must divide the ${a.heads} attention heads`);
  if (a.headDim % 2 !== 0) refuse("headDim", "must be even: rotary positions turn pairs");
  const { ropeScaling: rope } = a;
  if (rope.type === "divisors" && rope.divisors.length !== a.headDim / 2) {
    refuse("ropeScaling", `must have ${a.headDim / 2} divisors, half of the head's dimensions`);
  }
  if (rope.type === "llama3" && rope.lowFreqFactor >= rope.highFreqFactor) {
    refuse("ropeScaling", "its low frequency factor must be below the high one");
  }
  if (rope.type === "dynamic" && a.headDim < 4) refuse("headDim", "must be 4 for dynamic RoPE");
  const ids = [["bosTokenId", a.bosTokenId], ["padTokenId", a.padTokenId]] as const;
  const stop = a.eosTokenIds.map((id) => ["eosTokenIds", id] as const);
  for (const [field, id] of [...ids, ...stop]) {
    if (id !== null && id >= a.vocabularySize) {
      refuse(field, `must be below the vocabulary's ${a.vocabularySize}`);
    }
  }
});

/** What a decoder of Llama's kind computes, besides its weights. */
export type Architecture = z.output<typeof architectureSchema>;
