import type { WordEvaluationEnvironment, WordState } from "../env/word_evaluation.ts";
import { RandomStream } from "../numeric/random.ts";
import type { NeuralActor } from "./neural_actor.ts";
import { readPolicies, valuesBackwards, type WordPolicy } from "./word_values.ts";

/**
 * The probability of success of a neural actor on many words, for less than one response to each costs: taken to be local,
 * as `wordValues` has it, it is taken not to read the word's other generators either. Its policy by place, product written
 * last and generator is read once for all words of a length, from as many words as there are generators, in which every
 * generator stands at every place once; the rest is dynamic programming.
 *
 * Beside 64 samples for each of 512 words its mean is off by 0.004 at most for actors fine-tuned and trained by RL, and
 * `wordValues`, which reads every word by itself for 60 times the computation, by 0.002. Values of single words differ from
 * those of `wordValues` by 0.004 (RMS) before RL and up to 0.05 after: good for means.
 *
 * @param problems Words of which nothing is written.
 * @returns In order.
 * @throws RangeError for a word of which something is written.
 */
export async function wordSuccess(
  actor: NeuralActor<WordState>,
  problems: readonly WordState[],
): Promise<number[]> {
  const environment = actor.environment as WordEvaluationEnvironment;
  const begun = problems.findIndex(({ written }) => written.length > 0);
  if (begun >= 0) throw new RangeError(`problem ${begun}: its response has begun`);
  const tables = new Map<number, PolicyTable>();
  for (const length of new Set(problems.map(({ word }) => word.length))) {
    tables.set(length, await readTable(actor, length));
  }
  return problems.map((problem) => {
    const policy = tables.get(problem.word.length)!.of(problem.word);
    return valuesBackwards(environment, problem, policy)[0]![0]!;
  });
}

/** The policy at every word of one length. */
interface PolicyTable {
  of(word: readonly number[]): WordPolicy;
}

async function readTable(actor: NeuralActor<WordState>, length: number): Promise<PolicyTable> {
  const { group } = actor.environment as WordEvaluationEnvironment, G = group.generators.length;
  const random = new RandomStream({ seed: 0, purpose: "word-success", step: length });
  const first = Array.from({ length }, () => random.integer(G));
  const words = Array.from({ length: G }, (_, shift) => first.map((g) => (g + shift) % G));
  const read = await readPolicies(actor, words.map((word) => ({ word, written: [] })));
  return { of: (word) => word.map((g, t) => read[(g - first[t]! + G) % G]![t]!) };
}
