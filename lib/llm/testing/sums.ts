/**
 * Sums of two or three digits for a language model of 100 million parameters: easy enough that SmolLM2-135M-Instruct is
 * right in about six of ten responses at temperature 1, and written step by step, so that values change on the way.
 */
import { RandomStream } from "../../numeric/random.ts";

const SEED = 1;
const EXAMPLES = 6;
const LARGEST = 9;

/** A response ends here. */
export const SUM_STOP: readonly string[] = ["\n"];

/** The most tokens of a response; right ones have at most 33. */
export const SUM_TOKENS = 40;

/** A problem, solved by numeric verifiers. */
export interface SumProblem {
  /** What a language model reads: worked examples with as many terms, then the problem. */
  readonly prompt: string;
  /** For a reader: "4 + 7 + 5". */
  readonly problem: string;
  readonly groundTruth: string;
}

/**
 * Problem `row` of 162, no two alike: even ones have two terms, odd ones three, each from 1 to 9.
 */
export function sumProblem(row: number): SumProblem {
  const count = 2 + row % 2;
  const terms = drawTerms("sums/problems", count, Math.floor(row / 2));
  const examples = Array.from({ length: EXAMPLES }, (_, i) => {
    const example = drawTerms("sums/examples", count, i);
    return `${question(example)} ${solution(example)}\n\n`;
  });
  return {
    prompt: examples.join("") + question(terms),
    problem: terms.join(" + "),
    groundTruth: `${total(terms)}`,
  };
}

/** The terms at place `at` of a random order of all that there are. */
function drawTerms(purpose: string, count: number, at: number): number[] {
  const order = new RandomStream({ seed: SEED, purpose, row: count }).permutation(LARGEST ** count);
  let rest = order[at]!;
  return Array.from({ length: count }, () => {
    const term = 1 + rest % LARGEST;
    rest = Math.floor(rest / LARGEST);
    return term;
  });
}

function question(terms: readonly number[]): string {
  return `Q: ${terms.join(" + ")}\nA:`;
}

/** "4 + 7 = 11. 11 + 5 = 16. The answer is 16." */
function solution(terms: readonly number[]): string {
  const steps = terms.slice(1).map((term, i) => {
    const before = total(terms.slice(0, i + 1));
    return `${before} + ${term} = ${before + term}.`;
  });
  return `${steps.join(" ")} The answer is ${total(terms)}.`;
}

function total(terms: readonly number[]): number {
  return terms.reduce((all, term) => all + term, 0);
}
