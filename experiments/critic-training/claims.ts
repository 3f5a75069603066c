/** What is claimed of critic training, as predicates on the summary. Fixed before the reported seeds were run. */
import { type Interval, stratifiedBootstrap } from "../../lib/eval/bootstrap.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { scoresOf } from "../shared/scores.ts";
import {
  capital,
  difference,
  everywhere,
  listed,
  missing,
  opposite,
  ratio,
  shown,
  side,
  verdictOfSide,
} from "../shared/verdicts.ts";
import type { Start } from "./config.ts";
import type { Metric } from "./snapshot.ts";
import { isReinforce, type RecipeName } from "./recipes.ts";
import type { CriticTrainingSummary, RunRow } from "./summary.ts";

/** Differences of RMSE that do not matter: rounding to eleven integers costs 0.1 / sqrt(12) = 0.029. */
const ERROR_MARGIN = 0.03;
/** Changes in the fraction of right chains of thought that do not matter. */
const TRACE_MARGIN = 0.05;
/** An alarm must ring in so many of the cases. */
const ALARM = 0.9;

function needs(what: string): Verdict {
  return missing(`Needs ${what}: add it to the config.`);
}

function startScores({ starts }: CriticTrainingSummary, start: Start, metric: Metric) {
  return starts.find((row) => row.start === start)!.scores[metric];
}

/** How much a metric has risen over training, seed by seed. */
function rise(summary: CriticTrainingSummary, row: RunRow, metric: Metric): Interval {
  const before = startScores(summary, row.start, metric);
  const changes = row.scores[metric].map((after, i) => after - before[i]!);
  return scoresOf(changes, summary.bootstrap).iqm;
}

/** "stale/0.001". */
function place({ start, learningRate }: RunRow): string {
  return `${start}/${learningRate}`;
}

function rowsOf(summary: CriticTrainingSummary, recipe: RecipeName, start?: Start): RunRow[] {
  return summary.rows.filter((row) =>
    row.recipe === recipe && (start === undefined || row.start === start)
  );
}

/** One recipe's error below another's at every start and learning rate that both have. */
function lowerError(better: RecipeName, worse: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const pairs = rowsOf(summary, better).flatMap((row) => {
      const rival = rowsOf(summary, worse, row.start)
        .find((r) => r.learningRate === row.learningRate);
      return rival ? [{ row, rival }] : [];
    });
    if (pairs.length === 0) return needs(`${better} and ${worse}`);
    const falls = Object.fromEntries(
      pairs.map(({ row, rival }) => [
        place(row),
        difference(rival.scores.rmse, row.scores.rmse, summary.bootstrap),
      ]),
    );
    return everywhere(
      falls,
      0,
      (parts) => `${capital(parts)}. RMSE of the integer falls by ${listed(falls)}.`,
      { above: "lower at", neither: "undecided at", below: "higher at" },
    );
  };
}

/** The chain of thought stays as right as it was, at every start and learning rate. */
function keepsChain(recipe: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const rows = rowsOf(summary, recipe);
    if (rows.length === 0) return needs(recipe);
    const changes = Object.fromEntries(
      rows.map((row) => [place(row), rise(summary, row, "traceAccuracy")]),
    );
    return everywhere(
      changes,
      -TRACE_MARGIN,
      (parts) => `${capital(parts)}. The fraction of right chains changes by ${listed(changes)}.`,
      { above: "kept at", neither: "undecided at", below: "damaged at" },
    );
  };
}

/** Supervised Monte Carlo at most ERROR_MARGIN behind the best REINFORCE, at every start; each at its better rate. */
function asGoodAsReinforce(recipe: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const error = (row: RunRow) => row.errors.expectationRmse;
    const best = (rows: RunRow[]) =>
      rows.toSorted((a, b) => error(a).estimate! - error(b).estimate!)[0];
    const pairs = summary.starts.flatMap(({ start }) => {
      const own = best(rowsOf(summary, recipe, start));
      const rival = best(
        summary.rows.filter((row) => row.start === start && isReinforce(row.recipe)),
      );
      return own && rival ? [{ start, own, rival }] : [];
    });
    if (pairs.length === 0) return needs(`${recipe} and a recipe of REINFORCE`);
    const numbers = pairs.map(({ start, own, rival }) =>
      `${shown(error(own))} against ${shown(error(rival))} of ${rival.title} (${start})`
    );
    return everywhere(
      Object.fromEntries(pairs.map(({ start, own, rival }) => [
        start,
        difference(
          rival.scores.expectationRmse,
          own.scores.expectationRmse,
          summary.bootstrap,
        ),
      ])),
      -ERROR_MARGIN,
      (parts) => `${capital(parts)}. RMSE of the expectation: ${numbers.join("; ")}.`,
      { above: "as good at", neither: "undecided at", below: "worse at" },
    );
  };
}

/** The error of the emitted integer stays as low as it was, from a calibrated start, at every learning rate. */
function keepsCalibrated(recipe: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const rows = rowsOf(summary, recipe, "calibrated");
    if (rows.length === 0) return needs(`${recipe} from a calibrated start`);
    const rises = rows.map((row) => [row.learningRate, rise(summary, row, "rmse")] as const);
    const numbers = rises.map(([rate, x]) => `${shown(x)} at ${rate}`).join("; ");
    return everywhere(
      Object.fromEntries(rises.map(([rate, x]) => [`learning rate ${rate}`, opposite(x)])),
      -ERROR_MARGIN,
      (parts) => `${capital(parts)}. RMSE of the integer rises by ${numbers}.`,
      { above: "kept at", neither: "undecided at", below: "lost at" },
    );
  };
}

