import {
  type BootstrapOptions,
  type Interval,
  stratifiedBootstrap,
} from "../../lib/eval/bootstrap.ts";
import { interquartileMean } from "../../lib/eval/statistics.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { sizeName } from "../shared/config.ts";
import { groupsOf, inRole, type TestScores, testScores } from "../shared/scores.ts";
import { searchRows } from "../shared/search.ts";
import type { Readout } from "../shared/test_report.ts";
import { side } from "../shared/verdicts.ts";
import type { ControlReport, ControlsCell, ControlsMetrics } from "./cell.ts";
import type { ControlsConfig } from "./config.ts";
import { type ControlName, controlOf, controls, OBJECTIONS } from "./controls.ts";

/** What becomes of an objection. */
export type Standing = "refuted" | "upheld" | "undecided";

/** One line of the table: a control at one size, read in one way. */
export interface ControlRow {
  readonly control: ControlName;
  readonly readOut: Readout;
  /** Null for the two critics that the others are compared with. */
  readonly objection: string | null;
  readonly title: string;
  /** Size of the two critics with which it is compared, and its own. */
  readonly base: string;
  readonly size: string;
  readonly parameters: number;
  readonly trainingFlops: number;
  readonly learningRate: number;
  readonly scores: TestScores;
  /** The share of the gap in r2 that it closes; null for the two compared critics. */
  readonly closed: Interval | null;
  /** Null as `closed`. */
  readonly standing: Standing | null;
}

/** One line of the search for learning rates. */
export interface SearchRow {
  readonly size: string;
  readonly learningRate: number;
  /** r2, mean over tuning seeds. */
  readonly r2: number;
  /** Whether it is the best: the one that is reported. */
  readonly chosen: boolean;
}

/** Scores over seeds, and how much of the gap each control closes: everything that figures and claims read. */
export interface ControlsSummary {
  readonly seeds: number;
  /** In the order of `controls`. */
  readonly rows: readonly ControlRow[];
  readonly search: readonly SearchRow[];
}

/**
 * The share of the gap between two critics that a third one closes, in r2: (control - from) / (to - from), of
 * interquartile means over seeds, each sample resampled on its own. Without an interval where `to` is not reliably above
 * `from`: then there is no gap to close.
 */
export function gapClosed(
  control: readonly number[],
  from: readonly number[],
  to: readonly number[],
  bootstrap: BootstrapOptions & { readonly replicates: number },
): Interval {
  const closed = stratifiedBootstrap([control, from, to], ([c, f, t]) => {
    const low = interquartileMean(f!), gap = interquartileMean(t!) - low;
    return gap > 0 ? (interquartileMean(c!) - low) / gap : null;
  }, bootstrap);
  return closed.replicates === bootstrap.replicates ? closed : { ...closed, low: null, high: null };
}

/** Summarizes finished cells. */
export function summarizeControls(
  config: ControlsConfig,
  cells: readonly FinishedCell<ControlsCell, ControlsMetrics>[],
): ControlsSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const r2 = ({ penalizedMse, varianceExact }: ControlReport) => 1 - penalizedMse / varianceExact;

  const tried = groupsOf(inRole("tuning", cells), ({ base }) => sizeName(base));
  const search = tried.flatMap((ofSize) => {
    const rows = searchRows(
      ofSize,
      ({ learningRate }) => String(learningRate),
      ({ tests }) => r2(tests.value),
      ({ base, learningRate }, r2) => ({ size: sizeName(base), learningRate, r2 }),
    );
    const best = maximum(rows.map((row) => row.r2));
    // Of equals the first.
    const chosen = rows.find((row) => row.r2 === best);
    return rows.map((row): SearchRow => ({ ...row, chosen: row === chosen }));
  });

  /** The reported cells of a control at a size. */
  const cellsOf = (control: ControlName, size: string) => {
    const reported = (name: ControlName, rate?: number) =>
      inRole("report", cells).filter(({ cell: { config: c } }) =>
        c.control === name && sizeName(c.base) === size &&
        (rate === undefined || c.learningRate === rate)
      );
    if (control !== "learning-rate") return reported(control);
    const rate = search.find((row) => row.size === size && row.chosen)!.learningRate;
    const own = reported(control, rate);
    // The rate of the size itself: those runs are the discriminative critic's.
    return own.length > 0 ? own : reported("discriminative");
  };
  const closedBy = (scores: readonly number[], base: string) => {
    const r2Of = (control: "discriminative" | "cot") =>
      cellsOf(control, base).map(({ result }) => r2(result.metrics.tests.value));
    return gapClosed(scores, r2Of("discriminative"), r2Of("cot"), bootstrap);
  };

  const rows = (Object.keys(controls) as ControlName[]).flatMap((control) => {
    const { objection, title, readOuts = ["value"] } = controlOf(control);
    const sizes = config.runs.find((run) => run.control === control)?.sizes ?? [];
    return sizes.map(sizeName).flatMap((base) =>
      readOuts.map((readOut): ControlRow => {
        const group = cellsOf(control, base);
        const { size, learningRate } = group[0]!.cell.config;
        const { parameters, trainingFlops } = group[0]!.result.metrics;
        const reports = group.map(({ result }) => result.metrics.tests[readOut]!);
        const scores = testScores(reports, bootstrap);
        const closed = objection === null ? null : closedBy(scores.r2.scores, base);
        return {
          control,
          readOut,
          objection: objection && OBJECTIONS[objection],
          title: titleOf(control, title, readOut, learningRate),
          base,
          size: control === "ridge" ? "" : sizeName(size),
          parameters,
          trainingFlops,
          learningRate,
          scores,
          closed,
          standing: closed && standing(control, closed),
        };
      })
    );
  });
  return { seeds: config.seeds.length, rows, search };
}

function titleOf(
  control: ControlName,
  title: string,
  readOut: Readout,
  learningRate: number,
): string {
  if (control === "learning-rate") return `${title}: ${learningRate}`;
  if (readOut === "expectation") return `${title}; read: expectation`;
  return controlOf(control).readOuts ? `${title}; read: integer` : title;
}

/** Refuted or upheld if the whole interval lies on one side of half of the gap. */
function standing(control: ControlName, closed: Interval): Standing {
  const where = side(closed, 0.5);
  if (where === undefined || where === 0) return "undecided";
  return (where < 0) === (controlOf(control).refuted === "below") ? "refuted" : "upheld";
}

/** One line a control, for the terminal. */
export function controlsRows({ rows }: ControlsSummary): TableRow[] {
  return rows.map(({ objection, title, size, scores, closed, standing }) => ({
    objection,
    control: title,
    size,
    r2: scores.r2.iqm.estimate,
    "95% low": scores.r2.iqm.low,
    "95% high": scores.r2.iqm.high,
    RMSE: scores.rmse.iqm.estimate,
    "gap closed": closed?.estimate ?? null,
    standing,
  }));
}
