/** The paper's claim C3 as predicates on the summary. All are about the CoT critic's error over the discriminative one's. */
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { everywhere, missing, shown, side, verdictOfSide } from "../shared/verdicts.ts";
import type { ErrorRatio, GeneralizationSummary, TestSummary } from "./summary.ts";

/** "More than 50% lower." */
const HALF = 0.5;

/** The ratios at the largest size that both critics have; none if there is no such size. */
function largest({ ratios }: GeneralizationSummary): readonly ErrorRatio[] {
  return ratios.filter(({ size }) => size === ratios.at(-1)!.size);
}

function needsBoth(sizes: string): Verdict {
  return missing(
    `Needs ${GENERATIVE} and ${DISCRIMINATIVE} at ${sizes}: add them to the config's runs.`,
  );
}

/** At the largest size the error is lower on every test set of one kind of shift. */
function lowerUnder(
  shift: TestSummary["shift"],
  about: (tests: readonly TestSummary[]) => string = () => "",
) {
  return (summary: GeneralizationSummary): Verdict => {
    const tests = summary.tests.filter((test) => test.shift === shift);
    const ratios = largest(summary);
    if (ratios.length === 0) return needsBoth("one size or more");
    const intervals = Object.fromEntries(
      tests.map(({ name }) => [name, ratios.find(({ test }) => test === name)!.ratio]),
    );
    const numbers = Object.entries(intervals).map(([name, r]) => `${name} ${shown(r)}`).join(", ");
    const { size } = ratios[0]!;
    const reading = `Error of the CoT critic over the discriminative one's at ${size}: ${numbers}.${
      about(tests)
    }`;
    return everywhere(intervals, 1, () => reading, undefined, -1);
  };
}

/** The claims, in the order of the report. */
export const generalizationClaims: readonly Claim<GeneralizationSummary>[] = [
  {
    id: "C3",
    statement:
      "On longer problems a generative critic's error is lower than a discriminative critic's by more than 50%.",
    evaluate: (summary) => {
      const found = largest(summary).find(({ test }) => test === summary.headline);
      if (!found) return needsBoth("one size or more");
      const { size, test, ratio } = found;
      const error = (critic: string) => {
        const row = summary.rows.find((row) => row.critic === critic && row.size === size)!;
        return shown(row.tests[test]!.rmse.iqm);
      };
      return {
        verdict: verdictOfSide(side(ratio, HALF), -1),
        reading: `At ${size}, ${test}: RMSE of the CoT critic ${error(GENERATIVE)}, of the ` +
          `discriminative one ${error(DISCRIMINATIVE)}; ratio ${shown(ratio)} against ${HALF}.`,
        evidence: { ratio: { ...ratio } },
      };
    },
  },
  {
    id: "C3-sizes",
    statement:
      "At every size and on every out-of-distribution set the generative critic's error is lower.",
    evaluate: ({ ratios, tests }) => {
      const shifted = tests.filter(({ shift }) => shift !== "none").map(({ name }) => name);
      const all = ratios.filter(({ test }) => shifted.includes(test));
      if (all.length === 0) return needsBoth("one size or more");
      const at = (where: -1 | 0 | 1) => all.filter((r) => (side(r.ratio, 1) ?? 0) === where);
      const others = ([["undecided", 0], ["higher", 1]] as const).flatMap(([word, where]) => {
        const sizes = [...Map.groupBy(at(where), ({ size }) => size)].map(([size, found]) =>
          `${size} (${found.map(({ test }) => test).join(", ")})`
        );
        return sizes.length > 0 ? [`; ${word} at ${sizes.join(", ")}`] : [];
      });
      const reading = `CoT critic's error lower in ${at(-1).length} of ${all.length} comparisons ` +
        `of size and test set${others.join("")}.`;
      const intervals = all.map((r) => [`${r.size}, ${r.test}`, r.ratio] as const);
      return everywhere(Object.fromEntries(intervals), 1, () => reading, undefined, -1);
    },
  },
  {
    id: "C3-scale",
    statement: "The generative critic's advantage on longer problems grows with size.",
    evaluate: ({ headline, ratios, trends }) => {
      const trend = trends.find(({ test }) => test === headline);
      if (!trend) return needsBoth("two sizes or more");
      const found = ratios.filter(({ test }) => test === headline);
      // A handicap that shrinks is no advantage that grows: the last ratio must be below 1 too.
      const sides = [side(trend.slope), side(found.at(-1)!.ratio, 1)];
      const points = found.map(({ size, ratio }) => `${shown(ratio)} at ${size}`).join(", ");
      return {
        verdict: sides.every((s) => s === -1)
          ? "supported"
          : sides.includes(1)
          ? "not supported"
          : "inconclusive",
        reading: `Error ratio, ${headline}: ${points}; it changes by ${shown(trend.slope)} per ` +
          `tenfold parameters.`,
        evidence: { slope: { ...trend.slope } },
      };
    },
  },
  {
    id: "C3-skill",
    statement:
      "For actors of another skill than in training the generative critic's error is lower.",
    evaluate: lowerUnder("skill", (tests) => {
      const errors = tests.map((t) => `${t.trainedActorRmse.toFixed(3)} (${t.name})`).join(", ");
      return ` The exact value for the actor of training would have RMSE ${errors}.`;
    }),
  },
  {
    id: "C3-start",
    statement: "From other start states than in training the generative critic's error is lower.",
    evaluate: lowerUnder("start"),
  },
];
