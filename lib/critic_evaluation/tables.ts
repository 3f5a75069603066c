/** The tables of an evaluation. */
import type { Displayable } from "../report/mime.ts";
import { formatInterval, formatNumber } from "../report/format.ts";
import { type Column, table } from "../report/table.ts";
import { verdictCard } from "../report/verdict_card.ts";
import type { CriticEntry, Evaluation } from "./evaluation.ts";
import { besideConstant, comparisonOf, honestCritics, isBetter } from "./findings.ts";

/** What was evaluated. */
export function setTable(evaluation: Evaluation): Displayable {
  const { set, rollouts } = evaluation;
  const { least, mean, most } = set.continuations;
  const rows: readonly (readonly [string, string | number | null])[] = [
    ["file", rollouts.file],
    [
      "values from",
      set.source === "monte-carlo"
        ? `continuations, ${
          least === most ? formatNumber(least) : `${least} to ${most} (mean ${formatNumber(mean)})`
        } a state`
        : "the responses' own outcomes, one sample a state",
    ],
    ["states", set.states],
    ["responses", set.rollouts],
    ["groups", set.groups],
    ["problems", set.problems],
    ["share of right responses", set.successRate],
    ["mean value", set.meanValue],
    ["variance of the values", set.varianceValue],
    ["of it noise of the continuations", set.noise],
    ["explained variance of the true values", set.explainedVarianceCeiling],
    ...rollouts.leftOut.map(({ reason, rollouts }) =>
      [`responses left out: ${reason}`, rollouts] as const
    ),
    ...(rollouts.unreadable > 0 ? [["records not readable", rollouts.unreadable] as const] : []),
  ];
  return table({
    caption: "What was evaluated",
    rows,
    columns: [
      { title: "what", cell: ([what]) => what },
      { title: "", cell: ([, value]) => value },
    ],
  });
}

const DIGITS = { decimals: 3 } as const;

/** The main numbers of every critic. */
export function scoresTable(evaluation: Evaluation): Displayable {
  const { critics } = evaluation;
  const hasMonteCarlo = evaluation.set.noise !== null;
  const columns: Column<CriticEntry>[] = [
    { title: "critic", cell: ({ title }) => title },
    {
      title: "penalized MSE",
      cell: ({ scores }) => scores.penalizedMse,
      ...DIGITS,
    },
    ...(hasMonteCarlo
      ? [{
        title: "debiased MSE",
        cell: ({ scores }: CriticEntry) => scores.debiasedMse,
        ...DIGITS,
      }]
      : []),
    { title: "bias", cell: ({ scores }) => scores.bias, ...DIGITS },
    { title: "beside a constant", cell: ({ name }) => besideConstant(evaluation, name) ?? "" },
    { title: "AUC within groups", cell: ({ scores }) => scores.withinAuc, ...DIGITS },
    { title: "parse rate", cell: ({ scores }) => scores.parseRate.estimate, ...DIGITS },
    { title: "tokens a state", cell: ({ tokensPerState }) => tokensPerState },
  ];
  const least = Math.min(
    ...honestCritics(evaluation).map(({ scores }) => scores.penalizedMse.estimate!),
  );
  return table({
    caption: "Critics; in bold the smallest error of those that know the state only",
    rows: critics,
    columns,
    emphasize: ({ foresight, scores }) =>
      foresight === "nothing" && scores.penalizedMse.estimate === least,
  });
}

/** Order and spread. */
export function rankingTable(evaluation: Evaluation): Displayable {
  const isMonteCarlo = evaluation.set.source === "monte-carlo";
  const columns: Column<CriticEntry>[] = [
    { title: "critic", cell: ({ title }) => title },
    { title: "Pearson", cell: ({ scores }) => scores.pearson, ...DIGITS },
    { title: "Spearman", cell: ({ scores }) => scores.spearman, ...DIGITS },
    { title: "Kendall", cell: ({ scores }) => scores.kendall, ...DIGITS },
    { title: "AUC over all pairs", cell: ({ scores }) => scores.pooledAuc, ...DIGITS },
    {
      title: "explained variance of outcomes",
      cell: ({ scores }) => scores.explainedVariance,
      ...DIGITS,
    },
    ...(isMonteCarlo
      ? [
        {
          title: "ranking within groups",
          cell: ({ scores }: CriticEntry) => scores.withinRanking,
          ...DIGITS,
        },
        {
          title: "regret of choices",
          cell: ({ scores }: CriticEntry) => scores.selectionRegret,
          ...DIGITS,
        },
        {
          title: "sign of advantages",
          cell: ({ scores }: CriticEntry) => scores.advantageSign,
          ...DIGITS,
        },
        {
          title: "sign of clear ones",
          cell: ({ scores }: CriticEntry) => scores.clearAdvantageSign,
          ...DIGITS,
        },
      ]
      : []),
  ];
  return table({
    caption: "Order, spread and credit. Over all pairs a critic scores by knowing which problems " +
      "are hard; within groups it does not",
    rows: evaluation.critics,
    columns,
  });
}

/** Errors by where in the response, and by how it ended. */
export function slicesTable(evaluation: Evaluation): Displayable {
  const rows = honestCritics(evaluation).flatMap(({ title, scores }) =>
    scores.slices.map((slice) => ({ title, ...slice }))
  );
  return table({
    caption: "Where errors are made",
    rows,
    columns: [
      { title: "critic", cell: ({ title }) => title },
      { title: "states", cell: ({ slice }) => slice },
      { title: "count", cell: ({ count }) => count },
      { title: "penalized MSE", cell: ({ penalizedMse }) => penalizedMse, ...DIGITS },
      { title: "bias", cell: ({ bias }) => bias, ...DIGITS },
      { title: "mean prediction", cell: ({ meanPrediction }) => meanPrediction, ...DIGITS },
      { title: "mean value", cell: ({ meanValue }) => meanValue, ...DIGITS },
    ],
  });
}

