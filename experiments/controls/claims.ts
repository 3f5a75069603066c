/** What the controls say for or against the chain of thought, as predicates on the summary. */
import { leastSquaresSlope } from "../../lib/eval/statistics.ts";
import { minimum } from "../../lib/numeric/extrema.ts";
import type { Claim } from "../../lib/run/experiment.ts";
import type { Readout } from "../shared/test_report.ts";
import { decided, shown } from "../shared/verdicts.ts";
import { type ControlName, controlOf } from "./controls.ts";
import { type ControlsSummary, isSurelyPositive } from "./summary.ts";

/**
 * A claim that each of some controls refutes its objection. The gap is the difference in r2 between the CoT and the
 * discriminative critic of the same size; the controls of a claim refute on the same side of its half.
 */
function refutes(
  id: string,
  statement: string,
  names: readonly [ControlName, ...ControlName[]],
  readOut?: Readout,
): Claim<ControlsSummary> {
  const { refuted } = controlOf(names[0]), sign = refuted === "above" ? 1 : -1;
  return {
    id,
    statement,
    family: "exploratory",
    readAs: `For each control of this kind: its r2 is ${refuted} the midpoint of the CoT and the ` +
      "discriminative critic's of the same size, by seed.",
    sesoi: "0 of r2 from the midpoint: half of the gap is the threshold",
    evaluate: ({ rows }) => {
      const found = rows.flatMap((row) =>
        names.includes(row.control) && (readOut === undefined || row.readOut === readOut)
          ? [{ name: row.size ? `${row.title}, ${row.size}` : row.title, ...row.placed! }]
          : []
      );
      const share = (closed: number | null) => closed === null ? "no gap" : closed.toFixed(2);
      const verdict = decided(
        Object.fromEntries(
          found.map(({ name, beyondHalf }) => [name, beyondHalf.scores.map((x) => sign * x)]),
        ),
        { sesoi: 0 },
        () =>
          `Share of the gap in r2 that is closed, and r2 beyond its half: ${
            found.map(({ beyondHalf, closed, name }) =>
              `${share(closed)}, ${shown(beyondHalf.mean)} (${name})`
            ).join("; ")
          }.`,
        `Needs a run of ${names.join(" or ")}: not in this profile.`,
      );
      if (found.every(({ gap }) => isSurelyPositive(gap))) return verdict;
      const reading = `${verdict.reading} That there is a gap at all is not sure.`;
      return { ...verdict, verdict: "undecided", reading };
    },
  };
}

/** The claims, in the order of the table. */
export const controlsClaims: readonly Claim<ControlsSummary>[] = [
  refutes(
    "control-compute",
    "More compute without words closes less than half of the gap to the CoT critic.",
    ["filler", "equal-training", "equal-inference"],
  ),
  refutes(
    "control-labels",
    "The labels of the chain of thought without its words close less than half of the gap.",
    ["labels", "labels-deep"],
  ),
  refutes(
    "control-dense",
    "Value labels at every symbol of the prompt close less than half of the gap.",
    ["dense"],
  ),
  refutes("control-data", "More data closes less than half of the gap.", ["more-data"]),
  refutes(
    "control-learning-rate",
    "A tuned learning rate closes less than half of the gap.",
    ["learning-rate"],
  ),
  refutes(
    "control-serial",
    "Serial computation without words, recurrent or looped, closes less than half of the gap.",
    ["looped", "gru"],
  ),
  refutes(
    "control-serial-labels",
    "Serial computation without words, but with the chain's labels, closes less than half of the gap.",
    ["looped-labels", "gru-labels", "gru-labels-equal-training"],
  ),
  refutes(
    "control-features",
    "A linear model on hand features closes less than half of the gap.",
    ["ridge"],
  ),
  refutes(
    "control-head",
    "Another head without words closes less than half of the gap.",
    ["one-shot", "hl-gauss"],
  ),
  refutes(
    "control-scalar-head",
    "Under a scalar head, too, the chain of thought closes more than half of the gap.",
    ["cot-scalar"],
  ),
  refutes(
    "control-corrupted",
    "With wrong process labels, too, the chain of thought closes more than half of the gap.",
    ["corrupted-5", "corrupted-20"],
  ),
  refutes(
    "control-dropped",
    "With fillers in place of every second product the chain of thought closes more than half of the gap.",
    ["every-second"],
  ),
  refutes(
    "control-distance",
    "Without process labels, the final distance alone, it closes more than half of the gap.",
    ["distance-alone"],
  ),
  {
    id: "control-length",
    statement: "The more products of the chain are written, the lower the CoT critic's error.",
    family: "exploratory",
    readAs:
      "Least-squares slope of r2 over the fraction of products in the chain, 0 to 1, by seed; the critic writes fewer tokens.",
    sesoi: "0.05 of r2 between no product and all of them: 5% of the value's variance",
    evaluate: ({ lengths }) =>
      decided(
        Object.fromEntries(
          [...Map.groupBy(lengths, ({ base }) => base)].map(([base, rows]) => {
            const kept = rows.map((row) => row.kept);
            const seeds = minimum(rows.map(({ scores }) => scores.r2.scores.length));
            return [
              base,
              Array.from(
                { length: seeds },
                (_, seed) =>
                  leastSquaresSlope(kept, rows.map(({ scores }) => scores.r2.scores[seed]!)),
              ),
            ];
          }),
        ),
        { sesoi: 0.05 },
        (numbers) =>
          `Slope of r2 over the fraction of products: ${numbers}; r2 ${
            lengths.map(({ base, kept, scores }) =>
              `${shown(scores.r2.mean)} (${100 * kept}%, ${base})`
            ).join("; ")
          }.`,
        "Needs runs with a shortened chain: not in this profile.",
      ),
  },
  refutes(
    "control-sampled",
    "Taught sampled outcomes and read by the expectation it closes more than half of the gap.",
    ["sampled-8", "sampled-1"],
    "expectation",
  ),
  refutes(
    "control-integer",
    "Taught sampled outcomes and read by the integer it closes more than half of the gap.",
    ["sampled-8", "sampled-1"],
    "value",
  ),
  refutes(
    "control-easier",
    "Where the group is abelian or words are short, the discriminative critic gets past half of the gap.",
    ["abelian", "short-words"],
  ),
];
