/** Where along a response values are asked for: places in its tokens, each meaning the state BEFORE that token. */
import { UsageError } from "../errors.ts";
import { segmentStarts } from "../rl/advantage/segments.ts";
import { printable } from "./printable.ts";
import type { RolloutRecord } from "./record.ts";
import type { RolloutTokenizer } from "./tokenizer.ts";

/** The most segments by SAE's rule: a public re-implementation's. */
const MAX_SEGMENTS = 16;

/** Which states of a response are probed, beside its first and the one before its last token. */
export type ProbeRule =
  /** Those before token N, 2N, ... */
  | { readonly kind: "every"; readonly tokens: number }
  /** Those before each reasoning step: see `stepStarts`. */
  | { readonly kind: "steps" }
  /** Those behind tokens of lower probability than the threshold, thinned evenly to 16 segments. */
  | { readonly kind: "sae"; readonly threshold: number };

/** What the Monte Carlo Parquet calls the rules. */
export const PROBE_MODES: Readonly<Record<ProbeRule["kind"], string>> = {
  every: "fixed",
  steps: "steps",
  sae: "sae",
};

/** The same in words: each rule adds the first state and the one before the last token, the final action's. */
export const PROBE_SEMANTICS: Readonly<Record<ProbeRule["kind"], string>> = {
  every: "fixed_intervals_plus_final_action",
  steps: "step_starts_plus_final_action",
  sae: "sae_segment_starts_plus_final_action",
};

/** A record whose prompt and response have both text and token ids. */
export interface TokenizedRecord extends RolloutRecord {
  readonly prompt: { readonly text: string; readonly tokens: number[] };
  readonly response: { readonly text: string; readonly tokens: number[] };
}

/**
 * The record with what its prompt and response lack of text and token ids. Ids that are there stay as they are; text is
 * encoded by itself, prompt and response apart, the prompt with the token that the tokenizer begins every text with.
 */
export function tokenizeRecord(
  record: RolloutRecord,
  tokenizer: RolloutTokenizer,
): TokenizedRecord {
  const { prompt, response } = record;
  return {
    ...record,
    prompt: {
      text: prompt.text ?? tokenizer.decode(prompt.tokens!, { special: true }),
      tokens: prompt.tokens ?? encodePrompt(prompt.text!, tokenizer),
    },
    response: {
      text: response.text ?? tokenizer.decode(response.tokens!),
      tokens: response.tokens ?? tokenizer.encode(response.text!),
    },
  };
}

/** A chat template's text has the first token already, plain text has not; what tokenizers add at the end ends nothing here. */
function encodePrompt(text: string, tokenizer: RolloutTokenizer): number[] {
  const tokens = tokenizer.encode(text);
  const [first] = tokenizer.encode("", { special: true });
  const [begins] = tokenizer.encode(text, { special: true });
  return first !== undefined && first === begins && tokens[0] !== first
    ? [first, ...tokens]
    : tokens;
}

/**
 * The places of a response's probes: its first state, those of the rule, and the state before its last token; rising, each
 * once. [0] for an empty response.
 *
 * @throws UsageError for SAE's rule where the record has no log-probabilities.
 */
export function probePositions(
  record: TokenizedRecord,
  rule: ProbeRule,
  tokenizer: RolloutTokenizer,
): number[] {
  const last = record.response.tokens.length - 1;
  if (last < 0) return [0];
  const inner = innerPositions(record, rule, tokenizer).filter((at) => at > 0 && at < last);
  return [...new Set([0, ...inner, last])].sort((a, b) => a - b);
}

function innerPositions(
  record: TokenizedRecord,
  rule: ProbeRule,
  tokenizer: RolloutTokenizer,
): number[] {
  const { tokens } = record.response;
  switch (rule.kind) {
    case "every":
      return Array.from(
        { length: Math.floor(tokens.length / rule.tokens) },
        (_, i) => (i + 1) * rule.tokens,
      );
    case "steps": {
      const text = tokenizer.decode(tokens, { special: true });
      return tokensBefore(stepStarts(text, record.steps), text, tokens, tokenizer);
    }
    case "sae": {
      const { logProbabilities } = record;
      if (logProbabilities?.length === tokens.length) {
        const options = { boundary: "after", maxSegments: MAX_SEGMENTS } as const;
        return segmentStarts(logProbabilities, { threshold: rule.threshold, ...options });
      }
      const found = logProbabilities === undefined
        ? "no log-probabilities"
        : `${logProbabilities.length} log-probabilities for ${tokens.length} tokens`;
      throw new UsageError(
        "--sae",
        printable(record.group, 60),
        `the rollout has ${found}: name their column with --map logProbabilities=..., or probe by --every or --steps`,
      );
    }
  }
}

/**
 * Where a text's reasoning steps start, in UTF-16 code units, without the first. Given steps are looked up in the text, one
 * after the other; without them a step ends with a blank line, and in a text that has none, with a line break.
 */
export function stepStarts(text: string, steps?: readonly string[]): number[] {
  const starts: number[] = [];
  if (steps) {
    let end = 0;
    for (const step of steps) {
      const at = text.indexOf(step.trim(), end);
      // A step that the text does not have cannot be placed, nor is it needed for the others.
      if (step.trim() === "" || at < 0) continue;
      starts.push(at);
      end = at + step.trim().length;
    }
  } else {
    const isParted = /\n[^\S\n]*\n/.test(text.trim());
    const separator = isParted ? /\n[^\S\n]*\n\s*/g : /\n\s*/g;
    for (const { 0: found, index } of text.matchAll(separator)) starts.push(index + found.length);
  }
  const first = text.length - text.trimStart().length;
  return starts.filter((start) => start > first && start < text.trimEnd().length);
}

/**
 * For each place in the text the first token boundary at or behind it: a boundary inside of a token, such as one of ".\n\n",
 * is moved behind that token.
 */
function tokensBefore(
  places: readonly number[],
  text: string,
  tokens: readonly number[],
  tokenizer: RolloutTokenizer,
): number[] {
  let from = 0;
  return places.map((place) => {
    const head = text.slice(0, place);
    const holds = (count: number) =>
      tokenizer.decode(tokens.slice(0, count), { special: true }).startsWith(head);
    let low = from, high = tokens.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (holds(middle)) high = middle;
      else low = middle + 1;
    }
    return from = low;
  });
}
