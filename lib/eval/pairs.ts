/**
 * What every value metric reads: predictions, some of them unparsed, beside exact values.
 */

/**
 * One prediction per state. `null` or NaN marks a generation that could not be parsed: it has no
 * value, and in particular is not 0.
 */
export type Predictions = ArrayLike<number | null>;

/** The parsed predictions and the numbers they are compared with; both of the same length. */
export interface ParsedPairs {
  readonly predicted: Float64Array;
  readonly exact: Float64Array;
  /** Length of the input, unparsed predictions included. */
  readonly total: number;
}

/** Beyond this magnitude squares and their sums could overflow. */
const LARGEST = 1e100;

/**
 * Leaves out the unparsed predictions.
 *
 * @param predictions Length n >= 1; `null` or NaN = unparsed, else finite.
 * @param exact Length n, finite. Checked even where the prediction is unparsed.
 * @param exactName How errors call the second argument.
 * @throws RangeError on different lengths, no item, or a number that is not finite.
 */
export function parsedPairs(
  predictions: Predictions,
  exact: ArrayLike<number>,
  exactName = "exact",
): ParsedPairs {
  const total = predictions.length;
  if (exact.length !== total) {
    throw new RangeError(
      `${exactName}: length ${exact.length}: must equal the ${total} predictions, one per state`,
    );
  }
  if (total === 0) throw new RangeError("predictions: empty: give at least one state");
  const parsed = new Float64Array(total);
  const kept = new Float64Array(total);
  let count = 0;
  for (let i = 0; i < total; i++) {
    const target = exact[i];
    checkElement(target, exactName, i, "give a finite number");
    const prediction = predictions[i];
    if (isUnparsed(prediction)) continue;
    checkElement(prediction, "predictions", i, "give a finite number, or null for unparsed");
    parsed[count] = prediction;
    kept[count] = target;
    count++;
  }
  return { predicted: parsed.subarray(0, count), exact: kept.subarray(0, count), total };
}

/** Whether a prediction is `null` or NaN. */
export function isUnparsed(prediction: number | null | undefined): boolean {
  return prediction === null || Number.isNaN(prediction);
}

/** RangeError unless `value` is a number of magnitude at most 1e100. */
export function checkElement(
  value: number | null | undefined,
  name: string,
  index: number,
  remedy: string,
): asserts value is number {
  if (!(typeof value === "number" && Math.abs(value) <= LARGEST)) {
    throw new RangeError(`${name}[${index}]: ${value}: ${remedy}`);
  }
}
