/**
 * Monte Carlo values: a language model goes on from a state some times, a verifier grades what comes of it, and the mean
 * outcome estimates the state's value under that model, its sampling and its token limit.
 */
import { UsageError } from "../errors.ts";
import { wilsonInterval } from "../eval/wilson.ts";
import { canonicalJson, sha256 } from "../numeric/digest.ts";
import { sum } from "../numeric/sums.ts";
import type { Verifier, VerifierTask } from "../rollouts/verifiers/verifier.ts";
import type { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import type { ContinuationBatch } from "./continuation_store.ts";
import type { Completion, LanguageModel, Sampling } from "./language_model.ts";

/** Continuations asked for at once, behind which a state's interval is looked at. */
export const BATCH = 8;

/** A state to go on from. */
export interface ContinuedState {
  /** The prompt's token ids. */
  readonly prompt: readonly number[];
  /** Those of the response so far. */
  readonly prefix: readonly number[];
  /** The most tokens that a continuation may have: the response's limit less the prefix. */
  readonly maxTokens: number;
  /** What the verifier is told. */
  readonly task: VerifierTask;
}

/** Who goes on, how, and how often. */
export interface ContinuationOptions {
  readonly model: LanguageModel;
  /** The model's own. */
  readonly tokenizer: RolloutTokenizer;
  readonly verifier: Verifier;
  readonly sampling: Sampling;
  /** Strings that end a response, as when the rollouts were sampled. */
  readonly stop: readonly string[];
  /** The most continuations of a state. */
  readonly continuations: number;
  /** A state has enough once the half-width of its 95% Wilson interval is at most this; undefined: all continuations. */
  readonly halfWidth?: number | undefined;
  /** Seeds the server's sampling, each state's and continuation's in its own way. */
  readonly seed: number;
  /** Send text in place of token ids, for a server that takes no others: the state may be another. */
  readonly asText: boolean;
  /** The most tokens that all continuations together may have, earlier ones included; undefined: no limit. */
  readonly maxTokensTotal?: number | undefined;
  /** States at a time. */
  readonly concurrency: number;
}

/** Where finished continuations are kept: see `ContinuationStore`. */
export interface ContinuationKeeper {
  batches(key: string): readonly ContinuationBatch[];
  add(key: string, batch: ContinuationBatch): void;
}

/** A state's estimated value. */
export interface ContinuationValue {
  /** The mean outcome, in [0, 1]. */
  readonly mean: number;
  /** Of the 95% Wilson interval. */
  readonly low: number;
  readonly high: number;
  /** Continuations. */
  readonly n: number;
  /** Tokens that were written. */
  readonly tokens: number;
  /** Continuations that the token limit ended: graded as they stood. */
  readonly cut: number;
  /** Continuations at which the verifier failed: their outcome is 0. */
  readonly failures: number;
  /** What it said at the first. */
  readonly failure?: string;
}

/** A snapshot of a computation. */
export interface ContinuationProgress {
  readonly states: number;
  readonly statesDone: number;
  /** Tokens written, with those taken up from an interrupted run. */
  readonly tokens: number;
  /** Of those, taken up. */
  readonly takenUp: number;
}

/**
 * Everything a state's continuations and their outcomes depend on, as a digest: equal states, of sibling rollouts say, are
 * computed once.
 */
export function stateKey(state: ContinuedState, options: KeyOptions): string {
  const { groundTruth = null, prompt } = state.task;
  return digest({
    ...sampled(state, options),
    prefixLength: state.prefix.length,
    groundTruth,
    promptText: prompt,
    model: options.model.name,
    verifier: options.verifier.digest,
  });
}

type KeyOptions =
  & Pick<ContinuationOptions, "verifier" | "sampling" | "stop" | "seed" | "asText">
  & { readonly model: Pick<LanguageModel, "name"> };

/** What the sampling depends on: not on the verifier, so that a recording serves another one too. */
function sampled(state: ContinuedState, options: Omit<KeyOptions, "model">) {
  const { sampling, stop, seed, asText } = options;
  const tokens = [...state.prompt, ...state.prefix];
  return { tokens, maxTokens: state.maxTokens, sampling: { ...sampling }, stop, seed, asText };
}

/**
 * The values of states, in their order; equal ones are computed once. Each finished batch is kept at once, and what was
 * kept before is not asked for again: an interrupted computation ends with the same values.
 *
 * What `deno task values` does, which takes a server:
 *
 * ```ts ignore
 * using model = await openServer({ url: "http://127.0.0.1:8000" });
 * const tokenizer = RolloutTokenizer.load("models/mine"), verifier = await openVerifier("numeric");
 * const { records } = await selectRollouts(readRollouts("rollouts/"), "first");
 * const states = probedStates(records, { kind: "every", tokens: 500 }, tokenizer, 8192);
 * using store = new ContinuationStore("continuations.jsonl");
 * const values = await continuationValues(states, {
 *   ...{ model, tokenizer, verifier, sampling: FULL_SAMPLING, stop: [], continuations: 32 },
 *   ...{ seed: 1, asText: false, concurrency: 8 },
 * }, store);
 * const valued = withValues(states, values);
 * ```
 *
 * @throws UsageError of the model, the verifier or `maxTokensTotal`, after the batches that were under way are kept.
 */
export async function continuationValues(
  states: readonly ContinuedState[],
  options: ContinuationOptions,
  kept: ContinuationKeeper,
  onProgress: (progress: ContinuationProgress) => void = () => {},
): Promise<ContinuationValue[]> {
  const keys = states.map((state) => stateKey(state, options));
  const distinct = new Map(keys.map((key, i) => [key, states[i]!]));
  const budget = new Budget(options.maxTokensTotal);
  for (const key of distinct.keys()) budget.spend(tokensOf(kept.batches(key)));
  const takenUp = budget.spent;
  const report = (statesDone: number) =>
    onProgress({ states: distinct.size, statesDone, tokens: budget.spent, takenUp });

  const values = new Map<string, ContinuationValue>();
  const waiting = [...distinct].reverse();
  let failure: unknown;
  const work = async () => {
    while (failure === undefined && waiting.length > 0) {
      const [key, state] = waiting.pop()!;
      while (failure === undefined && !isEnough(kept.batches(key), options)) {
        kept.add(key, await nextBatch(state, kept.batches(key), options, budget));
        report(values.size);
      }
      if (!isEnough(kept.batches(key), options)) return;
      values.set(key, valueOf(kept.batches(key), options));
      report(values.size);
    }
  };
  const workers = Array.from({ length: options.concurrency }, () =>
    work().catch((error) => {
      failure ??= error;
    }));
  await Promise.all(workers);
  if (failure !== undefined) throw failure;
  return keys.map((key) => values.get(key)!);
}

/** What a computation may cost. */
class Budget {
  #spent = 0;
  #reserved = 0;

  constructor(readonly limit: number | undefined) {}

  get spent(): number {
    return this.#spent;
  }

  spend(tokens: number): void {
    this.#spent += tokens;
  }

  /** Does `write`, which writes at most this many tokens. Throws a UsageError where that may be more than is left. */
  async reserve<T extends { readonly tokens: number }>(
    most: number,
    write: () => Promise<T>,
  ): Promise<T> {
    if (this.limit !== undefined && this.#spent + this.#reserved + most > this.limit) {
      throw new UsageError(
        "--max-tokens-total",
        this.limit,
        `${this.#spent} tokens are written, and what comes next may take ${most} and more: give a ` +
          "higher one and run the command again, finished work is kept",
      );
    }
    this.#reserved += most;
    try {
      const written = await write();
      this.#spent += written.tokens;
      return written;
    } finally {
      this.#reserved -= most;
    }
  }
}

async function nextBatch(
  state: ContinuedState,
  before: readonly ContinuationBatch[],
  options: ContinuationOptions,
  budget: Budget,
): Promise<ContinuationBatch> {
  const { model, tokenizer, sampling, stop, continuations, asText } = options;
  const first = countOf(before), count = Math.min(BATCH, continuations - first);
  const { prompt, prefix, maxTokens } = state;
  const ids = [...prompt, ...prefix];
  return await budget.reserve(count * maxTokens, async () => {
    const completions = await model.complete({
      prompt: asText ? tokenizer.decode(ids, { special: true }) : ids,
      sampling,
      maxTokens,
      count,
      seed: stateSeed(state, options) + first,
      sample: first,
      ...(stop.length > 0 ? { stop } : {}),
    });
    return await grade(state, completions, options);
  });
}

async function grade(
  { prefix, task }: ContinuedState,
  completions: readonly Completion[],
  { tokenizer, verifier }: ContinuationOptions,
): Promise<ContinuationBatch> {
  const verdicts = await Promise.all(
    completions.map((completion) => verifier.verify(whole(prefix, completion, tokenizer), task)),
  );
  const failed = verdicts.filter(({ failure }) => failure !== undefined);
  return {
    outcomes: verdicts.map(({ outcome }) => outcome),
    tokens: sum(completions.map((completion) => tokensIn(completion, tokenizer))),
    cut: completions.filter(({ finishReason }) => finishReason === "length").length,
    failures: failed.length,
    ...(failed.length > 0 ? { failure: failed[0]!.failure! } : {}),
  };
}

/** The response's text. A character whose bytes the probe parts is whole only where the server gives token ids. */
function whole(
  prefix: readonly number[],
  { text, tokens }: Completion,
  tokenizer: RolloutTokenizer,
): string {
  const before = tokenizer.decode(prefix);
  return before.endsWith("\ufffd") && tokens
    ? tokenizer.decode([...prefix, ...tokens])
    : before + text;
}

function tokensIn({ text, tokens, tokenCount }: Completion, tokenizer: RolloutTokenizer): number {
  return tokenCount ?? tokens?.length ?? tokenizer.encode(text).length;
}

/** In 0..2^28-1, so that a server's 32 bits hold it with the continuation's number added. */
function stateSeed(state: ContinuedState, options: ContinuationOptions): number {
  return parseInt(digest(sampled(state, options)).slice(0, 7), 16);
}

function isEnough(
  batches: readonly ContinuationBatch[],
  { continuations, halfWidth }: ContinuationOptions,
): boolean {
  const n = countOf(batches);
  if (n === 0 || n >= continuations || halfWidth === undefined) return n >= continuations;
  const { low, high } = wilsonInterval(outcomeOf(batches), n);
  return (high - low) / 2 <= halfWidth;
}

/** Of as many batches as these options ask for: an earlier run may have kept more. */
function valueOf(
  all: readonly ContinuationBatch[],
  options: ContinuationOptions,
): ContinuationValue {
  const enough = all.findIndex((_, i) => isEnough(all.slice(0, i + 1), options));
  const batches = all.slice(0, enough + 1);
  const { estimate: mean, low, high, n } = wilsonInterval(outcomeOf(batches), countOf(batches));
  const failure = batches.find(({ failure }) => failure !== undefined)?.failure;
  return {
    ...{ mean, low, high, n },
    tokens: tokensOf(batches),
    cut: sum(batches.map(({ cut }) => cut)),
    failures: sum(batches.map(({ failures }) => failures)),
    ...(failure === undefined ? {} : { failure }),
  };
}

function countOf(batches: readonly ContinuationBatch[]): number {
  return sum(batches.map(({ outcomes }) => outcomes.length));
}

function outcomeOf(batches: readonly ContinuationBatch[]): number {
  return sum(batches.flatMap(({ outcomes }) => outcomes));
}

function tokensOf(batches: readonly ContinuationBatch[]): number {
  return sum(batches.map(({ tokens }) => tokens));
}

function digest(value: unknown): string {
  return sha256(new TextEncoder().encode(canonicalJson(value)));
}
