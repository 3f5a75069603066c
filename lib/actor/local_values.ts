import type { CircuitState } from "../env/circuit.ts";
import type { WordState } from "../env/word_evaluation.ts";
import { UsageError } from "../errors.ts";
import { maximum } from "../numeric/extrema.ts";
import type { ValueTree } from "./exact_values.ts";
import type { NeuralActor } from "./neural_actor.ts";
import { wordSuccess } from "./word_success.ts";
import { wordValues } from "./word_values.ts";

/** What is known of actors whose policies are local. */
interface Source<State> {
  values(actor: NeuralActor<State>, roots: readonly State[]): Promise<ValueTree[]>;
  success(actor: NeuralActor<State>, problems: readonly State[]): Promise<number[]>;
}

/** By environment. */
const SOURCES: Readonly<Record<string, unknown>> = {
  circuit: {
    values: circuitValues,
    success: async (actor, problems) => rootValues(await circuitValues(actor, problems)),
  } satisfies Source<CircuitState>,
  "word-evaluation": { values: wordValues, success: wordSuccess } satisfies Source<WordState>,
};

/**
 * Values of a neural actor whose responses are too many to enumerate, where its policy is local, from its policy table:
 * it is taken to read only those of the tokens that it has written which the task's rules need for the next.
 *
 * @returns A tree for each root, in order.
 * @throws UsageError for an environment other than circuit and word-evaluation.
 */
export async function localValues<State>(
  actor: NeuralActor<State>,
  roots: readonly State[],
): Promise<ValueTree[]> {
  return await sourceOf(actor).values(actor, roots);
}

/**
 * The probability of success of such an actor on problems that nothing is written of: the roots' local values, or what
 * tells their mean for less (`wordSuccess`).
 *
 * @returns In order.
 * @throws UsageError as `localValues`.
 */
export async function localSuccess<State>(
  actor: NeuralActor<State>,
  problems: readonly State[],
): Promise<number[]> {
  return await sourceOf(actor).success(actor, problems);
}

/** The values of the roots themselves. */
export function rootValues(trees: readonly ValueTree[]): number[] {
  return trees.map((tree) => tree.value([]));
}

function sourceOf<State>({ environment: { name } }: NeuralActor<State>): Source<State> {
  const source = SOURCES[name] as Source<State> | undefined;
  if (source) return source;
  const remedy = `local values are those of ${Object.keys(SOURCES).join(" and ")} only`;
  throw new UsageError("environment", name, `${remedy}; take the exact ones of small problems`);
}

/**
 * Values of a neural actor on circuits whose responses are too many to enumerate, from its policy table: the actor is
 * taken to be local, that is, to read the values of a gate's operands and nothing else that it has written. Its policy at
 * each gate is measured for every combination of these, the mean over what else is written, and the values follow by
 * dynamic programming over the gates that are still to be read: O(n p^width) numbers.
 *
 * For an actor fine-tuned on demonstrations that is nearly exact: a test compares it with `exactValues` where both can run
 * (actor_test.ts).
 *
 * @returns A tree for each root, in order.
 */
async function circuitValues(
  actor: NeuralActor<CircuitState>,
  roots: readonly CircuitState[],
): Promise<ValueTree[]> {
  const { actionTokens } = actor.environment, p = actionTokens.length;
  const plans = roots.map((root) => plan(root, p));
  const read = await actor.actionProbabilities(
    plans.flatMap(({ root, responses }) =>
      responses.map((values) => ({ state: root, tokens: values.map((v) => actionTokens[v]!) }))
    ),
  );
  let next = 0;
  return plans.map(({ root, responses, operands }): ValueTree => {
    const from = root.written.length, n = root.circuit.length;
    const own = read.slice(next, next += responses.length);
    const index = (i: number, values: readonly number[]) =>
      operands[i]!.reduceRight((code, g) => code * p + values[g]!, 0);
    // By gate and combination of its operands' values: the probabilities of the p values.
    const table = Array.from({ length: n - from }, (_, k) => {
      const combinations = p ** operands[from + k]!.length;
      const sums = Array.from({ length: combinations }, () => new Array<number>(p).fill(0));
      responses.forEach((values, r) => {
        const sum = sums[index(from + k, [...root.written, ...values])]!;
        own[r]!.get(k)!.forEach((q, v) => sum[v] = sum[v]! + q);
      });
      return sums.map((sum) => sum.map((q) => q * combinations / responses.length));
    });
    const alive = lastReads(root);
    const known = new Map<string, number>();
    const policy = (values: readonly number[]) => {
      const i = values.length;
      return table[i - from]![index(i, values)]!;
    };
    const value = (values: readonly number[]): number => {
      const i = values.length;
      if (i === n) return actor.environment.verify({ circuit: root.circuit, written: values });
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

/**
 * What to ask the actor about a root: responses in which the operands of every gate have all combinations of values
 * equally often. Gates that one gate reads together belong to different classes; a response gives each class a value.
 */
function plan(root: CircuitState, p: number) {
  const { circuit, written } = root, from = written.length;
  const operands = circuit.map(({ a, b, c }) => [...new Set([a, b, c])].filter((x) => x >= from));
  const classes = circuit.map(() => 0);
  for (let g = from; g < circuit.length; g++) {
    const taken = new Set(
      operands.filter((own) => own.includes(g)).flatMap((own) =>
        own.filter((other) => other < g).map((other) => classes[other]!)
      ),
    );
    while (taken.has(classes[g]!)) classes[g] = classes[g]! + 1;
  }
  const count = 1 + maximum(classes.slice(from));
  const responses = Array.from(
    { length: p ** count },
    (_, code) =>
      circuit.slice(from, -1).map((_, k) => Math.floor(code / p ** classes[from + k]!) % p),
  );
  return { root, operands, responses };
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
