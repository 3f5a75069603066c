/** The figures of the report on training; each a function of the summary. Those on what episodes are worth: exchange_figures.ts. */
import { mean, sum } from "../../lib/numeric/sums.ts";
import {
  type Figure,
  figure,
  intervalPoint,
  type LineSeries,
  type Point,
  type Row,
  type RowSeries,
  type ScatterSeries,
} from "../../lib/report/figure.ts";
import type { Run } from "../../lib/run/run.ts";
import { type Parts, totalParts } from "../../lib/rl/work.ts";
import type { CreditMetrics } from "./cell.ts";
import type { CreditCell } from "./cells.ts";
import type { CreditConfig } from "./config.ts";
import {
  FAMILIES,
  type Family,
  familyOf,
  familyStyle,
  isCentral,
  nameOf,
  seedsByTask,
  seedsText,
  styleOf,
} from "./looks.ts";
import { criticEntry, type MethodName, methodOf } from "./methods.ts";
import {
  type CreditSummary,
  type Followed,
  grpoOf,
  hasEqualBatches,
  hasEqualEpisodes,
  type MethodRow,
  pairedGain,
  type TaskRow,
} from "./summary.ts";

/** A finished run of this experiment. */
export type CreditRun = Run<CreditConfig, CreditCell, CreditMetrics, CreditSummary>;

const AREA = "mean success over training";
const WIDTH = 900;

/** Points of a learning curve against episodes of RL, without those at which there is no such number. */
export function curvePoints(row: MethodRow, what: Followed, bands = false): Point[] {
  return row.curves[what].filter(({ mean }) => mean !== null)
    .map(({ iteration, mean, low, high }) => ({
      x: iteration * row.problems * row.responses,
      y: mean,
      ...(bands ? { low, high } : {}),
    }));
}

/** Success against episodes, a panel a task. */
export function successFigure(
  summary: CreditSummary,
  title: string,
  which: (row: MethodRow, task: TaskRow) => boolean,
): Figure {
  const shown = summary.tasks.map((task) => ({
    task,
    rows: task.methods.filter((row) => which(row, task)),
  }));
  // More bands than that hide each other.
  const bands = shown.every(({ rows }) => rows.length <= 3);
  return figure({
    title,
    subtitle: `Mean over ${seedsByTask(summary)}, or as many as the legend says` +
      (bands ? "; bands: from the lowest to the highest seed." : "."),
    x: { title: "episodes of RL" },
    y: { title: "success on held-out problems" },
    series: shown.flatMap(({ rows, task }) =>
      rows.map((row): LineSeries => ({
        kind: "line",
        name: nameOf(row, task),
        style: styleOf(row.method),
        panel: task.task,
        points: curvePoints(row, "success", bands),
      }))
    ),
    width: WIDTH,
  });
}

/** The methods that the confirmatory claims are about, with the oracle. */
export function centralFigure(summary: CreditSummary): Figure {
  return successFigure(summary, "Success against episodes: the central methods", isCentral);
}

/** All others that have GRPO's batches; null where there are none. */
export function othersFigure(summary: CreditSummary): Figure | null {
  const which = (row: MethodRow, task: TaskRow) => !isCentral(row) && hasEqualBatches(row, task);
  if (!summary.tasks.some((task) => task.methods.some((row) => which(row, task)))) return null;
  return successFigure(summary, "Success against episodes: the other methods", which);
}

/** What every method with as many episodes gains over GRPO on a task. */
export function gainFigure(task: TaskRow): Figure {
  const families = Object.keys(FAMILIES) as Family[];
  const rows = families.flatMap((family) =>
    task.methods.filter((row) =>
      familyOf(row.method) === family && row !== grpoOf(task) && hasEqualEpisodes(row, task)
    )
  );
  return rowsFigure(
    {
      title: `${task.task}: what each method gains over GRPO`,
      subtitle: `At equal episodes. ${pairsText(task)}`,
      x: `${AREA}, less GRPO's`,
    },
    rows.map((row) => ({
      name: row.title,
      family: familyOf(row.method),
      method: row.method,
      over: "grpo",
    })),
    task,
  )!;
}

