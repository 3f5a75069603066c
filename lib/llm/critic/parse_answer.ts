import { clip01 } from "../../numeric/clip01.ts";

/** What a critic ends its response with; the stop string of its requests, which most servers leave out of the text. */
export const ANSWER_END = "</answer>";

/** What a critic's answer begins with. */
export const ANSWER_START = "<answer>";

/** The answers that a critic is asked for: the integers from 0 to this. */
export const MOST = 10;

const ANSWER = /<answer>\s*([-+]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))\s*<\/answer>/;

/** An answer that was found. */
export interface ParsedAnswer {
  /** In [0, 1]. */
  readonly value: number;
  /** What stands before the number, `<answer>` included. */
  readonly before: string;
}

/**
 * The value that a critic's response gives, by the paper's rule: the first `<answer>x</answer>` with a number x, moved
 * into 0..10, divided by 10; null where there is none, a parse failure, which is not 0.
 *
 * @param text What the critic wrote, and nothing of its prompt: the response that it judges may have an `<answer>` of its own.
 * @param isStopped Whether it was stopped by `ANSWER_END`, or ended by itself: the end tag is then put back.
 */
export function parseAnswer(text: string, isStopped: boolean): ParsedAnswer | null {
  const match = ANSWER.exec(isStopped ? text + ANSWER_END : text);
  if (match === null) return null;
  return {
    value: clip01(Number(match[1]) / MOST),
    before: text.slice(0, match.index + ANSWER_START.length),
  };
}

/** The answer that gives a value in [0, 1], as the nearest of the eleven integers (ties upwards). */
export function answerText(value: number): string {
  return `${ANSWER_START}${Math.floor(value * MOST + 0.5)}${ANSWER_END}`;
}
