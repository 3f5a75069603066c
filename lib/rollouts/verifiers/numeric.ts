import { extractAnswer } from "./extract_answer.ts";

/** A number in decimal, or several with commas between. A minus behind a digit, letter or bracket is an operator. */
const NUMBERS = /(?:(?<![\w)\]}])[-−])?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?/g;
const THOUSANDS = /^[-−]?\d{1,3}(?:,\d{3})+(?:[.eE].*)?$/;

/** How far a fraction may be off, relative to the right one. */
const TOLERANCE = 1e-6;

/**
 * 1 where the response's number is the ground truth's, else 0. A text's number is the last one in its stated answer
 * (`extractAnswer`), or in all of it where it states none. Whole numbers must be equal, others within 1e-6 of the right one.
 *
 * Dollar signs, units and thousands' commas ("$1,234.50", "1{,}000") do not matter; a ratio ("1/2") is read as its last
 * number: `math-answer` compares those.
 */
export function gradeNumeric(response: string, groundTruth: string): number {
  const given = lastNumber(response), right = lastNumber(groundTruth);
  if (given === null || right === null) return 0;
  if (given === right) return 1;
  const [x, y] = [Number(given), Number(right)];
  if (Number.isInteger(x) && Number.isInteger(y)) return x === y && Number.isSafeInteger(x) ? 1 : 0;
  return Math.abs(x - y) <= TOLERANCE * Math.abs(y) ? 1 : 0;
}

/** The last number of a text's answer, in JavaScript's spelling; null where there is none. */
export function lastNumber(text: string): string | null {
  const answer = (extractAnswer(text) ?? text).replaceAll("{,}", ",");
  const last = answer.match(NUMBERS)?.at(-1)?.replace(/,+$/, "");
  if (last === undefined) return null;
  const number = THOUSANDS.test(last) ? last.replaceAll(",", "") : last.split(",").at(-1)!;
  return number.replace("−", "-");
}
