/** The figures and tables of the report; each a function of the summary and the configuration. */
import { type Figure, figure, intervalPoint, type Series } from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { criticStyle, plainStyle, type SeriesStyle, variant } from "../../lib/report/theme.ts";
import { textCriticKinds } from "../../lib/text_models/text_critic.ts";
import { TEXT_METHODS } from "../../lib/text_models/train_text_actor.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { ERROR_SETTING, searchSetting, tableOfSettings } from "../shared/settings.ts";
import { overSeeds } from "../shared/size_figures.ts";
import {
  rawScoresTable as rawTable,
  scoreColumns,
  searchTable as ratesTable,
} from "../shared/tables.ts";
import type { LlmConfig } from "./config.ts";
import { type RunName, valueRun } from "./runs.ts";
import {
  errorOf,
  type LlmSummary,
  type MethodRow,
  type SizeRow,
  type ValueRow,
} from "./summary.ts";

const INTERVAL = "95% interval (Student's t)";

/** A run's look: that of its kind of critic in the kit's other figures, told apart by dash and marker. */
function styleOf(run: RunName, runs: readonly RunName[]): SeriesStyle {
  const { critic } = valueRun(run);
  if (critic === null) return plainStyle(0);
  const kind = critic === "head" ? DISCRIMINATIVE : critic === "chain" ? GENERATIVE : "one-shot";
  const alike = runs.filter((other) => valueRun(other).critic === critic);
  return variant(criticStyle(kind), alike.indexOf(run));
}

function isReadAsMean(rows: readonly ValueRow[]): boolean {
  return rows.some(({ scores }) => scores.expectationRmse !== null);
}

/** RMSE of every critic on every test set, a panel a set. */
export function errorFigure(summary: LlmSummary): Figure {
  const { values } = summary;
  const runs = [...new Set(values.map(({ run }) => run))];
  const models = new Set(values.map(({ model }) => model)).size;
  return figure({
    title: "Error of critics that are a pretrained language model",
    subtitle: `${overSeeds(summary, "bars")}${
      isReadAsMean(values)
        ? " Critics that answer at once or learn from outcomes are read as the mean over answers."
        : ""
    }`,
    x: { title: "RMSE against the exact value", min: 0 },
    y: { title: "" },
    series: [...Map.groupBy(values, ({ run, set }) => `${run} ${set}`).values()].map(
      (rows): Series => {
        const { run, set, title } = rows[0]!;
        return {
          kind: "rows",
          name: title,
          style: styleOf(run, runs),
          panel: set,
          // Every series lists every line, so that the lines keep their order.
          rows: values.filter((row) => row.set === set).map((row) => {
            const { estimate, low, high } = errorOf(row.scores).mean;
            const category = models === 1 ? row.title : `${row.title}, ${row.model}`;
            return row.run === run ? { category, x: estimate, low, high } : { category, x: null };
          }),
        };
      },
    ),
    columns: 1,
    width: 860,
  });
}

/** RMSE of critics by the pretrained model's size, a panel a test set. */
export function sizeFigure({ sizes }: LlmSummary): Figure {
  const runs = [...new Set(sizes.map(({ run }) => run))];
  const seeds = errorOf(sizes[0]!.scores).scores.length;
  return figure({
    title: "Error by the size of the pretrained model",
    subtitle: overSeeds({ seeds }, "bars"),
    x: { title: "weights of the pretrained model", scale: "log" },
    y: { title: "RMSE against the exact value", min: 0 },
    series: [...Map.groupBy(sizes, ({ run, set }) => `${run} ${set}`).values()].map(
      (rows): Series => {
        const { run, set, title } = rows[0]!;
        return {
          kind: "line",
          name: title,
          style: styleOf(run, runs),
          panel: set,
          interval: "bars",
          points: rows.toSorted((a, b) => a.weights - b.weights).map(({ model, scores, weights }) =>
            intervalPoint(weights, errorOf(scores).mean, model)
          ),
        };
      },
    ),
  });
}

/** Every critic from every pretrained model, on the seeds that all have. */
export function sizesTable({ sizes }: LlmSummary): Displayable {
  const column = scoreColumns(({ scores }: SizeRow) => scores);
  return table({
    caption:
      `From pretrained models of different sizes, on the seeds that all have, with ${INTERVAL}`,
    rows: sizes,
    columns: [
      { title: "model", cell: (row) => row.model },
      { title: "weights", cell: (row) => row.weights, decimals: 0 },
      { title: "critic", cell: (row) => row.title },
      { title: "on", cell: (row) => row.set },
      { title: "RMSE", cell: (row) => errorOf(row.scores).mean, decimals: 3 },
      column("r2", "r2", 2, "interval"),
      column("ranking accuracy", "rankingAccuracy", 2),
      column("right chains", "traceAccuracy", 2),
      column("parse rate", "parseRate", 2),
    ],
  });
}

