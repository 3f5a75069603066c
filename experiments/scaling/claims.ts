/** The paper's claims C1 and C2 as predicates on the summary. */
import { pairedDifferences } from "../../lib/eval/student.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { DISCRIMINATIVE, GENERATIVE, pairsOfKinds } from "../shared/kinds.ts";
import type { Readout } from "../shared/test_report.ts";
import { decided, missing, shown } from "../shared/verdicts.ts";
import type { Labels } from "./cell.ts";
import {
  meanPredictorRmse,
  type ScalingRow,
  type ScalingSummary,
  scoresRead,
  type Trend,
} from "./summary.ts";

/** What matters, as a part of the mean predictor's RMSE: of an error, or of its change per tenfold parameters. */
const MATERIAL_ERROR = 0.05;
/** What matters of ranking accuracy. */
const MATERIAL_RANKING = 0.02;
/** A critic has learned its chain of thought where more of its chains than this are right in every token. */
const RIGHT_CHAINS = 0.9;

/** Which critics a claim is about and how a generative one's answers are read. */
interface View {
  readonly labels: Labels;
  readonly readout: Readout;
  /** Index of the test set: 0 is in distribution, the others are of longer words. */
  readonly test: number;
}

const EXACT: View = { labels: "exact", readout: "value", test: 0 };
/** Taught outcomes, a critic emits 0 or 10, whichever is likelier: its value is the expectation. */
const OUTCOMES: View = { labels: "outcomes", readout: "expectation", test: 0 };

/** The smallest error, or slope, that matters. */
function materialError(summary: ScalingSummary, test: number): number {
  return MATERIAL_ERROR * meanPredictorRmse(summary, summary.difficulties[test]!);
}

function rowsOf(summary: ScalingSummary, { labels }: View): readonly ScalingRow[] {
  return labels === "exact" ? summary.rows : summary.outcomes;
}

function lacksTest(test: number): Verdict {
  return missing(`Needs ${test + 1} test sets: add them to the config's difficulties.`);
}

/** A critic's trend and its words: the slope, and the errors of the smallest and the largest size. */
function trendOf(
  summary: ScalingSummary,
  critic: string,
  view: View,
): { trend: Trend; words: string } | undefined {
  const difficulty = summary.difficulties[view.test];
  const trend = summary.trends.find((t) =>
    t.critic === critic && t.labels === view.labels && t.difficulty === difficulty &&
    t.readout === (critic === GENERATIVE ? view.readout : "value")
  );
  if (!trend) return undefined;
  const rows = rowsOf(summary, view).filter((row) => row.critic === critic)
    .toSorted((a, b) => a.parameters - b.parameters);
  const error = (row: ScalingRow) => {
    const { rmse } = scoresRead(row, trend.readout, trend.difficulty);
    return `${rmse.mean.estimate.toFixed(3)} (${row.parameters} parameters)`;
  };
  const words = `RMSE ${difficulty} changes by ${shown(trend.rmse.mean)} per tenfold parameters, ` +
    `from ${error(rows[0]!)} to ${error(rows.at(-1)!)}; ` +
    `always predicting the mean has ${meanPredictorRmse(summary, trend.difficulty).toFixed(3)}`;
  return { trend, words };
}

/** The verdict where a critic was not trained at two sizes or more. */
function lacksSizes(critic: string, { labels }: View): Verdict {
  const runs = labels === "exact" ? "runs" : "outcomes";
  return missing(`Needs ${critic} at two sizes or more: add them to the config's ${runs}.`);
}

/** C1: the discriminative critic's error does not fall by as much as matters per tenfold parameters. */
function doesNotImprove(view: View) {
  return (summary: ScalingSummary): Verdict => {
    if (summary.difficulties.length <= view.test) return lacksTest(view.test);
    const found = trendOf(summary, DISCRIMINATIVE, view);
    if (!found) return lacksSizes(DISCRIMINATIVE, view);
    const { trend, words } = found;
    const material = materialError(summary, view.test);
    const { high } = trend.rmse.mean;
    const statistically = high === null
      ? "one seed has no interval"
      : high < 0
      ? "statistically it improves (the slope's interval is below 0)"
      : "statistically it is not shown to improve (the slope's interval is not below 0)";
    return decided(
      { [trend.difficulty]: trend.rmse.scores.map((slope) => material + slope) },
      { sesoi: 0 },
      () =>
        `Discriminative critic: ${words}. A fall of ${material.toFixed(3)} would be material; ` +
        `${statistically}.`,
    );
  };
}

/** C2-scale: the generative critic's error falls with size. */
function falls(view: View) {
  return (summary: ScalingSummary): Verdict => {
    if (summary.difficulties.length <= view.test) return lacksTest(view.test);
    const found = trendOf(summary, GENERATIVE, view);
    if (!found) return lacksSizes(GENERATIVE, view);
    const { trend, words } = found;
    return decided(
      { [trend.difficulty]: trend.rmse.scores.map((slope) => -slope) },
      { sesoi: materialError(summary, view.test) },
      () => `Generative critic: ${words}.`,
    );
  };
}

