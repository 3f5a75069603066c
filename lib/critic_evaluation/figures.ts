/** The figures of an evaluation. */
import { wilsonInterval } from "../eval/wilson.ts";
import { type Figure, figure, type Point, type ScatterSeries } from "../report/figure.ts";
import { calibrationFigure } from "../report/calibration_figure.ts";
import { formatNumber } from "../report/format.ts";
import { BASELINE_STYLE, plainStyle, type SeriesStyle, variant } from "../report/theme.ts";
import type { CriticEntry, Evaluation } from "./evaluation.ts";
import { honestCritics } from "./findings.ts";
import { isRight } from "./scores.ts";

/** Panels of critics in one figure; more than these are left to the tables. */
const MOST_PANELS = 6;
/** Characters of a title that fit over one of three panels. */
const LONG_TITLE = 26;
/** Points in a panel. */
const MOST_POINTS = 200;
/** Responses in a panel, of each outcome. */
const MOST_LINES = 8;

const RIGHT: SeriesStyle = { ...plainStyle(2), dash: [] };
const WRONG: SeriesStyle = { ...plainStyle(1), dash: [] };

/** Penalized MSE of every critic, a line through the constant's. */
export function errorFigure(evaluation: Evaluation): Figure {
  const { critics } = evaluation;
  const constant = critics.find(({ name }) => name === "mean")!;
  return figure({
    title: "Which critic is closer to the values of these states?",
    subtitle: `${describe(evaluation)}; a state without an answer is charged 1`,
    x: { title: "penalized MSE (smaller is better)", min: 0 },
    y: { title: "" },
    references: [{
      axis: "x",
      value: constant.scores.penalizedMse.estimate!,
      label: "",
    }],
    series: bySort(critics).map(({ name, style, own }) => ({
      kind: "rows",
      name,
      style,
      rows: own.map(({ title, scores: { penalizedMse: { estimate, low, high } } }) => ({
        ...{ category: title, x: estimate, low, high },
      })),
    })),
  });
}

/** Area under the ROC curve within groups; null where it cannot be measured. */
export function aucFigure(evaluation: Evaluation): Figure | null {
  const critics = evaluation.critics.filter(({ foresight, scores }) =>
    foresight !== "siblings" && foresight !== "the outcome" && scores.withinAuc.estimate !== null
  );
  if (critics.length === 0) return null;
  return figure({
    title: "Which critic tells right from wrong responses to the same problem?",
    subtitle: `${describe(evaluation)}; pairs of states of one group`,
    x: { title: "AUC within groups (larger is better; chance: 0.5)", min: 0, max: 1 },
    y: { title: "" },
    references: [{ axis: "x", value: 0.5, label: "" }],
    series: bySort(critics).map(({ name, style, own }) => ({
      kind: "rows",
      name,
      style,
      rows: own.map(({ title, scores: { withinAuc: { estimate, low, high } } }) => ({
        ...{ category: title, x: estimate, low, high },
      })),
    })),
  });
}

/** Monte Carlo value of each state, with its interval, against a critic's value; null without Monte Carlo values. */
export function scatterFigure(evaluation: Evaluation): Figure | null {
  const { set, states, responses } = evaluation;
  const critics = shownCritics(evaluation);
  if (set.source !== "monte-carlo" || critics.length === 0) return null;
  const every = Math.ceil(states.length / MOST_POINTS);
  const series = critics.flatMap(({ title, values }) =>
    [true, false].map((right): ScatterSeries => ({
      kind: "scatter",
      name: right ? "right response" : "wrong response",
      style: right ? RIGHT : WRONG,
      ...(critics.length > 1 ? { panel: title } : {}),
      points: states.flatMap(({ rollout, value, n, at, unit }, i): Point[] => {
        const predicted = values[i]!;
        const isShown = i % every === 0 && isRight(responses[rollout]!.outcome) === right;
        if (predicted === null || !isShown) return [];
        const { low, high } = wilsonInterval(value * n, n);
        return [{ x: predicted, y: value, low, high, label: `response ${rollout}, ${unit} ${at}` }];
      }),
    }))
  ).filter(({ points }) => points.length > 0);
  if (series.length === 0) return null;
  return figure({
    title: "Predicted and Monte Carlo values",
    subtitle: `${describeSet(evaluation)}; bars: Wilson's 95% interval of the Monte Carlo value` +
      (every > 1 ? `; one of every ${every} states` : ""),
    columns: columnsFor(critics),
    x: { title: "critic's value", min: 0, max: 1 },
    y: { title: "Monte Carlo value", min: 0, max: 1 },
    square: true,
    references: [{ axis: "diagonal", label: "equal" }],
    series,
  });
}

