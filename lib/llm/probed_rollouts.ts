/** From rollouts to the states whose values are asked for, what that may cost, and back. */
import { UsageError } from "../errors.ts";
import { mean, populationVariance, sum } from "../numeric/sums.ts";
import { printable } from "../rollouts/printable.ts";
import type { RolloutRecord } from "../rollouts/record.ts";
import {
  probePositions,
  type ProbeRule,
  type TokenizedRecord,
  tokenizeRecord,
} from "../rollouts/segments.ts";
import type { SuccessCount } from "../rollouts/select_rollouts.ts";
import type { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import { taskOf } from "../rollouts/verifiers/agreement.ts";
import { BATCH, type ContinuationValue, type ContinuedState } from "./continuation_values.ts";

/** A state along a rollout. */
export interface ProbedState extends ContinuedState {
  readonly record: TokenizedRecord & { readonly tokenLimit: number };
  /** How many of the response's tokens have been written. */
  readonly at: number;
}

/**
 * The states along the rollouts at which the rule places probes, in the order of the rollouts.
 *
 * @param limit The most tokens that a response may have; default: the record's own.
 * @throws UsageError where no limit is known, where a response is longer, and where the rule cannot be followed.
 */
export function probedStates(
  records: readonly RolloutRecord[],
  rule: ProbeRule,
  tokenizer: RolloutTokenizer,
  limit?: number,
): ProbedState[] {
  return records.flatMap((given) => {
    const tokenLimit = limit ?? given.tokenLimit;
    const record = { ...tokenizeRecord(given, tokenizer), tokenLimit: tokenLimit ?? 0 };
    const { prompt, response, group } = record;
    if (tokenLimit === undefined || tokenLimit < response.tokens.length) {
      const remedy = tokenLimit === undefined
        ? "the rollouts do not say how long a response may be: give the limit of tokens they were sampled with"
        : `a response of ${
          printable(group, 60)
        } has ${response.tokens.length} tokens: give the limit ` +
          "that it was sampled with";
      throw new UsageError("--limit", tokenLimit, remedy);
    }
    return probePositions(record, rule, tokenizer).map((at) => ({
      record,
      at,
      prompt: prompt.tokens,
      // Cut out when asked for: those of all states together are many times the rollouts.
      get prefix() {
        return response.tokens.slice(0, at);
      },
      maxTokens: tokenLimit - at,
      task: taskOf(record),
    }));
  });
}

/** What continuations of some states may cost, in tokens. */
export interface ContinuationCost {
  /** Different ones. */
  readonly states: number;
  readonly continuations: number;
  /** Tokens to write, if continuations are as long as the rest of the rollouts was. */
  readonly expected: number;
  /** Tokens to write, if each goes to the limit. */
  readonly most: number;
  /** Tokens to read, the same ones for every batch of a state's. */
  readonly read: number;
}

/**
 * What it may cost to go on from the states, each one `continuations` times: the most where they stop early.
 *
 * @param keys The states', by which equal ones are known.
 */
export function continuationCost(
  states: readonly ProbedState[],
  keys: readonly string[],
  continuations: number,
): ContinuationCost {
  const rests = new Map<string, number[]>();
  states.forEach(({ record, at }, i) => {
    const rest = Math.max(1, record.response.tokens.length - at);
    rests.set(keys[i]!, [...rests.get(keys[i]!) ?? [], rest]);
  });
  const distinct = firstOfEach(states, keys);
  return {
    states: distinct.length,
    continuations: distinct.length * continuations,
    expected: Math.round(continuations * sum([...rests.values()].map(mean))),
    most: continuations * sum(distinct.map(({ maxTokens }) => maxTokens)),
    read: Math.ceil(continuations / BATCH) *
      sum(distinct.map(({ prompt, prefix }) => prompt.length + prefix.length)),
  };
}

/** What values say as a whole; over different states. */
export interface ValueSummary {
  readonly states: number;
  readonly continuations: number;
  readonly tokens: number;
  readonly meanValue: number;
  /** Of the estimates. */
  readonly variance: number;
  /** How much of that is the noise of few continuations: the mean of V(1-V)/(n-1). Null where a state has only one. */
  readonly noise: number | null;
  /** Mean half-width of the 95% intervals. */
  readonly halfWidth: number;
  /** Continuations that the token limit ended. */
  readonly cut: number;
  /** Continuations at which the verifier failed. */
  readonly failures: number;
  readonly failure?: string;
}

/** Sums up the values of states. */
export function summarizeValues(
  all: readonly ContinuationValue[],
  keys: readonly string[],
): ValueSummary {
  const values = firstOfEach(all, keys);
  const means = values.map(({ mean }) => mean);
  const failure = values.find(({ failure }) => failure !== undefined)?.failure;
  return {
    states: values.length,
    continuations: sum(values.map(({ n }) => n)),
    tokens: sum(values.map(({ tokens }) => tokens)),
    meanValue: mean(means),
    variance: populationVariance(means),
    noise: values.every(({ n }) => n > 1)
      ? mean(values.map(({ mean, n }) => mean * (1 - mean) / (n - 1)))
      : null,
    halfWidth: mean(values.map(({ low, high }) => (high - low) / 2)),
    cut: sum(values.map(({ cut }) => cut)),
    failures: sum(values.map(({ failures }) => failures)),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** First states' values beside the success of the rollouts that began there. */
export interface FirstStates {
  /** Problems compared. */
  readonly problems: number;
  readonly meanValue: number;
  readonly successRate: number;
  /** The difference by its standard error, both samples' noise in it; null where nothing varies. */
  readonly z: number | null;
}

/**
 * Holds the values of first states against the success of the file's own rollouts: were they sampled alike, the two differ
 * by chance only. Where they do not, the values are another policy's (other sampling, stop strings, template or model).
 *
 * @param groups The file's success by problem; not a selection by outcome.
 */
export function compareFirstStates(
  states: readonly ProbedState[],
  values: readonly ContinuationValue[],
  groups: ReadonlyMap<string, SuccessCount>,
): FirstStates {
  const first = new Map<string, ContinuationValue>();
  states.forEach(({ at, record }, i) => {
    if (at === 0 && !first.has(record.group)) first.set(record.group, values[i]!);
  });
  const pairs = [...first].map(([group, { mean, n }]) => {
    const { rollouts, successes } = groups.get(group)!;
    const pooled = (mean * n + successes) / (n + rollouts);
    return {
      ...{ value: mean, rate: successes / rollouts },
      variance: pooled * (1 - pooled) * (1 / n + 1 / rollouts),
    };
  });
  const meanValue = mean(pairs.map(({ value }) => value));
  const successRate = mean(pairs.map(({ rate }) => rate));
  const error = Math.sqrt(sum(pairs.map(({ variance }) => variance))) / pairs.length;
  const z = error > 0 ? (meanValue - successRate) / error : null;
  return { problems: pairs.length, meanValue, successRate, z };
}

/** The rollouts with the values of their states as probes, in place of those they had. */
export function withValues(
  states: readonly ProbedState[],
  values: readonly ContinuationValue[],
): TokenizedRecord[] {
  const probes = new Map<TokenizedRecord, NonNullable<RolloutRecord["probes"]>>();
  states.forEach(({ record, at }, i) => {
    const { mean, n } = values[i]!;
    const before = probes.get(record) ?? [];
    probes.set(record, [...before, { at, unit: "token", mean, n }]);
  });
  return [...probes].map(([record, probes]) => ({ ...record, probes }));
}

/** The items whose key has not come before. */
function firstOfEach<T>(items: readonly T[], keys: readonly string[]): T[] {
  const seen = new Set<string>();
  return items.filter((_, i) => !seen.has(keys[i]!) && seen.add(keys[i]!));
}