/** C2 at every size: the generative critic is the better one at each. */
function betterAtEverySize(
  metric: "rmse" | "rankingAccuracy",
  sizes: "with right chains" | "all",
  view: View,
) {
  return (summary: ScalingSummary): Verdict => {
    const difficulty = summary.difficulties[view.test]!;
    const pairs = pairsOfKinds(rowsOf(summary, view), (a, b) => a.size === b.size);
    const isIn = ({ generative }: typeof pairs[number]) =>
      sizes === "all" ||
      generative.tests[difficulty]!.traceAccuracy!.mean.estimate > RIGHT_CHAINS;
    const out = pairs.filter((pair) => !isIn(pair)).map(({ generative }) => generative.size);
    const effects = pairs.filter(isIn).map(({ discriminative, generative }) => {
      const theirs = scoresRead(discriminative, view.readout, difficulty)[metric].scores;
      const ours = scoresRead(generative, view.readout, difficulty)[metric].scores;
      const gain = metric === "rmse"
        ? pairedDifferences(theirs, ours)
        : pairedDifferences(ours, theirs);
      return [generative.size, gain] as const;
    });
    const sesoi = metric === "rmse" ? materialError(summary, view.test) : MATERIAL_RANKING;
    const what = metric === "rmse"
      ? "RMSE of the discriminative critic less the generative one's"
      : "Ranking accuracy of the generative critic less the discriminative one's";
    const left = out.length === 0 ? "" : ` Left out, too few right chains: ${out.join(", ")}.`;
    return decided(
      Object.fromEntries(effects),
      { sesoi },
      (numbers) => `${what}, ${difficulty}: ${numbers}.${left}`,
      `Needs both kinds at one size, the chains of the generative critic right.${left}`,
    );
  };
}

/** C2-samples: the mean of the most sampled chains has a lower error than one sampled chain, at every size. */
function samplesHelp(view: View) {
  return (summary: ScalingSummary): Verdict => {
    if (summary.difficulties.length <= view.test) return lacksTest(view.test);
    const difficulty = summary.difficulties[view.test]!;
    const rows = rowsOf(summary, view).flatMap(({ samples, size }) =>
      samples ? [{ size, ...samples[difficulty]! }] : []
    );
    const counts = rows[0]?.sampled.map(({ count }) => count) ?? [];
    const greedy = rows.map(({ greedy, size }) =>
      `${greedy.rmse.mean.estimate.toFixed(3)} (${size})`
    );
    const most = rows.map(({ sampled, size }) =>
      `${sampled.at(-1)!.rmse.mean.estimate.toFixed(3)} (${size})`
    );
    return decided(
      Object.fromEntries(rows.map(({ sampled, size }) => [
        size,
        pairedDifferences(sampled[0]!.rmse.scores, sampled.at(-1)!.rmse.scores),
      ])),
      { sesoi: materialError(summary, view.test) },
      (numbers) =>
        `RMSE ${difficulty} of ${counts[0]} sampled chain less that of the mean of ` +
        `${counts.at(-1)}: ${numbers}. The mean has ${most.join(", ")}; greedy decoding ` +
        `${greedy.join(", ")}.`,
      "Needs sampled chains: add samples to the config.",
    );
  };
}

const PAPER_C1 =
  "Discriminative critics, which answer in one shot, do not improve reliably with scale.";
const PAPER_C2 =
  "A generative critic has lower approximation error and higher ranking accuracy at " +
  "every size, and its error falls with size.";

const OF_MEAN_PREDICTOR = "5% of the error of always predicting the mean";
const SESOI_ERROR = `0.012 of RMSE (0.013 on longer words): ${OF_MEAN_PREDICTOR}.`;
const SESOI_RANKING = "0.02 of ranking accuracy: one pair of states in fifty.";
const SESOI_SLOPE =
  `0.012 of RMSE per tenfold parameters (0.013 on longer words): ${OF_MEAN_PREDICTOR}.`;
const SESOI_C1 = `The threshold itself: a fall of 0.012 of RMSE per tenfold parameters (0.013 on ` +
  `longer words), ${OF_MEAN_PREDICTOR}; at that rate ten tenfolds halve it.`;

