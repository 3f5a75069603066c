import { UsageError } from "../errors.ts";
import { isUint32 } from "../numeric/random.ts";

/**
 * How to generate. Where a policy gradient recomputes log-probabilities, leave `topK` and `topP` out and the temperature
 * at 1: the log-probabilities of actors and critics are those of the whole distribution at temperature 1, not of the one
 * that a filter leaves.
 */
export interface GenerateOptions {
  /** Most tokens a response may have; 0 or more. */
  readonly maxTokens: number;
  /** 0 = greedy: the token of the largest logit, the lowest of equals. Otherwise MIN_TEMPERATURE to MAX_TEMPERATURE. */
  readonly temperature: number;
  /**
   * Top-k sampling (Fan et al. 2018): only the k tokens of the largest logits can be drawn, of equals those of the lowest
   * number. A positive integer; default: all tokens. Hugging Face transformers and vLLM keep all that equal the k-th.
   */
  readonly topK?: number | undefined;
  /**
   * Top-p or nucleus sampling (Holtzman et al. 2020): of the tokens that `topK` leaves, only the smallest set can be drawn
   * whose probabilities reach p together, the most likely first, of equals the lowest number first; at least one. The
   * probabilities are the softmax of logits / temperature over what `topK` leaves, as in Hugging Face transformers and
   * vLLM. In (0, 1]; default: 1, all tokens.
   */
  readonly topP?: number | undefined;
  /** Tokens that end a response (they are part of it). */
  readonly stop: readonly number[];
  /** Seed, an integer in 0..2^32-1, and purpose of the sampling stream. */
  readonly seed: number;
  readonly purpose: string;
}

/** Where the random numbers of sampled responses come from: response i draws from row `firstRow + i`. */
export interface SampleKey {
  /** An integer in 0..2^32-1. */
  readonly seed: number;
  /** Name of the random stream. */
  readonly purpose: string;
  /** Rows are integers in 0..2^32-1: give every response of a run its own. */
  readonly firstRow: number;
}

/** The lowest temperature but 0: its inverse is a float32 by which logits up to 3e8 can be multiplied. */
export const MIN_TEMPERATURE = 1e-30;
/** The highest temperature: its inverse is a float32 that no GPU takes for 0, which means greedy. */
export const MAX_TEMPERATURE = 1e30;

/** Throws UsageError for an option out of range, of prompts the rows. */
export function checkGenerateOptions(
  { maxTokens, temperature, topK, topP, stop, seed }: GenerateOptions,
  prompts: readonly { readonly row: number }[],
  vocabularySize: number,
): void {
  const check = (isFine: boolean, field: string, value: unknown, remedy: string) => {
    if (!isFine) throw new UsageError(field, value, remedy);
  };
  check(
    Number.isInteger(maxTokens) && maxTokens >= 0,
    "maxTokens",
    maxTokens,
    "give an integer >= 0",
  );
  check(
    temperature === 0 || (temperature >= MIN_TEMPERATURE && temperature <= MAX_TEMPERATURE),
    "temperature",
    temperature,
    `give 0 (greedy), or ${MIN_TEMPERATURE} to ${MAX_TEMPERATURE}`,
  );
  check(
    topK === undefined || (Number.isInteger(topK) && topK >= 1),
    "topK",
    topK,
    "give a positive integer, or leave it out",
  );
  check(
    topP === undefined || (topP > 0 && topP <= 1),
    "topP",
    topP,
    "give a number above 0 and up to 1, or leave it out",
  );
  for (const token of stop) {
    const isToken = Number.isInteger(token) && token >= 0 && token < vocabularySize;
    check(isToken, "stop", token, `the model's tokens are 0 to ${vocabularySize - 1}`);
  }
  check(isUint32(seed), "seed", seed, "give an integer in 0..4294967295");
  prompts.forEach(({ row }, i) =>
    check(isUint32(row), `prompts[${i}].row`, row, "give an integer in 0..4294967295")
  );
}
