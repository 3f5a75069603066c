/** What is claimed of critic training, as predicates on the summary. Fixed before the reported seeds were run. */
import { pairedDifferences, seedInterval } from "../../lib/eval/student.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { decided, difference, missing, shown } from "../shared/verdicts.ts";
import type { Start } from "./config.ts";
import type { Metric } from "./snapshot.ts";
import { isReinforce, type RecipeName } from "./recipes.ts";
import {
  type CriticTrainingSummary,
  overStarts,
  type RunRow,
  type SearchedStart,
} from "./summary.ts";

/** Differences of RMSE that do not matter. */
const ERROR_MARGIN = 0.03;
/** Changes in the fraction of right chains of thought that do not matter. */
const TRACE_MARGIN = 0.05;
/** An alarm must ring in so many of the cases. */
const ALARM = 0.9;

const ERROR_SESOI = `${ERROR_MARGIN} of RMSE: rounding to eleven integers costs 0.029`;
const ERROR_THRESHOLD = `${ERROR_SESOI}; it is the threshold itself`;
const TRACE_THRESHOLD =
  `${TRACE_MARGIN} of the chains: one chain in twenty; it is the threshold itself`;

function needs(what: string): string {
  return `Needs ${what}: add it to the config.`;
}

function startScores({ starts }: CriticTrainingSummary, start: Start, metric: Metric) {
  return starts.find((row) => row.start === start)!.scores[metric];
}

/** How much a metric has risen over training, seed by seed. */
function rise(summary: CriticTrainingSummary, row: RunRow, metric: Metric): number[] {
  const before = startScores(summary, row.start, metric);
  return pairedDifferences(row.scores[metric], before);
}

function rowsOf(summary: CriticTrainingSummary, recipe: RecipeName): RunRow[] {
  return summary.rows.filter((row) => row.recipe === recipe);
}

function rowOf(summary: CriticTrainingSummary, recipe: RecipeName, start: Start) {
  return rowsOf(summary, recipe).find((row) => row.start === start);
}

/** At which rates of the search the same holds on the tuning seeds; empty without a search. */
function alsoHolds(
  { search }: CriticTrainingSummary,
  { recipe, start }: RunRow,
  holds: (searched: SearchedStart) => boolean,
): string {
  const tried = search.filter((row) => row.recipe === recipe);
  if (tried.length === 0) return "";
  const rates = tried.filter((row) => row.starts.some((s) => s.start === start && holds(s)))
    .map((row) => row.learningRate);
  return ` On the tuning seeds it holds at ${rates.join(", ") || "none"} of the rates ${
    tried.map((row) => row.learningRate).join(", ")
  }.`;
}

/** The error of the emitted integer stays as low as it was, from a calibrated start. */
function keepsCalibrated(recipe: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const row = rowOf(summary, recipe, "calibrated");
    if (!row) return missing(needs(`${recipe} from a calibrated start`));
    const rises = rise(summary, row, "rmse");
    return decided(
      { [`${ERROR_MARGIN} - rise`]: rises.map((x) => ERROR_MARGIN - x) },
      { sesoi: 0 },
      () =>
        `In ${summary.responses} responses at learning rate ${row.learningRate} the RMSE of the ` +
        `integer rises by ${shown(seedInterval(rises))}; kept is less than ${ERROR_MARGIN}.` +
        alsoHolds(summary, row, ({ before, after }) => after - before < ERROR_MARGIN),
    );
  };
}

/** The error of the emitted integer is halved from a stale start. */
function repairsStale(recipe: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const row = rowOf(summary, recipe, "stale");
    if (!row) return missing(needs(`${recipe} from a stale start`));
    const before = startScores(summary, "stale", "rmse");
    return decided(
      { "half the error before - after": row.scores.rmse.map((x, i) => before[i]! / 2 - x) },
      { sesoi: 0 },
      () =>
        `In ${summary.responses} responses at learning rate ${row.learningRate} the RMSE of the ` +
        `integer goes from ${shown(seedInterval(before))} to ${shown(row.errors.rmse)}.` +
        alsoHolds(summary, row, ({ before, after }) => after < before / 2),
    );
  };
}

