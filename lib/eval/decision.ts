/**
 * What a comparison over seeds decides, given the smallest effect size of interest (SESOI): Student's
 * t test for a difference beside two one-sided tests for its absence (TOST; Schuirmann 1987, Lakens
 * 2017, "Equivalence Tests"). Fix SESOI, direction and family before the runs.
 */
import { holmAdjusted } from "./holm.ts";
import { intervalOf, type StudentInterval, studentPValues } from "./student.ts";

/** The four answers, as `decide` and `decideFamily` define them. */
export type Decision = "supported" | "contradicted" | "no material difference" | "undecided";

/** How to decide. */
export interface DecisionOptions {
  /**
   * Smallest effect size of interest, in the effects' unit: effects below it, either way, do not matter. 0 or more; 0
   * where every effect matters, as where the effects are distances from a threshold: nothing is called immaterial then.
   */
  readonly sesoi: number;
  /** Level of the tests in (0, 1); default 0.05. */
  readonly alpha?: number;
}

/** One comparison: its effect, tests and decision. The interval is the 1 - alpha one. */
export interface Comparison extends StudentInterval {
  /** The SESOI of the tests. */
  readonly sesoi: number;
  /** Two-sided p-value against "the effect is 0". */
  readonly p: number;
  /** One-sided p-value against "the effect is -SESOI or less": small = not materially worse (non-inferiority). */
  readonly pNonInferiority: number;
  /** One-sided p-value against "the effect is SESOI or more": small = not materially better. */
  readonly pNonSuperiority: number;
  /** The p-value of TOST, the larger of the two one-sided ones: small = no material difference. */
  readonly pEquivalence: number;
  readonly decision: Decision;
}

/**
 * Decides one comparison whose claim is that the effect is positive.
 *
 * In this order:
 * 1. "no material difference": pEquivalence <= alpha, which is to say that the 1 - 2 alpha interval
 *    (90%) lies within -SESOI..SESOI. This goes first: an effect that is surely immaterial supports
 *    nothing, however significant; `p` still tells whether there is one.
 * 2. "supported" or "contradicted": p <= alpha, which is to say that the 1 - alpha interval (95%)
 *    leaves out 0, with a positive or negative estimate. The effect need not be shown to exceed the
 *    SESOI, only not to be below it.
 * 3. "undecided".
 *
 * For normal effects: without an effect, 1 in 20 (alpha) comparisons at most is supported or
 * contradicted, half of them each; of effects that are the SESOI or more, either way, at most alpha
 * are called immaterial.
 *
 * @param effects One finite number per seed, at least two, better = greater: `pairedDifferences`, or
 * each seed's slope.
 * @throws RangeError for other effects or options.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { decide } from "genac";
 *
 * const gains = [0.031, 0.024, 0.036, 0.022, 0.029];
 * assert.equal(decide(gains, { sesoi: 0.02 }).decision, "supported");
 * assert.equal(decide(gains, { sesoi: 0.05 }).decision, "no material difference");
 * ```
 */
export function decide(effects: ArrayLike<number>, options: DecisionOptions): Comparison {
  return compare(effects, "effects", options);
}

/** What is claimed of the effects of a family; see `decideFamily`. */
export type FamilyClaim = "better in all" | "better in any" | "different in any";

/** A comparison within its family. */
export interface FamilyComparison extends Comparison {
  /** `p` and `pEquivalence` after Holm's adjustment over the family. */
  readonly adjustedP: number;
  readonly adjustedPEquivalence: number;
  /** The decision by the adjusted p-values: holds for all comparisons at once. `decision` is the one taken alone. */
  readonly simultaneousDecision: Decision;
}

/** A family's decision and the comparisons behind it; safe in JSON. */
export interface FamilyDecision {
  readonly claim: FamilyClaim;
  readonly decision: Decision;
  readonly comparisons: Readonly<Record<string, FamilyComparison>>;
}

/**
 * Decides a claim about several comparisons.
 *
 * What must hold in every comparison is tested in each at the full level (intersection-union test,
 * Berger 1982: it takes the least clear of them, so nothing has to be corrected); what needs to hold
 * in one of them only is tested with Holm's adjustment. As in `decide`, "no material difference"
 * goes first.
 *
 * - "better in all" is about the smallest effect, as in "better than each rival". Supported: each is
 *   significantly positive. Contradicted: some is significantly negative (Holm). No material
 *   difference: each is above -SESOI (`pNonInferiority`), and some is below SESOI
 *   (`pNonSuperiority`, Holm): no rival is materially better, and to one there is no material gain.
 * - "better in any" is about the largest effect. Supported: some is significantly positive (Holm).
 *   Contradicted: each is significantly negative. No material difference: each is below SESOI, and
 *   some is above -SESOI (Holm).
 * - "different in any" has no direction. Supported: some differs significantly from 0 (Holm). No
 *   material difference: each is equivalent (`pEquivalence`). It is never contradicted.
 *
 * For normal effects each answer is wrong in at most alpha of the cases. With one comparison the
 * first two claims are `decide`.
 * A family may be supported though Holm's adjustment leaves its comparisons undecided: that all of
 * them hold is another question than which of them do.
 *
 * @param effects By the comparison's name, at least one; each as in `decide`, in the same unit.
 * @throws RangeError as `decide`, and for an empty family.
 *
 * @example Better than both rivals?
 * ```ts
 * import assert from "node:assert/strict";
 * import { decideFamily } from "genac";
 *
 * const gains = {
 *   grpo: [0.21, 0.18, 0.25, 0.17, 0.22],
 *   ppo: [0.03, -0.02, 0.04, 0.05, -0.01],
 * };
 * const { decision, comparisons } = decideFamily(gains, "better in all", { sesoi: 0.02 });
 * assert.equal(decision, "undecided");
 * assert.equal(comparisons.grpo!.simultaneousDecision, "supported");
 * assert.equal(comparisons.ppo!.simultaneousDecision, "undecided");
 * ```
 */
