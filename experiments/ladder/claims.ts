/**
 * What theory would have, as predicates on the summary, all about the most data that a critic was given on a rung, and
 * its largest size there. Where a claim is about several rungs or pairs of rungs, it must hold for each.
 */
import { maximum } from "../../lib/numeric/extrema.ts";
import { pairedDifferences, seedInterval } from "../../lib/eval/student.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import { decided, missing, shown } from "../shared/verdicts.ts";
import { CLASSES, type ComplexityClass, MATCHED } from "./rungs.ts";
import type { Advantage, LadderRow, LadderSummary } from "./summary.ts";

/** "Nearly exact": eleven values keep the CoT critic below 0.99 or so. */
const EXACT = 0.9;

/** Of r2. */
const SESOI = 0.05;
const SESOI_TEXT = `${SESOI} of r2: 5% of the value's variance`;
const THRESHOLD_TEXT = `0 of r2 from ${EXACT}: the threshold is what matters`;

/** Effects by seed. */
type Effects = Readonly<Record<string, readonly number[]>>;

/** Those with the most data, among them of the largest size, on rungs of some classes; in order. */
function most<Row extends LadderRow | Advantage>(
  rows: readonly Row[],
  classes: readonly ComplexityClass[],
): Row[] {
  const on = rows.filter(({ complexity }) => classes.includes(complexity));
  const examples = maximum(on.map((row) => row.examples));
  const longest = on.filter((row) => row.examples === examples);
  const parameters = maximum(longest.map((row) => row.parameters));
  const size = longest.find((row) => row.parameters === parameters)?.size;
  return longest.filter((row) => row.size === size);
}

/** The same of one critic. */
function mostOf(
  { moreData, rows }: LadderSummary,
  critic: string,
  classes: readonly ComplexityClass[],
): LadderRow[] {
  return most([...rows, ...moreData].filter((row) => row.critic === critic), classes);
}

/** Pairs of rows of neighbouring classes, the lower first. */
function neighbours<Row extends LadderRow | Advantage>(rows: readonly Row[]): [Row, Row][] {
  const height = ({ complexity }: Row) => CLASSES.indexOf(complexity);
  return rows.flatMap((low) =>
    rows.filter((high) => height(high) === height(low) + 1).map((high): [Row, Row] => [low, high])
  );
}

function needs(what: string): Verdict {
  return missing(`Needs ${what}: add it to the config.`);
}

/** "S4 0.050 [0.040, 0.060], S5 0.060 [0.050, 0.070]": the r2 of each row. */
function r2Of(rows: readonly { rung: string; r2: readonly number[] }[]): string {
  return rows.map(({ rung, r2 }) => `${rung} ${shown(seedInterval(r2))}`).join(", ");
}

/** "d32-L2 with 64000 examples". */
function at({ examples, size }: LadderRow | Advantage): string {
  return `${size} with ${examples} examples`;
}

/** For how many of the comparisons the effect is surely positive, and for which it is not. */
function held(effects: Effects, what = "pairs of rungs"): string {
  const names = Object.keys(effects);
  const others = names.filter((name) => !((seedInterval(effects[name]!).low ?? 0) > 0));
  return `this holds for ${names.length - others.length} of ${names.length} ${what}` +
    (others.length > 0 ? `, not for ${others.join(", ")}` : "");
}

/** r2 above `EXACT` on every rung of some classes. */
function exactOn(critic: string, classes: readonly ComplexityClass[], title: string) {
  return (summary: LadderSummary): Verdict => {
    const rows = mostOf(summary, critic, classes);
    if (rows.length === 0) return needs(`${critic} on a rung in ${classes.join(", ")}`);
    const scored = rows.map(({ rung, scores }) => ({ rung, r2: scores.r2.scores }));
    return decided(
      Object.fromEntries(scored.map(({ rung, r2 }) => [rung, r2.map((x) => x - EXACT)])),
      { sesoi: 0 },
      () => `r2 of the ${title} critic at ${at(rows[0]!)}, against ${EXACT}: ${r2Of(scored)}.`,
    );
  };
}

