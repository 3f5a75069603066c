/** What figures over the sizes of critics have in common. */
import { type Figure, figure, intervalPoint, type Series } from "../../lib/report/figure.ts";
import type { CriticRow, TestScores } from "./scores.ts";

/** The axis of sizes. */
export const PARAMETERS = { title: "parameters", scale: "log" } as const;

/** A critic at one size with what its test sets say. */
interface Row extends CriticRow {
  readonly tests: Readonly<Record<string, TestScores>>;
}

/** The critics that have rows, in order. */
export function criticsOf(rows: readonly CriticRow[]): string[] {
  return [...new Set(rows.map((row) => row.critic))];
}

/** "Mean over 5 seeds; bands are 95% intervals (Student's t)." */
export function overSeeds({ seeds }: { readonly seeds: number }, drawn = "bands"): string {
  return `Mean over ${seeds} ${
    seeds === 1 ? "seed" : "seeds"
  }; ${drawn} are 95% intervals (Student's t).`;
}

/** A line per critic over sizes, a panel per test set; none where a critic has no such score. */
export function linesOverSizes(
  rows: readonly Row[],
  tests: readonly string[],
  metric: "rmse" | "r2" | "rankingAccuracy" | "traceAccuracy",
  size: "parameters" | "trainingFlops" = "parameters",
): Series[] {
  return tests.flatMap((panel) =>
    criticsOf(rows).flatMap((critic) => {
      const points = rows.filter((row) => row.critic === critic).flatMap((row) => {
        const scores = row.tests[panel]![metric];
        return scores ? [intervalPoint(row[size], scores.mean, row.size)] : [];
      });
      return points.length === 0 ? [] : [{ kind: "line" as const, critic, panel, points }];
    })
  );
}

/** Ranking accuracy against parameters, a panel per test set. */
export function rankingOverSizes(
  summary: { readonly rows: readonly Row[]; readonly seeds: number },
  tests: readonly string[],
  min?: number,
): Figure {
  return figure({
    title: "Ranking accuracy against parameters",
    subtitle: `${
      overSeeds(summary)
    } Fraction of pairs of states in the right order; 0.5 is chance.`,
    x: PARAMETERS,
    y: { title: "ranking accuracy", ...min === undefined ? {} : { min }, max: 1 },
    series: linesOverSizes(summary.rows, tests, "rankingAccuracy"),
    references: [{ axis: "y", value: 0.5, label: "chance" }],
    columns: 3,
    width: 960,
  });
}
