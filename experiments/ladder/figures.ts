/** The figures and tables of the report; each a function of the summary alone. */
import { type Bar, type Figure, figure, type Series } from "../../lib/report/figure.ts";
import { formatNumber } from "../../lib/report/format.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { BASELINE_STYLE, criticLabel, criticStyle, tint } from "../../lib/report/theme.ts";
import { sizeName } from "../shared/config.ts";
import { tableOfSettings, trainingSetting } from "../shared/settings.ts";
import {
  CRITIC_COLUMNS,
  rawScoresTable as rawTable,
  scoreColumns,
  searchTable as ratesTable,
} from "../shared/tables.ts";
import type { LadderConfig } from "./config.ts";
import { CLASSES, type ComplexityClass, KNOWN } from "./rungs.ts";
import type { LadderRow, LadderSummary, RungSummary } from "./summary.ts";

type Metric = "r2" | "rankingAccuracy";

/** Names of classes as they are written; a star marks those that say nothing of problems of bounded size. */
const LABELS: Readonly<Record<ComplexityClass, string>> = {
  AC0: "AC⁰",
  ACC0: "ACC⁰",
  NC1: "NC¹",
  P: "P*",
  "NP-hard": "NP-hard*",
};

/** The lowest r2 that is drawn to its end. */
const FLOOR = -1;

const BASELINE = "Best function of the steps left";

function category({ name, complexity }: Pick<RungSummary, "name" | "complexity">): string {
  return `${name} (${LABELS[complexity]})`;
}

/** A critic's colour, paler for smaller sizes. `rank` 0 is the smallest of `count`. */
function shade(critic: string, rank: number, count: number): string {
  return tint(criticStyle(critic).color, 0.6 * (count - 1 - rank) / Math.max(1, count - 1));
}

function bar({ rung: name, complexity, scores }: LadderRow, metric: Metric): Bar {
  const { estimate, low, high } = scores[metric].mean;
  const cut = (x: number | null) => x === null ? null : Math.max(x, FLOOR);
  const drawn = high !== null && high > FLOOR;
  return {
    category: category({ name, complexity }),
    y: cut(estimate),
    ...(drawn ? { low: cut(low), high } : {}),
  };
}

/** One group of bars a rung, one bar a critic and size. */
function bars({ rows, rungs }: LadderSummary, metric: Metric): Series[] {
  return [...Map.groupBy(rows, ({ critic }) => critic)].flatMap(([critic, of]) => {
    const sizes = [...new Set(of.map(({ size }) => size))];
    return sizes.map((size, i) => ({
      kind: "bars" as const,
      critic,
      name: `${criticLabel(critic)}, ${size}`,
      style: { color: shade(critic, i, sizes.length) },
      // Every series lists every rung, so that the rungs keep their order.
      bars: rungs.map((rung) => {
        const row = of.find((row) => row.rung === rung.name && row.size === size);
        return row ? bar(row, metric) : { category: category(rung), y: null };
      }),
    }));
  });
}

function overSeeds({ seeds }: LadderSummary): string {
  return `Mean over ${seeds} seeds with 95% intervals (Student's t).`;
}

const CLASS_NOTE =
  "In brackets the class of the value function's family; * holds for unbounded problems only.";

/** r2 by rung; the classes of theory are on the axis. */
export function r2Figure(summary: LadderSummary): Figure {
  const { rungs } = summary;
  return figure({
    title: "How much of the value's variance a critic explains, by rung of the ladder",
    subtitle: `${overSeeds(summary)} ${CLASS_NOTE}`,
    x: { title: "value function" },
    y: { title: "r2 against the exact value" },
    series: [
      ...bars(summary, "r2"),
      {
        kind: "bars",
        name: BASELINE,
        style: BASELINE_STYLE,
        bars: rungs.map((rung) => ({ category: category(rung), y: rung.progressR2 })),
      },
    ],
    width: 960,
  });
}

