import { UsageError } from "../errors.ts";
import { clip01 } from "../numeric/clip01.ts";
import { sigmoid } from "../numeric/math.ts";

/**
 * What the numbers of a value head mean. Only who trained it knows: a head that regressed on rewards of -1 and 1 is not one
 * that regressed on 0 and 1, and a head trained by cross-entropy says logits.
 */
export type ValueScale =
  /** Expected rewards: `low` is a value of 0, `high` a value of 1. */
  | { readonly kind: "linear"; readonly low: number; readonly high: number }
  /** Logits: the value is their sigmoid. */
  | { readonly kind: "logit" };

/** Reads `logit`, or `LOW,HIGH` as in `0,1` or `-1,1`. Throws a UsageError for anything else. */
export function parseValueScale(field: string, text: string): ValueScale {
  if (text === "logit") return { kind: "logit" };
  const parts = text.split(",");
  const [low, high] = parts.map(Number) as [number, number];
  const isRange = parts.length === 2 && parts.every((part) => part.trim() !== "") &&
    Number.isFinite(low) && Number.isFinite(high) && low < high;
  if (isRange) return { kind: "linear", low, high };
  const remedy =
    "what do the head's numbers mean? give the rewards for failure and success, such as 0,1 or -1,1, " +
    "or logit for a head whose sigmoid is the value";
  throw new UsageError(field, text, remedy);
}

/** A head's number as a value in [0, 1]; what lies outside is moved to the nearer end. */
export function scaledValue(raw: number, scale: ValueScale): number {
  return scale.kind === "logit"
    ? sigmoid(raw)
    : clip01((raw - scale.low) / (scale.high - scale.low));
}