/** The claims, in the order of the report. */
export const ladderClaims: readonly Claim<LadderSummary>[] = [
  {
    id: "L1",
    statement:
      "The discriminative critic's r2 falls from class to class: AC0 above ACC0 above NC1.",
    family: "exploratory",
    paper:
      "A transformer of constant depth computes functions in TC0, above ACC0 and, it is believed, below NC1 " +
      "(Merrill & Sabharwal 2023; Barrington 1989).",
    readAs:
      "r2 on each rung less that on each rung of the next class, by seed, at the most data trained on.",
    sesoi: SESOI_TEXT,
    evaluate: (summary) => {
      const rows = mostOf(summary, DISCRIMINATIVE, MATCHED);
      const effects: Effects = Object.fromEntries(
        neighbours(rows).map(([low, high]) => [
          `${low.rung} over ${high.rung}`,
          pairedDifferences(low.scores.r2.scores, high.scores.r2.scores),
        ]),
      );
      if (Object.keys(effects).length === 0) {
        return needs(`${DISCRIMINATIVE} on rungs of neighbouring classes`);
      }
      const scored = rows.map(({ rung, scores }) => ({ rung, r2: scores.r2.scores }));
      return decided(
        effects,
        { sesoi: SESOI },
        () => `Discriminative critic at ${at(rows[0]!)}, r2: ${r2Of(scored)}; ${held(effects)}.`,
      );
    },
  },
  {
    id: "L1-learned",
    statement:
      "What a constant-depth transformer can compute (AC0, ACC0), the discriminative critic learns: r2 above 0.9.",
    family: "exploratory",
    paper: "TC0 contains AC0 and ACC0 (Merrill & Sabharwal 2023): such a critic exists.",
    readAs: "r2 above 0.9 on each of these rungs at the most data trained on.",
    sesoi: THRESHOLD_TEXT,
    evaluate: exactOn(DISCRIMINATIVE, ["AC0", "ACC0"], "discriminative"),
  },
  {
    id: "L2",
    statement: "Up to NC1 the CoT critic's r2 is above 0.9.",
    family: "exploratory",
    paper:
      "With a chain of thought of polynomial length a transformer computes all of P (Merrill & Sabharwal 2024; Feng et al. 2023).",
    readAs: "r2 above 0.9 on each rung up to NC1 at the most data trained on.",
    sesoi: THRESHOLD_TEXT,
    evaluate: exactOn(GENERATIVE, MATCHED, "CoT"),
  },
  {
    id: "L2-circuit",
    statement:
      "With a token or more for every gate, the CoT critic's r2 is above 0.9 on circuits too.",
    family: "exploratory",
    paper: "As L2; the circuit value problem is complete for P.",
    readAs: "r2 above 0.9 on the circuit rung, at the largest size and the most data trained on.",
    sesoi: THRESHOLD_TEXT,
    evaluate: exactOn(GENERATIVE, ["P"], "CoT"),
  },
  {
    id: "L3",
    statement:
      "On 3-SAT a short chain of thought cannot be exact: even after chains that are right in every token the CoT critic's r2 is below 0.9.",
    family: "exploratory",
    paper: "The value of a 3-SAT state is NP-hard (Feng & Zhong 2023); short chains reach P alone.",
    readAs: "r2 below 0.9 over the test states whose chain is right in every token.",
    sesoi: THRESHOLD_TEXT,
    evaluate: (summary) => {
      const [row] = mostOf(summary, GENERATIVE, ["NP-hard"]);
      if (!row) return needs(`${GENERATIVE} on an NP-hard rung`);
      const { r2AfterRightChains: after, scores: { r2, traceAccuracy } } = row;
      if (after === null) return missing(`Too few chains are right at ${at(row)}.`);
      const right = (100 * (traceAccuracy?.mean.estimate ?? 0)).toFixed(0);
      const { conclusionR2 } = summary.rungs.find(({ name }) => name === row.rung)!;
      return decided(
        { "after right chains": after.scores.map((x) => EXACT - x) },
        { sesoi: 0 },
        () =>
          `CoT critic at ${at(row)}: r2 ${shown(r2.mean)} on all states, ${shown(after.mean)} ` +
          `after right chains, which ${right}% are; the best function of the chain's last token ` +
          `and the steps left has ${conclusionR2.toFixed(2)}.`,
      );
    },
  },
  {
    id: "L4",
    statement: "Up to NC1 the CoT critic's advantage grows from class to class.",
    family: "exploratory",
    paper:
      "A chain of thought adds power above TC0, which holds ACC0 (Merrill & Sabharwal 2024): it should matter from NC1 on.",
    readAs:
      "r2 of the CoT critic less the discriminative one's, same size and most data: each rung less each of the class below, by seed.",
    sesoi: SESOI_TEXT,
    evaluate: ({ advantages }) => {
      const gains = most(advantages, MATCHED);
      const effects: Effects = Object.fromEntries(
        neighbours(gains).map(([low, high]) => [
          `${high.rung} over ${low.rung}`,
          pairedDifferences(high.r2.scores, low.r2.scores),
        ]),
      );
      if (Object.keys(effects).length === 0) {
        return needs("both critics at one size on rungs of neighbouring classes");
      }
      const scored = gains.map(({ r2, rung }) => ({ rung, r2: r2.scores }));
      return decided(
        effects,
        { sesoi: SESOI },
        () =>
          `r2 of the CoT critic less the discriminative one's at ${at(gains[0]!)}: ` +
          `${r2Of(scored)}; ${held(effects)}.`,
      );
    },
  },
  {
    id: "L5",
    statement: "The CoT critic has the higher r2 on every rung.",
    family: "exploratory",
    paper: "Value functions can sit high on the ladder where policies sit low (Feng & Zhong 2023).",
    readAs:
      "r2 of the CoT critic less the discriminative one's on each rung, by seed, at the rung's largest size and most data.",
    sesoi: SESOI_TEXT,
    evaluate: ({ advantages, rungs }) => {
      const gains = rungs.flatMap(({ name }) =>
        most(advantages.filter(({ rung }) => rung === name), CLASSES)
      );
      const effects: Effects = Object.fromEntries(
        gains.map(({ r2, rung, size }) => [`${rung}, ${size}`, r2.scores]),
      );
      return decided(
        effects,
        { sesoi: SESOI },
        (numbers) =>
          `r2 of the CoT critic less the discriminative one's: ${numbers}; ${
            held(effects, "rungs")
          }.`,
        "Needs both critics at one size: add them to the config.",
      );
    },
  },
];
