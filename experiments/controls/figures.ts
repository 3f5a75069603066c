/** The figure and the tables of the report; each a function of the summary alone. */
import {
  type Figure,
  figure,
  intervalPoint,
  type Row,
  type Series,
} from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { sizeName } from "../shared/config.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { ERROR_SETTING, supervisedSettings, tableOfSettings } from "../shared/settings.ts";
import {
  rawScoresTable as rawTable,
  scoreColumns,
  searchTable as ratesTable,
} from "../shared/tables.ts";
import type { ControlsConfig } from "./config.ts";
import { controlOf, controls } from "./controls.ts";
import type { ControlRow, ControlsSummary } from "./summary.ts";

/** The whole table: objection, control, result, reading. */
export function controlsTable({ rows }: ControlsSummary): Displayable {
  return table({
    caption: "Mean over seeds with 95% interval (Student's t). Gap: between the r2 of the " +
      "discriminative and of the CoT critic of the same size; beyond half: r2 less the midpoint " +
      "of the two, same seed",
    rows,
    emphasize: ({ objection }) => objection === null,
    columns: [
      { title: "objection", cell: (row) => isFirst(rows, row) ? row.objection ?? "" : "" },
      { title: "control", cell: (row) => row.title },
      { title: "size", cell: (row) => row.size },
      { title: "seeds", cell: (row) => row.scores.r2.scores.length },
      { title: "r2", cell: (row) => row.scores.r2.mean, decimals: 2 },
      { title: "gap closed", cell: (row) => row.placed?.closed ?? "", decimals: 2, align: "right" },
      {
        title: "beyond half",
        cell: (row) => row.placed?.beyondHalf.mean ?? "",
        decimals: 2,
        align: "right",
      },
      { title: "reading", cell: reading },
    ],
  });
}

/** Whether a row is the first of its objection. */
function isFirst(rows: readonly ControlRow[], row: ControlRow): boolean {
  return rows.find(({ objection }) => objection === row.objection) === row;
}

function reading({ control, placed }: ControlRow): string {
  if (placed === null) return "";
  const { standing } = placed;
  if (standing === "undecided") return "undecided: the interval has half of the gap in it";
  const isBelow = (controlOf(control).refuted === "below") === (standing === "refuted");
  return `${standing}: closes ${isBelow ? "less" : "more"} than half`;
}

/** r2 of every control, objection by objection, beside the two critics. */
export function gapFigure({ rows, seeds }: ControlsSummary): Figure {
  const base = rows[0]!.base;
  const kinds = [
    { name: "made of the discriminative critic", critic: DISCRIMINATIVE },
    { name: "made of the CoT critic", critic: GENERATIVE },
  ] as const;
  const lines = rows.map((row): Row & { readonly critic: string } => {
    const { estimate: x, low, high } = row.scores.r2.mean;
    const isSame = row.size === "" || row.size === base;
    const { critic } = controlOf(row.control);
    return {
      category: isSame ? row.title : `${row.title} (${row.size})`,
      critic: critic.startsWith(GENERATIVE) ? GENERATIVE : DISCRIMINATIVE,
      x,
      low,
      high,
    };
  });
  const headings = rows.map((row): Row[] =>
    row.objection !== null && isFirst(rows, row)
      ? [{ category: `“${row.objection}”`, x: null }]
      : []
  );
  const series = kinds.map(({ name, critic }): Series => ({
    kind: "rows",
    name,
    critic,
    // Every series lists every line, so that the lines keep their order.
    rows: lines.flatMap(({ critic: own, ...line }, i) => [
      ...headings[i]!,
      own === critic ? line : { category: line.category, x: null },
    ]),
  }));
  const references = rows.flatMap(({ objection, base: size, scores }) =>
    objection === null && size === base
      ? [{ axis: "x", value: scores.r2.mean.estimate!, label: "" } as const]
      : []
  );
  return figure({
    title: "What closes the gap between the discriminative and the CoT critic?",
    subtitle: `Mean over up to ${seeds} seeds with 95% interval (Student's t). Dashed: ` +
      `the two critics at ${base}, the size where no other is given.`,
    x: { title: "r2 against the exact value (0 = always predicting the mean)" },
    y: { title: "" },
    series,
    references,
    width: 900,
  });
}

const LENGTH_PANELS = [
  { panel: "r2", metric: "r2" },
  { panel: "ranking accuracy", metric: "rankingAccuracy" },
  { panel: "chains right as taught", metric: "traceAccuracy" },
] as const;

