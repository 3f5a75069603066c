/** From rollouts to the states that critics are asked about. */
import { UsageError } from "../errors.ts";
import { RandomStream } from "../numeric/random.ts";
import { sum } from "../numeric/sums.ts";
import type { PositionUnit, RolloutRecord } from "../rollouts/record.ts";
import type { RolloutState } from "../rollouts/state.ts";

/** Where the values come from that critics are compared with. */
export type ValueSource =
  /** Means of continuations (a record's probes). */
  | "monte-carlo"
  /** Without probes: each rollout's outcome, a sample of one for every state along it. */
  | "outcome";

/** A state with what is known of its value. */
export interface EvaluatedState extends RolloutState {
  /** Index into the set's rollouts. */
  readonly rollout: number;
  /** In [0, 1]: the mean outcome of `n` continuations, or the rollout's own outcome (n = 1). */
  readonly value: number;
  readonly n: number;
  /** How much of the response is written, in [0, 1]; null where its length is not known. */
  readonly fraction: number | null;
  /** Whether one token of the response is left to write, or none; null as above. */
  readonly isLast: boolean | null;
}

/** A rollout of the set. */
export interface EvaluatedRollout {
  readonly record: RolloutRecord;
  /** Number of its problem, 0, 1, ...: rollouts of one prompt or one group share it. What the bootstrap resamples. */
  readonly problem: number;
}

/** States to ask critics about, those of a rollout in a row and in order. */
export interface StateSet {
  readonly source: ValueSource;
  readonly rollouts: readonly EvaluatedRollout[];
  readonly states: readonly EvaluatedState[];
  /** How many problems there are. */
  readonly problems: number;
  /** The outcomes of each group's responses, those that are not in the set included. */
  readonly outcomes: ReadonlyMap<string, readonly number[]>;
  /** Rollouts of the file that are not in the set, and why. */
  readonly leftOut: readonly { readonly reason: string; readonly rollouts: number }[];
}

/** Which states to take. */
export interface StateOptions {
  /** Without probes: how many states of a response, evenly spaced from its start on; default 4. */
  readonly perRollout?: number;
  /** At most so many states, whole problems in a random order; default: all. */
  readonly maxStates?: number;
  /** Of that order, an integer in 0..2^32-1; default 1. */
  readonly seed?: number;
}

/**
 * The states of these rollouts: every probe where there are some (rollouts without are then left out), else places at
 * equal distances with the outcome as the value.
 *
 * @throws UsageError where there is no state, and for a probe beyond the end of its response.
 */
export function statesOf(records: readonly RolloutRecord[], options: StateOptions = {}): StateSet {
  const { perRollout = 4, maxStates = Infinity, seed = 1 } = options;
  if (records.length === 0) {
    throw new UsageError("rollouts", 0, "there is none: give a file with at least one");
  }
  const hasProbes = ({ probes = [] }: RolloutRecord) => probes.length > 0;
  const isMonteCarlo = records.some(hasProbes);
  const all = problemsOf(records);
  const kept = isMonteCarlo ? all.filter(({ record }) => hasProbes(record)) : all;
  const leftOut: { reason: string; rollouts: number }[] = [];
  if (kept.length < all.length) {
    leftOut.push({ reason: "no Monte Carlo values", rollouts: all.length - kept.length });
  }
  const parts = kept.map((rollout) => ({
    rollout,
    states: isMonteCarlo ? probedStates(rollout.record) : spacedStates(rollout.record, perRollout),
  }));
  const chosen = wholeProblems(parts, maxStates, seed);
  if (chosen.length < parts.length) {
    leftOut.push({
      reason: `beyond ${maxStates} states`,
      rollouts: parts.length - chosen.length,
    });
  }
  const renumbered = new Map<number, number>();
  for (const { rollout } of chosen) {
    if (!renumbered.has(rollout.problem)) renumbered.set(rollout.problem, renumbered.size);
  }
  return {
    source: isMonteCarlo ? "monte-carlo" : "outcome",
    rollouts: chosen.map(({ rollout: { record, problem } }) => ({
      record,
      problem: renumbered.get(problem)!,
    })),
    states: chosen.flatMap(({ states }, rollout) => states.map((one) => ({ ...one, rollout }))),
    problems: renumbered.size,
    outcomes: new Map(
      Map.groupBy(records, ({ group }) => group).entries()
        .map(([group, own]) => [group, own.map(({ outcome }) => outcome)]),
    ),
    leftOut,
  };
}

