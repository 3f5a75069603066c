/**
 * Metrics by where in the episode a state lies. An average over all states hides a critic that
 * collapses late, or near the token limit.
 */
import type { Predictions } from "./pairs.ts";

/** How positions are cut into slices. */
export interface SliceOptions {
  /** One name per slice, first to last; default early, middle, late. */
  readonly names?: readonly string[];
  /**
   * Where one slice ends and the next begins (a position on a boundary belongs to the later slice),
   * strictly rising, one fewer than names; default 1/3, 2/3.
   */
  readonly boundaries?: readonly number[];
}

/** The default slices, each a third of the episode. */
export const EARLY_MIDDLE_LATE: Required<SliceOptions> = {
  names: ["early", "middle", "late"],
  boundaries: [1 / 3, 2 / 3],
};

/** One slice's part of the data. */
export interface SliceSummary<T> {
  readonly slice: string;
  /** States in the slice, unparsed predictions included. */
  readonly count: number;
  /** What the metric returned, null for an empty slice. */
  readonly value: T | null;
}

/**
 * Names each state's slice by its position.
 *
 * @param positions Per state, how far along the episode it lies, in [0, 1]: e.g. moves made / moves
 *   allowed, or tokens used / token limit.
 * @returns Labels for `summarizeBySlice`.
 */
export function sliceByPosition(
  positions: ArrayLike<number>,
  { names = EARLY_MIDDLE_LATE.names, boundaries = EARLY_MIDDLE_LATE.boundaries }: SliceOptions = {},
): string[] {
  if (boundaries.length !== names.length - 1) {
    throw new RangeError(
      `boundaries: ${boundaries.length} for ${names.length} names: give one fewer than names`,
    );
  }
  boundaries.forEach((boundary, i) => {
    if (!(boundary > (boundaries[i - 1] ?? -Infinity))) {
      throw new RangeError(`boundaries[${i}]: ${boundary}: must exceed the one before it`);
    }
  });
  return Array.from(positions, (position, i) => {
    if (!(position >= 0 && position <= 1)) {
      throw new RangeError(`positions[${i}]: ${position}: give a fraction in [0, 1]`);
    }
    return names[boundaries.filter((boundary) => position >= boundary).length]!;
  });
}

/**
 * Applies a metric to each slice on its own.
 *
 * @param labels One per state: from `sliceByPosition`, or your own.
 * @param names The slices to report, in order; a label not among them is an error. Default: the
 *   labels that occur, in order of first appearance.
 * @param metric Gets a slice's predictions and exact values, never empty.
 */
export function summarizeBySlice<T>(
  labels: ArrayLike<string>,
  predictions: Predictions,
  exact: ArrayLike<number>,
  metric: (predictions: (number | null)[], exact: number[]) => T,
  names: readonly string[] = [...new Set(Array.from(labels))],
): SliceSummary<T>[] {
  if (labels.length !== predictions.length || exact.length !== predictions.length) {
    throw new RangeError(
      `labels and exact: lengths ${labels.length} and ${exact.length}: must equal the ` +
        `${predictions.length} predictions, one per state`,
    );
  }
  const members = new Map(
    names.map((name) => [name, { predictions: [] as (number | null)[], exact: [] as number[] }]),
  );
  for (let i = 0; i < labels.length; i++) {
    const slice = members.get(labels[i]!);
    if (slice === undefined) {
      throw new RangeError(
        `labels[${i}]: ${JSON.stringify(labels[i])}: give one of ${names.join(", ")}`,
      );
    }
    slice.predictions.push(predictions[i]!);
    slice.exact.push(exact[i]!);
  }
  return Array.from(members, ([slice, { predictions, exact }]) => ({
    slice,
    count: exact.length,
    value: exact.length === 0 ? null : metric(predictions, exact),
  }));
}
