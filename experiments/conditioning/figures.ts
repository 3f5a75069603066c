/** The figures and tables of the report; each a function of the summary alone. */
import type { CalibrationBin } from "../../lib/eval/calibration.ts";
import { calibrationFigure } from "../../lib/report/calibration_figure.ts";
import { type Figure, figure, intervalPoint, type Series } from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { type Column, table } from "../../lib/report/table.ts";
import { criticLabel, plainStyle, type SeriesStyle } from "../../lib/report/theme.ts";
import type { Run } from "../../lib/run/run.ts";
import { sizeName } from "../shared/config.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import type { Scores } from "../shared/scores.ts";
import {
  environmentSetting,
  ERROR_SETTING,
  searchSetting,
  type Setting,
  tableOfSettings,
  trainingSetting,
} from "../shared/settings.ts";
import { rawScoresTable, searchTable as ratesTable } from "../shared/tables.ts";
import type { ConditioningCell, ConditioningMetrics } from "./cell.ts";
import type { ConditioningConfig } from "./config.ts";
import { conditionedEnvironment, contextKind, type ContextName, contexts } from "./contexts.ts";
import { GROUPS, type Telling, TELLINGS } from "./critic_report.ts";
import { ActorStates, type Labelled, rateTelling } from "./states.ts";
import { type Behaviour, BEHAVIOURS, KNOWN, type MatchedActor, matchedActors } from "./transfer.ts";
import {
  type Band,
  type ConditioningRow,
  type ConditioningSummary,
  type DriftScores,
  type Gain,
  type Measure,
  MEASURES,
  modelTitle,
} from "./summary.ts";

/** A finished run of this experiment. */
export type ConditioningRun = Run<
  ConditioningConfig,
  ConditioningCell,
  ConditioningMetrics,
  ConditioningSummary
>;

/** Panels name critics, so lines name contexts. */
const LOOKS: Readonly<Record<ContextName, SeriesStyle>> = {
  none: plainStyle(3),
  rate: plainStyle(0),
  outcomes: plainStyle(2),
  "rate+outcomes": plainStyle(1),
  examples: plainStyle(4),
};

/** Rows of the main critics at the size that has most contexts, which figures show. */
function shownRows({ rows }: ConditioningSummary): ConditioningRow[] {
  const main = rows.filter(({ critic }) => critic === DISCRIMINATIVE || critic === GENERATIVE);
  const bySize = [...Map.groupBy(main, ({ size }) => size).values()];
  return bySize.reduce((a, b) => b.length > a.length ? b : a);
}

function overSeeds(summary: ConditioningSummary, spread: string): string {
  const { size } = shownRows(summary)[0]!;
  return `${size}; mean over ${summary.seeds} seeds with ${spread}.`;
}

const RANGE = "bands from the lowest to the highest one";
const INTERVAL = "Student's t 95% intervals";

function isDrawnTelling(row: ConditioningRow, telling: Telling): boolean {
  // One line for the success rate's true course is enough.
  return telling === "smoothed" || row.response === null || row.context === "rate";
}

/** The lines of a quantity over iterations: one panel per critic, one line per context and telling. */
function overIterations(
  summary: ConditioningSummary,
  quantity: (drift: DriftScores) => Band,
): Series[] {
  return shownRows(summary).flatMap((row) =>
    TELLINGS.filter((telling) => row.drift[telling] && isDrawnTelling(row, telling))
      .map((telling): Series => {
        const { estimate, low, high } = quantity(row.drift[telling]!);
        const { title } = contexts[row.context];
        const isTrue = row.response !== null && telling === "current";
        return {
          kind: "line",
          name: row.response === null ? title : `${title}, ${isTrue ? "true" : "moving average"}`,
          style: { ...LOOKS[row.context], ...(isTrue ? { dash: [2, 2], open: true } : {}) },
          panel: modelTitle(row),
          points: estimate.map((y, i) => ({ x: i + 1, y, low: low[i]!, high: high[i]! })),
        };
      })
  );
}

/** "the actor's epsilon moves from 0.7 to 0.1". */
function course({ iterations }: ConditioningSummary): string {
  const [from, to] = [iterations[0]!, iterations.at(-1)!].map(({ epsilon }) => epsilon.toFixed(1));
  return `the actor's epsilon moves from ${from} to ${to}`;
}

const DRIFT_AXIS = { title: "iteration of the simulated training run" };

