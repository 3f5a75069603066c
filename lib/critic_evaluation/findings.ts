/** What an evaluation says, in sentences: each is computed from its numbers. */
import type { Decision } from "../eval/decision.ts";
import { formatInterval, formatNumber } from "../report/format.ts";
import type { CriticComparison, CriticEntry, Evaluation } from "./evaluation.ts";

/** The constant that a critic has to beat. */
const CONSTANT = "mean";

/** With fewer problems than this, intervals are said to be too narrow (lib/eval/clustered_bootstrap.ts). */
const FEW_PROBLEMS = 20;

/** With fewer than this nothing is decided: resamples of so few say nothing. */
const FEWEST_PROBLEMS = 5;

/** A share of answers that needs no word. */
const ENOUGH_PARSED = 0.99;

/** How a critic does beside always saying the mean value. */
export type BesideConstant =
  | "better than a constant"
  | "worse than a constant"
  | "as good as a constant"
  | "not told from a constant";

const BESIDE_CONSTANT: Readonly<Record<Decision, BesideConstant>> = {
  "supported": "better than a constant",
  "contradicted": "worse than a constant",
  "no material difference": "as good as a constant",
  "undecided": "not told from a constant",
};

/** What the interval of the difference of the penalized MSE says; null for the constant itself. */
export function besideConstant(evaluation: Evaluation, name: string): BesideConstant | null {
  const decision = isBetter(evaluation, name, CONSTANT);
  return decision && BESIDE_CONSTANT[decision];
}

/**
 * Whether the candidate's penalized MSE is smaller, in the words and the order of `decide` (lib/eval): "no material
 * difference" where the whole interval lies within the margin of non-inferiority, either way. With fewer than five problems
 * all is undecided. Null where a critic is missing or beside itself.
 */
export function isBetter(
  evaluation: Evaluation,
  candidate: string,
  reference: string,
): Decision | null {
  const comparison = comparisonOf(evaluation, candidate, reference);
  if (comparison === undefined) return null;
  const { low, high } = comparison.mse, margin = evaluation.options.margins.mse;
  if (low === null || high === null || evaluation.set.problems < FEWEST_PROBLEMS) {
    return "undecided";
  }
  if (-margin < low && high < margin) return "no material difference";
  return high < 0 ? "supported" : low > 0 ? "contradicted" : "undecided";
}

/** One critic beside another; undefined for a critic beside itself. */
export function comparisonOf(
  { comparisons }: Evaluation,
  candidate: string,
  reference: string,
): CriticComparison | undefined {
  return comparisons.find((one) => one.candidate === candidate && one.reference === reference);
}

/** Those critics that know no more than the state: all that a value model could be. */
export function honestCritics({ critics }: Evaluation): CriticEntry[] {
  return critics.filter(({ foresight }) => foresight === "nothing");
}

/** Everything that is to be said, the most important first, each a sentence or two. */
export function findings(evaluation: Evaluation): string[] {
  return [
    ...honestCritics(evaluation).map((critic) => beside(evaluation, critic)),
    ...evaluation.critics.flatMap((critic) => ofIcc(evaluation, critic)),
    ...honestCritics(evaluation).flatMap(ofParsing),
    ...ofTheSet(evaluation),
  ];
}

const DIGITS = { decimals: 3 } as const;

function beside(evaluation: Evaluation, { name, title, scores }: CriticEntry): string {
  const constant = evaluation.critics.find((critic) => critic.name === CONSTANT)!;
  const { mse } = comparisonOf(evaluation, name, CONSTANT)!;
  const words = besideConstant(evaluation, name)!;
  const error = formatInterval(scores.penalizedMse, DIGITS);
  const auc = scores.withinAuc.estimate === null
    ? ""
    : ` Its AUC within groups is ${formatInterval(scores.withinAuc, DIGITS)} (chance: 0.5).`;
  return `${title} is ${words}: its penalized MSE is ${error}, that of always saying the mean value ` +
    `${formatNumber(constant.scores.penalizedMse.estimate, DIGITS)} ` +
    `(difference ${formatInterval(mse, DIGITS)}).${auc}`;
}

function ofIcc(evaluation: Evaluation, { name, title, withoutIcc }: CriticEntry): string[] {
  if (withoutIcc === undefined) return [];
  const comparison = comparisonOf(evaluation, name, withoutIcc);
  if (comparison === undefined) return [];
  const words = {
    "supported": "helps",
    "contradicted": "hurts",
    "no material difference": "makes no material difference",
    "undecided": "makes no difference that can be told",
  }[isBetter(evaluation, name, withoutIcc)!];
  return [
    `In-Context Conditioning ${words} (${title}): it changes the penalized MSE by ${
      formatInterval(comparison.mse, DIGITS)
    }.`,
  ];
}

function ofParsing(
  { title, unforcedRate, answerMass, expectationOf, scores }: CriticEntry,
): string[] {
  if (expectationOf !== undefined) return [];
  const { parsed, parseRate } = scores, rate = parseRate.estimate!;
  const percent = (share: number) => `${formatNumber(100 * share, { decimals: 1 })}%`;
  const mass = answerMass === null
    ? ""
    : ` Where an answer begins, it gives all valid ones together a probability of ${
      formatNumber(answerMass, { decimals: 2 })
    }.`;
  return [
    ...(rate >= ENOUGH_PARSED ? [] : [
      parsed === 0
        ? `${title} gave no answer that could be parsed: each is charged an error of 1.`
        : `${title}: only ${
          percent(rate)
        } of its answers could be parsed; each of the others is charged an error of 1.`,
    ]),
    ...(unforcedRate === null || unforcedRate >= Math.min(rate, ENOUGH_PARSED) ? [] : [
      `${title}: ${
        unforcedRate === 0 ? "none" : `only ${percent(unforcedRate)}`
      } of its responses had an answer of its own accord, the others were forced.${mass}`,
    ]),
  ];
}

function ofTheSet({ set, notMeasured }: Evaluation): string[] {
  return [
    ...(set.source === "monte-carlo" ? [] : [
      "The values are single outcomes: the MSE beside them is the Brier score, which does not fall to 0.",
    ]),
    ...(set.noise === null ? [] : [
      `The Monte Carlo values' own noise has a variance of ${
        formatNumber(set.noise)
      }: the MSE of the true values would be that, and the debiased MSE takes it off.`,
    ]),
    ...(set.explainedVarianceCeiling === null ? [] : [
      `The explained variance of the true values would be ${
        formatNumber(set.explainedVarianceCeiling)
      }, because outcomes are single samples: read a value model's beside that, not beside 1.`,
    ]),
    ...(set.balanced
      ? [
        `Every problem has as many right responses as wrong ones: where they were chosen so, the mean value is pulled to 1/2, and other problems are not like these.`,
      ]
      : []),
    ...(set.problems < FEWEST_PROBLEMS
      ? [`There are ${set.problems} problems only: too few to decide anything.`]
      : set.problems < FEW_PROBLEMS
      ? [
        `There are ${set.problems} problems only: 95% intervals over so few cover the truth in about 90% of cases.`,
      ]
      : []),
    ...notMeasured.map(({ what, why }) => `Not measured: ${what}: ${why}.`),
  ];
}
