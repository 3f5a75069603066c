import { UsageError } from "../errors.ts";
import type { NeuralActor } from "./neural_actor.ts";

/** Leaves of the largest tree. */
const MAX_LEAVES = 20_000;

/** The values of a state, the root, and of all states that can follow it. Actions are indices in `actionTokens`. */
export interface ValueTree {
  /** V in [0, 1] after these actions; [] is the root. */
  value(actions: readonly number[]): number;
  /** The probability of each action after these, which must not end the response; they sum to at most 1. */
  policy(actions: readonly number[]): readonly number[];
}

/**
 * Exact values of a neural actor, where responses are so few that all of them can be enumerated: with A actions and T
 * tokens to come the policy is read at the (A^T - 1) / (A - 1) states of the tree, and backwards
 *
 *     V(s) = sum_a pi(a | s) V(act(s, a)),     V(final s) = verify(s).
 *
 * A token that is no action has value 0. This is the oracle of every comparison: no sampling, no fit.
 *
 * @param roots Any number of states with a token to come.
 * @returns A tree for each root, in order.
 * @throws UsageError where a tree has more than 20 000 leaves, RangeError for a final state.
 */
export async function exactValues<State>(
  actor: NeuralActor<State>,
  roots: readonly State[],
): Promise<ValueTree[]> {
  const { environment } = actor, { actionTokens } = environment, A = actionTokens.length;
  const depths = roots.map((root) => environment.stepsLeft(root));
  // Responses without their last token; the first that goes through a state reads the policy there.
  const paths = roots.flatMap((root, r) => {
    const T = depths[r]!, leaves = A ** T;
    if (T === 0) throw new RangeError(`root ${r}: its response is complete`);
    if (leaves > MAX_LEAVES) {
      const remedy = `at most ${MAX_LEAVES} responses can be enumerated: give smaller problems`;
      throw new UsageError("responses", leaves, remedy);
    }
    return Array.from({ length: leaves / A }, (_, index) => ({
      state: root,
      index,
      T,
      tokens: digits(index, T - 1, A).map((a) => actionTokens[a]!),
    }));
  });
  const read = await actor.actionProbabilities(
    paths,
    (i, k) => paths[i]!.index % A ** (paths[i]!.T - 1 - k) === 0,
  );

  let first = 0;
  return roots.map((root, r): ValueTree => {
    const T = depths[r]!, own = read.slice(first, first += A ** (T - 1));
    // By depth k and index of the prefix: (A^k).
    const policy = Array.from(
      { length: T },
      (_, k) => Array.from({ length: A ** k }, (_, i) => own[i * A ** (T - 1 - k)]!.get(k)!),
    );
    const values: Float64Array[] = new Array(T + 1);
    values[T] = new Float64Array(A ** T);
    eachLeaf(root, T, (state, index) => values[T]![index] = environment.verify(state));
    for (let k = T - 1; k >= 0; k--) {
      const next = values[k + 1]!;
      values[k] = Float64Array.from(policy[k]!, (p, i) => {
        let v = 0;
        for (let a = 0; a < A; a++) v += p[a]! * next[i * A + a]!;
        return v;
      });
    }
    const index = (actions: readonly number[]) => actions.reduce((i, a) => i * A + a, 0);
    return {
      value: (actions) => values[actions.length]![index(actions)]!,
      policy: (actions) => policy[actions.length]![index(actions)]!,
    };
  });

  function eachLeaf(state: State, left: number, leaf: (s: State, index: number) => void, at = 0) {
    if (left === 0) return leaf(state, at);
    actionTokens.forEach((token, a) =>
      eachLeaf(environment.act(state, token), left - 1, leaf, at * A + a)
    );
  }
}

/** `count` digits of a number in base `base`, the highest first. */
function digits(x: number, count: number, base: number): number[] {
  const out = new Array<number>(count);
  for (let i = count - 1; i >= 0; i--) {
    out[i] = x % base;
    x = (x - out[i]!) / base;
  }
  return out;
}
