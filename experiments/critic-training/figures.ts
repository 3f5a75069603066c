/** The figures and tables of the report; each a function of the summary, or of the configuration. */
import { mean } from "../../lib/numeric/sums.ts";
import { type Figure, figure, type LineSeries } from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { plainStyle, type SeriesStyle, variant } from "../../lib/report/theme.ts";
import { sizeName } from "../shared/config.ts";
import { environmentSetting, ERROR_SETTING, tableOfSettings } from "../shared/settings.ts";
import { rawScoresTable as rawTable, searchTable as ratesTable } from "../shared/tables.ts";
import type { CriticTrainingConfig, Start } from "./config.ts";
import type { Metric } from "./snapshot.ts";
import { isReinforce, RECIPE_NAMES, type RecipeName, RECIPES } from "./recipes.ts";
import {
  bestRecipe,
  collapseText,
  type CriticTrainingSummary,
  type RunRow,
  type SearchRow,
  type SeedScores,
} from "./summary.ts";

const REINFORCE = RECIPE_NAMES.filter(isReinforce);
const MONTE_CARLO = RECIPE_NAMES.filter((name) => !isReinforce(name));

/** A recipe looks the same in every figure; those of Monte Carlo share a colour and have open markers. */
const STYLES: Readonly<Record<string, SeriesStyle>> = Object.fromEntries([
  ...REINFORCE.map((name, i) => [name, plainStyle(i)]),
  ...MONTE_CARLO.map((name, i) => [name, { ...variant(plainStyle(7), i), open: true }]),
]);

const AXES: Readonly<Record<Metric, { readonly title: string; readonly y: string }>> = {
  reward: { title: "Reward", y: "mean reward, sampled responses" },
  rmse: { title: "Error", y: "RMSE of the emitted integer" },
  expectationRmse: { title: "Error", y: "RMSE of the expectation" },
  rankingAccuracy: { title: "Ranking", y: "ranking accuracy" },
  parseRate: { title: "Answers", y: "parsed responses" },
  traceAccuracy: { title: "Chain of thought", y: "chains right in every token" },
  tokenAccuracy: { title: "Chain of thought", y: "right tokens" },
  valueSpread: { title: "Spread of the answers", y: "standard deviation of the integers" },
  kl: { title: "KL to the SFT critic", y: "nats per response" },
};

function seedsText({ seeds }: CriticTrainingSummary): string {
  return `Lines: mean over ${seeds} seeds; bands: from the lowest to the highest seed.`;
}

function line(row: RunRow, metric: Metric, panel: string): LineSeries {
  return {
    kind: "line",
    name: row.title,
    style: STYLES[row.recipe]!,
    panel,
    points: row.curves[metric].map(({ step, mean, low, high }) => ({
      x: step,
      y: mean,
      low,
      high,
    })),
  };
}

function rowsOf({ rows }: CriticTrainingSummary, recipes: readonly RecipeName[]): RunRow[] {
  return rows.filter((row) => recipes.includes(row.recipe));
}

/** A metric over training with REINFORCE, a panel per start. */
export function reinforceFigure(summary: CriticTrainingSummary, metric: Metric): Figure {
  const { title, y } = AXES[metric];
  const spread = { axis: "y" as const, value: summary.exactSpread };
  return figure({
    title: `${title} over training with REINFORCE`,
    subtitle: seedsText(summary),
    x: { title: "training step" },
    y: { title: y, ...metric === "reward" || metric === "kl" ? {} : { min: 0 } },
    series: rowsOf(summary, REINFORCE).map((row) => line(row, metric, `${row.start} start`)),
    references: metric === "rmse"
      ? [{ ...spread, label: "predicting the mean" }]
      : metric === "valueSpread"
      ? [{ ...spread, label: "of the exact values" }]
      : [],
    columns: 3,
    width: 960,
  });
}

/** Error of the expectation with supervised Monte Carlo, and with the best REINFORCE. */
export function monteCarloFigure(summary: CriticTrainingSummary): Figure {
  const best = bestRecipe(summary, "reinforce");
  const rows = rowsOf(summary, [...MONTE_CARLO, ...best ? [best.recipe] : []]);
  return figure({
    title: "Supervised Monte Carlo on the same states and outcomes",
    subtitle: seedsText(summary),
    x: { title: "training step" },
    y: { title: "RMSE of the expectation", min: 0 },
    series: rows.map((row) => line(row, "expectationRmse", `${row.start} start`)),
    references: [{ axis: "y", value: summary.exactSpread, label: "predicting the mean" }],
    columns: 3,
    width: 960,
  });
}