/** Ranking accuracy by rung. */
export function rankingFigure(summary: LadderSummary): Figure {
  return figure({
    title: "How well a critic orders states, by rung of the ladder",
    subtitle: `Fraction of pairs of states in the right order; 0.5 is chance. ${
      overSeeds(summary)
    } ${CLASS_NOTE}`,
    x: { title: "value function" },
    y: { title: "ranking accuracy", min: 0, max: 1 },
    series: bars(summary, "rankingAccuracy"),
    width: 960,
  });
}

/** r2 of some critics with the reported amount of data and with more, on the rungs that have such runs. */
export function moreDataFigure(summary: LadderSummary): Figure {
  const { moreData, rows } = summary;
  const alike = (a: LadderRow, b: LadderRow) => a.critic === b.critic && a.size === b.size;
  const compared = [
    ...rows.filter((row) => moreData.some((more) => alike(row, more))),
    ...moreData,
  ];
  const kinds = Map.groupBy(compared, ({ critic, size }) => `${criticLabel(critic)}, ${size}`);
  return figure({
    title: "r2 with more data",
    subtitle: overSeeds(summary),
    x: { title: "value function" },
    y: { title: "r2 against the exact value" },
    series: [...kinds].flatMap(([kind, of]) => {
      const amounts = [...new Set(of.map(({ examples }) => examples))];
      return amounts.map((amount, i) => ({
        kind: "bars" as const,
        critic: of[0]!.critic,
        name: `${kind}, ${formatNumber(amount)} examples`,
        style: { color: shade(of[0]!.critic, i, amounts.length) },
        bars: of.filter(({ examples, rung }) =>
          examples === amount && moreData.some((more) => more.rung === rung)
        ).map((row) => bar(row, "r2")),
      }));
    }),
    width: 960,
  });
}

/** What is known of the classes. */
export function theoryTable({ rungs }: LadderSummary): Displayable {
  const rows = CLASSES.flatMap((complexity) => {
    const names = rungs.filter((rung) => rung.complexity === complexity).map(({ name }) => name);
    return names.length > 0 ? [{ complexity, names: names.join(", ") }] : [];
  });
  return table({
    caption: "The rungs' classes, low to high",
    rows,
    columns: [
      { title: "class", cell: ({ complexity }) => LABELS[complexity] },
      { title: "rungs", cell: ({ names }) => names },
      { title: "what is known", cell: ({ complexity }) => KNOWN[complexity] },
    ],
  });
}

/** What differs between rungs. */
export function rungsTable({ rungs }: LadderSummary): Displayable {
  return table({
    caption:
      "The rungs. r2 of two baselines: the best function of the steps left, and of those and the " +
      "last token of a right chain of thought",
    rows: rungs,
    columns: [
      { title: "rung", cell: category },
      { title: "group order", cell: (rung) => rung.order },
      { title: "generators or letters", cell: (rung) => rung.symbols },
      { title: "steps", cell: (rung) => rung.steps },
      { title: "prompt", unit: "tokens", cell: (rung) => rung.promptLength },
      { title: "chain", unit: "tokens", cell: (rung) => rung.traceLength },
      { title: "mean V", cell: (rung) => rung.meanValue, decimals: 3 },
      { title: "Var(V)", cell: (rung) => rung.varianceValue, decimals: 3 },
      { title: "r2 of steps left", cell: (rung) => rung.progressR2, decimals: 2 },
      { title: "r2 of the chain's end", cell: (rung) => rung.conclusionR2, decimals: 2 },
    ],
  });
}

