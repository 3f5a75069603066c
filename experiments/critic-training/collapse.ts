import type { Point } from "./snapshot.ts";

/** In what a critic has collapsed. */
export type Collapse = "chain of thought" | "constant value" | "no answer";
/** All of them. */
export const COLLAPSES: readonly Collapse[] = ["chain of thought", "constant value", "no answer"];

/**
 * Whether, and in what, a critic has collapsed:
 *
 * - "chain of thought": fewer than half as many chains are right as at the start;
 * - "constant value": the values it emits spread less than half as wide as the exact ones;
 * - "no answer": fewer than half of its responses can be parsed.
 *
 * @param exactSpread Standard deviation of the exact values of the test states.
 */
export function collapses(point: Point, start: Point, exactSpread: number): Collapse[] {
  const is: Record<Collapse, boolean> = {
    "chain of thought": point.traceAccuracy < start.traceAccuracy / 2,
    "constant value": point.valueSpread < exactSpread / 2,
    "no answer": point.parseRate < 0.5,
  };
  return COLLAPSES.filter((kind) => is[kind]);
}