/** The search for learning rates: the error at the end from each start, and what decides, the mean over starts. */
export function searchTable({ search, starts }: CriticTrainingSummary): Displayable {
  return ratesTable(
    {
      caption:
        "The search for learning rates on tuning seeds: RMSE at the end, of the integer for " +
        "REINFORCE and of the expectation for Monte Carlo; the chosen rates in bold",
      rows: search,
      columns: [
        { title: "recipe", cell: (row) => row.title },
        ...starts.map(({ start }) => ({
          title: `${start} start`,
          decimals: 3,
          cell: (row: SearchRow) => row.starts.find((s) => s.start === start)?.after,
        })),
      ],
    },
    "mean",
    (row) => row.error,
    3,
  );
}

/** Every run of REINFORCE, seed by seed: what its reward did against what its chain of thought did. */
export function alarmFigure(summary: CriticTrainingSummary): Figure {
  const change = (row: RunRow, metric: Metric, i: number) =>
    row.scores[metric][i]! -
    summary.starts.find((s) => s.start === row.start)!.scores[metric][i]!;
  const rows = summary.rows.filter((row) => isReinforce(row.recipe));
  return figure({
    title: "Chain of thought against reward, every run of REINFORCE",
    subtitle: "A point is one seed. Lower right: the reward rose while the " +
      "chain of thought broke.",
    x: { title: "change of the reward" },
    y: { title: "change of the fraction of right chains" },
    series: rows.map((row) => ({
      kind: "scatter" as const,
      name: row.title,
      style: STYLES[row.recipe]!,
      panel: `${row.start} start`,
      points: row.scores.reward.map((_, i) => ({
        x: change(row, "reward", i),
        y: change(row, "traceAccuracy", i),
        label: `learning rate ${row.learningRate}`,
      })),
    })),
    references: [
      { axis: "x", value: 0, label: "" },
      { axis: "y", value: 0, label: "" },
    ],
    columns: 3,
    width: 960,
  });
}

/** What was run, in words and numbers, from the configuration. */
export function settingsTable(config: CriticTrainingConfig): Displayable {
  const { actor, environment, search, seeds, staleActor, size } = config;
  return tableOfSettings([
    environmentSetting(environment),
    [
      "judged actor",
      `a program: with probability ${actor.epsilon} a uniform move, else one that shortens the distance`,
    ],
    [
      "critic",
      `writes a chain of thought and an integer from 0 to 10; ${sizeName(size)}, SFT at rate ` +
      `${size.learningRate} on up to ${config.sftSteps} batches of ${config.sftBatchSize} states ` +
      "with exact values and true chains",
    ],
    ["calibrated start", "SFT to the end on the judged actor's values"],
    [
      "stale start",
      `SFT to the end on the values of an actor with probability ${staleActor.epsilon}`,
    ],
    ["weak start", `SFT stopped as soon as the loss of a batch is below ${config.weakLoss}`],
    [
      "training",
      `${config.steps} steps of ${config.prompts} states with ${config.responses} responses or ` +
      `rollouts each, AdamW, constant rate after warm-up; seeds ${seeds.join(", ")}`,
    ],
    [
      "learning rates",
      search
        ? `one per recipe, the same from every start: the lowest error averaged over the starts on ` +
          `tuning seeds ${search.seeds.join(", ")}, compared with its neighbours among ` +
          search.rates.join(", ")
        : "one per recipe, as in the configuration; this profile has no search",
    ],
    [
      "evaluation",
      `${config.testStates} held-out states every ${config.evaluateEvery} steps, greedy; the reward ` +
      "of one sampled response to each, exact over outcomes",
    ],
    ERROR_SETTING,
  ]);
}