/** One recipe's error of the emitted integer below another's, averaged over the starts. */
function lowerError(better: RecipeName, worse: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const own = rowsOf(summary, better), rivals = rowsOf(summary, worse);
    if (own.length === 0 || rivals.length === 0) return missing(needs(`${better} and ${worse}`));
    const byStart = own.map((row) => {
      const rival = rivals.find(({ start }) => start === row.start)!;
      return `${shown(difference(rival.scores.rmse, row.scores.rmse))} (${row.start})`;
    });
    return decided(
      {
        "mean over starts": pairedDifferences(overStarts(rivals, "rmse"), overStarts(own, "rmse")),
      },
      { sesoi: ERROR_MARGIN },
      (numbers) => `RMSE of the integer falls by ${numbers}: ${byStart.join("; ")}.`,
    );
  };
}

/** The chain of thought stays as right as it was, from every start. */
function keepsChain(recipe: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const changes = rowsOf(summary, recipe)
      .map((row) => [row.start, rise(summary, row, "traceAccuracy")] as const);
    return decided(
      Object.fromEntries(changes.map(([start, x]) => [start, x.map((y) => y + TRACE_MARGIN)])),
      { sesoi: 0 },
      () =>
        `The fraction of right chains changes by ${
          changes.map(([start, x]) => `${shown(seedInterval(x))} (${start})`).join("; ")
        }; kept is a fall of less than ${TRACE_MARGIN}.`,
      needs(recipe),
    );
  };
}

/** Supervised Monte Carlo less than ERROR_MARGIN behind each recipe of REINFORCE, from every start. */
function asGoodAsReinforce(recipe: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const pairs = rowsOf(summary, recipe).flatMap((own) =>
      summary.rows.filter((row) => row.start === own.start && isReinforce(row.recipe))
        .map((rival) => ({ own, rival }))
    );
    const lowest = (rows: RunRow[]) =>
      rows.reduce((a, b) =>
        b.errors.expectationRmse.estimate < a.errors.expectationRmse.estimate ? b : a
      );
    const numbers = [...Map.groupBy(pairs, ({ own }) => own)].map(([own, rivals]) => {
      const best = lowest(rivals.map(({ rival }) => rival));
      return `${shown(own.errors.expectationRmse)} against ${
        shown(best.errors.expectationRmse)
      } of the lowest, ${best.title} (${own.start})`;
    });
    return decided(
      Object.fromEntries(pairs.map(({ own, rival }) => [
        `${own.start}, ${rival.recipe}`,
        rival.scores.expectationRmse.map((x, i) =>
          x - own.scores.expectationRmse[i]! + ERROR_MARGIN
        ),
      ])),
      { sesoi: 0 },
      () => `RMSE of the expectation: ${numbers.join("; ")}.`,
      needs(`${recipe} and a recipe of REINFORCE`),
    );
  };
}

/** The reward falls where a run of REINFORCE has damaged its critic. */
function rewardIsAlarm(summary: CriticTrainingSummary): Verdict {
  // By seed: of the runs that got worse, whether the reward fell.
  const fell = Array.from({ length: summary.seeds }, (): boolean[] => []);
  for (const row of summary.rows.filter((r) => isReinforce(r.recipe))) {
    const error = rise(summary, row, "rmse"), chains = rise(summary, row, "traceAccuracy");
    rise(summary, row, "reward").forEach((reward, i) => {
      if (error[i]! > ERROR_MARGIN || chains[i]! < -2 * TRACE_MARGIN) fell[i]!.push(reward < 0);
    });
  }
  const damaged = fell.filter((runs) => runs.length > 0);
  const shares = damaged.map((runs) => mean(runs.map(Number)));
  const all = damaged.flat();
  return decided(
    shares.length > 0 ? { [`share - ${ALARM}`]: shares.map((x) => x - ALARM) } : {},
    { sesoi: 0 },
    () =>
      `${all.length} runs of REINFORCE damaged their critic; the reward fell in ` +
      `${all.filter(Boolean).length} of them, by seed in a share of ${
        shown(seedInterval(shares))
      }.`,
    "Needs a run that damages its critic: none did.",
  );
}

const ALGORITHM_1 =
  "Implied by Algorithm 1 (section 5.2), which trains the critic so after SFT, on outcomes of a frozen actor.";
const KEPT =
  `RMSE of the emitted integer on held-out states at the end less that before, from the ` +
  `calibrated start, is below ${ERROR_MARGIN}. One learning rate per recipe, chosen on tuning seeds over all starts.`;
const HALVED = "RMSE of the emitted integer on held-out states at the end is below half of that " +
  "before, from the stale start. The same learning rate as for the calibrated start.";
const HALF = "Half of the error before, the threshold itself: less would not be called a repair";
const LOWER =
  "RMSE of the emitted integer at the end, averaged over the three starts, each recipe at its own chosen rate.";
