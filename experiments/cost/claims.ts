/** What is claimed of cost, as predicates on the summary. FLOPs hardly differ between seeds: means decide. */
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { totalParts } from "../../lib/rl/work.ts";
import { type CostRow, type CostSummary, segmentsText } from "./summary.ts";

const genacRows = ({ rows }: CostSummary) => rows.filter(({ method }) => method === "genac");
const place = ({ length, segments }: CostRow) => `${length} tokens, ${segmentsText(segments!)}`;

/** Supported if every row passes, not supported if none does, else inconclusive. */
function rowByRow(
  rows: readonly CostRow[],
  passes: (row: CostRow) => boolean,
  what: string,
  number: (row: CostRow) => number,
): Verdict {
  const passed = rows.filter(passes).length;
  return {
    verdict: rows.length > 0 && passed === rows.length
      ? "supported"
      : passed === 0
      ? "not supported"
      : "inconclusive",
    reading: `It holds for ${passed} of ${rows.length} settings. ${what}: ` +
      rows.map((row) => `${number(row).toFixed(2)} (${place(row)})`).join("; ") + ".",
    evidence: Object.fromEntries(rows.map((row) => [place(row), number(row)])),
  };
}

/** The claims, in the order of the report. */
export const costClaims: readonly Claim<CostSummary>[] = [
  {
    id: "C6",
    statement:
      "An iteration of GenAC takes about twice PPO's computation (1.5 to 3 times), whatever the length and the segments.",
    evaluate: (summary) =>
      rowByRow(
        genacRows(summary),
        ({ timesPpo }) => timesPpo >= 1.5 && timesPpo <= 3,
        "FLOPs over PPO's",
        ({ timesPpo }) => timesPpo,
      ),
  },
  {
    id: "C6-frozen",
    statement: "With a critic that is not trained during RL it takes at most 3 times PPO's.",
    evaluate: (summary) =>
      rowByRow(
        genacRows(summary),
        ({ frozenTimesPpo }) => frozenTimesPpo <= 3,
        "FLOPs over PPO's",
        ({ frozenTimesPpo }) => frozenTimesPpo,
      ),
  },
  {
    id: "C6-monte-carlo",
    statement: "GenAC costs less than estimating values from continuations (VinePPO).",
    evaluate: (summary) => {
      const over = (row: CostRow) => {
        const other = summary.rows.find(({ length, method }) =>
          length === row.length && method === "vineppo"
        )!;
        return totalParts(row.flops) / totalParts(other.flops);
      };
      return rowByRow(genacRows(summary), (row) => over(row) < 1, "FLOPs over VinePPO's", over);
    },
  },
];
