/** What is claimed of cost, as predicates on the summary. */
import { maximum } from "../../lib/numeric/extrema.ts";
import type { Claim } from "../../lib/run/experiment.ts";
import type { Scores } from "../shared/scores.ts";
import { decided, listed } from "../shared/verdicts.ts";
import type { Crossover } from "./crossover.ts";
import { type CostRow, type CostSummary, segmentsText } from "./summary.ts";

/** Tokens of the critic's answers for each token of the actor that count as about one. */
export const ABOUT_ONE = { least: 0.5, most: 2 } as const;
/** Multiples of PPO's cost that count as about twice. */
const ABOUT_TWICE = { least: 1.5, most: 3 } as const;
/** Of VinePPO's cost: less is within what an implementation could save. */
const SESOI = 0.1;

const place = ({ length, segments }: CostRow) => `${length} tokens, ${segmentsText(segments!)}`;
const genacRows = ({ rows }: CostSummary) => rows.filter(({ method }) => method === "genac");

/** GenAC where its critic answers with about one token per token of the actor. */
const likeThePaper = (summary: CostSummary) =>
  genacRows(summary).filter(({ criticTokens }) =>
    criticTokens >= ABOUT_ONE.least && criticTokens <= ABOUT_ONE.most
  );

/** Whether GenAC costs about twice as much as PPO in each of the rows. */
function aboutTwice(rows: readonly CostRow[]) {
  const { least, most } = ABOUT_TWICE;
  return decided(
    Object.fromEntries(rows.flatMap((row) => [
      [`${place(row)}: above ${least}`, row.timesPpo.scores.map((ratio) => ratio - least)],
      [`${place(row)}: below ${most}`, row.timesPpo.scores.map((ratio) => most - ratio)],
    ])),
    { sesoi: 0 },
    () => `FLOPs over PPO's: ${ratios(rows, ({ timesPpo }) => timesPpo)}.`,
    `Needs ${ABOUT_ONE.least} to ${ABOUT_ONE.most} tokens of the critic's answers per token of the actor.`,
  );
}

/** "2.070 [2.061, 2.079] (16 tokens, 1 segment)", all of them. */
function ratios(rows: readonly CostRow[], ratio: (row: CostRow) => Scores): string {
  return listed(Object.fromEntries(rows.map((row) => [place(row), ratio(row).mean])));
}

/** "1 segment: 3.00, 2.38, 1.77 at 4, 8, 16 tokens, equal at about 61". */
function crossing({ segments, measured, length }: Crossover): string {
  const times = measured.map(({ timesVinePpo }) => timesVinePpo.toFixed(2)).join(", ");
  const lengths = measured.map(({ length }) => length).join(", ");
  const equal = length !== null
    ? `equal at about ${length.toFixed(0)}`
    : measured.length > 1
    ? "never equal"
    : "no second length";
  return `${segmentsText(segments)}: ${times} at ${lengths} tokens, ${equal}`;
}

const EXTRAPOLATED =
  "Lengths of equal cost outside the measured ones are extrapolated, each cost as a power of the length.";
const IN_THE_THRESHOLDS = "0: effects are distances from the bounds, which say what is material";

/** The claims, in the order of the report. */
export const costClaims: readonly Claim<CostSummary>[] = [
  {
    id: "C6",
    statement:
      "Where the critic answers with about one token per token of the actor, an iteration " +
      "of GenAC takes about twice PPO's computation.",
    family: "confirmatory",
    paper: "An iteration takes about 2.1 times PPO's computation.",
    readAs:
      `FLOPs over those of PPO whose critic judges a response in one pass: ${ABOUT_TWICE.least} ` +
      `to ${ABOUT_TWICE.most} wherever answers have ${ABOUT_ONE.least} to ${ABOUT_ONE.most} ` +
      "tokens per token of the actor, as in the paper (1024 at most, to responses of thousands)",
    sesoi: IN_THE_THRESHOLDS,
    evaluate: (summary) => aboutTwice(likeThePaper(summary)),
  },
  {
    id: "C6-lengths",
    statement: "GenAC takes about twice PPO's computation whatever the length and the segments.",
    family: "exploratory",
    readAs: "As C6, at every length and number of segments, however much the critic writes",
    sesoi: IN_THE_THRESHOLDS,
    evaluate: (summary) => aboutTwice(genacRows(summary)),
  },
  {
    id: "C6-frozen",
    statement: "With a critic that is not trained during RL GenAC takes at most 3 times PPO's.",
    family: "exploratory",
    readAs: "FLOPs without the critic's training over PPO's with it, everywhere below 3",
    sesoi: IN_THE_THRESHOLDS,
    evaluate: (summary) => {
      const rows = genacRows(summary);
      return decided(
        Object.fromEntries(
          rows.map((row) => [place(row), row.frozenTimesPpo.scores.map((x) => 3 - x)]),
        ),
        { sesoi: 0 },
        () => `FLOPs over PPO's: ${ratios(rows, ({ frozenTimesPpo }) => frozenTimesPpo)}.`,
      );
    },
  },
  {
    id: "C6-monte-carlo",
    statement: "At the longest responses measured GenAC costs less than estimating values from " +
      "continuations (VinePPO).",
    family: "exploratory",
    readAs: "1 less FLOPs over VinePPO's, at every number of segments",
    sesoi: `${SESOI} of VinePPO's FLOPs: less is within what an implementation could save`,
    evaluate: (summary) => {
      const longest = maximum(summary.rows.map(({ length }) => length));
      const rows = genacRows(summary).filter(({ length }) => length === longest);
      return decided(
        Object.fromEntries(
          rows.map((row) => [place(row), row.timesVinePpo.scores.map((x) => 1 - x)]),
        ),
        { sesoi: SESOI },
        () =>
          ["FLOPs over VinePPO's", ...summary.crossovers.map(crossing), EXTRAPOLATED].join(". "),
      );
    },
  },
];
