/** Credit along a response: whether a critic sees which of its segments raised the value and which lowered it. */
import { isUnparsed, type Predictions } from "./pairs.ts";
import { checkLengths, groupMembers } from "./within_group.ts";

/** Segments whose value changes, and in how many of them the critic sees the change's direction. */
export interface SignAgreement {
  /** A predicted change of 0, or one with an unparsed end, counts 1/2. */
  readonly agreeing: number;
  readonly compared: number;
}

/**
 * Compares the sign of the change of value over each segment, from one state of a response to the next.
 *
 * @param episodes The response of each state; the states of one response in order.
 * @param errors Standard error of each value: with them only those segments are compared whose value changes by more than
 *   twice the standard error of the change; default: all that change.
 */
export function advantageSignAgreement(
  predictions: Predictions,
  values: ArrayLike<number>,
  episodes: ArrayLike<string>,
  errors?: ArrayLike<number>,
): SignAgreement {
  checkLengths(predictions.length, { values, episodes, ...(errors ? { errors } : {}) });
  let agreeing = 0, compared = 0;
  for (const states of groupMembers(episodes).values()) {
    for (let k = 1; k < states.length; k++) {
      const from = states[k - 1]!, to = states[k]!;
      const change = values[to]! - values[from]!;
      const noise = errors
        ? 2 * Math.sqrt(errors[from]! * errors[from]! + errors[to]! * errors[to]!)
        : 0;
      if (!(Math.abs(change) > noise)) continue;
      compared++;
      const [before, after] = [predictions[from]!, predictions[to]!];
      const predicted = isUnparsed(before) || isUnparsed(after) ? 0 : after! - before!;
      agreeing += predicted === 0 ? 0.5 : +(predicted > 0 === change > 0);
    }
  }
  return { agreeing, compared };
}
