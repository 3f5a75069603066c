import { UsageError } from "../../errors.ts";
import { checkFinite } from "../../numeric/finite.ts";
import { groupMembers, type Rollout } from "../rollout.ts";
import type { Need } from "./estimator.ts";

const LOG_PROBABILITIES = ["logProbabilities", "referenceLogProbabilities"] as const;
const NUMBERS = [
  ...LOG_PROBABILITIES,
  ...["tokenRewards", "values", "processRewards", "exactValues"] as const,
] as const;

/** The field behind a need, and whether entries after the first may be null. */
const FIELDS = {
  "values": { field: "values", sparse: false },
  "segment values": { field: "values", sparse: true },
  "process rewards": { field: "processRewards", sparse: false },
  "continuations": { field: "continuations", sparse: true },
  "exact values": { field: "exactValues", sparse: false },
} as const;

/**
 * Throws UsageError if there is no rollout, if an array has another length than the log-probabilities, if a number is
 * not finite, if a log-probability is positive, or if what an estimator needs is missing.
 *
 * @param estimator Its name, for the message.
 */
export function checkRollouts(
  rollouts: readonly Rollout[],
  needs: readonly Need[],
  estimator: string,
): void {
  if (rollouts.length === 0) throw new UsageError("rollouts", 0, "give at least one");
  rollouts.forEach((rollout, i) => {
    checkArrays(rollout, `rollouts[${i}]`);
    for (const need of needs) {
      if (need !== "groups") checkNeed(rollout, `rollouts[${i}]`, need, estimator);
    }
  });
  if (!needs.includes("groups")) return;
  groupMembers(rollouts).forEach((members, i) => {
    if (members.length > 1) return;
    const remedy = `one rollout of this prompt: ${estimator} compares 2 or more`;
    throw new UsageError(`rollouts[${i}].group`, rollouts[i]!.group, remedy);
  });
}

function checkArrays(rollout: Rollout, name: string): void {
  const tokens = rollout.logProbabilities.length;
  if (!Number.isInteger(rollout.group)) {
    throw new UsageError(`${name}.group`, rollout.group, "give the number of the prompt");
  }
  checkFinite(`${name}.reward`, rollout.reward);
  if (rollout.finalValue !== undefined) checkFinite(`${name}.finalValue`, rollout.finalValue);
  for (const field of [...NUMBERS, "continuations"] as const) {
    const length = rollout[field]?.length ?? tokens;
    if (length === tokens) continue;
    throw new UsageError(`${name}.${field}.length`, length, `give one entry per token: ${tokens}`);
  }
  for (const field of NUMBERS) {
    rollout[field]?.forEach((x, t) => x !== null && checkFinite(`${name}.${field}[${t}]`, x));
  }
  for (const field of LOG_PROBABILITIES) {
    // A softmax may exceed 1 by rounding; a probability in the place of its logarithm exceeds it by more.
    const t = rollout[field]?.findIndex((x) => x > 1e-6) ?? -1;
    if (t < 0) continue;
    const value = rollout[field]![t];
    throw new UsageError(`${name}.${field}[${t}]`, value, "a log-probability is at most 0");
  }
  rollout.continuations?.forEach((returns, t) => {
    const field = `${name}.continuations[${t}]`;
    if (returns?.length === 0) throw new UsageError(field, "[]", "give null where none was made");
    returns?.forEach((x, k) => checkFinite(`${field}[${k}]`, x));
  });
}

function checkNeed(
  rollout: Rollout,
  name: string,
  need: Exclude<Need, "groups">,
  estimator: string,
): void {
  const { field, sparse } = FIELDS[need], entries = rollout[field];
  if (!entries) throw new UsageError(`${name}.${field}`, undefined, `${estimator} needs ${need}`);
  const missing = (sparse ? entries.slice(0, 1) : [...entries]).findIndex((x) => x === null);
  if (missing < 0) return;
  const remedy = sparse
    ? "needs one before the first token; if a critic gave none, the actor's success rate may stand in"
    : "needs one before every token";
  throw new UsageError(`${name}.${field}[${missing}]`, null, `${estimator} ${remedy}`);
}
