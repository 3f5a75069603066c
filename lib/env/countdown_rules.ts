/** The rules of Countdown: positions, moves and who can still reach the target. */
import type { RandomStream } from "../numeric/random.ts";

/** The most numbers of a puzzle. */
export const MAX_NUMBERS = 5;

/** The operations, in the order of the moves. */
export const OPERATIONS = ["+", "-", "*", "/"] as const;

/** A puzzle and the moves made. */
export interface CountdownState {
  /** Descending (n). */
  readonly numbers: readonly number[];
  readonly target: number;
  /** Indices of `MOVES`, legal or not; at most n - 1. */
  readonly moves: readonly number[];
}

/** Two places in the descending list of numbers, the first before the second, and what to do with what stands there. */
export interface Move {
  readonly first: number;
  readonly second: number;
  readonly operation: (typeof OPERATIONS)[number];
}

/** Every move. Those for m numbers are the first 2 m (m - 1). */
export const MOVES: readonly Move[] = Array.from({ length: MAX_NUMBERS }, (_, second) =>
  Array.from(
    { length: second },
    (_, first) => OPERATIONS.map((operation) => ({ first, second, operation })),
  ).flat()).flat();

/** One step as it was made: `first operation second = result`. */
export interface Step {
  readonly first: number;
  readonly operation: Move["operation"];
  readonly second: number;
  readonly result: number;
}

/**
 * What a move does to a descending list of numbers, or undefined if it is not legal: there is no such place, the division leaves
 * a rest or is by 0, or the result exceeds the limit. Results are never negative, as the larger number comes first.
 */
export function stepOf(
  numbers: readonly number[],
  { first, second, operation }: Move,
  limit: number,
): Step | undefined {
  const a = numbers[first], b = numbers[second];
  if (a === undefined || b === undefined) return undefined;
  if (operation === "/" && (b === 0 || a % b !== 0)) return undefined;
  const result = operation === "+"
    ? a + b
    : operation === "-"
    ? a - b
    : operation === "*"
    ? a * b
    : a / b;
  return result > limit ? undefined : { first: a, operation, second: b, result };
}

/** The numbers after a step, descending. */
export function afterStep(numbers: readonly number[], { first, second, result }: Step): number[] {
  const left = [...numbers];
  for (const used of [first, second]) left.splice(left.indexOf(used), 1);
  return [...left, result].sort((a, b) => b - a);
}

/** Where the moves of a state have led. */
export interface Replay {
  /** One for each move: undefined from the first one on that is not legal. */
  readonly steps: readonly (Step | undefined)[];
  /** What is left, descending; undefined after a move that is not legal. */
  readonly numbers: readonly number[] | undefined;
}

/** Makes a state's moves. */
export function replay({ numbers, moves }: CountdownState, limit: number): Replay {
  let left: readonly number[] | undefined = numbers;
  const steps = moves.map((move) => {
    const step = left && stepOf(left, MOVES[move]!, limit);
    left = step && afterStep(left!, step);
    return step;
  });
  return { steps, numbers: left };
}

/** A legal move and what is left after it. */
export interface Option {
  /** Index of `MOVES`. */
  readonly move: number;
  readonly step: Step;
  readonly numbers: readonly number[];
}

/** What can be done with some numbers and where it leads, for one target and limit. Remembers what it has worked out. */
export class CountdownSearch {
  readonly #options = new Map<string, readonly Option[]>();
  readonly #canReach = new Map<string, boolean>();

  constructor(readonly target: number, readonly limit: number) {}

  /** The legal moves, in order; of those that do the same to the same numbers, the first. */
  options(numbers: readonly number[]): readonly Option[] {
    return remembered(this.#options, numbers, () => {
      const options: Option[] = [], seen = new Set<string>();
      MOVES.forEach((candidate, move) => {
        const step = stepOf(numbers, candidate, this.limit);
        if (!step) return;
        const name = step.first + step.operation + step.second;
        if (seen.has(name)) return;
        seen.add(name);
        options.push({ move, step, numbers: afterStep(numbers, step) });
      });
      return options;
    });
  }

  /** Whether the target can be reached with all of the numbers. */
  canReach(numbers: readonly number[]): boolean {
    if (numbers.length === 1) return numbers[0] === this.target;
    return remembered(
      this.#canReach,
      numbers,
      () => this.options(numbers).some((option) => this.canReach(option.numbers)),
    );
  }

  /** The legal moves after which the target can still be reached. */
  good(numbers: readonly number[]): Option[] {
    return this.options(numbers).filter((option) => this.canReach(option.numbers));
  }

  /** The first way to the target; empty where there is none. */
  solution(numbers: readonly number[]): Step[] {
    const option = this.options(numbers).find((option) => this.canReach(option.numbers));
    return option ? [option.step, ...this.solution(option.numbers)] : [];
  }

  /**
   * The probability in [0, 1] that the last number is the target. Backwards over the game's tree,
   *
   *     V(numbers) = (1 - epsilon) mean(V after the good moves) + epsilon mean(V after the legal moves)
   *
   * and 0 where no move is good.
   */
  value(numbers: readonly number[], epsilon: number): number {
    const values = new Map<string, number>();
    const valueOf = (numbers: readonly number[]): number => {
      if (numbers.length === 1) return this.canReach(numbers) ? 1 : 0;
      return remembered(values, numbers, () => {
        const good = this.good(numbers);
        if (good.length === 0) return 0;
        // After the other moves it is 0.
        const sum = good.reduce((sum, option) => sum + valueOf(option.numbers), 0);
        return (1 - epsilon) * (sum / good.length) + epsilon * (sum / this.options(numbers).length);
      });
    };
    return valueOf(numbers);
  }

  /**
   * Moves until there are `count`: each, with probability 1 - epsilon, a good one if there is one; otherwise any legal one,
   * each equally likely. After a move that was not legal, it writes the first of all moves.
   */
  play(
    random: RandomStream,
    state: CountdownState,
    epsilon: number,
    count: number,
  ): CountdownState {
    const moves = [...state.moves];
    let { numbers } = replay(state, this.limit);
    while (moves.length < count) {
      if (!numbers) {
        moves.push(0);
        continue;
      }
      const good = random.uniform() < epsilon ? [] : this.good(numbers);
      const option = random.choice(good.length > 0 ? good : this.options(numbers));
      moves.push(option.move);
      ({ numbers } = option);
    }
    return { ...state, moves };
  }
}

function remembered<T>(memory: Map<string, T>, numbers: readonly number[], make: () => T): T {
  const key = numbers.join(" ");
  let found = memory.get(key);
  if (found === undefined) memory.set(key, found = make());
  return found;
}
