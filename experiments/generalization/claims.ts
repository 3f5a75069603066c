/** The paper's claim C3 as predicates on the summary. All compare the CoT critic's error with the discriminative one's. */
import { pairedDifferences, type SeedInterval, seedInterval } from "../../lib/eval/student.ts";
import { slopePerDecade } from "../../lib/eval/statistics.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { decided, shown } from "../shared/verdicts.ts";
import {
  type GeneralizationSummary,
  HALF,
  type PairedErrors,
  type TestSummary,
} from "./summary.ts";

/** Errors that differ by less than this fraction of the mean predictor's do not matter. */
const MATERIAL = 0.05;

const RMSE_SESOI =
  "0.012 of RMSE: 5% of the way from always predicting the mean (0.243) to the exact value.";
const NO_SESOI = "0 of MSE beyond the threshold: one half is itself the effect that matters.";

function lacks(sizes: string): string {
  return `Needs ${GENERATIVE} and ${DISCRIMINATIVE} at ${sizes}: add them to the config's runs.`;
}

/** The pairs at the largest size that both critics have; none if there is no such size. */
function largest({ pairs }: GeneralizationSummary): readonly PairedErrors[] {
  return pairs.filter(({ size }) => size === pairs.at(-1)!.size);
}

/** By seed, how far the CoT critic's MSE is below half of the discriminative one's. */
function belowHalf({ generative, discriminative }: PairedErrors): number[] {
  return pairedDifferences(discriminative.scores.map((mse) => HALF * mse), generative.scores);
}

/** By seed, how much lower the CoT critic's RMSE is. */
function rmseAdvantage({ generative, discriminative }: PairedErrors): number[] {
  return pairedDifferences(
    discriminative.scores.map(Math.sqrt),
    generative.scores.map(Math.sqrt),
  );
}

/** By seed, how much lower the CoT critic's MSE is. */
function mseAdvantage({ generative, discriminative }: PairedErrors): number[] {
  return pairedDifferences(discriminative.scores, generative.scores);
}

/** " The mean ratio reaches 0.5 at 2.20 times the training length." */
function whereLost({ lost, tests }: GeneralizationSummary): string {
  const { ofMean } = lost.at(-1)!;
  const longest = maximum(tests.map(({ length }) => length));
  return ofMean === null
    ? ` The mean ratio stays below ${HALF} up to ${longest} times the training length.`
    : ` The mean ratio reaches ${HALF} at ${ofMean.toFixed(2)} times the training length.`;
}

/** At the largest size the MSE is lower by more than half on each of some sets of longer words. */
function halved(
  summary: GeneralizationSummary,
  of: (test: TestSummary) => boolean,
): Verdict {
  const names = summary.tests.filter(of).map(({ name }) => name);
  const pairs = largest(summary).filter(({ test }) => names.includes(test));
  const errors = pairs.map(({ test, generative, discriminative, ratio }) =>
    `${test}: CoT critic ${shown(generative.mean)}, discriminative ${
      shown(discriminative.mean)
    }, ` +
    `ratio ${shown(ratio.mean)}`
  );
  return decided(
    Object.fromEntries(pairs.map((pair) => [pair.test, belowHalf(pair)])),
    { sesoi: 0 },
    (numbers) =>
      `MSE at ${pairs[0]!.size}, ${errors.join("; ")}. Half of the discriminative critic's less ` +
      `the CoT critic's: ${numbers}.${whereLost(summary)}`,
    lacks("one size or more, and such a test set"),
  );
}

/** At the largest size the RMSE is lower on every test set of one kind of shift. */
function lowerUnder(
  shift: TestSummary["shift"],
  about: (tests: readonly TestSummary[]) => string = () => "",
) {
  return (summary: GeneralizationSummary): Verdict => {
    const tests = summary.tests.filter((test) => test.shift === shift);
    const pairs = largest(summary).filter(({ test }) => tests.some(({ name }) => name === test));
    return decided(
      Object.fromEntries(pairs.map((pair) => [pair.test, rmseAdvantage(pair)])),
      { sesoi: rmseSesoi(summary) },
      (numbers) =>
        `RMSE of the discriminative critic less the CoT critic's at ${pairs[0]!.size}: ` +
        `${numbers}.${about(tests)}`,
      lacks("one size or more"),
    );
  };
}

function rmseSesoi({ tests }: GeneralizationSummary): number {
  return MATERIAL * tests[0]!.trainedMeanRmse;
}

function sideOf({ low, high }: SeedInterval): "lower" | "higher" | "undecided" {
  return low !== null && low > 0 ? "lower" : high !== null && high < 0 ? "higher" : "undecided";
}

