/** Scores over seeds, and how much of the gap each control closes: everything that figures and claims read. */
import {
  type BootstrapOptions,
  type Interval,
  stratifiedBootstrap,
} from "../../lib/eval/bootstrap.ts";
import { interquartileMean } from "../../lib/eval/statistics.ts";
import type { CellResult, TableRow } from "../../lib/run/experiment.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import { sizeName } from "../shared/config.ts";
import type { TestReport } from "../shared/test_report.ts";
import { type TestScores, testScores } from "../shared/scores.ts";
import { side } from "../shared/verdicts.ts";
import { controlsCells } from "./cells.ts";
import type { ControlsConfig } from "./config.ts";
import { type ControlName, controlOf, controls, OBJECTIONS, type ReadOut } from "./controls.ts";

/** What a cell stores of a test. */
type StoredReport = Omit<TestReport, "calibration">;

/** What becomes of an objection. */
export type Standing = "refuted" | "upheld" | "undecided";

/** One line of the table: a control at one size, read in one way. */
export interface ControlRow {
  readonly control: ControlName;
  readonly readOut: ReadOut;
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

/** One line of the learning-rate sweep. */
export interface SweepRow {
  readonly size: string;
  readonly learningRate: number;
  /** r2, mean over tuning seeds. */
  readonly r2: number;
  /** Whether it is the best: the one that is reported. */
  readonly chosen: boolean;
}

/** See the file's header. */
export interface ControlsSummary {
  readonly seeds: number;
  /** In the order of `controls`. */
  readonly rows: readonly ControlRow[];
  readonly sweep: readonly SweepRow[];
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
  results: ReadonlyMap<string, CellResult>,
): ControlsSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const cells = controlsCells(config);
  const reportOf = ({ id }: { id: string }, readOut: ReadOut = "value") =>
    (results.get(id)!.metrics.tests as unknown as Record<ReadOut, StoredReport>)[readOut];
  const r2 = ({ penalizedMse, varianceExact }: StoredReport) => 1 - penalizedMse / varianceExact;

  const sweep = [
    ...Map.groupBy(
      cells.filter((cell) => cell.config.role === "tuning"),
      ({ config: { base } }) => sizeName(base),
    ),
  ].flatMap(([size, cells]) => {
    const rows = [...Map.groupBy(cells, (cell) => cell.config.learningRate)].map(
      ([learningRate, cells]) => ({
        size,
        learningRate,
        r2: cells.reduce((sum, cell) => sum + r2(reportOf(cell)), 0) / cells.length,
      }),
    );
    const best = maximum(rows.map((row) => row.r2));
    // Of equals the first.
    const chosen = rows.find((row) => row.r2 === best);
    return rows.map((row): SweepRow => ({ ...row, chosen: row === chosen }));
  });

  /** The reported cells of a control at a size. */
  const cellsOf = (control: ControlName, size: string) => {
    const reported = (name: ControlName, rate?: number) =>
      cells.filter(({ config: c }) =>
        c.control === name && sizeName(c.base) === size && c.role === "report" &&
        (rate === undefined || c.learningRate === rate)
      );
    if (control !== "learning-rate") return reported(control);
    const rate = sweep.find((row) => row.size === size && row.chosen)!.learningRate;
    const own = reported(control, rate);
    // The rate of the size itself: those runs are the discriminative critic's.
    return own.length > 0 ? own : reported("discriminative");
  };
  const closedBy = (scores: readonly number[], base: string) =>
    gapClosed(
      scores,
      cellsOf("discriminative", base).map((cell) => r2(reportOf(cell))),
      cellsOf("cot", base).map((cell) => r2(reportOf(cell))),
      bootstrap,
    );

  const rows = (Object.keys(controls) as ControlName[]).flatMap((control) => {
    const { objection, title, readOuts = ["value"] } = controlOf(control);
    const sizes = config.runs.find((run) => run.control === control)?.sizes ?? [];
    return sizes.map(sizeName).flatMap((base) =>
      readOuts.map((readOut): ControlRow => {
        const group = cellsOf(control, base);
        const { size, learningRate } = group[0]!.config;
        const { parameters, trainingFlops } = results.get(group[0]!.id)!.metrics;
        const scores = testScores(group.map((cell) => reportOf(cell, readOut)), bootstrap);
        const closed = objection === null ? null : closedBy(scores.r2.scores, base);
        return {
          control,
          readOut,
          objection: objection && OBJECTIONS[objection],
          title: titleOf(control, title, readOut, learningRate),
          base,
          size: control === "ridge" ? "" : sizeName(size),
          parameters: parameters as number,
          trainingFlops: trainingFlops as number,
          learningRate,
          scores,
          closed,
          standing: closed && standing(control, closed),
        };
      })
    );
  });
  return { seeds: config.seeds.length, rows, sweep };
}

function titleOf(
  control: ControlName,
  title: string,
  readOut: ReadOut,
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