/** What the generative critic gains in batches of other sizes; null where the task has none. */
export function batchFigure(task: TaskRow): Figure | null {
  const pairs: [MethodName, MethodName, string][] = [
    ["generative lambda 0.8", "grpo", "4 x 4, over GRPO"],
    ["generative 8x8", "grpo 8x8", "8 x 8, over GRPO"],
    ["generative 16x16", "grpo 16x16", "16 x 16, over GRPO"],
    ["generative 16x1", "grpo", "16 x 1, over GRPO's 4 x 4"],
    ["generative 16x1", "ppo 16x1", "16 x 1, over PPO"],
  ];
  const comparisons = pairs.map(([method, over, name]) => ({
    family: "generative critic, learning" as const,
    method,
    over,
    name,
  }));
  const other = comparisons.slice(1).some(({ method, over }) => pairedGain(task, method, over));
  if (!other) return null;
  return rowsFigure(
    {
      title: `${task.task}: what the generative critic gains, by problems x responses of a batch`,
      subtitle: "Lambda 0.8; half the iterations for twice the size, so that episodes double. " +
        pairsText(task),
      x: `${AREA}, less the other's`,
    },
    comparisons,
    task,
  );
}

interface Comparison {
  readonly name: string;
  readonly family: Family;
  readonly method: MethodName;
  readonly over: MethodName;
}

/** Paired gains below one another, a series a family; null where none has a seed. */
function rowsFigure(
  text: { readonly title: string; readonly subtitle: string; readonly x: string },
  comparisons: readonly Comparison[],
  task: TaskRow,
): Figure | null {
  const known = comparisons.flatMap((comparison) => {
    const gain = pairedGain(task, comparison.method, comparison.over);
    if (!gain) return [];
    const { effects: { length }, interval } = gain;
    const name = length === task.starts.length
      ? comparison.name
      : `${comparison.name} (${seedsText(length)})`;
    return [{ ...comparison, interval, name }];
  });
  if (known.length === 0) return null;
  return figure({
    title: text.title,
    subtitle: text.subtitle,
    x: { title: text.x },
    y: { title: "" },
    series: [...new Set(known.map(({ family }) => family))].map((family): RowSeries => ({
      kind: "rows",
      name: family,
      style: familyStyle(family),
      // Every series lists every line, so that the lines keep their order.
      rows: known.map(({ family: own, interval: { estimate, low, high }, name }): Row =>
        own === family ? { category: name, x: estimate, low, high } : { category: name, x: null }
      ),
    })),
    references: [{ axis: "x", value: 0, label: "" }],
    width: WIDTH,
  });
}

function pairsText({ starts }: TaskRow): string {
  return `Mean of the paired differences over ${seedsText(starts.length)}, or as many as named; ` +
    "Student's 95% interval.";
}

const FOLLOWED_CRITICS: readonly MethodName[] = [
  "ppo",
  "genac",
  "generative lambda 0.8",
  "generative no ICC",
];

/** The critics' error while their actors learn, beside that of always predicting the mean of the same values. */
export function criticErrorFigure(summary: CreditSummary): Figure {
  return figure({
    title: "The critics' error while the actor learns",
    subtitle: `Solid: critics, against the actor's values on its own responses; mean over ` +
      `${seedsByTask(summary)}. Dashed in the same colour: always predicting the mean of ` +
      "these values.",
    x: { title: "episodes of RL" },
    y: { title: "RMSE", min: 0 },
    series: criticRows(summary).flatMap(({ row, task }): LineSeries[] => {
      const style = { ...styleOf(row.method), dash: [] };
      return [
        {
          kind: "line",
          name: nameOf(row, task),
          style,
          panel: task.task,
          points: curvePoints(row, "rmse"),
        },
        {
          kind: "line",
          name: "always the mean (dashed)",
          style: { ...style, dash: [5, 4] },
          panel: task.task,
          points: curvePoints(row, "meanPredictorRmse"),
        },
      ];
    }),
    width: WIDTH,
  });
}

/** The critics' bias while their actors learn; null where nothing that they said could be parsed. */
export function criticBiasFigure(summary: CreditSummary): Figure | null {
  const rows = criticRows(summary).filter(({ row }) => curvePoints(row, "bias").length > 0);
  if (rows.length === 0) return null;
  return figure({
    title: "The critics' bias while the actor learns",
    subtitle: `Mean value less the actor's, over ${seedsByTask(summary)}. Below 0: too low.`,
    x: { title: "episodes of RL" },
    y: { title: "bias" },
    series: rows.map(({ row, task }): LineSeries => ({
      kind: "line",
      name: nameOf(row, task),
      style: { ...styleOf(row.method), dash: [] },
      panel: task.task,
      points: curvePoints(row, "bias"),
    })),
    references: [{ axis: "y", value: 0, label: "" }],
    width: WIDTH,
  });
}