/** The recipes, and what they are. */
export function recipesTable(config: CriticTrainingConfig): Displayable {
  const describe = (name: RecipeName) => {
    const { kind, choices } = RECIPES[name].algorithm(config);
    if (kind === "monte-carlo") {
      return `cross-entropy of the value token against ` +
        (choices.target === "mean" ? "the mean of the K outcomes" : "each outcome, 0 or 10") +
        ", after " + {
        own: "a response of its own, which is not trained on",
        reference: "the greedy chain of the SFT critic, which is trained on too",
        labels: "the true chain, which is trained on too",
      }[choices.trace];
    }
    const { baseline, credit, klCoefficient, klTokens } = choices;
    return [
      baseline === "raw" ? "no baseline (the paper's Algorithm 1)" : `baseline ${baseline}`,
      ...klCoefficient > 0
        ? [
          `KL to the SFT critic x ${klCoefficient}` +
          (klTokens === "trace" ? " on all tokens but the value" : ""),
        ]
        : [],
      ...credit === "value" ? ["reward credited to the value token"] : [],
    ].join("; ");
  };
  return table({
    rows: config.recipes,
    columns: [
      { title: "recipe", cell: ({ name }) => RECIPES[name].title },
      { title: "what it is", cell: ({ name }) => describe(name) },
      { title: "rate", cell: ({ learningRate }) => learningRate },
    ],
  });
}

/** All scores from one start: SFT only, then every recipe. */
export function scoresTable(summary: CriticTrainingSummary, start: Start): Displayable {
  const begin = summary.starts.find((row) => row.start === start)!;
  const average = ({ scores }: { scores: SeedScores }, metric: Metric) => mean(scores[metric]);
  const rows = [
    { ...begin, title: "SFT only", learningRate: null, lastFall: null, collapsed: "" },
    ...summary.rows.filter((row) => row.start === start)
      .map((row) => ({ ...row, collapsed: collapseText(row) })),
  ];
  return table({
    caption: `${start} start, after ${summary.steps} steps: mean over ` +
      `${summary.seeds} seeds, errors with Student's 95% interval; fall: of the error (the integer's for ` +
      "REINFORCE, the expectation's for Monte Carlo) over the last fifth of training, 0 at a plateau",
    rows,
    columns: [
      { title: "recipe", cell: (row) => row.title },
      { title: "rate", cell: (row) => row.learningRate ?? "" },
      { title: "RMSE integer", cell: (row) => row.errors.rmse, decimals: 3 },
      { title: "RMSE expectation", cell: (row) => row.errors.expectationRmse, decimals: 3 },
      { title: "fall", cell: (row) => row.lastFall?.estimate, decimals: 3 },
      { title: "ranking", cell: (row) => average(row, "rankingAccuracy"), decimals: 2 },
      { title: "right chains", cell: (row) => average(row, "traceAccuracy"), decimals: 2 },
      { title: "right tokens", cell: (row) => average(row, "tokenAccuracy"), decimals: 2 },
      { title: "parsed", cell: (row) => average(row, "parseRate"), decimals: 2 },
      { title: "spread", cell: (row) => average(row, "valueSpread"), decimals: 2 },
      { title: "reward", cell: (row) => average(row, "reward"), decimals: 3 },
      { title: "KL", unit: "nats", cell: (row) => average(row, "kl"), decimals: 1 },
      { title: "collapsed seeds", cell: (row) => row.collapsed },
    ],
  });
}

/** The recipes in order of their error over all starts. */
export function rankingTable(summary: CriticTrainingSummary): Displayable {
  const { ranking, untrained } = summary;
  const rows = [
    ...ranking.map((r) => ({ ...r, worst: `${r.worst.toFixed(3)} (${r.worstStart})` })),
    { title: "SFT only", learningRate: null, error: untrained, worst: "", recipe: null },
  ];
  const best = bestRecipe(summary, "reinforce");
  return table({
    caption:
      "RMSE of the expectation, mean over the starts, with Student's 95% interval over seeds; the " +
      "best recipe of REINFORCE in bold",
    rows: rows.toSorted((a, b) => a.error.estimate - b.error.estimate),
    emphasize: (row) => row.recipe === best?.recipe,
    columns: [
      { title: "recipe", cell: (row) => row.title },
      { title: "rate", cell: (row) => row.learningRate ?? "" },
      { title: "RMSE expectation", cell: (row) => row.error, decimals: 3 },
      { title: "at its worst start", cell: (row) => row.worst },
    ],
  });
}

/** Every seed's error of the emitted integer at the end. */
export function rawScoresTable(
  { rows }: CriticTrainingSummary,
  { seeds }: CriticTrainingConfig,
): Displayable {
  return rawTable({
    caption: "RMSE of the emitted integer at the end, every seed",
    rows,
    columns: [
      { title: "start", cell: (row) => row.start },
      { title: "recipe", cell: (row) => row.title },
      { title: "rate", cell: (row) => row.learningRate },
    ],
    seeds,
    scores: (row) => row.scores.rmse,
  });
}
