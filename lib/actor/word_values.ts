import type { WordState } from "../env/word_evaluation.ts";
import { RandomStream } from "../numeric/random.ts";
import type { ValueTree } from "./exact_values.ts";
import type { NeuralActor } from "./neural_actor.ts";

/** Roots whose policies are read at once: what keeps the logits small. */
const CHUNK = 16;

/**
 * Values of a neural actor on words, whose responses are too many to enumerate, from its policy table: the actor is taken to
 * be local, that is, to read the product that it wrote last and nothing else that it has written. Its policy at each
 * generator is measured after every element e of the group, and backwards over the word
 *
 *     V_(i-1)(e) = sum_a pi_i(a | e) V_i(a),     V_n(e) = 1 if e is the word's product, else 0.
 *
 * The policy after e at generator i is read from the response that makes a single mistake, at its first token, and goes on
 * from there without one until it has written e: these are as many responses as the group has elements, in which every element
 * stands at every place once. Where one token is to come the values are exact; for an actor fine-tuned on demonstrations
 * they are nearly so (word_values_test.ts).
 *
 * @returns A tree for each root, in order. Throws a RangeError for a root whose response is complete.
 */
export async function wordValues(
  actor: NeuralActor<WordState>,
  roots: readonly WordState[],
): Promise<ValueTree[]> {
  const complete = roots.findIndex((root) => actor.environment.stepsLeft(root) === 0);
  if (complete >= 0) throw new RangeError(`root ${complete}: its response is complete`);
  const trees: ValueTree[] = [];
  for (let start = 0; start < roots.length; start += CHUNK) {
    trees.push(...await chunkValues(actor, roots.slice(start, start + CHUNK)));
  }
  return trees;
}

async function chunkValues(
  actor: NeuralActor<WordState>,
  roots: readonly WordState[],
): Promise<ValueTree[]> {
  const { environment } = actor, { actionTokens } = environment, order = actionTokens.length;
  // The expert leaves nothing to chance.
  const random = new RandomStream({ seed: 0, purpose: "word-values" });
  // By root and first element: what is written before the last token.
  const responses = roots.map((root) =>
    environment.stepsLeft(root) === 1 ? [[]] : actionTokens.map((token) => {
      const mistaken = environment.act(root, token);
      const { state } = environment.rollout(random, mistaken, environment.expert);
      return state.written.slice(root.written.length, -1);
    })
  );
  const asked = responses.flatMap((own, r) =>
    own.map((response, first) => ({ state: roots[r]!, response, first }))
  );
  const read = await actor.actionProbabilities(
    asked.map(({ state, response }) => ({ state, tokens: response.map((e) => actionTokens[e]!) })),
    (i, k) => k > 0 || asked[i]!.first === 0,
  );

  let next = 0;
  return roots.map((root, r): ValueTree => {
    const own = responses[r]!, policies = read.slice(next, next += own.length);
    const steps = environment.stepsLeft(root), first = policies[0]!.get(0)!;
    // After t tokens to come, by the last of them; nothing after none.
    const policy = Array.from({ length: steps }, () => new Array<readonly number[]>(order));
    own.forEach((response, i) =>
      response.forEach((element, t) => policy[t + 1]![element] = policies[i]!.get(t + 1)!)
    );
    const values = new Array<readonly number[]>(steps + 1);
    values[steps] = Array.from({ length: order }, (_, element) => {
      const written = [...root.written, ...new Array<number>(steps - 1).fill(0), element];
      return environment.verify({ word: root.word, written });
    });
    const mean = (probabilities: readonly number[], values: readonly number[]) =>
      probabilities.reduce((sum, p, a) => sum + p * values[a]!, 0);
    for (let t = steps - 1; t > 0; t--) {
      values[t] = policy[t]!.map((probabilities) => mean(probabilities, values[t + 1]!));
    }
    const value = mean(first, values[1]!);
    return {
      value: (actions) => actions.length === 0 ? value : values[actions.length]![actions.at(-1)!]!,
      policy: (actions) => actions.length === 0 ? first : policy[actions.length]![actions.at(-1)!]!,
    };
  });
}
