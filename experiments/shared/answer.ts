/** An experiment's answer in words, with its numbers from claims that were decided. */
import { formatInterval, type IntervalLike } from "../../lib/report/format.ts";
import { byFamily, supportedOf, verdictCounts } from "../../lib/report/verdict.ts";
import type { EvaluatedClaim, Run } from "../../lib/run/run.ts";
import { type Answer, answers } from "../answers.ts";
import { capital } from "./verdicts.ts";

/** In place of verdicts where a run has not the seeds for them. */
const TOO_FEW = "too few seeds for verdicts";

/** A claim as answers rest on it. */
type Row = Pick<EvaluatedClaim, "id" | "statement" | "family" | "verdict" | "evidence">;

/**
 * What a report begins with, in Markdown: the experiment's answer, then how many claims have which verdict. A run that
 * gives other verdicts than those the answer rests on, or lacks its effects, is answered by its first confirmatory claim.
 */
export function answer(
  { experiment, profile, config, claims }: Pick<
    Run<{ readonly seeds: readonly number[] }>,
    "experiment" | "profile" | "config" | "claims"
  >,
): string {
  const { confirmatory, exploratory } = byFamily(claims);
  const { reading } = confirmatory[0] ?? claims[0]!;
  const counts = [
    ...confirmatory.length > 0
      ? [`Claims set out to be tested: ${verdictCounts(confirmatory)}`]
      : [],
    ...exploratory.length > 0 ? [`Exploratory claims: ${verdictCounts(exploratory)}`] : [],
    `Profile ${profile}, ${config.seeds.length} ${config.seeds.length === 1 ? "seed" : "seeds"}`,
  ];
  return [
    ownAnswer(experiment, claims) ?? `${answerOf(experiment, claims, undefined)} ${reading}`,
    `${counts.join(". ")}.`,
  ].join("\n\n");
}

function ownAnswer(name: string, claims: readonly Row[]): string | undefined {
  if (!answers[name]) return undefined;
  try {
    return answerOf(name, claims, answers[name]);
  } catch {
    return undefined;
  }
}

/**
 * An experiment's answer in a sentence; without one of its own, its first confirmatory claim's verdict.
 *
 * @throws Error if the sentence rests on other verdicts or effects than these.
 */
export function answerOf(
  name: string,
  rows: readonly Row[],
  answer: Answer | undefined,
): string {
  if (!answer) {
    const first = byFamily(rows).confirmatory[0] ?? rows[0]!;
    const verdict = first.verdict === "see standard" ? TOO_FEW : first.verdict;
    return `${capital(verdict)}: ${first.statement}`;
  }
  for (const [id, given] of Object.entries(answer.given)) {
    const verdict = rows.find((row) => row.id === id)?.verdict;
    if (verdict !== given) {
      throw new Error(
        `experiments/answers.ts: ${name}: the sentence rests on "${given}" for ${id}, which is ` +
          `"${verdict}": write it anew`,
      );
    }
  }
  const { sentence } = answer;
  if (typeof sentence === "string") return sentence;
  return sentence((id, comparison, plus) => effectOf(name, rows, { id, comparison, plus }));
}

/** "0.41 [0.33, 0.49]": an effect in a claim's evidence; throws an Error that lists those there are. */
function effectOf(
  name: string,
  rows: readonly Row[],
  { id, comparison, plus = 0 }: {
    readonly id: string;
    readonly comparison: string;
    readonly plus?: number | undefined;
  },
): string {
  const effects = Object.entries(rows.find((row) => row.id === id)?.evidence ?? {})
    .filter((entry): entry is [string, typeof entry[1] & IntervalLike] => isInterval(entry[1]));
  const found = effects.find(([named]) => named === comparison);
  if (found) {
    const [, { estimate, low, high }] = found;
    const shift = (x: number | null) => x === null ? null : x + plus;
    return formatInterval(
      { estimate: shift(estimate), low: shift(low), high: shift(high) },
      { significant: 2 },
    );
  }
  const known = rows.some((row) => row.id === id)
    ? effects.map(([named]) => JSON.stringify(named))
    : rows.map((row) => row.id);
  throw new Error(
    `experiments/answers.ts: ${name}: no effect ${JSON.stringify(comparison)} of ${id}: ` +
      `choose from ${known.join(", ") || "none: its evidence has no effects"}`,
  );
}

function isInterval(value: unknown): value is IntervalLike {
  return typeof value === "object" && value !== null && "estimate" in value && "low" in value;
}

/** "confirmatory: 2 of 5 supported"; "exploratory: 2 of 5 supported" where there are no others. */
export function supported(claims: readonly EvaluatedClaim[]): string {
  if (claims.some(({ verdict }) => verdict === "see standard")) return TOO_FEW;
  const { confirmatory, exploratory } = byFamily(claims);
  return confirmatory.length > 0
    ? `confirmatory: ${supportedOf(confirmatory)} supported`
    : `exploratory: ${supportedOf(exploratory)} supported`;
}