/** The reliability diagram's bins. */
export function calibrationTable(evaluation: Evaluation): Displayable {
  const rows = honestCritics(evaluation).flatMap(({ title, scores }) =>
    scores.calibration.bins.map((bin) => ({ title, ...bin }))
  );
  return table({
    caption: "Bins of the reliability diagram",
    rows,
    columns: [
      { title: "critic", cell: ({ title }) => title },
      { title: "values from", cell: ({ lower }) => lower, ...DIGITS },
      { title: "to", cell: ({ upper }) => upper, ...DIGITS },
      { title: "states", cell: ({ count }) => count },
      { title: "mean prediction", cell: ({ meanPrediction }) => meanPrediction, ...DIGITS },
      { title: "mean value", cell: ({ meanTarget }) => meanTarget, ...DIGITS },
    ],
  });
}

/** May one critic stand in for another? Every pair of those that know the state only, and each beside the constant. */
export function nonInferiorityTable(evaluation: Evaluation): Displayable {
  const { critics, comparisons, options: { margins } } = evaluation;
  const honest = honestCritics(evaluation).map(({ name }) => name);
  const title = (name: string) => critics.find((critic) => critic.name === name)!.title;
  return table({
    caption: `Not worse by more than ${margins.mse} of MSE and ${margins.auc} of AUC, with ` +
      `${margins.parseRate} of answers parsed? (${
        formatNumber(100 * evaluation.options.level)
      }% intervals)`,
    rows: comparisons.filter(({ candidate, reference }) =>
      honest.includes(candidate) && (honest.includes(reference) || reference === "mean")
    ),
    columns: [
      { title: "candidate", cell: ({ candidate }) => title(candidate) },
      { title: "reference", cell: ({ reference }) => title(reference) },
      { title: "MSE, difference", cell: ({ mse }) => mse, ...DIGITS },
      { title: "AUC, difference", cell: ({ auc }) => auc, ...DIGITS },
      { title: "MSE", cell: ({ nonInferiority }) => nonInferiority.mse },
      { title: "AUC", cell: ({ nonInferiority }) => nonInferiority.auc },
      { title: "parse rate", cell: ({ nonInferiority }) => nonInferiority.parseRate },
      { title: "all", cell: ({ nonInferiority }) => nonInferiority.all },
    ],
  });
}

/** The text of some responses, with the values along them. */
export function examplesTable(evaluation: Evaluation): Displayable {
  const { examples, responses, states } = evaluation;
  const critics = honestCritics(evaluation).slice(0, 4);
  const along = (rollout: number, values: readonly (number | null)[]) =>
    states.flatMap((state, i) =>
      state.rollout === rollout ? [formatNumber(values[i]!, { decimals: 2 })] : []
    ).join(" ");
  return table({
    caption: "Some responses, unprintable characters escaped; values from the start to the end",
    rows: examples,
    columns: [
      { title: "problem", cell: ({ problem }) => problem },
      { title: "response", cell: ({ response }) => response },
      { title: "outcome", cell: ({ rollout }) => responses[rollout]!.outcome, align: "right" },
      {
        title: evaluation.set.source === "monte-carlo" ? "Monte Carlo" : "outcome",
        cell: ({ rollout }) => along(rollout, states.map(({ value }) => value)),
      },
      ...critics.map(({ title, values }): Column<(typeof examples)[number]> => ({
        title,
        cell: ({ rollout }) => along(rollout, values),
      })),
    ],
  });
}

/** One card for each question that can be asked of these critics. */
export function questionCards(evaluation: Evaluation): Displayable[] {
  const honest = honestCritics(evaluation);
  const pairs: readonly (readonly [CriticEntry, string, (title: string) => string])[] = [
    ...honest.map((critic) =>
      [
        critic,
        "mean",
        (title: string) => `${title} is better than always saying the mean value.`,
      ] as const
    ),
    ...honest.filter(({ kind }) => kind === "generative").flatMap((critic) =>
      honest.filter(({ kind }) => kind === "discriminative").map((other) =>
        [critic, other.name, (title: string) => `${title} is better than ${other.title}.`] as const
      )
    ),
    ...honest.flatMap((critic) =>
      critic.withoutIcc === undefined ? [] : [
        [
          critic,
          critic.withoutIcc,
          (title: string) => `In-Context Conditioning makes it better: ${title}.`,
        ] as const,
      ]
    ),
  ];
  return pairs.flatMap(([{ name, title }, reference, statement], i) => {
    const comparison = comparisonOf(evaluation, name, reference);
    const verdict = isBetter(evaluation, name, reference);
    if (!comparison || !verdict) return [];
    const { mse, auc, nonInferiority } = comparison;
    return [verdictCard({
      id: `Q${i + 1}`,
      statement: statement(title),
      verdict,
      reading: `Its penalized MSE differs by ${formatInterval(mse, DIGITS)}` +
        (auc.estimate === null
          ? "."
          : `, its AUC within groups by ${formatInterval(auc, DIGITS)}.`),
      evidence: { "may stand in for it (non-inferiority)": nonInferiority.all },
    })];
  });
}
