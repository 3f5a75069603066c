import type { WordEvaluationEnvironment, WordState } from "../env/word_evaluation.ts";
import { RandomStream } from "../numeric/random.ts";
import type { ValueTree } from "./exact_values.ts";
import type { NeuralActor } from "./neural_actor.ts";

/** Roots whose policies are read at once: what keeps the logits small. */
const CHUNK = 16;

/**
 * An actor's policy at the rest of a word: after t tokens, by the last of them, the probability of each element. Nothing is
 * written after none: there the only entry is the first.
 */
export type WordPolicy = readonly (readonly (readonly number[])[])[];

/**
 * Values of a neural actor on words, whose responses are too many to enumerate, from its policy table: the actor is taken to
 * be local, that is, to read the product that it wrote last and nothing else that it has written. Its policy at each
 * generator is measured after every element e of the group, and backwards over the word
 *
 *     V_(i-1)(e) = sum_a pi_i(a | e) V_i(a),     V_n(e) = 1 if e is the word's product, else 0.
 *
 * Where one token is to come the values are exact; for an actor fine-tuned on demonstrations they are nearly so
 * (word_values_test.ts).
 *
 * @returns A tree for each root, in order. Throws a RangeError for a root whose response is complete.
 */
export async function wordValues(
  actor: NeuralActor<WordState>,
  roots: readonly WordState[],
): Promise<ValueTree[]> {
  const complete = roots.findIndex((root) => actor.environment.stepsLeft(root) === 0);
  if (complete >= 0) throw new RangeError(`root ${complete}: its response is complete`);
  const environment = actor.environment as WordEvaluationEnvironment;
  const policies = await readPolicies(actor, roots);
  return roots.map((root, r): ValueTree => {
    const policy = policies[r]!, values = valuesBackwards(environment, root, policy);
    const last = (actions: readonly number[]) => actions.at(-1) ?? 0;
    return {
      value: (actions) => values[actions.length]![last(actions)]!,
      policy: (actions) => policy[actions.length]![last(actions)]!,
    };
  });
}

/**
 * The policy at the rest of each root's word. After e at some generator it is read from the response that makes a single
 * mistake, at its first token, and goes on from there without one until it has written e: these are as many responses as
 * the group has elements, in which every element stands at every place once.
 */
export async function readPolicies(
  actor: NeuralActor<WordState>,
  roots: readonly WordState[],
): Promise<WordPolicy[]> {
  const policies: WordPolicy[] = [];
  for (let start = 0; start < roots.length; start += CHUNK) {
    policies.push(...await readChunk(actor, roots.slice(start, start + CHUNK)));
  }
  return policies;
}

async function readChunk(
  actor: NeuralActor<WordState>,
  roots: readonly WordState[],
): Promise<WordPolicy[]> {
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
  return roots.map((root, r): WordPolicy => {
    const own = responses[r]!, policies = read.slice(next, next += own.length);
    const steps = environment.stepsLeft(root);
    const policy = Array.from({ length: steps }, () => new Array<readonly number[]>(order));
    policy[0] = [policies[0]!.get(0)!];
    own.forEach((response, i) =>
      response.forEach((element, t) => policy[t + 1]![element] = policies[i]!.get(t + 1)!)
    );
    return policy;
  });
}

/** V after t tokens by the last of them; after none the only entry is the first. */
export function valuesBackwards(
  environment: Pick<WordEvaluationEnvironment, "actionTokens" | "stepsLeft" | "verify">,
  root: WordState,
  policy: WordPolicy,
): number[][] {
  const steps = environment.stepsLeft(root), values = new Array<number[]>(steps + 1);
  values[steps] = environment.actionTokens.map((_, element) => {
    const written = [...root.written, ...new Array<number>(steps - 1).fill(0), element];
    return environment.verify({ word: root.word, written });
  });
  for (let t = steps - 1; t >= 0; t--) {
    const after = values[t + 1]!;
    values[t] = policy[t]!.map((probabilities) =>
      probabilities.reduce((sum, p, a) => sum + p * after[a]!, 0)
    );
  }
  return values;
}