function criticRows({ tasks }: CreditSummary): { row: MethodRow; task: TaskRow }[] {
  return tasks.flatMap((task) =>
    task.methods.filter(({ critic, method }) => critic && FOLLOWED_CRITICS.includes(method))
      .map((row) => ({ row, task }))
  );
}

/** What makes a critic a good one, in the figures of the mechanism; the oracle's is known. */
const QUALITIES = {
  rmse: { title: "the critic's RMSE, mean over training", oracle: 0 },
  ranking: { title: "the critic's ranking accuracy, mean over training", oracle: 1 },
} as const;

/** Success against how good the critic is, a point a method: do better critics train better actors? */
export function mechanismFigure(
  summary: CreditSummary,
  quality: keyof typeof QUALITIES = "rmse",
): Figure {
  const { oracle, title } = QUALITIES[quality];
  return figure({
    title: `Success against ${title.replace(", mean over training", "")}`,
    subtitle: `A point is a method with GRPO's batches, mean over its seeds; Student's 95% ` +
      `interval of success. The oracle's is ${oracle} by definition.`,
    x: { title },
    y: { title: AREA },
    series: summary.tasks.flatMap((task) =>
      task.methods.filter((row) => hasEqualBatches(row, task))
        .flatMap((row): ScatterSeries[] => {
          const x = row.method === "oracle" ? oracle : row.critic?.[quality].mean.estimate;
          if (x === undefined) return [];
          return [{
            kind: "scatter",
            name: nameOf(row, task),
            style: styleOf(row.method),
            panel: task.task,
            points: [intervalPoint(x, row.area.mean)],
          }];
        })
    ),
    width: WIDTH,
  });
}

/** Mean success over training against FLOPs, those of the critic's preparation counted. */
export function flopsFigure(summary: CreditSummary): Figure {
  return costFigure(
    summary,
    "Success against computation",
    { title: "computation", unit: "FLOPs" },
    (_, row) => row.flops + row.preparationFlops,
  );
}

/** The same against wall time on the machine of this run; null where cells are the pinned ones, which hold no times. */
export function secondsFigure({ cells, summary }: CreditRun): Figure | null {
  if (cells.some(({ computedBy }) => computedBy === null)) return null;
  return costFigure(
    summary,
    "Success against time",
    { title: "time on this machine", unit: "seconds" },
    (task, { method, seeds }) => {
      const { critic } = methodOf(method);
      const own = cells.filter(({ config, seed }) =>
        config.task.name === task.task && seeds.includes(seed)
      );
      return mean(own.map(({ unpinned }) => {
        const seconds = unpinned.seconds as Record<string, Parts>;
        const prepared = unpinned.preparationSeconds as Record<string, number>;
        const parts: string[] = critic ? ["pilot", "lessons", critic] : [];
        // That critic's own seconds are those of its last stage.
        if (critic && criticEntry(critic).reinforced) parts.push("generative");
        return totalParts(seconds[method]!) + sum(parts.map((part) => prepared[part]!));
      }));
    },
  );
}

function costFigure(
  summary: CreditSummary,
  title: string,
  x: { title: string; unit: string },
  cost: (task: TaskRow, row: MethodRow) => number,
): Figure {
  return figure({
    title,
    subtitle: "A point is a method, named where one points at it. Counted: RL, the pilot run and " +
      "the rollouts that critics are prepared on, and their training. Student's 95% interval.",
    x: { ...x, scale: "log" },
    y: { title: AREA },
    series: summary.tasks.flatMap((task) =>
      task.methods.map((row) => ({
        kind: "scatter" as const,
        name: familyOf(row.method),
        style: familyStyle(familyOf(row.method)),
        panel: task.task,
        points: [intervalPoint(cost(task, row), row.area.mean, nameOf(row, task))],
      }))
    ),
    width: WIDTH,
  });
}

/** Mean success on tuning seeds against the learning rate. */
export function searchFigure(task: TaskRow): Figure {
  return figure({
    title: `${task.task}: the search for learning rates`,
    subtitle: "Mean over tuning seeds, none of them reported.",
    x: { title: "learning rate of the actor", scale: "log" },
    y: { title: AREA },
    series: task.methods.flatMap((row): LineSeries[] => {
      const own = task.search.filter(({ method }) => method === row.method);
      if (own.length === 0) return [];
      return [{
        kind: "line",
        name: row.title,
        style: styleOf(row.method),
        points: own.map(({ area: y, learningRate: x }) => ({ x, y })),
      }];
    }),
    width: WIDTH,
  });
}
