import { addedTo, isHard, rightResults, type RunningSumState } from "./running_sum_rules.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Tokens before the first addend: success rate, results left, start. */
const HEADER = 3;

/** Tokens of the prompt of a sum of n addends, Q included. */
export function promptLength(n: number): number {
  return sumEnd(n) + 1 + n + 1;
}

/** The index of SEP in the critic's prompt, of TH in the actor's. */
export function sumEnd(n: number): number {
  return HEADER + n;
}

/**
 * What a critic of the kit's own vocabulary reads and writes about a sum, and the tokens in which an actor writes results.
 *
 * Prompt: `[rate] [results left] =start +a1..+an SEP w1..wn Q`: the sum, then its results as written (`=4`), `=?` where there
 * is none yet. Trace: `P1..Pn CHECK C1..Cn D`: the right results, whether each written one is right (`same`, `differs`) and
 * each open one `easy` or `hard`, then `wrong` if the last written one is, else how many hard ones are open (`hard2`).
 *
 * The trace has a token for every prompt token from the first addend on, so each is predicted at a constant distance
 * from the token it is about.
 */
export class RunningSumText {
  readonly vocabulary: Vocabulary;
  /** By digit: the token that writes it. */
  readonly writtenTokens: readonly number[];
  /** The first ids of runs of tokens. */
  readonly #left: number;
  readonly #addends: number;
  readonly #hardLeft: number;
  readonly #separator: number;
  readonly #notYet: number;
  readonly #check: number;
  readonly #same: number;
  readonly #differs: number;
  readonly #easy: number;
  readonly #hard: number;
  readonly #wrong: number;

  /** @param maxLength Prompt and trace count so many results left, or hard; if there are more they say this number. */
  constructor(readonly maxLength: number) {
    const counts = (prefix: string) =>
      Array.from({ length: maxLength + 1 }, (_, i) => `${prefix}${i}`);
    const digits = Array.from({ length: 10 }, (_, digit) => `=${digit}`);
    this.vocabulary = createVocabulary([
      "SEP",
      ...counts("L"),
      ...Array.from({ length: 9 }, (_, i) => `+${i + 1}`),
      ...digits,
      "=?",
      "CHECK",
      "same",
      "differs",
      "easy",
      "hard",
      "wrong",
      ...counts("hard"),
    ]);
    const { id } = this.vocabulary;
    this.writtenTokens = digits.map(id);
    this.#left = id("L0");
    this.#addends = id("+1");
    this.#hardLeft = id("hard0");
    this.#separator = id("SEP");
    this.#notYet = id("=?");
    this.#check = id("CHECK");
    this.#same = id("same");
    this.#differs = id("differs");
    this.#easy = id("easy");
    this.#hard = id("hard");
    this.#wrong = id("wrong");
  }

  /** The prompt. */
  prompt({ start, addends, written }: RunningSumState, successRate?: number): number[] {
    return [
      this.vocabulary.rateToken(successRate),
      this.#left + Math.min(addends.length - written.length, this.maxLength),
      this.writtenTokens[start]!,
      ...addends.map((addend) => this.#addends + addend - 1),
      this.#separator,
      ...addends.map((_, i) =>
        i < written.length ? this.writtenTokens[written[i]!]! : this.#notYet
      ),
      this.vocabulary.query,
    ];
  }

  /**
   * The trace.
   *
   * @param results The right results, or what its writer takes for them (n).
   */
  trace(state: RunningSumState, results: readonly number[]): number[] {
    const k = state.written.length;
    const hard = addedTo(state, results).map(isHard);
    const isWrong = k > 0 && state.written[k - 1] !== results[k - 1];
    const hardLeft = hard.slice(k).filter(Boolean).length;
    return [
      ...results.map((digit) => this.writtenTokens[digit]!),
      this.#check,
      ...results.map((digit, i) =>
        i < k
          ? state.written[i] === digit ? this.#same : this.#differs
          : hard[i]
          ? this.#hard
          : this.#easy
      ),
      isWrong ? this.#wrong : this.#hardLeft + Math.min(hardLeft, this.maxLength),
    ];
  }

  /** P_i at its addend, CHECK at SEP, C_i at w_i, D at Q, -1 at the header. */
  labels(trace: readonly number[]): number[] {
    return [...new Array<number>(HEADER).fill(-1), ...trace];
  }

  /** What each token of the trace is about, for a human reader. */
  subjects({ addends }: RunningSumState): string[] {
    return [
      ...addends.map((addend, i) => `result ${i + 1}, +${addend}`),
      "check",
      ...addends.map((_, i) => `step ${i + 1}`),
      "the rest",
    ];
  }

  /** The state for a human reader. */
  describe(state: RunningSumState): string {
    const { start, addends, written } = state, k = written.length;
    const results = rightResults(state);
    const verdict = k === 0 ? "none" : written[k - 1] === results[k - 1] ? "right" : "wrong";
    return [
      `sum           ${start} ${addends.map((addend) => `+${addend}`).join(" ")}`,
      `last digits   ${results.join(" ")}`,
      `written       ${written.join(" ") || "none"}`,
      `last written  ${verdict}`,
      `results left  ${addends.length - k} of ${addends.length}`,
    ].join("\n");
  }
}