/** Accuracy against the tokens that the CoT critic writes, where products are left out of its chain. */
export function lengthFigure({ lengths, seeds }: ControlsSummary): Figure {
  return figure({
    title: "Accuracy against the length of the chain of thought",
    subtitle: `The CoT critic with ${
      [...new Set(lengths.map(({ kept }) => `${100 * kept}%`))].join(", ")
    } of the products in its chain. Mean over up to ${seeds} seeds; bands are 95% intervals (Student's t).`,
    x: { title: "tokens written, mean" },
    y: { title: "score" },
    series: LENGTH_PANELS.flatMap(({ metric, panel }): Series[] =>
      [...Map.groupBy(lengths, ({ base }) => base)].flatMap(([base, rows]) => {
        const points = rows.flatMap(({ kept, scores, tokens }) => {
          const of = scores[metric];
          return of && tokens !== null
            ? [intervalPoint(tokens, of.mean, `${100 * kept}% of the products`)]
            : [];
        });
        const line = { kind: "line", critic: GENERATIVE, name: `CoT critic, ${base}` } as const;
        return points.length > 0 ? [{ ...line, panel, points }] : [];
      })
    ),
    columns: 3,
    width: 960,
  });
}

/** What was run, in words and numbers, from the configuration. */
export function settingsTable(config: ControlsConfig): Displayable {
  const { abelian, moreData, runs, shortWords, sweep, testStates } = config;
  const critics = [["discriminative", DISCRIMINATIVE], ["cot", GENERATIVE]] as const;
  const has = (control: string) => runs.some((run) => run.control === control);
  return tableOfSettings([
    ...supervisedSettings({
      ...config,
      runs: critics.map(([control, critic]) => ({
        critic,
        sizes: runs.find((run) => run.control === control)!.sizes,
      })),
    }),
    [
      "controls",
      Object.keys(controls).flatMap((name) => {
        const run = runs.find(({ control }) => control === name);
        if (!run || controlOf(run.control).objection === null) return [];
        const limit = run.seeds === undefined ? "" : `, ${run.seeds} seeds`;
        return [`${name} (${run.sizes.map(sizeName).join(", ")}${limit})`];
      }).join("; "),
    ],
    ...has("more-data") ? [["more data", `${moreData} times the steps`] as const] : [],
    ...has("learning-rate")
      ? [
        [
          "learning rates",
          `${sweep.factors.join(", ")} times the chosen one; tuning seeds ${
            sweep.seeds.join(", ")
          }`,
        ] as const,
      ]
      : [],
    ...has("abelian")
      ? [
        ["abelian group", `${abelian.group}, generators ${abelian.generators.join(", ")}`] as const,
      ]
      : [],
    ...has("short-words")
      ? [
        [
          "shorter words",
          `${shortWords.minLength} to ${shortWords.maxLength} generators`,
        ] as const,
      ]
      : [],
    ["test set", `${testStates} states, the same for all runs, with words held out by hash`],
    ERROR_SETTING,
  ]);
}

const CONTROL_COLUMNS = [
  { title: "control", cell: (row: ControlRow) => row.title },
  { title: "size", cell: (row: ControlRow) => row.size },
];

/** Everything else of every control. */
export function scoresTable({ rows }: ControlsSummary): Displayable {
  const column = scoreColumns(({ scores }: ControlRow) => scores);
  return table({
    caption: "Other scores: mean over seeds with 95% interval (Student's t)",
    rows,
    columns: [
      ...CONTROL_COLUMNS,
      { title: "parameters", cell: (row) => row.parameters },
      { title: "training FLOPs", cell: (row) => row.trainingFlops },
      { title: "tokens written", cell: (row) => row.tokens, decimals: 1 },
      column("RMSE", "rmse", 3, "interval"),
      column("ranking accuracy", "rankingAccuracy", 2, "interval"),
      column("parse rate", "parseRate", 2),
      column("chains as taught", "traceAccuracy", 2),
    ],
  });
}

/** Every run's raw score: r2 by seed. */
export function rawScoresTable({ rows }: ControlsSummary, { seeds }: ControlsConfig): Displayable {
  return rawTable({
    caption: "r2, every seed",
    rows,
    columns: CONTROL_COLUMNS,
    seeds,
    scores: (row) => row.scores.r2.scores,
  });
}

/** The search for learning rates; the rate that is reported in bold. */
export function searchTable({ search }: ControlsSummary): Displayable {
  return ratesTable(
    {
      caption: "Learning rates of the discriminative critic on tuning seeds, the best in bold",
      rows: search,
      columns: [{ title: "size", cell: (row) => row.size }],
    },
    "r2",
    (row) => row.r2,
  );
}