/** The claims, in the order of the report. */
export const generalizationClaims: readonly Claim<GeneralizationSummary>[] = [
  {
    id: "C3",
    family: "confirmatory",
    statement:
      "On longer problems a generative critic's MSE is lower than a discriminative critic's by more than 50%.",
    paper:
      "A generative critic generalizes better out of distribution: on a harder set (AIME24) its MSE is lower by more than 50%.",
    readAs:
      "The harder set is words twice as long as the longest of training. MSE against the exact value at the largest size, 1 charged for a response that cannot be parsed; by seed, half of the discriminative critic's less the CoT critic's.",
    sesoi: NO_SESOI,
    evaluate: (summary) => halved(summary, ({ name }) => name === summary.headline),
  },
  {
    id: "C3-longer",
    family: "exploratory",
    statement: "That holds at every other length beyond training as well.",
    readAs: "As C3, on each of the other sets of longer words (standard: 1.5, 2.5 and 3 times).",
    sesoi: NO_SESOI,
    evaluate: (summary) =>
      halved(summary, ({ name, shift }) => shift === "length" && name !== summary.headline),
  },
  {
    id: "C3-sizes",
    family: "exploratory",
    statement:
      "At every size and on every out-of-distribution set the generative critic's error is lower.",
    readAs:
      "RMSE of the discriminative critic less the CoT critic's, by seed, for each size that both have and each set but the one in distribution.",
    sesoi: RMSE_SESOI,
    evaluate: (summary) => {
      const shifted = summary.tests.filter(({ shift }) => shift !== "none").map(({ name }) => name);
      const effects = summary.pairs.filter(({ test }) => shifted.includes(test))
        .map((pair) => ({ ...pair, effect: rmseAdvantage(pair) }));
      const bySide = Map.groupBy(effects, ({ effect }) => sideOf(seedInterval(effect)));
      const others = (["undecided", "higher"] as const).flatMap((side) => {
        const sizes = [...Map.groupBy(bySide.get(side) ?? [], ({ size }) => size)]
          .map(([size, found]) => `${size} (${found.map(({ test }) => test).join(", ")})`);
        return sizes.length > 0 ? [`; ${side} at ${sizes.join(", ")}`] : [];
      });
      const reading = `CoT critic's RMSE lower in ${bySide.get("lower")?.length ?? 0} of ` +
        `${effects.length} comparisons of size and test set (95% intervals)${others.join("")}.`;
      return decided(
        Object.fromEntries(effects.map(({ size, test, effect }) => [`${size}, ${test}`, effect])),
        { sesoi: rmseSesoi(summary) },
        () => reading,
        lacks("one size or more"),
      );
    },
  },
  {
    id: "C3-scale",
    family: "exploratory",
    statement: "The generative critic's advantage on longer problems grows with size.",
    readAs:
      "On the words of C3, MSE of the discriminative critic less the CoT critic's: its slope over log parameters, by seed. A handicap that shrinks is no advantage that grows: at the largest size the difference must be positive too.",
    sesoi:
      "0.003 of MSE, for the difference and its change per tenfold parameters: 5% of the way from always predicting the mean (0.059) to the exact value.",
    evaluate: (summary) => {
      const pairs = summary.pairs.filter(({ test }) => test === summary.headline);
      const last = pairs.at(-1), sizes = pairs.map(({ parameters }) => parameters);
      const bySize = pairs.map(mseAdvantage);
      const meanRmse = summary.tests[0]!.trainedMeanRmse;
      const effects = pairs.length < 2 ? {} : {
        "per tenfold parameters": bySize[0]!.map((_, seed) =>
          slopePerDecade(sizes, bySize.map((differences) => differences[seed]!))
        ),
        [`at ${last!.size}`]: bySize.at(-1)!,
      };
      const points = pairs.map(({ size }, i) => `${shown(seedInterval(bySize[i]!))} at ${size}`);
      return decided(
        effects,
        { sesoi: MATERIAL * meanRmse * meanRmse },
        (numbers) =>
          `MSE of the discriminative critic less the CoT critic's, ${summary.headline}: ` +
          `${points.join(", ")}. Its slope, and at the largest size: ${numbers}.`,
        lacks("two sizes or more"),
      );
    },
  },
  {
    id: "C3-skill",
    family: "exploratory",
    statement:
      "For actors of another skill than in training the generative critic's error is lower.",
    readAs:
      "Programmatic actors with other rates of random moves. RMSE of the discriminative critic less the CoT critic's at the largest size, by seed, for each of them.",
    sesoi: RMSE_SESOI,
    evaluate: lowerUnder("skill", (tests) => {
      const errors = tests.map((t) => `${t.trainedActorRmse.toFixed(3)} (${t.name})`).join(", ");
      return ` The exact value for the actor of training would have RMSE ${errors}.`;
    }),
  },
  {
    id: "C3-start",
    family: "exploratory",
    statement: "From other start states than in training the generative critic's error is lower.",
    readAs:
      "Words in which one generator prevails. RMSE of the discriminative critic less the CoT critic's at the largest size, by seed.",
    sesoi: RMSE_SESOI,
    evaluate: lowerUnder("start"),
  },
];