/** Mean predicted value along the drift, beside the exact one. */
export function driftFigure(summary: ConditioningSummary): Figure {
  const lines = overIterations(summary, (drift) => drift.meanPrediction);
  const exact = [...new Set(lines.map(({ panel }) => panel!))].map((panel): Series => ({
    kind: "line",
    critic: "oracle",
    name: "exact value",
    panel,
    points: summary.iterations.map(({ meanExact }, i) => ({ x: i + 1, y: meanExact })),
  }));
  return figure({
    title: `Mean value while ${course(summary)}`,
    subtitle: overSeeds(summary, RANGE),
    x: DRIFT_AXIS,
    y: { title: "mean value of the iteration's states", min: 0, max: 1 },
    series: [...exact, ...lines],
    columns: 3,
    width: 960,
  });
}

/** Mean signed error along the drift. */
export function biasFigure(summary: ConditioningSummary): Figure {
  return figure({
    title: `Bias while ${course(summary)}`,
    subtitle: `${overSeeds(summary, RANGE)} Above 0: values too high.`,
    x: DRIFT_AXIS,
    y: { title: "mean of predicted - exact value" },
    series: overIterations(summary, (drift) => drift.signedBias),
    references: [{ axis: "y", value: 0, label: "" }],
    columns: 3,
    width: 960,
  });
}

/** RMSE by the actor's epsilon, with and without context. */
export function errorByActorFigure(summary: ConditioningSummary): Figure {
  const { seen } = summary.actors;
  return figure({
    title: "Error by the actor's skill",
    subtitle: `${overSeeds(summary, INTERVAL)} Vertical lines: actors seen in training.`,
    x: { title: "epsilon of the actor: probability of a random move", min: 0, max: 1 },
    y: { title: "RMSE against the exact value", min: 0 },
    series: shownRows(summary).map((row) => ({
      kind: "line",
      name: contexts[row.context].title,
      style: LOOKS[row.context],
      panel: modelTitle(row),
      points: row.actors.toSorted((a, b) => a.epsilon - b.epsilon)
        .map(({ epsilon, rmse }) => intervalPoint(epsilon, rmse.mean)),
    })),
    references: seen.map((value) => ({ axis: "x" as const, value, label: "" })),
    columns: 3,
    width: 960,
  });
}

/** Mean value at the same states when other success rates are told. */
export function falseRateFigure(summary: ConditioningSummary): Figure {
  const rows = shownRows(summary).filter(({ context }) => context === "rate");
  const told = rows[0]!.response!.told;
  const believed: Series = {
    kind: "line",
    critic: "oracle",
    name: "exact, if what is told were true",
    points: told.map(({ rate, believed }) => ({ x: rate, y: believed })),
  };
  return figure({
    title: "A false success rate moves the value",
    subtitle: `The same states of all seen actors, told the success rate of one. ${
      overSeeds(summary, INTERVAL)
    }`,
    x: { title: "success rate that is told", min: 0, max: 1 },
    y: { title: "mean predicted value", min: 0, max: 1 },
    series: [
      believed,
      ...rows.map((row): Series => ({
        kind: "line",
        critic: row.critic,
        name: modelTitle(row),
        ...(row.readout === "value" ? {} : { style: { dash: [3, 3], open: true } }),
        points: row.response!.told.map(({ rate, meanPrediction }) =>
          intervalPoint(rate, meanPrediction)
        ),
      })),
    ],
  });
}

/** Where an actor errs, short enough for a tick. */
const PLACES: Readonly<Record<Behaviour, string>> = {
  "errs everywhere": "anywhere",
  "errs far from the goal": "far",
  "errs near the goal": "near",
};

/** RMSE on actors of the same success rate that err elsewhere, beside the known ones. */
export function transferFigure(summary: ConditioningSummary): Figure {
  const rows = shownRows(summary);
  const panels = [...new Set(rows.map(modelTitle))];
  const knownActor = panels.map((panel): Series => ({
    kind: "bars",
    critic: "oracle",
    name: "exact values of the known actors",
    panel,
    bars: rows[0]!.transfer.map(({ behaviour, knownActorRmse }) => ({
      category: PLACES[behaviour],
      y: behaviour === KNOWN ? null : knownActorRmse,
    })),
  }));
  return figure({
    title: "Actors of the same success rate that err elsewhere",
    subtitle: `${overSeeds(summary, INTERVAL)} Critics know actors that err everywhere.`,
    x: { title: "where the actor makes its random moves, by distance from the goal" },
    y: { title: "RMSE against exact value", min: 0 },
    series: [
      ...rows.map((row): Series => ({
        kind: "bars",
        name: contexts[row.context].title,
        style: LOOKS[row.context],
        panel: modelTitle(row),
        bars: row.transfer.map(({ behaviour, rmse }) => ({
          category: PLACES[behaviour],
          ...barOf(rmse),
        })),
      })),
      ...knownActor,
    ],
    columns: 3,
    width: 960,
  });
}

