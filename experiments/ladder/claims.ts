/**
 * What theory would have, as predicates on the summary, all about the largest size. Where a claim is about several rungs
 * or pairs of rungs, it must hold for each: see `everywhere`.
 */
import { type Interval, stratifiedBootstrap } from "../../lib/eval/bootstrap.ts";
import { interquartileMean } from "../../lib/eval/statistics.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { difference, everywhere, missing, shown, side, verdictOfSide } from "../shared/verdicts.ts";
import { CLASSES, type ComplexityClass, MATCHED } from "./rungs.ts";
import type { LadderRow, LadderSummary } from "./summary.ts";

/** "Nearly exact": eleven values keep the CoT critic below 0.99 or so. */
const EXACT = 0.9;

/** The rows of one critic at its largest size on rungs of some classes, in order. */
function largest(
  { rows }: LadderSummary,
  critic: string,
  classes: readonly ComplexityClass[],
): readonly LadderRow[] {
  const of = rows.filter((row) => row.critic === critic);
  const most = maximum(of.map(({ parameters }) => parameters));
  const size = of.find(({ parameters }) => parameters === most)?.size;
  return of.filter((row) => row.size === size && classes.includes(row.complexity));
}

/** Pairs of rows of different classes, the lower first. */
function pairs(rows: readonly LadderRow[]): [LadderRow, LadderRow][] {
  const height = ({ complexity }: LadderRow) => CLASSES.indexOf(complexity);
  return rows.flatMap((low) =>
    rows.filter((high) => height(high) > height(low)).map((
      high,
    ): [LadderRow, LadderRow] => [low, high])
  );
}

function needs(what: string): Verdict {
  return missing(`Needs ${what}: add it to the config.`);
}

/** "S4 0.05, S5 0.06": the r2 of each row. */
function r2Of(rows: readonly LadderRow[]): string {
  return rows.map(({ rung, scores }) => `${rung} ${shown(scores.r2.iqm)}`).join(", ");
}

/** For how many pairs of rungs the interval lies above 0, and for which it does not. */
function held(intervals: Readonly<Record<string, Interval>>): string {
  const names = Object.keys(intervals);
  const others = names.filter((name) => side(intervals[name]!) !== 1);
  return `this holds for ${names.length - others.length} of ${names.length} pairs of rungs` +
    (others.length > 0 ? `, not for ${others.join(", ")}` : "");
}

/** r2 above `EXACT` on every rung of some classes. */
function exactOn(critic: string, classes: readonly ComplexityClass[], title: string) {
  return (summary: LadderSummary): Verdict => {
    const rows = largest(summary, critic, classes);
    if (rows.length === 0) return needs(`${critic} on a rung in ${classes.join(", ")}`);
    const intervals = Object.fromEntries(rows.map((row) => [row.rung, row.scores.r2.iqm]));
    const longer = summary.moreData.filter((r) =>
      r.critic === critic && classes.includes(r.complexity)
    );
    const times = (longer[0]?.examples ?? 0) / rows[0]!.examples;
    const more = longer.length > 0
      ? ` At ${longer[0]!.size} with ${times} times the data: ${r2Of(longer)}.`
      : "";
    return everywhere(
      intervals,
      EXACT,
      () =>
        `r2 of the ${title} critic at ${rows[0]!.size}, against ${EXACT}: ${r2Of(rows)}.${more}`,
    );
  };
}