/** Reliability diagram: ten bins of equal size. */
export function reliabilityFigure(evaluation: Evaluation): Figure | null {
  const critics = shownCritics(evaluation)
    .filter(({ scores }) => scores.calibration.bins.length > 0);
  if (critics.length === 0) return null;
  const counts = critics.flatMap(({ scores }) => scores.calibration.bins.map(({ count }) => count));
  const least = formatNumber(Math.min(...counts)), most = formatNumber(Math.max(...counts));
  return calibrationFigure({
    title: "Do the values mean what they say?",
    subtitle: `${describeSet(evaluation)}; by value in ten bins of ${
      least === most ? least : `${least} to ${most}`
    } states, equal values together`,
    target: `mean ${targetName(evaluation)} in the bin`,
    columns: columnsFor(critics),
    series: critics.map(({ title, scores: { calibration: { bins } } }) => ({
      name: "a bin",
      ...(critics.length > 1 ? { panel: title } : {}),
      bins,
    })),
  });
}

/** Values along single responses, right and wrong ones apart by colour: a panel for the Monte Carlo values and each critic. */
export function trajectoryFigure(evaluation: Evaluation): Figure | null {
  const { states, responses, set } = evaluation;
  const placed = Map.groupBy(
    states.keys().filter((i) => states[i]!.fraction !== null),
    (i) => states[i]!.rollout,
  );
  const long = [...placed].flatMap(([rollout, own]) => own.length > 1 ? [rollout] : []);
  const chosen = [true, false].flatMap((right) =>
    long.filter((r) => isRight(responses[r]!.outcome) === right).slice(0, MOST_LINES)
  );
  const panels = [
    ...(set.source === "monte-carlo"
      ? [{ title: "Monte Carlo", values: states.map(({ value }) => value) }]
      : []),
    ...shownCritics(evaluation).slice(0, MOST_PANELS - 1),
  ];
  if (chosen.length === 0 || panels.length === 0) return null;
  return figure({
    title: "Do right and wrong responses part ways?",
    subtitle:
      `values along ${chosen.length} single responses, at most ${MOST_LINES} of each outcome`,
    x: { title: "share of the response that is written", min: 0, max: 1 },
    y: { title: "value", min: 0, max: 1 },
    columns: columnsFor(panels),
    series: panels.flatMap(({ title, values }) =>
      chosen.map((r) => {
        const right = isRight(responses[r]!.outcome);
        return {
          kind: "line" as const,
          name: right ? "right response" : "wrong response",
          style: right ? RIGHT : WRONG,
          panel: title,
          points: placed.get(r)!.map((i) => {
            const { fraction, at, unit } = states[i]!;
            return { x: fraction!, y: values[i]!, label: `response ${r}, ${unit} ${at}` };
          }),
        };
      })
    ),
  });
}

/** How far right and wrong responses lie apart, by thirds: as the Monte Carlo values have it, and as the critics say. */
export function gapFigure(evaluation: Evaluation): Figure | null {
  const critics = shownCritics(evaluation);
  const [first] = critics;
  const thirds = first?.scores.outcomeGaps.filter(({ value }) => value !== null) ?? [];
  if (!first || thirds.length === 0) return null;
  const places = thirds.map(({ slice }) => slice);
  return figure({
    title: "How far apart are the values of right and wrong responses?",
    subtitle: `${describeSet(evaluation)}; thirds of the response`,
    x: { title: "" },
    y: { title: "mean value, right less wrong" },
    series: [
      ...(evaluation.set.source === "monte-carlo"
        ? [{
          kind: "bars" as const,
          name: "Monte Carlo",
          style: BASELINE_STYLE,
          bars: thirds.map(({ slice, value }) => ({ category: slice, y: value })),
        }]
        : []),
      ...critics.map(({ title, scores }, i) => ({
        kind: "bars" as const,
        name: title,
        style: plainStyle(i),
        bars: scores.outcomeGaps.filter(({ slice }) => places.includes(slice))
          .map(({ slice, predicted }) => ({ category: slice, y: predicted })),
      })),
    ],
  });
}