function barOf({ mean: { estimate, low, high } }: Scores) {
  return { y: estimate, low, high };
}

/** Predicted against exact value along the drift, as the critic would be used in training; first seed. */
export function driftCalibrationFigure(run: ConditioningRun): Figure {
  const seed = run.config.seeds[0]!;
  const series = shownRows(run.summary).map((row) => {
    const { critic, size, context, readout } = row;
    const id = `${critic}/${size}/${context}/seed${seed}`;
    const { readouts } = run.cells.find((cell) => cell.id === id)!.metrics;
    const { smoothed, current } = readouts[readout]!.drift;
    const bins: readonly CalibrationBin[] = (smoothed ?? current!).calibration;
    return { name: contexts[context].title, style: LOOKS[context], panel: modelTitle(row), bins };
  });
  return calibrationFigure({
    title: "Calibration along the drift",
    subtitle: `States of all iterations, seed ${seed}. A told success rate is the moving average.`,
    series,
    columns: 3,
  });
}

/** The contexts of a configuration's runs. */
function contextNames({ runs }: ConditioningConfig): ContextName[] {
  return [...new Set(runs.flatMap(({ contexts }) => contexts))];
}

/** What was run, in words and numbers, from the configuration. */
export function settingsTable(config: ConditioningConfig): Displayable {
  const { actors, drift, rateRollouts, sweep, transfer } = config;
  const kinds = contextNames(config).map(contextKind);
  const runs = config.runs.map(({ critic, contexts: own, sizes }) =>
    `${criticLabel(critic)} (${sizes.map(sizeName).join(", ")}): ` +
    own.map((name) => contexts[name].title).join(", ")
  );
  const rows: (Setting | false)[] = [
    environmentSetting(config.environment),
    [
      "actors",
      "programs: with probability epsilon a uniform move, else one that shortens the distance; epsilon " +
      `${actors.seen.join(", ")} mixed in training, ${actors.between.join(", ")} and ` +
      `${actors.beyond.join(", ")} in tests alone`,
    ],
    ["target", "the acting actor's exact probability of success, by dynamic programming"],
    ["critics and contexts", runs.join("; ")],
    [
      "success rate",
      `a token, in tenths; estimated from ${rateRollouts} rollouts on training problems, one of ` +
      `${config.rateEstimates} estimates for each state, so that training shows the noise of tests`,
    ],
    kinds.some((kind) => kind.outcomes) && [
      "recent outcomes",
      `${config.outcomes} tokens: the outcomes of the actor's episodes of the state's own problem`,
    ],
    kinds.some((kind) => kind.examples) && [
      "example episodes",
      `moves and outcome of ${config.examples} episodes of the state's own problem`,
    ],
    trainingSetting(config),
    searchSetting(sweep),
    [
      "tests",
      `${config.testStates} states for each epsilon, the same for all runs, with words held out by hash`,
    ],
    [
      "drift",
      `epsilon from ${drift.from} to ${drift.to} in ${drift.iterations} iterations; ${drift.rollouts} ` +
      `rollouts each, whose outcomes move the success rate that the next iteration is told (momentum ` +
      `${drift.momentum}; the paper gives none, 0.9 is the choice of a public re-implementation); ` +
      `critics are judged at ${drift.states} states each`,
    ],
    [
      "same rate, other behaviour",
      `for epsilon ${
        transfer.epsilons.join(", ")
      } an actor that moves at random only at distance ` +
      `${transfer.distance} or more from the goal, and one that does so only nearer to it, each as often ` +
      `as makes the success rates equal; ${transfer.states} states each, told the exact rate`,
    ],
    ERROR_SETTING,
  ];
  return tableOfSettings(rows.filter((row) => row !== false));
}

/** One prompt in every context that the configuration has; a line per context. */
export function promptsTable(config: ConditioningConfig): Displayable {
  return table({
    caption: "What the critic reads, for one state of the test set",
    rows: contextNames(config),
    columns: [
      { title: "context", cell: (name) => contexts[name].title },
      {
        title: "prompt",
        cell: (name) => {
          const environment = conditionedEnvironment(config.environment, name, config);
          const states = new ActorStates(environment, config.testSeed, rateTelling(config, name));
          const [{ state, context }] = states.draw({
            purpose: "conditioning/prompts",
            count: 1,
            split: "test",
            actor: () => ({ epsilon: config.actors.seen[0]! }),
          }) as [Labelled];
          return environment.vocabulary.render(environment.criticPrompt(state, context));
        },
      },
    ],
  });
}

