/** The figures and tables of the report; each a function of the summary, or of the run. */
import { type Figure, figure, type LineSeries } from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { criticStyle, plainStyle, type SeriesStyle, variant } from "../../lib/report/theme.ts";
import type { Run } from "../../lib/run/run.ts";
import { methodConfig } from "../../lib/rl/methods.ts";
import { PARTS, type Parts, totalParts } from "../../lib/rl/work.ts";
import { sizeName } from "../shared/config.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { tableOfSettings } from "../shared/settings.ts";
import type { CostMetrics } from "./cell.ts";
import type { CostCell } from "./cells.ts";
import type { CostConfig } from "./config.ts";
import { ABOUT_ONE } from "./claims.ts";
import { methodOf } from "./methods.ts";
import { type CostRow, type CostSummary, methodTitle, secondsOf, segmentsText } from "./summary.ts";

/** A finished run of this experiment. */
export type CostRun = Run<CostConfig, CostCell, CostMetrics, CostSummary>;

const PART_TITLES: Readonly<Record<keyof Parts, string>> = {
  rollout: "rollouts",
  criticInference: "critic's answers",
  criticTraining: "critic's training",
  actorTraining: "actor's training",
};

/** GenAC's FLOPs by part against its segments, a panel a length. */
export function partsFigure({ rows, seeds }: CostSummary): Figure {
  const lengths = [...new Set(rows.map(({ length }) => length))];
  return figure({
    title: "Where GenAC's computation goes",
    subtitle: `One iteration, mean over ${seeds} seeds.`,
    x: { title: "segments of a response", scale: "log" },
    y: { title: "computation", unit: "GFLOP", scale: "log" },
    series: lengths.flatMap((length) =>
      PARTS.map((part, i): LineSeries => ({
        kind: "line",
        name: PART_TITLES[part],
        style: plainStyle(i),
        panel: `${length} tokens`,
        points: rows.filter((row) => row.length === length && row.segments !== null)
          .map((row) => ({ x: row.segments!, y: row.flops[part] / 1e9 })),
      }))
    ),
    width: 900,
  });
}

/** Times PPO against what the critic writes: one line whatever the length. */
export function ratioFigure({ rows, seeds }: CostSummary): Figure {
  const lengths = [...new Set(rows.map(({ length }) => length))];
  const of = (
    name: string,
    length: number,
    style: Partial<SeriesStyle>,
    y: (row: CostRow) => number,
  ): LineSeries => ({
    kind: "line",
    name: `${name}, ${length} tokens`,
    style,
    points: rows.filter((row) => row.length === length && row.segments !== null)
      .map((row) => ({ x: row.criticTokens, y: y(row), label: methodTitle(row) })),
  });
  return figure({
    title: "GenAC's cost follows from how much its critic writes",
    subtitle:
      `A point is a number of segments; mean over ${seeds} seeds. Open: no training of the ` +
      "critic during RL.",
    x: { title: "tokens of the critic's answers per token of the actor", scale: "log" },
    y: { title: "FLOPs of an iteration over PPO's", scale: "log" },
    series: [
      ...lengths.map((length, i) =>
        of(
          "trained",
          length,
          variant(criticStyle(GENERATIVE), i),
          (row) => row.timesPpo.mean.estimate,
        )
      ),
      ...lengths.map((length, i) =>
        of(
          "frozen",
          length,
          { ...variant(criticStyle(GENERATIVE), i), open: true },
          (row) => row.frozenTimesPpo.mean.estimate,
        )
      ),
    ],
    references: [
      { axis: "y", value: 2.1, label: "the paper's 2.1" },
      { axis: "x", value: ABOUT_ONE.least, label: `C6 from ${ABOUT_ONE.least}` },
      { axis: "x", value: ABOUT_ONE.most, label: `to ${ABOUT_ONE.most}` },
    ],
    width: 900,
  });
}

/** GenAC's computation over VinePPO's against the length, each number of segments. */
export function crossoverFigure({ crossovers, seeds }: CostSummary): Figure {
  return figure({
    title: "Longer responses favour the critic over continuations",
    subtitle: `One iteration, mean over ${seeds} seeds.`,
    x: { title: "tokens of a response", scale: "log" },
    y: { title: "GenAC's FLOPs over VinePPO's", scale: "log" },
    series: crossovers.map(({ segments, measured }, i): LineSeries => ({
      kind: "line",
      name: segmentsText(segments),
      style: variant(criticStyle(GENERATIVE), i),
      points: measured.map(({ length, timesVinePpo }) => ({ x: length, y: timesVinePpo })),
    })),
    references: [{ axis: "y", value: 1, label: "as much as VinePPO" }],
    width: 900,
  });
}

/** The ratios of `crossoverFigure` with the length at which they are 1. */
export function crossoverTable({ crossovers, seeds }: CostSummary): Displayable {
  const lengths = [
    ...new Set(crossovers.flatMap(({ measured }) => measured.map(({ length }) => length))),
  ];
  return table({
    caption:
      `GenAC's FLOPs over VinePPO's, mean over ${seeds} seeds; the length of equal cost is ` +
      "extrapolated from the two longest, each cost as a power of the length",
    rows: crossovers,
    columns: [
      { title: "segments", cell: ({ segments }) => segments },
      ...lengths.map((length) => ({
        title: `${length} tokens`,
        cell: ({ measured }: typeof crossovers[number]) =>
          measured.find((one) => one.length === length)?.timesVinePpo ?? null,
        decimals: 2,
      })),
      { title: "equal at (tokens)", cell: ({ length }) => length, decimals: 0 },
    ],
  });
}

