import { z } from "zod";

/** Servers that are known by their habits. */
export const SERVER_KINDS = [
  "vllm",
  "llama.cpp",
  "ollama",
  "tgi",
  "transformers",
  "sglang",
  "unknown",
] as const;

/**
 * The fields by which servers are asked to force an answer onto a regular expression: `structured_outputs.regex` (vLLM
 * from 0.12), `guided_regex` (vLLM before), `regex` (SGLang), `grammar` (llama.cpp, GBNF), `response_format` with type
 * "regex" (TGI's chat).
 */
export const FORCINGS = [
  "structured_outputs",
  "guided_regex",
  "regex",
  "grammar",
  "response_format",
] as const;

const ability = z.enum(["honoured", "ignored", "refused", "unknown"]);

/** What a server was seen to do. Most ignore in silence what they do not know, so each of these was tried. */
export const serverAbilities = z.strictObject({
  kind: z.enum(SERVER_KINDS).describe("which server it seems to be"),
  version: z.string().nullable().describe("the server's own version"),
  model: z.string().describe("the model that was asked"),
  models: z.array(z.string()).describe("all that it serves"),
  endpoint: z.enum(["completions", "chat"]).describe("what the other fields were tried on"),
  chat: z.boolean().describe("has /v1/chat/completions"),
  contextLength: z.int().positive().nullable().describe("tokens, where the server says"),
  slots: z.int().positive().nullable().describe("requests that llama.cpp answers at a time"),
  longPrompt: z.enum(["refused", "shortened", "unknown"]).describe(
    "what becomes of a prompt longer than that",
  ),
  extraFields: z.boolean().describe("fields beyond OpenAI's do not make it refuse"),
  topKAll: z.union([z.literal(0), z.literal(-1)]).default(0).describe(
    "the top_k for all tokens (SGLang and older vLLM refuse 0)",
  ),
  topPOne: z.boolean().describe("top_p 1 may be sent (TGI refuses it)"),
  temperature: ability,
  topP: ability,
  topK: ability,
  minP: ability,
  maxChoices: z.int().positive().describe("the largest n that was tried and honoured; 1: none"),
  seed: ability,
  choiceSeeds: ability.describe("choice i of n is what seed + i gives"),
  stop: z.enum(["cut", "kept", "ignored", "unknown"]).describe("stop strings"),
  logProbabilities: z.enum(["tokens", "content"]).nullable().describe(
    'their shape: OpenAI\'s legacy lists, or the list "content" of its chat; null: none',
  ),
  maxTopLogProbabilities: z.int().nonnegative().describe("most tokens a place seen, of 20 asked"),
  echo: ability.describe("the prompt's own log-probabilities"),
  forcing: z.enum(FORCINGS).nullable().describe("the field that forces a regular expression"),
  forcedLogProbabilities: z.enum(["masked", "unmasked", "unknown"]).describe(
    "of forced answers: of the distribution with all else left out, or of the model's own",
  ),
  tokenPrompts: ability.describe("prompts as token ids"),
  tokenIds: z.enum(["return_token_ids", "return_tokens", "logprobs"]).nullable().describe(
    "the field that brings the completion's token ids",
  ),
  tokenize: ability.describe("/tokenize"),
  chatPrefill: z.enum(["continued", "repeated", "ignored", "refused", "unknown"]).describe(
    "an assistant's turn that comes last: gone on with, gone on with and given back too, or taken for a whole one",
  ),
});

/** See `serverAbilities`. */
export type ServerAbilities = z.infer<typeof serverAbilities>;

/** Whether a field is honoured, ignored in silence, refused, or could not be told. */
export type Ability = z.infer<typeof ability>;

/** See `FORCINGS`. */
export type Forcing = (typeof FORCINGS)[number];

/** Whether the client sends what a server treats so. */
export function isUsed(ability: Ability): boolean {
  return ability === "honoured" || ability === "unknown";
}
