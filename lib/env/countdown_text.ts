import {
  CountdownSearch,
  type CountdownState,
  MAX_NUMBERS,
  MOVES,
  OPERATIONS,
  replay,
} from "./countdown_rules.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Tokens before the first number: success rate, moves left, target. */
const HEADER = 3;
/** Tokens of a step in the prompt. */
const STRIDE = 3;

/** Tokens of the prompt of a puzzle of n numbers, Q included. */
export function promptLength(n: number): number {
  return numbersEnd(n) + 1 + STRIDE * (n - 1) + 1;
}

/** The index of SEP in the critic's prompt, of TH in the actor's. */
export function numbersEnd(n: number): number {
  return HEADER + n;
}

/** Tokens of the trace of a puzzle of n numbers. */
export function traceLength(n: number): number {
  return n + 1;
}

/**
 * What a critic of the kit's own vocabulary reads and writes about a puzzle, and the tokens in which an actor writes moves.
 *
 * Prompt: `[rate] [moves left] =target =n1..=nk SEP (=a op =b)1..(=a op =b)k-1 Q`: the steps as made, `! ! !` from the first one
 * on that is not legal, `? ? ?` where there is none yet. Trace: `CHECK r1..rk-1 D`: each step's result, `!` or `?`, then how many
 * moves keep the target in reach (`good3`), `lost`, or at the end `reached`.
 *
 * A move is one token, `a*c`: what to do with the largest (a) and the third largest (c) of the numbers that are left.
 */
export class CountdownText {
  readonly vocabulary: Vocabulary;
  /** By index of `MOVES`: the token that writes it. */
  readonly moveTokens: readonly number[];
  /** The first ids of runs of tokens. */
  readonly #left: number;
  readonly #numbers: number;
  readonly #operations: number;
  readonly #good: number;
  readonly #separator: number;
  readonly #notYet: number;
  readonly #illegal: number;
  readonly #check: number;
  readonly #lost: number;
  readonly #reached: number;

  /** @param limit The largest number. */
  constructor(readonly limit: number) {
    const counts = (prefix: string, most: number) =>
      Array.from({ length: most + 1 }, (_, i) => `${prefix}${i}`);
    const moves = MOVES.map(({ first, second, operation }) =>
      `${"abcde"[first]}${operation}${"abcde"[second]}`
    );
    this.vocabulary = createVocabulary([
      "SEP",
      ...counts("L", MAX_NUMBERS - 1),
      ...counts("=", limit),
      ...OPERATIONS,
      "?",
      "!",
      "CHECK",
      ...moves,
      "lost",
      "reached",
      ...counts("good", MOVES.length).slice(1),
    ]);
    const { id } = this.vocabulary;
    this.moveTokens = moves.map(id);
    this.#left = id("L0");
    this.#numbers = id("=0");
    this.#operations = id(OPERATIONS[0]);
    this.#good = id("good1");
    this.#separator = id("SEP");
    this.#notYet = id("?");
    this.#illegal = id("!");
    this.#check = id("CHECK");
    this.#lost = id("lost");
    this.#reached = id("reached");
  }

  /** The prompt. */
  prompt(state: CountdownState, successRate?: number): number[] {
    const { numbers, target, moves } = state, all = numbers.length - 1;
    const steps = replay(state, this.limit).steps.flatMap((step) =>
      step
        ? [
          this.#numbers + step.first,
          this.#operations + OPERATIONS.indexOf(step.operation),
          this.#numbers + step.second,
        ]
        : new Array<number>(STRIDE).fill(this.#illegal)
    );
    return [
      this.vocabulary.rateToken(successRate),
      this.#left + all - moves.length,
      this.#numbers + target,
      ...numbers.map((number) => this.#numbers + number),
      this.#separator,
      ...steps,
      ...new Array<number>(STRIDE * (all - moves.length)).fill(this.#notYet),
      this.vocabulary.query,
    ];
  }

  /** The trace. */
  trace(state: CountdownState): number[] {
    const { steps } = replay(state, this.limit);
    const open = state.numbers.length - 1 - steps.length;
    return [
      this.#check,
      ...steps.map((step) => step ? this.#numbers + step.result : this.#illegal),
      ...new Array<number>(open).fill(this.#notYet),
      this.#verdict(state),
    ];
  }

  /** CHECK at SEP, a result at its step's last token, D at Q. */
  labels(state: CountdownState): number[] {
    const n = state.numbers.length, labels = new Array<number>(promptLength(n)).fill(-1);
    this.trace(state).forEach((token, i) =>
      labels[Math.min(numbersEnd(n) + STRIDE * i, labels.length - 1)] = token
    );
    return labels;
  }

  /** What each token of the trace is about, for a human reader. */
  subjects({ numbers }: CountdownState): string[] {
    const steps = Array.from({ length: numbers.length - 1 }, (_, i) => `result ${i + 1}`);
    return ["check", ...steps, "the rest"];
  }

  /** The state for a human reader. */
  describe(state: CountdownState): string {
    const { steps, numbers } = replay(state, this.limit);
    const made = steps.map((step) =>
      step ? `${step.first}${step.operation}${step.second}=${step.result}` : "not legal"
    );
    return [
      `numbers  ${state.numbers.join(" ")}`,
      `target   ${state.target}`,
      `steps    ${made.join(", ") || "none"}`,
      `left     ${numbers?.join(" ") ?? "nothing"}`,
      `now      ${this.vocabulary.names[this.#verdict(state)]}`,
    ].join("\n");
  }

  #verdict(state: CountdownState): number {
    const { numbers } = replay(state, this.limit);
    const search = new CountdownSearch(state.target, this.limit);
    if (!numbers || !search.canReach(numbers)) return this.#lost;
    return numbers.length === 1 ? this.#reached : this.#good - 1 + search.good(numbers).length;
  }
}