const MODEL: readonly Column<ConditioningRow>[] = [
  { title: "critic", cell: modelTitle },
  { title: "size", cell: (row) => row.size },
  { title: "context", cell: (row) => contexts[row.context].title },
];

/** The same for tables that have several lines a row. */
function modelOfLine<Line extends { readonly row: ConditioningRow }>(): Column<Line>[] {
  return MODEL.map(({ title, cell }) => ({ title, cell: ({ row }) => cell(row) }));
}

/** Calibration along the drift; a line per critic, context and telling. */
export function driftTable({ rows, seeds }: ConditioningSummary): Displayable {
  const lines = rows.flatMap((row) =>
    TELLINGS.filter((telling) => row.drift[telling]).map((telling) => ({ row, telling }))
  );
  type Line = typeof lines[number];
  const drift = ({ row, telling }: Line) => row.drift[telling]!;
  return table({
    caption: `Along the drift: mean over ${seeds} seeds with Student's t 95% interval; ` +
      "ECE: expected calibration error of each quarter of the run, and their mean",
    rows: lines,
    columns: [
      ...modelOfLine<Line>(),
      {
        title: "told",
        cell: ({ row, telling }) =>
          row.response === null ? "" : telling === "current" ? "true rate" : "moving average",
      },
      { title: "mean |bias|", cell: (line) => drift(line).bias.mean, decimals: 3 },
      { title: "RMSE", cell: (line) => drift(line).rmse.mean, decimals: 3 },
      { title: "ECE", cell: (line) => drift(line).ece.mean, decimals: 3 },
      {
        title: "ECE by quarter",
        cell: (line) => drift(line).phaseEce.map((x) => x.toFixed(3)).join(" "),
      },
    ],
  });
}

/** Errors on actors of seen and unseen skill, a line per critic and context. */
export function errorsTable({ rows, seeds }: ConditioningSummary): Displayable {
  return table({
    caption: `RMSE over the states of several actors: mean over ${seeds} seeds with Student's t ` +
      "95% interval; parse rate and right chains of thought on seen actors",
    rows,
    columns: [
      ...MODEL,
      ...GROUPS.map((group) => ({
        title: group,
        cell: (row: ConditioningRow) => row.groups[group].rmse.mean,
        decimals: 3,
      })),
      {
        title: "seen, always the mean",
        cell: (row) => row.groups.seen.meanPredictorRmse,
        decimals: 3,
      },
      { title: "parse rate", cell: (row) => row.groups.seen.parseRate, decimals: 2 },
      { title: "right traces", cell: (row) => row.groups.seen.traceAccuracy, decimals: 2 },
    ],
  });
}

/** Calibration and ranking on seen and unseen actors: pooled, and actor by actor. */
export function scoresTable({ rows, seeds }: ConditioningSummary): Displayable {
  const lines = rows.flatMap((row) => GROUPS.map((group) => ({ row, group })));
  type Line = typeof lines[number];
  const scores = ({ row, group }: Line) => row.groups[group];
  return table({
    caption: `Other scores: mean over ${seeds} seeds. Pooled: over all states of the group; ` +
      "by actor: mean over its actors, each by itself",
    rows: lines,
    columns: [
      ...modelOfLine<Line>(),
      { title: "actors", cell: ({ group }) => group },
      { title: "|bias| by actor", cell: (l) => scores(l).actorBias, decimals: 3 },
      { title: "ECE pooled", cell: (l) => scores(l).ece, decimals: 3 },
      { title: "ECE by actor", cell: (l) => scores(l).actorEce, decimals: 3 },
      { title: "ranking pooled", cell: (l) => scores(l).rankingAccuracy, decimals: 2 },
      { title: "ranking by actor", cell: (l) => scores(l).actorRanking, decimals: 2 },
    ],
  });
}