/** Computation against response length, each method. */
export function lengthFigure({ rows, seeds }: CostSummary): Figure {
  const ids = [...new Set(rows.map(({ id }) => id))];
  const shown = ids.filter((id) => rows.filter((row) => row.id === id).length > 1);
  return figure({
    title: "What longer responses cost",
    subtitle: `One iteration, mean over ${seeds} seeds.`,
    x: { title: "tokens of a response", scale: "log" },
    y: { title: "computation", unit: "GFLOP", scale: "log" },
    series: shown.map((id): LineSeries => {
      const own = rows.filter((row) => row.id === id);
      return {
        kind: "line",
        name: methodTitle(own[0]!),
        style: methodStyle(own[0]!, shown),
        points: own.map((row) => ({ x: row.length, y: totalParts(row.flops) / 1e9 })),
      };
    }),
    width: 900,
  });
}

function methodStyle({ id, method }: CostRow, among: readonly string[]): SeriesStyle {
  switch (method) {
    case "grpo":
      return plainStyle(0);
    case "ppo":
      return { ...criticStyle(DISCRIMINATIVE), dash: [2, 3], open: true };
    case "ppo-one-pass":
      return criticStyle(DISCRIMINATIVE);
    case "vineppo":
      return plainStyle(3);
    case "genac":
      return variant(
        criticStyle(GENERATIVE),
        among.filter((other) => other.startsWith("genac/")).indexOf(id),
      );
  }
}

/** FLOPs by part, tokens and ratios. */
export function flopsTable({ rows, seeds }: CostSummary): Displayable {
  return table({
    caption: `An iteration: GFLOP by part, mean over ${seeds} seeds`,
    rows,
    columns: [
      { title: "tokens of a response", cell: (row) => row.length },
      { title: "method", cell: (row) => methodTitle(row) },
      ...PARTS.map((part) => ({
        title: PART_TITLES[part],
        cell: (row: CostRow) => row.flops[part] / 1e9,
        decimals: 3,
      })),
      { title: "all", cell: (row) => totalParts(row.flops) / 1e9, decimals: 3 },
      { title: "times PPO", cell: (row) => row.timesPpo.mean.estimate, decimals: 2 },
      { title: "times GRPO", cell: (row) => row.timesGrpo.mean.estimate, decimals: 2 },
      { title: "questions to the critic", cell: (row) => row.questions, decimals: 0 },
      {
        title: "tokens written: actor",
        cell: (row) => row.tokens.rollout,
        decimals: 0,
      },
      { title: "critic, answers", cell: (row) => row.tokens.criticInference, decimals: 0 },
      { title: "critic, training", cell: (row) => row.tokens.criticTraining, decimals: 0 },
    ],
  });
}

/** Wall time by part on this machine; null where cells are the pinned ones, which hold no times. */
export function secondsTable({ cells, summary }: CostRun): Displayable | null {
  if (cells.some(({ computedBy }) => computedBy === null)) return null;
  const seconds = summary.rows.filter(({ id }) => id !== "ppo-one-pass")
    .map((row) => ({ row, parts: secondsOf(cells, row) }));
  const grpo = (length: number) =>
    totalParts(seconds.find(({ row }) => row.length === length && row.id === "grpo")!.parts);
  return table({
    caption: `An iteration: milliseconds on this machine, mean over ${summary.seeds} seeds; not ` +
      "pinned, and cells may have run side by side",
    rows: seconds,
    columns: [
      { title: "tokens of a response", cell: ({ row }) => row.length },
      { title: "method", cell: ({ row }) => methodTitle(row) },
      ...PARTS.map((part) => ({
        title: PART_TITLES[part],
        cell: ({ parts }: typeof seconds[number]) => 1000 * parts[part],
        decimals: 0,
      })),
      { title: "all", cell: ({ parts }) => 1000 * totalParts(parts), decimals: 0 },
      {
        title: "times GRPO",
        cell: ({ row, parts }) => totalParts(parts) / grpo(row.length),
        decimals: 2,
      },
      { title: "in FLOPs", cell: ({ row }) => row.timesGrpo.mean.estimate, decimals: 2 },
    ],
  });
}

/** What was run, in words and numbers. */
export function settingsTable(config: CostConfig): Displayable {
  const { training, warmUp } = config;
  const criticOf = (method: "ppo" | "genac") =>
    methodConfig(methodOf({ method, segments: method === "genac" ? 1 : null }), training).critic;
  const ppo = criticOf("ppo"), genac = criticOf("genac");
  return tableOfSettings([
    ["responses", `circuits of ${config.gates.join(", ")} gates, a token each`],
    ["actor and critics", `${sizeName({ ...config })}, after ${warmUp.steps} supervised steps`],
    [
      "an iteration",
      `${training.problems} problems with ${training.responses} responses each; ` +
      `${training.iterations} iterations; VinePPO has ${training.continuations} continuations`,
    ],
    [
      "critics",
      `PPO's: one regression step on ${ppo.batch} states; GenAC's: one REINFORCE step on ` +
      `${genac.batch} responses, ${genac.reinforce.responses} to a state`,
    ],
    ["seeds", config.seeds.join(", ")],
  ]);
}
