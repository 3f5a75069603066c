/** What the controls say for or against the chain of thought, as predicates on the summary. */
import type { Claim, Json } from "../../lib/run/experiment.ts";
import type { Readout } from "../shared/test_report.ts";
import { missing, shown } from "../shared/verdicts.ts";
import type { ControlName } from "./controls.ts";
import type { ControlRow, ControlsSummary } from "./summary.ts";

/**
 * A claim that some controls refute their objections: supported if all of them do, not supported if one upholds its
 * objection. The gap is the difference in r2 between the discriminative and the CoT critic of the same size.
 */
function refutes(
  id: string,
  statement: string,
  names: readonly ControlName[],
  readOut?: Readout,
): Claim<ControlsSummary> {
  return {
    id,
    statement,
    evaluate: ({ rows }) => {
      const found = rows.filter((row) =>
        names.includes(row.control) && (readOut === undefined || row.readOut === readOut)
      );
      if (found.length === 0) {
        return missing(`Needs a run of ${names.join(" or ")}: not in this profile.`);
      }
      const has = (standing: ControlRow["standing"]) =>
        found.some((row) => row.standing === standing);
      const parts = found.map(({ title, size, closed }) =>
        `${title}${size && ` (${size})`} ${shown(closed!)}`
      );
      return {
        verdict: has("upheld") ? "not supported" : has("undecided") ? "inconclusive" : "supported",
        reading: `Share of the gap in r2 that is closed: ${parts.join("; ")}.`,
        evidence: Object.fromEntries(
          found.map(({ title, base, closed }) => [`${title}, ${base}`, { ...closed! } as Json]),
        ),
      };
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
    "With half of its process labels the chain of thought closes more than half of the gap.",
    ["every-second", "first-half"],
  ),
  refutes(
    "control-distance",
    "Without process labels, the final distance alone, it closes more than half of the gap.",
    ["distance-alone"],
  ),
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