/** What was run, in words and numbers, from the configuration. */
export function settingsTable(config: LadderConfig): Displayable {
  const { moreData, runs, rungs, search, testStates } = config;
  const critics = [...new Set(runs.map(({ critic }) => critic))];
  const rates = rungs.map(({ name, learningRates }) =>
    `${name} ${critics.map((critic) => learningRates[critic]).join(" / ")}`
  );
  const onRungs = ({ rungs: names }: { readonly rungs?: readonly string[] | undefined }) =>
    names === undefined ? "every rung" : names.join(", ");
  return tableOfSettings([
    ["target", "the actor's exact probability of success, on every rung"],
    [
      "critics",
      runs.map((run) =>
        `${criticLabel(run.critic)} (${run.sizes.map(sizeName).join(", ")}) on ${onRungs(run)}`
      ).join("; "),
    ],
    trainingSetting(config),
    [
      "more data",
      moreData
        ? moreData.runs.map((run) =>
          `${moreData.factor} times the steps: ${criticLabel(run.critic)} ` +
          `(${run.sizes.map(sizeName).join(", ")}) on ${onRungs(run)}`
        ).join("; ")
        : "not in this profile",
    ],
    [
      "learning rates",
      `at width 32, in the order of the critics: ${rates.join(", ")}; times the root of 32 / width`,
    ],
    [
      "search for learning rates",
      search
        ? `tuning seeds ${search.seeds.join(", ")}, ${search.rates.join(", ")} at ` +
          `${sizeName(search.size)} for every critic on ${
            onRungs(search)
          }, ${search.steps} steps, judged on other test states`
        : "not in this profile",
    ],
    ["test", `${testStates} states of held-out problems for each rung, the same for all runs`],
    ["r2", "1 - mean squared error / Var(V); an error of 1 for a response that cannot be parsed"],
  ]);
}

/** Scores by rung, critic and size. */
export function scoresTable({ moreData, rows, seeds }: LadderSummary): Displayable {
  const column = scoreColumns(({ scores }: LadderRow) => scores);
  return table({
    caption: `Mean over ${seeds} seeds, for the first two with 95% interval (Student's t)`,
    rows: [...rows, ...moreData],
    columns: [
      { title: "rung", cell: ({ rung, complexity }) => category({ name: rung, complexity }) },
      ...CRITIC_COLUMNS,
      { title: "examples", cell: (row) => row.examples },
      column("r2", "r2", 3, "interval"),
      column("ranking accuracy", "rankingAccuracy", 3, "interval"),
      column("RMSE", "rmse", 3),
      column("RMSE of expectation", "expectationRmse", 3),
      column("parse rate", "parseRate", 2),
      column("right chains", "traceAccuracy", 2),
      {
        title: "r2 after right chains",
        cell: (row) => row.r2AfterRightChains?.mean.estimate,
        decimals: 3,
      },
    ],
  });
}

/** r2 of the CoT critic less that of the discriminative one. */
export function advantageTable({ advantages, seeds }: LadderSummary): Displayable {
  return table({
    caption: "CoT critic less discriminative critic, same seed: " +
      `mean over ${seeds} seeds with 95% interval (Student's t)`,
    rows: advantages,
    columns: [
      { title: "rung", cell: ({ rung }) => rung },
      { title: "size", cell: ({ size }) => size },
      { title: "examples", cell: ({ examples }) => examples },
      { title: "r2", cell: ({ r2 }) => r2.mean, decimals: 3 },
      { title: "ranking accuracy", cell: (row) => row.rankingAccuracy.mean, decimals: 3 },
    ],
  });
}

/** Every run's raw score. */
export function rawScoresTable(
  { moreData, rows }: LadderSummary,
  { seeds }: LadderConfig,
): Displayable {
  return rawTable({
    caption: "r2, every seed",
    rows: [...rows, ...moreData],
    columns: [
      { title: "rung", cell: (row) => row.rung },
      ...CRITIC_COLUMNS,
      { title: "examples", cell: (row) => row.examples },
    ],
    seeds,
    scores: (row) => row.scores.r2.scores,
  });
}

/** The search for learning rates; the chosen rate of each critic and rung in bold. */
export function searchTable({ search }: LadderSummary): Displayable {
  return ratesTable(
    {
      caption: "Learning rates on tuning seeds, the chosen one in bold",
      rows: search,
      columns: [
        { title: "rung", cell: (row) => row.rung },
        { title: "critic", cell: (row) => criticLabel(row.critic) },
        { title: "size", cell: (row) => row.size },
      ],
    },
    "r2",
    (row) => row.r2,
    3,
  );
}