/** The claims, in the order of the report. */
export const scalingClaims: readonly Claim<ScalingSummary>[] = [
  {
    id: "C1",
    statement: "Discriminative critics do not improve materially with scale (in distribution).",
    family: "confirmatory",
    paper: PAPER_C1,
    readAs: "The RMSE of a scalar head on the prompt's last token, taught exact values, falls by " +
      "less than 5% of the mean predictor's RMSE per tenfold parameters (slope by seed).",
    sesoi: SESOI_C1,
    evaluate: doesNotImprove(EXACT),
  },
  {
    id: "C2-error",
    statement: "A generative critic has the lower error at every size whose chains are right.",
    family: "confirmatory",
    paper: PAPER_C2,
    readAs: "RMSE in distribution, chain of thought against scalar head at the same width and " +
      "depth, at sizes with more than 90% right chains: the paper's critics are pretrained.",
    sesoi: SESOI_ERROR,
    evaluate: betterAtEverySize("rmse", "with right chains", EXACT),
  },
  {
    id: "C2-ranking",
    statement: "A generative critic has the higher ranking accuracy at every size.",
    family: "confirmatory",
    paper: PAPER_C2,
    readAs: "Share of pairs of states in the right order, in distribution, at all sizes; a pair " +
      "with an answer that cannot be parsed counts one half.",
    sesoi: SESOI_RANKING,
    evaluate: betterAtEverySize("rankingAccuracy", "all", EXACT),
  },
  {
    id: "C2-scale",
    statement: "The error of a generative critic falls with size.",
    family: "confirmatory",
    paper: PAPER_C2,
    readAs: "The slope of RMSE in distribution over log10 of the parameters, by seed, at all " +
      "sizes, is negative; the answer is the emitted integer.",
    sesoi: SESOI_SLOPE,
    evaluate: falls(EXACT),
  },
  {
    id: "C1-longer",
    statement: "Discriminative critics do not improve materially with scale (longer words).",
    family: "exploratory",
    paper: PAPER_C1,
    readAs: "As C1, on words 1.5 times as long as in training.",
    sesoi: SESOI_C1,
    evaluate: doesNotImprove({ ...EXACT, test: 1 }),
  },
  {
    id: "C2-error-sizes",
    statement: "A generative critic has the lower error at every size.",
    family: "exploratory",
    paper: PAPER_C2,
    readAs: "As C2-error, at all sizes, those too that have not learned to write right chains.",
    sesoi: SESOI_ERROR,
    evaluate: betterAtEverySize("rmse", "all", EXACT),
  },
  {
    id: "C2-scale-expectation",
    statement: "The error of a generative critic falls with size, read by the expectation.",
    family: "exploratory",
    paper: PAPER_C2,
    readAs: "As C2-scale, the answer being the mean over value tokens.",
    sesoi: SESOI_SLOPE,
    evaluate: falls({ ...EXACT, readout: "expectation" }),
  },
  {
    id: "C2-scale-longer",
    statement: "The error of a generative critic falls with size on longer words.",
    family: "exploratory",
    paper: PAPER_C2,
    readAs: "As C2-scale, on words 1.5 times as long as in training.",
    sesoi: SESOI_SLOPE,
    evaluate: falls({ ...EXACT, test: 1 }),
  },
  {
    id: "C2-scale-longest",
    statement: "The error of a generative critic falls with size on words of twice the length.",
    family: "exploratory",
    paper: PAPER_C2,
    readAs: "As C2-scale, on words twice as long as in training.",
    sesoi: SESOI_SLOPE,
    evaluate: falls({ ...EXACT, test: 2 }),
  },
  {
    id: "C1-outcomes",
    statement: "Taught 0/1 outcomes, discriminative critics do not improve materially with scale.",
    family: "exploratory",
    paper: PAPER_C1,
    readAs: "As C1, each training state labelled with the outcome of one rollout, as the paper's " +
      "critics are; judged against exact values.",
    sesoi: SESOI_C1,
    evaluate: doesNotImprove(OUTCOMES),
  },
  {
    id: "C2-error-outcomes",
    statement: "Taught 0/1 outcomes, a generative critic has the lower error at every size " +
      "whose chains are right.",
    family: "exploratory",
    paper: PAPER_C2,
    readAs: "As C2-error, each training state labelled with the outcome of one rollout and the " +
      "answer read by the expectation: the emitted integer is then 0 or 10.",
    sesoi: SESOI_ERROR,
    evaluate: betterAtEverySize("rmse", "with right chains", OUTCOMES),
  },
  {
    id: "C2-ranking-outcomes",
    statement:
      "Taught 0/1 outcomes, a generative critic has the higher ranking accuracy at every " +
      "size.",
    family: "exploratory",
    paper: PAPER_C2,
    readAs: "As C2-ranking, with the labels and the reading of C2-error-outcomes.",
    sesoi: SESOI_RANKING,
    evaluate: betterAtEverySize("rankingAccuracy", "all", OUTCOMES),
  },
  {
    id: "C2-samples",
    statement: "The mean of 16 sampled chains has a lower error than one at every size sampled.",
    family: "exploratory",
    readAs: "RMSE in distribution, chains sampled at temperature 1; answers that cannot be " +
      "parsed are left out of the mean, an error of 1 where none can.",
    sesoi: SESOI_ERROR,
    evaluate: samplesHelp(EXACT),
  },
  {
    id: "C2-samples-longer",
    statement: "The mean of 16 sampled chains has a lower error than one on longer words.",
    family: "exploratory",
    readAs: "As C2-samples, on words 1.5 times as long as in training.",
    sesoi: SESOI_ERROR,
    evaluate: samplesHelp({ ...EXACT, test: 1 }),
  },
  {
    id: "C2-samples-outcomes",
    statement: "Taught 0/1 outcomes, the mean of 16 sampled chains has a lower error than one.",
    family: "exploratory",
    readAs: "As C2-samples, each training state labelled with the outcome of one rollout.",
    sesoi: SESOI_ERROR,
    evaluate: samplesHelp(OUTCOMES),
  },
];