/** A response's length in that unit, where it is known. */
export function responseLength(
  { response, steps }: RolloutRecord,
  unit: PositionUnit,
): number | undefined {
  switch (unit) {
    case "token":
      return response.tokens?.length;
    case "char":
      return response.text?.length;
    case "step":
      return steps?.length;
  }
}

type PlacedState = Omit<EvaluatedState, "rollout">;

function placed(
  record: RolloutRecord,
  at: number,
  unit: PositionUnit,
  value: number,
  n: number,
): PlacedState {
  const length = responseLength(record, unit);
  if (length !== undefined && at > length) {
    throw new UsageError(
      `probe at ${unit} ${at}`,
      record.group,
      `the response has ${length}: are text, token ids and probes of one rollout?`,
    );
  }
  return {
    ...{ record, at, unit, value, n },
    fraction: length === undefined ? null : length === 0 ? 0 : at / length,
    isLast: length === undefined ? null : at >= length - 1,
  };
}

function probedStates(record: RolloutRecord): PlacedState[] {
  return record.probes!.toSorted((a, b) => a.at - b.at)
    .map(({ at, unit, mean, n }) => placed(record, at, unit, mean, n));
}

/** Token ids are the states of an actor; steps are where a reader would cut; characters are what is always there. */
function spacedStates(record: RolloutRecord, count: number): PlacedState[] {
  const { response: { tokens, text }, steps, outcome } = record;
  const unit = tokens ? "token" : steps ? "step" : "char";
  const length = responseLength(record, unit)!;
  const places = new Set(
    Array.from({ length: count }, (_, i) => {
      const at = Math.floor(i * length / count);
      // A pair of surrogates is one character.
      const isInside = unit === "char" && at > 0 &&
        /^[\udc00-\udfff]/.test(text!.slice(at, at + 1));
      return isInside ? at - 1 : at;
    }),
  );
  return [...places].map((at) => placed(record, at, unit, outcome, 1));
}

/** Numbers the problems: rollouts of one prompt, or of one group, are of one problem, and so on in a chain. */
function problemsOf(records: readonly RolloutRecord[]): EvaluatedRollout[] {
  const parent: number[] = [];
  const root = (k: number): number => parent[k] === k ? k : (parent[k] = root(parent[k]!));
  const known = new Map<string, number>();
  const numbers = records.map(({ group, prompt: { tokens, text } }) => {
    const names = [`group ${group}`, tokens ? `tokens ${tokens.join(" ")}` : `text ${text}`];
    const met = names.flatMap((name) => known.has(name) ? [root(known.get(name)!)] : []);
    const own = met[0] ?? parent.push(parent.length) - 1;
    for (const other of met) parent[other] = own;
    for (const name of names) known.set(name, own);
    return own;
  });
  const order = new Map<number, number>();
  return records.map((record, i) => {
    const problem = root(numbers[i]!);
    if (!order.has(problem)) order.set(problem, order.size);
    return { record, problem: order.get(problem)! };
  });
}

type Part = { readonly rollout: EvaluatedRollout; readonly states: readonly PlacedState[] };

/** Problems in a random order as long as their states fit, at least one; the rollouts keep their order. */
function wholeProblems(parts: readonly Part[], maxStates: number, seed: number): readonly Part[] {
  const counts = new Map<number, number>();
  for (const { rollout: { problem }, states } of parts) {
    counts.set(problem, (counts.get(problem) ?? 0) + states.length);
  }
  if (sum([...counts.values()]) <= maxStates) return parts;
  const order = new RandomStream({ seed, purpose: "critic-evaluation/problems" })
    .shuffle([...counts.keys()]);
  const chosen = new Set<number>();
  let states = 0;
  for (const problem of order) {
    states += counts.get(problem)!;
    if (states > maxStates && chosen.size > 0) break;
    chosen.add(problem);
  }
  return parts.filter(({ rollout }) => chosen.has(rollout.problem));
}
