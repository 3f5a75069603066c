import { pairedDifferences, type SeedInterval, seedInterval } from "../../lib/eval/student.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { sizeName } from "../shared/config.ts";
import {
  groupsOf,
  inRole,
  type Scores,
  scoresOf,
  type TestScores,
  testScores,
} from "../shared/scores.ts";
import { searchRows } from "../shared/search.ts";
import type { Readout } from "../shared/test_report.ts";
import type { ControlReport, ControlsCell, ControlsMetrics } from "./cell.ts";
import type { ControlsConfig } from "./config.ts";
import { type Control, type ControlName, controlOf, controls, OBJECTIONS } from "./controls.ts";

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
  /** Mean tokens of an answer over seeds; null for critics that write no chain of thought. */
  readonly tokens: number | null;
  readonly scores: TestScores;
  /** How it stands between the two compared critics; null for these themselves. */
  readonly placed: Placed | null;
}

/** Where a control stands between the discriminative and the CoT critic, in r2, over the seeds that all three have. */
export interface Placed {
  /** CoT critic less discriminative critic, same seed. */
  readonly gap: SeedInterval;
  /** The share of the gap that the control closes, of means over seeds; null where there is no gap. */
  readonly closed: number | null;
  /** Control less the midpoint of the two critics, by seed: above 0 it closes more than half of the gap. */
  readonly beyondHalf: Scores;
  readonly standing: Standing;
}

/** A row whose chain has a fraction of its products: 1 for the CoT critic. */
export interface LengthRow extends ControlRow {
  readonly kept: number;
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
  /** The rows of chains of different lengths, shortest first, at the sizes that have shortened ones. */
  readonly lengths: readonly LengthRow[];
  readonly search: readonly SearchRow[];
}

/**
 * Places a control between two critics.
 *
 * @param refuted On which side of half of the gap its objection is refuted.
 * @param r2 By seed: of the control, of the critic where the gap begins, of the one where it ends. Who has fewer seeds has
 * the first ones of the others.
 */
export function place(
  refuted: Control["refuted"],
  r2: Readonly<Record<"control" | "from" | "to", readonly number[]>>,
): Placed {
  const seeds = minimum(Object.values(r2).map(({ length }) => length));
  const control = r2.control.slice(0, seeds);
  const from = r2.from.slice(0, seeds), to = r2.to.slice(0, seeds);
  const gap = seedInterval(pairedDifferences(to, from));
  const beyondHalf = scoresOf(
    pairedDifferences(control, from.map((x, seed) => (x + to[seed]!) / 2)),
  );
  return {
    gap,
    closed: gap.estimate > 0 ? (mean(control) - mean(from)) / gap.estimate : null,
    beyondHalf,
    standing: standing(refuted, gap, beyondHalf.mean),
  };
}

/** Refuted or upheld if the whole interval lies on one side of half of the gap, and there surely is one. */
function standing(
  refuted: Control["refuted"],
  gap: SeedInterval,
  beyondHalf: SeedInterval,
): Standing {
  if (!isSurelyPositive(gap)) return "undecided";
  if (isSurelyPositive(beyondHalf)) return refuted === "above" ? "refuted" : "upheld";
  const isBelow = beyondHalf.high !== null && beyondHalf.high < 0;
  if (isBelow) return refuted === "below" ? "refuted" : "upheld";
  return "undecided";
}

/** Whether the whole interval lies above 0. */
export function isSurelyPositive({ low }: SeedInterval): boolean {
  return low !== null && low > 0;
}

/** Summarizes finished cells. */
export function summarizeControls(
  config: ControlsConfig,
  cells: readonly FinishedCell<ControlsCell, ControlsMetrics>[],
): ControlsSummary {
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
  const r2Of = (control: "discriminative" | "cot", base: string) =>
    cellsOf(control, base).map(({ result }) => r2(result.metrics.tests.value));

  const rows = (Object.keys(controls) as ControlName[]).flatMap((control) => {
    const { objection, refuted, title, readOuts = ["value"] } = controlOf(control);
    const sizes = config.runs.find((run) => run.control === control)?.sizes ?? [];
    return sizes.map(sizeName).flatMap((base) =>
      readOuts.map((readOut): ControlRow => {
        const group = cellsOf(control, base);
        const { size, learningRate } = group[0]!.cell.config;
        const { parameters, trainingFlops } = group[0]!.result.metrics;
        const reports = group.map(({ result }) => result.metrics.tests[readOut]!);
        const scores = testScores(reports);
        const tokens = group.flatMap(({ result }) => result.metrics.tokens ?? []);
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
          tokens: tokens.length > 0 ? mean(tokens) : null,
          scores,
          placed: objection === null ? null : place(refuted, {
            control: scores.r2.scores,
            from: r2Of("discriminative", base),
            to: r2Of("cot", base),
          }),
        };
      })
    );
  });
  return { seeds: config.seeds.length, rows, lengths: lengthRows(rows), search };
}

/** See `ControlsSummary.lengths`. */
function lengthRows(rows: readonly ControlRow[]): LengthRow[] {
  const shortened = rows.flatMap((row): LengthRow[] => {
    const { traceLabels } = controlOf(row.control);
    return traceLabels?.kind === "shortened" ? [{ ...row, kept: traceLabels.kept }] : [];
  });
  const bases = new Set(shortened.map(({ base }) => base));
  const whole = rows.flatMap((row): LengthRow[] =>
    row.control === "cot" && bases.has(row.base) ? [{ ...row, kept: 1 }] : []
  );
  return [...shortened, ...whole].sort((a, b) => a.kept - b.kept);
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

/** One line a control, for the terminal. */
export function controlsRows({ rows }: ControlsSummary): TableRow[] {
  return rows.map(({ objection, title, size, scores, placed }) => ({
    objection,
    control: title,
    size,
    r2: scores.r2.mean.estimate,
    "95% low": scores.r2.mean.low,
    "95% high": scores.r2.mean.high,
    RMSE: scores.rmse.mean.estimate,
    "gap closed": placed?.closed ?? null,
    standing: placed?.standing ?? null,
  }));
}
