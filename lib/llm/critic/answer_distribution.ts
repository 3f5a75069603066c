/**
 * The probabilities of the answers 0 to 10, read off a language model's next tokens instead of one sampled answer.
 *
 * Tokenizers that split digits write 10 as "1" and "0": the first token alone would read 10 as 1. So where 1 has any
 * probability a second request asks what follows it. Scoring the eleven whole answers would need prompts' log-probabilities,
 * which few servers give.
 */
import { exp } from "../../numeric/math.ts";
import { sum } from "../../numeric/sums.ts";
import {
  type Completion,
  type CompletionRequest,
  FULL_SAMPLING,
  type LanguageModel,
  type ScoredToken,
} from "../language_model.ts";
import { MOST } from "./parse_answer.ts";

/** Tokens to ask the log-probabilities of: what OpenAI and vLLM allow at most, unless vLLM is told otherwise. */
const TOP = 20;

/** What a critic thinks of the eleven answers. */
export interface AnswerDistribution {
  /**
   * Of the answers 0 to 10, not normalised. Where the server lists its `TOP` likeliest tokens only, those of the others
   * are 0.
   */
  readonly probabilities: readonly number[];
  /** Their sum, in [0, 1]: what the critic gives to answers at all. The lower, the less `expectation` says. */
  readonly mass: number;
  /** The mean of answer / 10 under the normalised probabilities, in [0, 1]; null where the mass is 0. */
  readonly expectation: number | null;
  /** The requests' completions, for costs. */
  readonly completions: readonly Completion[];
}

/**
 * The probabilities of the answers 0 to 10 after `begun(text)`, in one request or two.
 *
 * A digit d counts with the probability of a first token that reads d, white space around it left out. That of "1" is
 * shared between 1 and 10 as P(a token that begins with "<") to P(a token that begins with "0") after it; where a
 * tokenizer has "10" as one token, that is added to 10.
 *
 * @param begun A prompt that ends in this beginning of the answer, `<answer>` before it included.
 * @returns null where the server gives no log-probabilities.
 */
export async function answerDistribution(
  model: LanguageModel,
  begun: (answer: string) => CompletionRequest["prompt"],
): Promise<AnswerDistribution | null> {
  const first = await nextToken(model, begun(""));
  if (first.top === undefined) return null;
  const probabilities = Array.from({ length: MOST + 1 }, (_, answer) => {
    const isAnswer = ({ token }: ScoredToken) => token.trim() === String(answer);
    return probability(first.top!, isAnswer);
  });
  const completions = [first.completion];
  const one = probabilities[1]!;
  if (one > 0) {
    const second = await nextToken(model, begun("1"));
    completions.push(second.completion);
    const ends = probability(second.top ?? [], ({ token }) => token.trimStart().startsWith("<"));
    const goesOn = probability(second.top ?? [], ({ token }) => /^0(?![0-9])/.test(token));
    const known = ends + goesOn;
    probabilities[1] = known > 0 ? one * (ends / known) : 0;
    probabilities[MOST]! += known > 0 ? one * (goesOn / known) : 0;
  }
  // Rounded log-probabilities may add up to a little more than 1.
  const mass = Math.min(1, sum(probabilities));
  const weighted = sum(probabilities.map((p, answer) => p * answer));
  const expectation = mass > 0 ? Math.min(1, weighted / sum(probabilities) / MOST) : null;
  return { probabilities, mass, expectation, completions };
}

/** The likeliest tokens that may come next; undefined where the server does not say. */
async function nextToken(model: LanguageModel, prompt: CompletionRequest["prompt"]) {
  const [completion] = await model.complete({
    prompt,
    // The model's own distribution, whether a server gives log-probabilities before or after its filters.
    sampling: FULL_SAMPLING,
    maxTokens: 1,
    topLogProbabilities: TOP,
    seed: 0,
  });
  return { completion: completion!, top: completion!.logProbabilities?.[0]?.top };
}

function probability(
  tokens: readonly ScoredToken[],
  isCounted: (token: ScoredToken) => boolean,
): number {
  return sum(tokens.filter(isCounted).map(({ logProbability }) => exp(logProbability)));
}