/** Ranking within groups by how far the values lie apart; null without Monte Carlo values or groups. */
export function gapRankingFigure(evaluation: Evaluation): Figure | null {
  const critics = shownCritics(evaluation)
    .filter(({ scores }) => scores.rankingByGap.some(({ compared }) => compared > 0));
  if (critics.length === 0) return null;
  return figure({
    title: "Are states that differ more in value easier to rank?",
    subtitle: `${describeSet(evaluation)}; pairs of states of one group`,
    x: { title: "difference of the Monte Carlo values (number of pairs)" },
    y: { title: "share ranked right (chance: 0.5)", min: 0, max: 1 },
    references: [{ axis: "y", value: 0.5, label: "" }],
    series: critics.map(({ title, scores }, i) => ({
      kind: "bars",
      name: title,
      style: plainStyle(i),
      bars: scores.rankingByGap.map(({ above, upTo, correct, compared }) => ({
        category: `${above} to ${upTo} (${formatNumber(compared)})`,
        y: compared === 0 ? null : correct / compared,
      })),
    })),
  });
}

/** What choosing by value costs in each third; null without Monte Carlo values or siblings. */
export function selectionFigure(evaluation: Evaluation): Figure | null {
  const critics = shownCritics(evaluation).filter(({ scores }) => scores.selection.length > 0);
  const constant = evaluation.critics.find(({ name }) => name === "mean")!;
  if (critics.length === 0) return null;
  const bars = ({ scores }: CriticEntry) =>
    scores.selection.map(({ slice, sets, regret }) => ({
      category: `${slice} (${formatNumber(sets)} choices)`,
      y: regret,
    }));
  return figure({
    title: "What does going on with the response that the critic prefers cost?",
    subtitle: `${
      describeSet(evaluation)
    }; of a group's latest states in each third the critic picks one`,
    x: { title: "" },
    y: { title: "regret: highest value less that of the pick" },
    series: [
      { kind: "bars", name: "a blind choice", style: BASELINE_STYLE, bars: bars(constant) },
      ...critics.map((critic, i) => ({
        kind: "bars" as const,
        name: critic.title,
        style: plainStyle(i),
        bars: bars(critic),
      })),
    ],
  });
}

/** The share of answers that could be parsed, of critics that write; null where there is none. */
export function parseFigure(evaluation: Evaluation): Figure | null {
  const critics = evaluation.critics.filter(({ kind, expectationOf }) =>
    kind === "generative" && expectationOf === undefined
  );
  if (critics.length === 0) return null;
  return figure({
    title: "How often does a generative critic give an answer?",
    subtitle: describe(evaluation),
    x: { title: "share of states", min: 0, max: 1.02 },
    y: { title: "" },
    series: [
      {
        kind: "rows",
        name: "a value",
        rows: critics.map(({ title, scores: { parseRate: { estimate, low, high } } }) => ({
          ...{ category: title, x: estimate, low, high },
        })),
      },
      {
        kind: "rows",
        name: "not forced",
        rows: critics.map(({ title, unforcedRate }) => ({ category: title, x: unforcedRate })),
      },
    ],
  });
}

/** Critics with a panel of their own: those that know no more than the state, as many as fit. */
function shownCritics(evaluation: Evaluation): CriticEntry[] {
  return honestCritics(evaluation).slice(0, MOST_PANELS);
}

/** Fewer panels in a row where their titles are long. */
function columnsFor(panels: readonly { readonly title: string }[]): number {
  return panels.some(({ title }) => title.length > LONG_TITLE) ? 2 : 3;
}

/** Rows: critics that could be value models, and what they are compared with. */
function bySort(critics: readonly CriticEntry[]) {
  return [
    { name: "knows the state only", style: plainStyle(0), foresight: ["nothing"] },
    {
      name: "knows how these responses, or others to the problem, end",
      style: variant(BASELINE_STYLE, 1),
      foresight: ["siblings", "the outcome"],
    },
    { name: "constant", style: BASELINE_STYLE, foresight: ["the mean value"] },
  ].map(({ foresight, ...look }) => ({
    ...look,
    own: critics.filter((critic) => foresight.includes(critic.foresight)),
  })).filter(({ own }) => own.length > 0);
}

function targetName({ set }: Evaluation): string {
  return set.source === "monte-carlo" ? "Monte Carlo value" : "outcome";
}

function describe(evaluation: Evaluation): string {
  const { set: { problems }, options: { level } } = evaluation;
  const intervals = `, ${formatNumber(100 * level)}% intervals by resampling problems`;
  return describeSet(evaluation) + (problems > 1 ? intervals : "");
}

function describeSet({ set: { states, rollouts, problems } }: Evaluation): string {
  return `${formatNumber(states)} states of ${formatNumber(rollouts)} responses to ` +
    `${formatNumber(problems)} problem${problems === 1 ? "" : "s"}`;
}