/** RMSE of critics of several actors by the actor, told its success rate or not, a panel a model. */
export function conditioningFigure(summary: LlmSummary): Figure {
  const { conditioning } = summary;
  const lines = Map.groupBy(
    conditioning,
    ({ critic, model, told }) => `${model} ${critic} ${told}`,
  );
  const seen = new Set(conditioning.filter(({ seen }) => seen).map(({ epsilon }) => epsilon));
  return figure({
    title: "Critics of several actors, told how often the actor succeeds or not",
    subtitle: `${overSeeds(summary, "bars")} Vertical lines: actors seen in training.`,
    x: { title: "the actor's epsilon: how often it errs where it may", min: 0, max: 1 },
    y: { title: "RMSE against the exact value", min: 0 },
    series: [...lines.values()].map((rows): Series => {
      const { critic, model, told } = rows[0]!;
      return {
        kind: "line",
        name: `${textCriticKinds[critic].title}, ${told ? "told" : "not told"}`,
        style: variant(criticStyle(critic === "head" ? DISCRIMINATIVE : GENERATIVE), told ? 0 : 1),
        panel: model,
        interval: "bars",
        points: rows.toSorted((a, b) => a.epsilon - b.epsilon).map(({ epsilon, scores }) =>
          intervalPoint(epsilon, scores.rmse.mean)
        ),
      };
    }),
    references: [...seen].map((value) => ({ axis: "x" as const, value, label: "" })),
  });
}

/** The search for learning rates; the chosen rate of each critic in bold. */
export function searchTable({ search }: LlmSummary): Displayable {
  return ratesTable(
    {
      caption:
        "Learning-rate search on tuning seeds: RMSE in distribution, the chosen rate in bold",
      rows: search,
      columns: [
        { title: "model", cell: (row) => row.model },
        { title: "critic", cell: (row) => row.title },
      ],
    },
    "RMSE",
    (row) => row.rmse,
  );
}

/** How many seeds RL was run with, which may be fewer than the critics'. */
const seedsOf = ({ rl }: LlmSummary) => rl[0]!.meanSuccess.scores.length;

function styleOfMethod({ method }: MethodRow): SeriesStyle {
  return method === "oracle" ? criticStyle("oracle") : plainStyle(TEXT_METHODS.indexOf(method));
}

/** Cosines of every method's policy gradients before RL and the oracle's, a panel a model; null where they were not compared. */
export function gradientFigure(summary: LlmSummary): Figure | null {
  const rows = summary.rl.filter(({ gradient }) => gradient !== null);
  if (rows.length === 0) return null;
  return figure({
    title: "Policy gradients before RL, on the same responses",
    subtitle: overSeeds({ seeds: seedsOf(summary) }, "bars"),
    x: { title: "cosine of one batch's gradient and the oracle's mean over other batches" },
    y: { title: "" },
    series: rows.map((row): Series => ({
      kind: "rows",
      name: row.title,
      style: styleOfMethod(row),
      panel: row.model,
      // Every series lists every line, so that the lines keep their order.
      rows: rows.filter(({ model }) => model === row.model).map((other) => {
        const { estimate, low, high } = other.gradient!.cosine.mean, category = other.title;
        return other === row ? { category, x: estimate, low, high } : { category, x: null };
      }),
    })),
    columns: 1,
    width: 860,
  });
}

/** Success over training by RL, a panel a model. */
export function successFigure(summary: LlmSummary): Figure {
  return figure({
    title: "Success of the actor over RL",
    subtitle: `Exact, on held-out problems. ${overSeeds({ seeds: seedsOf(summary) })}`,
    x: { title: "iterations" },
    y: { title: "success" },
    series: summary.rl.map((row): Series => ({
      kind: "line",
      name: row.title,
      style: styleOfMethod(row),
      panel: row.model,
      points: row.success.map(({ mean: { estimate, low, high } }, k) => ({
        x: row.iterations[k]!,
        y: estimate,
        low,
        high,
      })),
    })),
  });
}

/** Which run a row is of. A single model is named by the settings. */
function runColumns(rows: readonly ValueRow[]) {
  const models = new Set(rows.map(({ model }) => model)).size;
  return [
    ...models > 1 ? [{ title: "model", cell: (row: ValueRow) => row.model }] : [],
    { title: "critic", cell: (row: ValueRow) => row.title },
    { title: "on", cell: (row: ValueRow) => row.set },
  ];
}

/** Every critic on every test set. */
export function valuesTable({ values }: LlmSummary): Displayable {
  const column = scoreColumns(({ scores }: ValueRow) => scores);
  return table({
    caption:
      `Mean over seeds with ${INTERVAL}; “mean predictor”: RMSE of always predicting the mean`,
    rows: values,
    columns: [
      ...runColumns(values),
      { title: "states", cell: (row) => row.trainingStates, decimals: 0 },
      { title: "training tokens", cell: (row) => row.trainingTokens, decimals: 0 },
      column("RMSE", "rmse", 3, "interval"),
      { title: "mean predictor", cell: (row) => row.scores.meanPredictorRmse, decimals: 3 },
      column("r2", "r2", 2, "interval"),
      column("ranking accuracy", "rankingAccuracy", 2),
      column("right chains", "traceAccuracy", 2),
      column("parse rate", "parseRate", 2),
      ...isReadAsMean(values)
        ? [column("RMSE of the mean over answers", "expectationRmse", 3)]
        : [],
      { title: "tokens an answer", cell: (row) => row.answerTokens, decimals: 1 },
    ],
  });
}

