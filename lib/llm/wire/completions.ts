import { z } from "zod";
import type { Completion, CompletionToken, ScoredToken } from "../language_model.ts";

/** JSON has no −∞; llama.cpp writes null for it, vLLM −9999. */
const logProbability = z.number().nullable().transform((value) =>
  value === null || value <= -9999 ? -Infinity : Math.min(value, 0)
);

const scored = z.object({ token: z.string(), id: z.int().optional(), logprob: logProbability });

/** OpenAI's chat, and llama.cpp everywhere. */
const contentShape = z.object({
  content: z.array(scored.extend({ top_logprobs: z.array(scored).nullish() })),
});

/** OpenAI's legacy completions, vLLM. */
const tokensShape = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(logProbability),
  top_logprobs: z.array(z.record(z.string(), logProbability).nullable()).nullish(),
});

const ids = z.array(z.int().nonnegative()).nullish();

const choice = z.object({
  index: z.int().nonnegative().optional(),
  text: z.string().optional(),
  message: z.object({ content: z.string().nullish() }).optional(),
  finish_reason: z.string().nullish(),
  logprobs: z.unknown().optional(),
  token_ids: ids,
  tokens: ids,
}).refine(({ text, message }) => text !== undefined || message !== undefined, {
  message: "neither text nor message",
});

/** The answer of `/v1/completions` or `/v1/chat/completions`, as far as it is read. */
export const completionsAnswer = z.object({
  choices: z.array(choice),
  usage: z.object({
    prompt_tokens: z.int().nonnegative().optional(),
    completion_tokens: z.int().nonnegative().optional(),
  }).nullish(),
});

/** See `completionsAnswer`. */
export type CompletionsAnswer = z.infer<typeof completionsAnswer>;

/** The log-probabilities of a choice, and the shape they came in; undefined where there are none that can be read. */
export function readLogProbabilities(
  logprobs: unknown,
): { shape: "tokens" | "content"; tokens: CompletionToken[] } | undefined {
  const content = contentShape.safeParse(logprobs);
  if (content.success) {
    const tokens = content.data.content.map(({ top_logprobs, ...own }) => ({
      ...scoredToken(own),
      top: likeliestFirst((top_logprobs ?? []).map(scoredToken)),
    }));
    return { shape: "content", tokens };
  }
  const lists = tokensShape.safeParse(logprobs);
  if (!lists.success) return undefined;
  const { tokens, token_logprobs, top_logprobs } = lists.data;
  if (token_logprobs.length !== tokens.length) return undefined;
  return {
    shape: "tokens",
    tokens: tokens.map((token, i) => ({
      token,
      logProbability: token_logprobs[i]!,
      top: likeliestFirst(
        Object.entries(top_logprobs?.[i] ?? {}).map(([token, logProbability]) => ({
          token,
          logProbability,
        })),
      ),
    })),
  };
}

function scoredToken({ token, id, logprob }: z.infer<typeof scored>): ScoredToken {
  return { token, ...(id === undefined ? {} : { id }), logProbability: logprob };
}

/** Equals stay in the server's order. */
function likeliestFirst(tokens: ScoredToken[]): ScoredToken[] {
  // A difference of two −∞ is NaN.
  return tokens.sort((a, b) =>
    a.logProbability === b.logProbability ? 0 : b.logProbability - a.logProbability
  );
}

/** TGI's names for the reasons of OpenAI. */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  eos_token: "stop",
  stop_sequence: "stop",
};

/** The completions of an answer in the order of their index, each cut before the first of the stop strings. */
export function readCompletions(
  answer: CompletionsAnswer,
  stop: readonly string[] = [],
): Completion[] {
  const { choices, usage } = answer;
  const ordered = choices.map((choice, i) => ({ choice, index: choice.index ?? i }))
    .sort((a, b) => a.index - b.index);
  return ordered.map(({ choice }) => {
    const text = choice.text ?? choice.message?.content ?? "";
    const reason = choice.finish_reason ?? "unknown";
    const logProbabilities = readLogProbabilities(choice.logprobs)?.tokens;
    const tokens = choice.token_ids ?? choice.tokens ?? idsOf(logProbabilities);
    // For several choices llama.cpp counts one, vLLM all.
    const counted = choices.length === 1 ? usage?.completion_tokens : undefined;
    const tokenCount = tokens?.length ?? counted ?? logProbabilities?.length;
    return cutAtStop({
      text,
      ...(tokens ? { tokens } : {}),
      ...(tokenCount === undefined ? {} : { tokenCount }),
      finishReason: FINISH_REASONS[reason] ?? reason,
      ...(logProbabilities ? { logProbabilities } : {}),
    }, stop);
  });
}

/** llama.cpp gives ids with log-probabilities only. */
function idsOf(tokens: readonly CompletionToken[] = []): number[] | undefined {
  const ids = tokens.flatMap(({ id }) => id ?? []);
  return ids.length > 0 && ids.length === tokens.length ? ids : undefined;
}

/**
 * What the completion is where its server had cut it: some keep the stop string, some know none. Tokens are kept up to the
 * one in which the text ends, so far as their texts say where that is.
 */
function cutAtStop(completion: Completion, stop: readonly string[]): Completion {
  const starts = stop.map((text) => completion.text.indexOf(text)).filter((at) => at >= 0);
  if (starts.length === 0) return completion;
  const text = completion.text.slice(0, Math.min(...starts));
  const { tokens: _, logProbabilities, ...rest } = completion;
  let length = 0, kept = 0;
  for (const { token } of logProbabilities ?? []) {
    if (length >= text.length) break;
    length += token.length;
    kept++;
  }
  return {
    ...rest,
    text,
    finishReason: "stop",
    ...(logProbabilities ? { logProbabilities: logProbabilities.slice(0, kept) } : {}),
  };
}
