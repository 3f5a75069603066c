/** Countdown as text: the steps that an actor writes, and what a critic writes about them. */
import {
  afterStep,
  CountdownSearch,
  type CountdownState,
  MOVES,
  replay,
  type Step,
  stepOf,
} from "./countdown_rules.ts";
import type { CriticContext } from "./environment.ts";
import { ratePercent, wordsOf } from "./text_task.ts";

/** `Numbers: 8 5 3 1\nTarget: 25\nSteps:` */
export function problemText({ numbers, target }: CountdownState): string {
  return `Numbers: ${numbers.join(" ")}\nTarget: ${target}\nSteps:`;
}

/** `8*3=24`: the larger number first. */
function stepText({ first, operation, second, result }: Step): string {
  return `${first}${operation}${second}=${result}`;
}

/** ` 8*3=24 24-5=19`, and ` illegal` for a move that is not legal, which only an actor in tokens can make. */
export function writtenText(state: CountdownState, limit: number): string {
  return replay(state, limit).steps.map((step) => ` ${step ? stepText(step) : "illegal"}`).join("");
}

/** The moves of a text of steps, or undefined if it is none: a wrong result, a number that is not there, one step too many. */
export function parseMoves(
  { numbers }: CountdownState,
  text: string,
  limit: number,
): number[] | undefined {
  const moves: number[] = [];
  let left: readonly number[] = numbers;
  for (const word of wordsOf(text)) {
    const move = MOVES.findIndex((move) => {
      const step = stepOf(left, move, limit);
      return step && stepText(step) === word;
    });
    if (move < 0) return undefined;
    moves.push(move);
    left = afterStep(left, stepOf(left, MOVES[move]!, limit)!);
  }
  return moves;
}

/**
 * ` left 24 5 1: 24+1=25 25*5=125 so 3 of 12`: the numbers that are left, the first way to the target, how many of the legal moves
 * keep it in reach. ` left 19 1 so lost` where there is no way, ` left 25 so reached` at the end. With a success rate it ends
 * with e.g. ` rate 45`.
 */
export function chainText(
  state: CountdownState,
  limit: number,
  { successRate }: CriticContext,
): string {
  const { numbers } = replay(state, limit), search = new CountdownSearch(state.target, limit);
  const rate = successRate === undefined ? "" : ` rate ${ratePercent(successRate)}`;
  if (!numbers) return ` illegal so lost${rate}`;
  const left = ` left ${numbers.join(" ")}`;
  if (!search.canReach(numbers)) return `${left} so lost${rate}`;
  if (numbers.length === 1) return `${left} so reached${rate}`;
  const way = search.solution(numbers).map(stepText).join(" ");
  const good = search.good(numbers).length, all = search.options(numbers).length;
  return `${left}: ${way} so ${good} of ${all}${rate}`;
}
