/**
 * Values of a neural actor on circuits whose responses are too many to enumerate, from its policy table: the actor is
 * taken to be local, that is, to read the values of a gate's operands and nothing else that it has written. Its policy at
 * each gate is measured for every combination of these, the rest of the response being right, and the values follow by
 * dynamic programming over the gates that are still to be read: O(n p^width) numbers.
 *
 * For an actor fine-tuned on demonstrations that is nearly exact; `exact_values.ts` says how nearly, where both can run
 * (local_values_test.ts).
 */
import type { CircuitState } from "../env/circuit.ts";
import type { TaskEnvironment } from "../env/task.ts";
import { RandomStream } from "../tensor/random.ts";
import type { ValueTree } from "./exact_values.ts";
import type { NeuralActor } from "./neural_actor.ts";

/** A tree for each root, in order; as `exactValues`. */
export async function localValues(
  actor: NeuralActor<CircuitState>,
  roots: readonly CircuitState[],
): Promise<ValueTree[]> {
  const { actionTokens } = actor.environment, p = actionTokens.length;
  const plans = roots.map((root) => plan(actor.environment, root, p));
  const prompts = plans.flatMap(({ root, contexts }) =>
    contexts.flatMap((gate) =>
      gate.map((values) => ({ state: root, tokens: values.map((v) => actionTokens[v]!) }))
    )
  );
  const read = await actor.actionProbabilities(
    prompts,
    (i, k) => k === prompts[i]!.tokens.length,
  );
  let next = 0;
  return plans.map(({ root, contexts, index, target }): ValueTree => {
    const from = root.written.length, n = root.circuit.length;
    // By gate and combination of its operands' values: the probabilities of the p values.
    const table = contexts.map((gate) => gate.map((values) => read[next++]!.get(values.length)!));
    const alive = lastReads(root);
    const known = new Map<string, number>();
    const policy = (values: readonly number[]) => {
      const i = values.length;
      return table[i - from]![index(i, values)]!;
    };
    const value = (values: readonly number[]): number => {
      const i = values.length;
      if (i === n) return values[n - 1] === target ? 1 : 0;
      const key = `${i} ${values.map((v, g) => alive[g]! >= i ? v : "").join(",")}`;
      let v = known.get(key);
      if (v === undefined) {
        v = 0;
        policy(values).forEach((q, a) => v! += q * value([...values, a]));
        known.set(key, v);
      }
      return v;
    };
    return {
      value: (actions) => value([...root.written, ...actions]),
      policy: (actions) => policy([...root.written, ...actions]),
    };
  });
}

/** What to ask the actor about a root. */
function plan(
  environment: TaskEnvironment<CircuitState, unknown>,
  root: CircuitState,
  p: number,
) {
  const { circuit, written } = root, from = written.length;
  // As written, then without an error.
  const right = completed(environment, root);
  const operands = circuit.map(({ a, b, c }) => [...new Set([a, b, c])].filter((x) => x >= from));
  const contexts = circuit.slice(from).map((_, k) => {
    const i = from + k, free = operands[i]!;
    return Array.from({ length: p ** free.length }, (_, code) => {
      const values = right.slice(from, i);
      for (const g of free) {
        values[g - from] = code % p;
        code = Math.floor(code / p);
      }
      return values;
    });
  });
  const index = (i: number, values: readonly number[]) =>
    operands[i]!.reduceRight((code, g) => code * p + values[g]!, 0);
  // The right output depends on the program alone.
  const target = completed(environment, { ...root, written: [] }).at(-1)!;
  return { root, contexts, index, target };
}

/** The values of all gates if a teacher without faults goes on. */
function completed(
  environment: TaskEnvironment<CircuitState, unknown>,
  state: CircuitState,
): number[] {
  const random = new RandomStream({ seed: 0, purpose: "local values" });
  const rest = environment.demonstration(random, state, { kind: "slips", epsilon: 0 });
  return [...state.written, ...rest.map((token) => environment.actionTokens.indexOf(token))];
}

/** For each gate the last one that reads it; n for the output. */
function lastReads({ circuit }: CircuitState): number[] {
  const last = circuit.map(() => -1);
  circuit.forEach((gate, i) => {
    for (const x of [gate.a, gate.b, gate.c]) if (x >= 0) last[x] = i;
  });
  last[circuit.length - 1] = circuit.length;
  return last;
}
