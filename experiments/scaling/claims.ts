/** The paper's claims C1 and C2 as predicates on the summary. */
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { everywhere, missing, shown, side, verdictOfSide } from "../shared/verdicts.ts";
import type { ScalingSummary } from "./summary.ts";

/** RMSE slope of a critic on a test set, and the error of its smallest and largest size in words. */
function trendOf(summary: ScalingSummary, critic: string, difficulty: string) {
  const trend = summary.trends.find((t) => t.critic === critic && t.difficulty === difficulty);
  if (!trend) return undefined;
  const { rmseSlope } = trend;
  const rows = summary.rows.filter((row) => row.critic === critic)
    .toSorted((a, b) => a.parameters - b.parameters);
  const first = rows[0]!, last = rows.at(-1)!;
  const error = (row: typeof first) => row.tests[difficulty]!.rmse.iqm.estimate!;
  const mean = last.tests[difficulty]!.meanPredictorRmse;
  const percent = (100 * (rmseSlope.estimate ?? 0) / error(first)).toFixed(1);
  const words = `RMSE ${difficulty} changes by ${shown(rmseSlope)} per tenfold parameters ` +
    `(${percent}% of the smallest one's error), from ` +
    `${error(first).toFixed(3)} (${first.parameters} parameters) to ${error(last).toFixed(3)} ` +
    `(${last.parameters}); always predicting the mean gives ${mean.toFixed(3)}`;
  return { rmseSlope, words, evidence: { rmseSlope: { ...rmseSlope } } };
}

/** The verdict where a critic was not trained at two sizes or more. */
function needsSizes(critic: string): Verdict {
  return missing(`Needs ${critic} at two sizes or more: add them to the config's runs.`);
}

/** C1 on one test set: supported unless the error falls reliably with size. */
function doesNotImprove(difficulty: (s: ScalingSummary) => string) {
  return (summary: ScalingSummary): Verdict => {
    const trend = trendOf(summary, DISCRIMINATIVE, difficulty(summary));
    if (!trend) return needsSizes(DISCRIMINATIVE);
    const { rmseSlope, words, evidence } = trend;
    const s = side(rmseSlope);
    return {
      verdict: s === undefined ? "inconclusive" : s < 0 ? "not supported" : "supported",
      reading: `Discriminative critic: ${words}.`,
      evidence,
    };
  };
}

/** C2 at every size, for one metric: the CoT critic must be the better one at each. */
function betterAtEverySize(metric: "rmse" | "ranking", name: string) {
  return (summary: ScalingSummary): Verdict => {
    const all = summary.comparisons.filter((c) => c.difficulty === summary.difficulties[0]);
    return everywhere(
      Object.fromEntries(all.map((c) => [c.size, c[metric]])),
      0.5,
      (parts) =>
        `CoT against discriminative critic, ${name}, in distribution: ${parts} ` +
        `(interval of the probability of improvement over ${summary.seeds} seeds against 0.5).`,
      { above: "better at", neither: "undecided at", below: "worse at" },
    );
  };
}

/** The claims, in the order of the report. */
export const scalingClaims: readonly Claim<ScalingSummary>[] = [
  {
    id: "C1",
    statement: "Discriminative critics do not improve reliably with scale (in distribution).",
    evaluate: doesNotImprove((s) => s.difficulties[0]!),
  },
  {
    id: "C1-longer",
    statement: "Discriminative critics do not improve reliably with scale (longer words).",
    evaluate: doesNotImprove((s) => s.difficulties[1] ?? s.difficulties[0]!),
  },
  {
    id: "C2-error",
    statement: "A generative critic has the lower approximation error at every size.",
    evaluate: betterAtEverySize("rmse", "RMSE"),
  },
  {
    id: "C2-ranking",
    statement: "A generative critic has the higher ranking accuracy at every size.",
    evaluate: betterAtEverySize("ranking", "ranking accuracy"),
  },
  {
    id: "C2-scale",
    statement: "The error of a generative critic falls with size.",
    evaluate: (summary) => {
      const trend = trendOf(summary, GENERATIVE, summary.difficulties[0]!);
      if (!trend) return needsSizes(GENERATIVE);
      const { rmseSlope, words, evidence } = trend;
      const verdict = verdictOfSide(side(rmseSlope), -1);
      return { verdict, reading: `CoT critic: ${words}.`, evidence };
    },
  },
];
