/** Responses of critics that write a chain of thought: how they are prompted, sampled and read. */
import { type Environment, positionId } from "../env/environment.ts";
import type { Sequence } from "../nn/batch.ts";
import type { SampleKey } from "../nn/generate_options.ts";
import type { Model, Prompt } from "../nn/model.ts";
import { maximum } from "../numeric/extrema.ts";
import { UsageError } from "../errors.ts";
import type { CriticDefinition, Question } from "./critic.ts";

/** What a critic that writes a chain of thought is given: the prompt and the think token. */
export interface ResponsePrompt extends Omit<Prompt, "row"> {
  /** Most tokens of a response: as many as the correct one for its state has. */
  readonly limit: number;
}

/** A response with all that follows from it. */
export interface CriticResponse {
  readonly prompt: ResponsePrompt;
  /** At least one token, at most `prompt.limit`. */
  readonly tokens: readonly number[];
  /** The value in [0, 1] that the last token stands for; null if it stands for none: a parse failure. */
  readonly value: number | null;
}

/** Throws UsageError for a critic that writes no chain of thought. */
export function checkWritesChain({ name, writesChain }: CriticDefinition): void {
  if (writesChain) return;
  throw new UsageError("critic", name, "give one that writes a chain of thought, such as cot");
}

/** The prompt of a response to a question. */
export function responsePrompt<State>(
  environment: Environment<State, unknown>,
  { state, context }: Question<State>,
): ResponsePrompt {
  const prompt = environment.criticPrompt(state, context), n = prompt.length;
  return {
    tokens: [...prompt, environment.vocabulary.think],
    position: (i) => positionId(i, n, environment.traceOffset),
    limit: environment.reasoningTrace(state).length + 1,
  };
}

/** How to sample responses. */
export interface SampleResponsesOptions {
  /** Responses to each question; default 1. */
  readonly count?: number;
  /** Default 1, the policy itself; 0 = greedy. */
  readonly temperature?: number;
}

/**
 * `count` responses to each question, in the order of the questions. Response k to question b draws from row
 * (key.firstRow + b) * count + k of the sampling stream.
 */
export async function sampleResponses<State>(
  model: Model,
  environment: Environment<State, unknown>,
  questions: readonly Question<State>[],
  { seed, purpose, firstRow }: SampleKey,
  { count = 1, temperature = 1 }: SampleResponsesOptions = {},
): Promise<CriticResponse[][]> {
  const { vocabulary } = environment;
  const prompts = questions.map((q) => responsePrompt(environment, q));
  const rows = prompts.flatMap((prompt, b) =>
    Array.from({ length: count }, (_, k) => ({ ...prompt, row: (firstRow + b) * count + k }))
  );
  const written = await model.generate(rows, {
    maxTokens: maximum(prompts.map((p) => p.limit)),
    temperature,
    stop: vocabulary.values,
    seed,
    purpose,
  });
  return prompts.map((prompt, b) =>
    written.slice(b * count, (b + 1) * count).map((all) => {
      const tokens = all.slice(0, prompt.limit);
      return { prompt, tokens, value: vocabulary.valueOf(tokens.at(-1) ?? -1) ?? null };
    })
  );
}

/** Prompt and response as input: every response token is the target of the one before it. */
export function responseSequence(
  { prompt, tokens: response }: CriticResponse,
): Required<Pick<Sequence, "tokens" | "positions">> {
  const tokens = [...prompt.tokens, ...response.slice(0, -1)];
  return { tokens, positions: tokens.map((_, i) => prompt.position(i)) };
}