/** The claims, in the order of the report. */
export const ladderClaims: readonly Claim<LadderSummary>[] = [
  {
    id: "L1",
    statement:
      "The discriminative critic's r2 falls from class to class: AC0 above ACC0 above NC1.",
    evaluate: (summary) => {
      const rows = largest(summary, DISCRIMINATIVE, MATCHED);
      const compared = pairs(rows);
      if (compared.length === 0) return needs(`${DISCRIMINATIVE} on rungs of two classes`);
      const intervals = Object.fromEntries(compared.map(([low, high]) => [
        `${low.rung} over ${high.rung}`,
        difference(low.scores.r2.scores, high.scores.r2.scores, summary.bootstrap),
      ]));
      return everywhere(
        intervals,
        0,
        () => `Discriminative critic at ${rows[0]!.size}, r2: ${r2Of(rows)}; ${held(intervals)}.`,
      );
    },
  },
  {
    id: "L1-learned",
    statement:
      "What a constant-depth transformer can compute (AC0, ACC0), the discriminative critic learns: r2 above 0.9.",
    evaluate: exactOn(DISCRIMINATIVE, ["AC0", "ACC0"], "discriminative"),
  },
  {
    id: "L2",
    statement: "Up to NC1 the CoT critic's r2 is above 0.9.",
    evaluate: exactOn(GENERATIVE, MATCHED, "CoT"),
  },
  {
    id: "L2-circuit",
    statement:
      "With a token or more for every gate, the CoT critic's r2 is above 0.9 on circuits too.",
    evaluate: exactOn(GENERATIVE, ["P"], "CoT"),
  },
  {
    id: "L3",
    statement:
      "On 3-SAT a short chain of thought cannot be exact: even after chains that are right in every token the CoT critic's r2 is below 0.9.",
    evaluate: (summary) => {
      const [row] = largest(summary, GENERATIVE, ["NP-hard"]);
      if (!row) return needs(`${GENERATIVE} on an NP-hard rung`);
      const { r2AfterRightChains: after, scores: { r2, traceAccuracy } } = row;
      const right = (100 * (traceAccuracy?.iqm.estimate ?? 0)).toFixed(0);
      const { conclusionR2 } = summary.rungs.find(({ name }) => name === row.rung)!;
      return {
        verdict: verdictOfSide(after ? side(after.iqm, EXACT) : undefined, -1),
        reading: `CoT critic at ${row.size}: r2 ${shown(r2.iqm)} on all states, ` +
          `${
            after ? shown(after.iqm) : "unknown"
          } after right chains, which ${right}% are; the best function of the ` +
          `chain's last token and the steps left has ${conclusionR2.toFixed(2)}.`,
        evidence: { r2: { ...r2.iqm }, afterRightChains: after && { ...after.iqm } },
      };
    },
  },
  {
    id: "L4",
    statement: "Up to NC1 the CoT critic's advantage grows from class to class.",
    evaluate: (summary) => {
      const ours = largest(summary, GENERATIVE, MATCHED);
      const rival = (row: LadderRow) =>
        summary.rows.find((r) =>
          r.critic === DISCRIMINATIVE && r.rung === row.rung && r.size === row.size
        );
      const compared = pairs(ours.filter(rival));
      if (compared.length === 0) return needs("both critics at one size on rungs of two classes");
      const intervals = Object.fromEntries(compared.map(([low, high]) => [
        `${high.rung} over ${low.rung}`,
        stratifiedBootstrap(
          [high, rival(high)!, low, rival(low)!].map(({ scores }) => scores.r2.scores),
          (drawn) => {
            const [a, b, c, d] = drawn.map(interquartileMean);
            return (a! - b!) - (c! - d!);
          },
          summary.bootstrap,
        ),
      ]));
      const { size } = ours[0]!;
      const gains = summary.advantages.filter((a) =>
        a.size === size && ours.some(({ rung }) => rung === a.rung)
      );
      return everywhere(
        intervals,
        0,
        () =>
          `r2 of the CoT critic less the discriminative one's at ${size}: ${
            gains.map(({ rung, r2 }) => `${rung} ${shown(r2)}`).join(", ")
          }; ${held(intervals)}.`,
      );
    },
  },
  {
    id: "L5",
    statement: "The CoT critic has the higher r2 on every rung.",
    evaluate: (summary) => {
      const size = largest(summary, GENERATIVE, CLASSES)[0]?.size;
      const gains = summary.advantages.filter((a) => a.size === size);
      if (gains.length === 0) return needs("both critics at one size");
      return everywhere(
        Object.fromEntries(gains.map(({ rung, r2 }) => [rung, r2])),
        0,
        (parts) => `CoT against discriminative critic at ${size}, r2: ${parts}.`,
        { above: "better on", neither: "undecided on", below: "worse on" },
      );
    },
  },
];