const CHAIN = "Fraction of greedy chains right in every token, at the end less before, is above " +
  `-${TRACE_MARGIN} from every start.`;
const AS_GOOD =
  `RMSE of the expectation at the end is less than ${ERROR_MARGIN} above that of each ` +
  "recipe of REINFORCE, from every start, on the same states and outcomes.";

/** The claims, in the order of the report. */
export const criticTrainingClaims: readonly Claim<CriticTrainingSummary>[] = [
  {
    id: "T1",
    statement: "REINFORCE as in the paper (raw reward) keeps a calibrated critic calibrated.",
    family: "exploratory",
    paper: ALGORITHM_1,
    readAs: KEPT,
    sesoi: ERROR_THRESHOLD,
    evaluate: keepsCalibrated("raw"),
  },
  {
    id: "T2",
    statement:
      "REINFORCE as in the paper (raw reward) repairs a stale critic: it halves its error.",
    family: "exploratory",
    paper: ALGORITHM_1,
    readAs: HALVED,
    sesoi: HALF,
    evaluate: repairsStale("raw"),
  },
  {
    id: "T3",
    statement:
      "REINFORCE with leave-one-out by outcome, KL on the chain of thought and credit on " +
      "the value keeps a calibrated critic calibrated.",
    family: "exploratory",
    readAs: KEPT,
    sesoi: ERROR_THRESHOLD,
    evaluate: keepsCalibrated("outcome-trace-kl-value"),
  },
  {
    id: "T4",
    statement: "The recipe of T3 repairs a stale critic: it halves its error.",
    family: "exploratory",
    readAs: HALVED,
    sesoi: HALF,
    evaluate: repairsStale("outcome-trace-kl-value"),
  },
  {
    id: "T5",
    statement: "A leave-one-out baseline gives a lower error than the raw reward.",
    family: "exploratory",
    readAs: LOWER,
    sesoi: ERROR_SESOI,
    evaluate: lowerError("loo", "raw"),
  },
  {
    id: "T6",
    statement: "Leave-one-out by outcome gives a lower error than plain leave-one-out.",
    family: "exploratory",
    readAs: LOWER,
    sesoi: ERROR_SESOI,
    evaluate: lowerError("loo-outcome", "loo"),
  },
  {
    id: "T7",
    statement: "The reward alone shows when REINFORCE damages a critic: it falls.",
    family: "exploratory",
    readAs:
      `Of the runs of REINFORCE whose RMSE of the integer rose by more than ${ERROR_MARGIN}, or ` +
      `whose right chains fell by more than ${2 * TRACE_MARGIN}, the share by seed whose reward ` +
      `(exact over outcomes) fell is above ${ALARM}.`,
    sesoi:
      `A share of ${ALARM}, the threshold itself: an alarm that misses one case in ten is the least useful one`,
    evaluate: rewardIsAlarm,
  },
  {
    id: "T8",
    statement: "A KL penalty to the SFT critic keeps the chain of thought as right as it was.",
    family: "exploratory",
    readAs: CHAIN,
    sesoi: TRACE_THRESHOLD,
    evaluate: keepsChain("loo-kl"),
  },
  {
    id: "T10",
    statement: "KL on the chain of thought alone, with credit on the value token, keeps the chain.",
    family: "exploratory",
    readAs: CHAIN,
    sesoi: TRACE_THRESHOLD,
    evaluate: keepsChain("outcome-trace-kl-value"),
  },
  {
    id: "T11",
    statement:
      "Supervised Monte Carlo on the critic's own chains is as good as the best REINFORCE.",
    family: "exploratory",
    readAs: AS_GOOD,
    sesoi: ERROR_THRESHOLD,
    evaluate: asGoodAsReinforce("mc-own"),
  },
  {
    id: "T12",
    statement:
      "Supervised Monte Carlo on the SFT critic's chains is as good as the best REINFORCE.",
    family: "exploratory",
    readAs: AS_GOOD,
    sesoi: ERROR_THRESHOLD,
    evaluate: asGoodAsReinforce("mc-sft"),
  },
  {
    id: "T13",
    statement:
      "Supervised Monte Carlo on the SFT critic's chains and mean outcomes is as good as the best " +
      "REINFORCE.",
    family: "exploratory",
    readAs: AS_GOOD,
    sesoi: ERROR_THRESHOLD,
    evaluate: asGoodAsReinforce("mc-sft-mean"),
  },
];
