import { extractAnswer } from "./extract_answer.ts";

/**
 * 1 where the stated answer (`extractAnswer`; the whole response where it states none) is the ground truth to the
 * character, white space around either left aside; else 0.
 */
export function gradeExact(response: string, groundTruth: string): number {
  return answerOf(response) === answerOf(groundTruth) ? 1 : 0;
}

function answerOf(text: string): string {
  return extractAnswer(text) ?? text.trim();
}