/** Critics of several actors, told their success rates or not. */
export function conditioningTable({ conditioning }: LlmSummary): Displayable {
  return table({
    caption:
      `Critics of several actors at once: RMSE on the states of each, mean over seeds with ${INTERVAL}`,
    rows: conditioning,
    columns: [
      { title: "model", cell: (row) => row.model },
      {
        title: "critic",
        cell: (row) => textCriticKinds[row.critic].title,
      },
      { title: "success rate", cell: (row) => row.told ? "told" : "not told" },
      { title: "actor's epsilon", cell: (row) => row.epsilon },
      { title: "in training", cell: (row) => row.seen ? "yes" : "no" },
      { title: "RMSE", cell: (row) => row.scores.rmse.mean, decimals: 3 },
      { title: "mean predictor", cell: (row) => row.scores.meanPredictorRmse, decimals: 3 },
      {
        title: "right chains",
        cell: (row) => row.scores.traceAccuracy?.mean.estimate ?? "",
        decimals: 2,
        align: "right",
      },
    ],
  });
}

/** Every method of RL, with its critic's error before it. */
export function methodsTable(summary: LlmSummary): Displayable {
  return table({
    caption: `RL from one checkpoint: mean over ${seedsOf(summary)} seeds with ${INTERVAL}`,
    rows: summary.rl,
    columns: [
      { title: "model", cell: (row: MethodRow) => row.model },
      { title: "method", cell: (row) => row.title },
      {
        title: "cosine of its gradient and the oracle's",
        cell: (row) => row.gradient?.cosine.mean ?? "",
        decimals: 3,
        align: "right",
      },
      { title: "success at first", cell: (row) => row.success[0]!.mean, decimals: 3 },
      { title: "mean over training", cell: (row) => row.meanSuccess.mean, decimals: 3 },
      { title: "at the end", cell: (row) => row.finalSuccess.mean, decimals: 3 },
      {
        title: "critic's RMSE before RL",
        cell: (row) => row.critic?.rmse.mean ?? "",
        decimals: 3,
        align: "right",
      },
      {
        title: "critic's value, successes less failures",
        cell: (row) => row.valueSeparation?.mean ?? "",
        decimals: 2,
        align: "right",
      },
      {
        title: "tokens, preparation included",
        cell: (row) => row.tokens.mean.estimate,
        decimals: 0,
      },
    ],
  });
}

/** Every run's raw score: RMSE by seed. */
export function rawScoresTable({ values }: LlmSummary, { seeds }: LlmConfig): Displayable {
  return rawTable({
    caption: "RMSE, every seed",
    rows: values,
    columns: runColumns(values),
    seeds,
    scores: (row) => errorOf(row.scores).scores,
  });
}

/** What was run, in words and numbers, from the configuration. */
export function settingsTable(config: LlmConfig): Displayable {
  const { actor, conditioning, lora, rl, sizes, task } = config;
  return tableOfSettings([
    ["models", `${config.models.join(", ")}; weights stored as ${config.storage}`],
    ["trained", `LoRA of rank ${lora.rank}, alpha ${lora.alpha}, all projections; heads`],
    [
      "task",
      `running sums of ${task.minLength} to ${task.maxLength} addends; tests on ${
        config.longer.join(", ")
      } addends, too`,
    ],
    ["actor", `one too many with probability ${actor.epsilon} after 7, 8 and 9`],
    [
      "training",
      `${config.states} states in batches of ${config.batchSize}, AdamW with warm-up and cosine, rate ${config.learningRate} ` +
      `(value heads trained for longer: ${config.longLearningRate}); seeds ${
        config.seeds.join(", ")
      }`,
    ],
    ...sizes
      ? [
        [
          "other sizes",
          `${sizes.models.join(", ")}: ${
            sizes.runs.map((run) => valueRun(run).title).join("; ")
          }; ` +
          `the first ${sizes.seeds} seeds only`,
        ] as const,
      ]
      : [],
    ...conditioning
      ? [
        [
          "conditioning",
          `actors of epsilon ${
            conditioning.epsilons.join(", ")
          }; unseen: ${conditioning.unseen}; rates from ${conditioning.episodes} episodes`,
        ] as const,
      ]
      : [],
    ...rl
      ? [
        [
          "RL",
          `${rl.task.minLength} to ${rl.task.maxLength} addends; ${rl.training.iterations} iterations of ` +
          `${rl.training.problems} problems with ${rl.training.responses} responses, rate ` +
          `${rl.training.learningRate}; actor taught ${rl.demonstrations} demonstrations of epsilon ` +
          `${rl.actor.epsilon}, critics ${rl.criticStates} states of epsilon ` +
          rl.conditioning.epsilons.join(", ") +
          (rl.seeds === undefined ? "" : `; the first ${rl.seeds} seeds only`),
        ] as const,
      ]
      : [],
    [
      "test set",
      `${config.testStates} states a set, the same for all runs, of sums held out by hash`,
    ],
    searchSetting(config.search),
    ERROR_SETTING,
  ]);
}