/** How far values move when the rate of the next better or next worse actor is told. */
export function falseRateTable({ rows, seeds }: ConditioningSummary): Displayable {
  const lines = rows.filter(({ response }) => response !== null).flatMap((row) =>
    (["higher", "lower"] as const).map((direction) => ({ row, direction }))
  );
  type Line = typeof lines[number];
  const shift = ({ row, direction }: Line) => row.response![direction];
  return table({
    caption: `Told the success rate of the next better or worse actor: mean over ${seeds} ` +
      "seeds with Student's t 95% interval",
    rows: lines,
    columns: [
      ...modelOfLine<Line>(),
      { title: "change of what is told", cell: (l) => shift(l).rate, decimals: 3 },
      { title: "change of the value", cell: (l) => shift(l).value.mean, decimals: 3 },
      {
        title: "change of the exact value, if it were true",
        cell: (l) => shift(l).believed,
        decimals: 3,
      },
    ],
  });
}

/** The actors of equal success rate: how often they move at random, and where. */
export function matchedActorsTable(config: ConditioningConfig): Displayable {
  const environment = conditionedEnvironment(config.environment, "none", config);
  const { distance } = config.transfer;
  return table({
    caption: "Actors of equal success rate: probability of a random move by distance to the goal",
    rows: matchedActors(environment, config.transfer, config.testSeed),
    columns: [
      { title: "actor", cell: ({ behaviour }: MatchedActor) => behaviour },
      { title: "success rate", cell: ({ rate }) => rate, decimals: 3 },
      { title: `below ${distance}`, cell: ({ actor }) => actor.epsilon, decimals: 3 },
      {
        title: `${distance} or more`,
        cell: ({ actor }) => actor.far?.epsilon ?? actor.epsilon,
        decimals: 3,
      },
    ],
  });
}

/** Errors on actors of the same success rate that err elsewhere, a line per critic and context. */
export function transferTable({ rows, seeds }: ConditioningSummary): Displayable {
  const of = (row: ConditioningRow, i: number) => row.transfer[i]!;
  return table({
    caption:
      `RMSE on actors of the same success rates: mean over ${seeds} seeds with Student's t ` +
      "95% interval; in brackets what the exact values of the known actors, which err everywhere, would err",
    rows,
    columns: [
      ...MODEL,
      ...BEHAVIOURS.map((behaviour, i): Column<ConditioningRow> => ({
        title: behaviour === KNOWN
          ? behaviour
          : `${behaviour} (${of(rows[0]!, i).knownActorRmse.toFixed(3)})`,
        cell: (row) => of(row, i).rmse.mean,
        decimals: 3,
      })),
    ],
  });
}

/** What a context gains over another: differences of errors, better where above 0. A table each for drift and actors. */
export function gainsTables({ gains, seeds }: ConditioningSummary): Displayable[] {
  const part = (caption: string, measures: readonly Measure[]) =>
    table({
      caption:
        `Fall of the error ${caption} from one context to another: mean over ${seeds} seeds ` +
        "with Student's t 95% interval of the paired differences",
      rows: gains,
      columns: [
        { title: "critic", cell: modelTitle },
        { title: "size", cell: (g) => g.size },
        { title: "from", cell: (g) => contexts[g.from].title },
        { title: "to", cell: (g) => contexts[g.to].title },
        ...measures.map((measure) => ({
          title: measure,
          cell: (g: Gain) => g.gains[measure].mean,
          decimals: 3,
        })),
      ],
    });
  return [
    part("along the drift (a told success rate is the moving average)", MEASURES.slice(0, 3)),
    part("on steady actors", MEASURES.slice(3)),
  ];
}

/** Every run's raw scores, by seed: a table each for bias along the drift and for RMSE on seen actors. */
export function rawScoresTables(
  { rows }: ConditioningSummary,
  { seeds }: ConditioningConfig,
): Displayable[] {
  const part = (caption: string, scores: (row: ConditioningRow) => readonly number[]) =>
    rawScoresTable({ caption: `Every seed: ${caption}`, rows, columns: MODEL, seeds, scores });
  return [
    part(
      "mean |bias| along the drift (moving average where a rate is told)",
      ({ drift }) => (drift.smoothed ?? drift.current!).bias.scores,
    ),
    part("RMSE on seen actors", ({ groups }) => groups.seen.rmse.scores),
  ];
}

/** The search for learning rates; the chosen rate of each critic, context and size in bold. */
export function searchTable({ search }: ConditioningSummary): Displayable {
  return ratesTable(
    {
      caption: "Learning-rate search on tuning seeds: RMSE on seen actors, the chosen rate in bold",
      rows: search,
      columns: [
        { title: "critic", cell: (row) => criticLabel(row.critic) },
        { title: "size", cell: (row) => row.size },
        { title: "context", cell: (row) => contexts[row.context].title },
      ],
    },
    "RMSE",
    (row) => row.rmse,
  );
}