export function decideFamily(
  effects: Readonly<Record<string, ArrayLike<number>>>,
  claim: FamilyClaim,
  options: DecisionOptions,
): FamilyDecision {
  const names = Object.keys(effects);
  if (names.length === 0) throw new RangeError("effects: empty: give at least one comparison");
  const { alpha = 0.05 } = options;
  const alone = names.map((name) => compare(effects[name]!, `effects.${name}`, options));
  const adjustedP = holmAdjusted(alone.map(({ p }) => p));
  const adjustedPEquivalence = holmAdjusted(alone.map(({ pEquivalence }) => pEquivalence));
  const comparisons = alone.map((comparison, i): FamilyComparison => ({
    ...comparison,
    adjustedP: adjustedP[i]!,
    adjustedPEquivalence: adjustedPEquivalence[i]!,
    simultaneousDecision: decisionOf(
      comparison.estimate,
      adjustedP[i]!,
      adjustedPEquivalence[i]!,
      alpha,
    ),
  }));
  return {
    claim,
    decision: claim === "different in any"
      ? decideDifference(comparisons, alpha)
      : decideDirection(comparisons, claim, alpha),
    comparisons: Object.fromEntries(names.map((name, i) => [name, comparisons[i]!])),
  };
}

function decideDirection(
  comparisons: readonly FamilyComparison[],
  claim: "better in all" | "better in any",
  alpha: number,
): Decision {
  // "Better in any" is contradicted where "worse in all" is supported, and the other way round.
  const sign = claim === "better in all" ? 1 : -1;
  const [pAbove, pBelow] = sign === 1
    ? ["pNonInferiority", "pNonSuperiority"] as const
    : ["pNonSuperiority", "pNonInferiority"] as const;
  const someBelow = holmAdjusted(comparisons.map((comparison) => comparison[pBelow]))
    .some((p) => p <= alpha);
  if (someBelow && comparisons.every((comparison) => comparison[pAbove] <= alpha)) {
    return "no material difference";
  }
  const [inAll, inSome]: Decision[] = sign === 1
    ? ["supported", "contradicted"]
    : ["contradicted", "supported"];
  if (comparisons.every(({ estimate, p }) => sign * estimate > 0 && p <= alpha)) return inAll!;
  if (comparisons.some(({ estimate, adjustedP }) => sign * estimate < 0 && adjustedP <= alpha)) {
    return inSome!;
  }
  return "undecided";
}

function decideDifference(comparisons: readonly FamilyComparison[], alpha: number): Decision {
  if (comparisons.every(({ pEquivalence }) => pEquivalence <= alpha)) {
    return "no material difference";
  }
  return comparisons.some(({ adjustedP }) => adjustedP <= alpha) ? "supported" : "undecided";
}

function compare(
  effects: ArrayLike<number>,
  name: string,
  { sesoi, alpha = 0.05 }: DecisionOptions,
): Comparison {
  if (!(sesoi >= 0 && sesoi < Infinity)) {
    throw new RangeError(`sesoi: ${sesoi}: give a number of 0 or more, in the effects' unit`);
  }
  if (!(alpha > 0 && alpha < 1)) {
    throw new RangeError(`alpha: ${alpha}: give a number between 0 and 1, e.g. 0.05`);
  }
  const interval = intervalOf(effects, 1 - alpha, name);
  const p = studentPValues(effects).twoSided;
  const pNonInferiority = studentPValues(effects, -sesoi).greater;
  const pNonSuperiority = studentPValues(effects, sesoi).less;
  const pEquivalence = Math.max(pNonInferiority, pNonSuperiority);
  const decision = decisionOf(interval.estimate, p, pEquivalence, alpha);
  return { ...interval, sesoi, p, pNonInferiority, pNonSuperiority, pEquivalence, decision };
}

function decisionOf(estimate: number, p: number, pEquivalence: number, alpha: number): Decision {
  if (pEquivalence <= alpha) return "no material difference";
  if (p > alpha) return "undecided";
  return estimate > 0 ? "supported" : "contradicted";
}