/** The error of the emitted integer is halved from a stale start; one learning rate that does it is enough. */
function repairsStale(recipe: RecipeName) {
  return (summary: CriticTrainingSummary): Verdict => {
    const before = summary.starts.find(({ start }) => start === "stale");
    const rows = rowsOf(summary, recipe, "stale");
    if (!before || rows.length === 0) return needs(`${recipe} from a stale start`);
    const ratios = rows.map((row) =>
      [row.learningRate, ratio(row.scores.rmse, before.scores.rmse, summary.bootstrap)] as const
    );
    const sides = ratios.map(([, x]) => side(x, 0.5));
    return {
      verdict: sides.includes(-1)
        ? "supported"
        : sides.every((s) => s === 1)
        ? "not supported"
        : "inconclusive",
      reading: `RMSE of the integer is ${shown(before.errors.rmse)} before and ` +
        ratios.map(([rate, x]) => `${shown(x)} times that after training at ${rate}`).join(", ") +
        ".",
      evidence: Object.fromEntries(ratios.map(([rate, x]) => [`${rate}`, { ...x }])),
    };
  };
}

/** The claims, in the order of the report. */
export const criticTrainingClaims: readonly Claim<CriticTrainingSummary>[] = [
  {
    id: "T1",
    statement: "REINFORCE as in the paper (raw reward) keeps a calibrated critic calibrated.",
    evaluate: keepsCalibrated("raw"),
  },
  {
    id: "T2",
    statement:
      "REINFORCE as in the paper (raw reward) repairs a stale critic: it halves its error.",
    evaluate: repairsStale("raw"),
  },
  {
    id: "T3",
    statement:
      "REINFORCE with leave-one-out by outcome, KL on the chain of thought and credit on " +
      "the value keeps a calibrated critic calibrated.",
    evaluate: keepsCalibrated("outcome-trace-kl-value"),
  },
  {
    id: "T4",
    statement: "The recipe of T3 repairs a stale critic: it halves its error.",
    evaluate: repairsStale("outcome-trace-kl-value"),
  },
  {
    id: "T5",
    statement: "A leave-one-out baseline gives a lower error than the raw reward.",
    evaluate: lowerError("loo", "raw"),
  },
  {
    id: "T6",
    statement: "Leave-one-out by outcome gives a lower error than plain leave-one-out.",
    evaluate: lowerError("loo-outcome", "loo"),
  },
  {
    id: "T7",
    statement: "The reward alone shows when REINFORCE damages a critic: it falls.",
    evaluate: (summary) => {
      // By seed: of the runs that got worse, whether the reward fell.
      const fell = Array.from({ length: summary.seeds }, (): number[] => []);
      for (const row of summary.rows.filter((r) => isReinforce(r.recipe))) {
        const change = (metric: Metric) => {
          const before = startScores(summary, row.start, metric);
          return row.scores[metric].map((after, i) => after - before[i]!);
        };
        const error = change("rmse"), chains = change("traceAccuracy"), reward = change("reward");
        error.forEach((e, i) => {
          if (e > ERROR_MARGIN || chains[i]! < -2 * TRACE_MARGIN) {
            fell[i]!.push(reward[i]! < 0 ? 1 : 0);
          }
        });
      }
      const worse = fell.flat().length, rose = fell.flat().filter((x) => x === 0).length;
      const shares = fell.filter((x) => x.length > 0).map(mean);
      if (shares.length === 0) return needs("a run that damages its critic");
      const share = stratifiedBootstrap([shares], ([x]) => mean(x!), summary.bootstrap);
      return {
        verdict: verdictOfSide(side(share, ALARM), 1),
        reading: `The critic got worse in ${worse} runs of REINFORCE (RMSE up by more than ` +
          `${ERROR_MARGIN}, or right chains down by more than ${2 * TRACE_MARGIN}); the reward ` +
          `rose in ${rose} of them. It fell in a share of ${
            shown(share)
          }; an alarm needs ${ALARM}.`,
        evidence: { share: { ...share }, worse, rose },
      };
    },
  },
  {
    id: "T8",
    statement: "A KL penalty to the SFT critic keeps the chain of thought as right as it was.",
    evaluate: keepsChain("loo-kl"),
  },
  {
    id: "T9",
    statement: "KL to the SFT critic with credit on the value token only keeps the chain.",
    evaluate: keepsChain("loo-kl-value"),
  },
  {
    id: "T10",
    statement: "KL on the chain of thought alone, with credit on the value token, keeps the chain.",
    evaluate: keepsChain("loo-trace-kl-value"),
  },
  {
    id: "T11",
    statement:
      "Supervised Monte Carlo on the critic's own chains is as good as the best REINFORCE.",
    evaluate: asGoodAsReinforce("mc-own"),
  },
  {
    id: "T12",
    statement:
      "Supervised Monte Carlo on the SFT critic's chains is as good as the best REINFORCE.",
    evaluate: asGoodAsReinforce("mc-sft"),
  },
  {
    id: "T13",
    statement:
      "Supervised Monte Carlo on the SFT critic's chains and mean outcomes is as good as the best " +
      "REINFORCE.",
    evaluate: asGoodAsReinforce("mc-sft-mean"),
  },
];
