import { type Figure, figure } from "./figure.ts";
import { formatNumber } from "./format.ts";

/** One critic's calibration bins; `calibration` of lib/eval gives them. */
export interface CalibrationSeries {
  /** As in `Series`. */
  readonly critic?: string;
  readonly name?: string;
  readonly panel?: string;
  readonly bins: readonly {
    readonly count: number;
    readonly meanPrediction: number | null;
    readonly meanTarget: number | null;
    /** Ends of an interval of the mean target, if there is one. */
    readonly low?: number | null;
    readonly high?: number | null;
  }[];
}

/** A calibration plot; empty bins are left out. */
export interface CalibrationOptions {
  readonly title: string;
  readonly subtitle?: string;
  /** What the predictions are compared with; default "mean exact value in the bin". */
  readonly target?: string;
  readonly series: readonly CalibrationSeries[];
  readonly columns?: number;
}

/**
 * Does a critic's value mean what it says? Mean target against mean prediction per bin, on square panels over [0, 1]: a
 * calibrated critic lies on the dashed diagonal; below it, it promises too much.
 *
 * @example
 * ```ts
 * import { calibrationFigure, show, valueReport } from "genac";
 *
 * const { calibration } = valueReport([0.1, 0.4, 0.9], [0, 0.5, 1]);
 * await show(calibrationFigure({
 *   title: "A calibrated critic lies on the diagonal",
 *   series: [{ critic: "cot", bins: calibration }],
 * }));
 * ```
 */
export function calibrationFigure(options: CalibrationOptions): Figure {
  const { target = "mean exact value in the bin", series, ...rest } = options;
  return figure({
    ...rest,
    x: { title: "mean predicted value in the bin", min: 0, max: 1 },
    y: { title: target, min: 0, max: 1 },
    square: true,
    references: [{ axis: "diagonal", label: "perfectly calibrated" }],
    series: series.map(({ bins, ...one }) => ({
      ...one,
      kind: "line",
      interval: "bars",
      points: bins.flatMap(({ count, meanPrediction, meanTarget, low = null, high = null }) =>
        meanPrediction === null ? [] : [{
          x: meanPrediction,
          y: meanTarget,
          low,
          high,
          label: `(${formatNumber(count)} states)`,
        }]
      ),
    })),
  });
}
