import { UsageError } from "../errors.ts";
import { clip01 } from "../numeric/clip01.ts";

/** How far sums of exact values may leave 0..1 by rounding. */
const ROUNDING = 1e-9;

/**
 * The value to train a critic on: a probability of success. Every critic has this one rule, whatever its head: with
 * targets outside 0..1 a value token does not exist, an HL-Gauss target loses its mass, and a scalar head learns what its
 * readings cannot say.
 *
 * @param field How the caller knows it, for the message.
 * @returns The value, moved into 0..1 if rounding alone (1e-9) keeps it out.
 * @throws UsageError for any other number outside 0..1, and for NaN.
 */
export function valueTarget(value: number, field = "value"): number {
  if (value >= -ROUNDING && value <= 1 + ROUNDING) return clip01(value);
  throw new UsageError(field, value, "a value target is a probability: give a number in 0..1");
}
