import * as z from "zod";
import { UsageError } from "../../errors.ts";
import { mean } from "../../numeric/sums.ts";
import { exp } from "../../numeric/math.ts";
import { checkFinite } from "../../numeric/finite.ts";
import type { Rollout } from "../rollout.ts";
import { entropyWeight } from "./entropy.ts";
import { k3, K3_LIMIT, klEstimate, klWeight } from "./kl.ts";
import { clampLogRatio, LOG_RATIO_LIMIT } from "./log_ratio.ts";
import { NORMALIZATIONS, normalize } from "../../nn/loss_normalization.ts";
import { isClipped, isDualClipped, ppoClipWeight } from "./ppo_clip.ts";

/** What the objective is made of, with defaults: see `policyObjective`. */
export const policyObjectiveConfig = z.strictObject({
  loss: z.enum(["reinforce", "ppo-clip"]).default("ppo-clip").describe(
    "Policy term: plain policy gradient (on policy only), or PPO's clipped surrogate.",
  ),
  clipLow: z.number().min(0).default(0.2).describe("How far the ratio may fall below 1."),
  clipHigh: z.number().min(0).default(0.2).describe("How far it may rise above (VAPO: 0.28)."),
  klCoefficient: z.number().min(0).default(0).describe("Weight of the KL loss (beta)."),
  klLoss: z.enum(["k2", "k3"]).default("k3").describe("Estimator that is the KL loss; see kl.ts."),
  entropyCoefficient: z.number().min(0).default(0).describe("Weight of the entropy bonus (c)."),
  positiveNllCoefficient: z.number().min(0).default(0).describe(
    "Weight of the likelihood of responses with positive reward (c+; VAPO: 0.1).",
  ),
  normalization: z.enum(NORMALIZATIONS).default("token-mean").describe(
    "How tokens are averaged; see lib/nn/loss_normalization.ts.",
  ),
  maxTokens: z.int().min(1).nullable().default(null).describe(
    "The longest response allowed, for seq-mean-token-sum-norm.",
  ),
  dualClip: z.number().gt(1).optional().describe(
    "Dual-clip PPO: the largest ratio at which a token of negative advantage counts (c; 3 is usual).",
  ),
  klClamp: z.number().positive().optional().describe(
    "k3 in nats above which the KL loss has no gradient (verl: 10).",
  ),
  maskTruncated: z.boolean().optional().describe(
    "Leave responses that were cut by length out of the loss (DAPO's overlong filtering).",
  ),
});

/** The choices of `policyObjectiveConfig`, every default filled in. */
export type PolicyObjectiveConfig = z.output<typeof policyObjectiveConfig>;

/** Means over the batch's tokens, masked ones too; in nats where they are information. */
export interface PolicyDiagnostics {
  /**
   * KL(mu || pi), how far the policy has moved from the one that sampled: the mean of (rho - 1) - log rho, at most 10 a
   * token.
   */
  readonly approxKl: number;
  /** The largest rho, at most e^20. */
  readonly maxRatio: number;
  /** Share of tokens that PPO's clip holds; 0 for REINFORCE. */
  readonly clipFraction: number;
  /** Share of tokens that the dual clip holds; 0 without it. */
  readonly dualClipFraction: number;
  /** Share of tokens whose log rho was clamped to -20..20. */
  readonly ratioClampFraction: number;
  /** Share of tokens whose k3 to the reference is above `klClamp`, or above 10 without it; null without a reference. */
  readonly klClampFraction: number | null;
  /** Share of tokens that `maskTruncated` leaves out of the loss. */
  readonly maskedFraction: number;
  /** The mean of -log pi(y_t), the policy's entropy per token where samples are on policy. */
  readonly entropy: number;
  /** The mean of k1, KL(pi || reference) per token where samples are on policy; null without a reference. */
  readonly referenceKl: number | null;
}

/** The objective of one batch, as weights of its tokens: see `policyObjective`. */
export interface PolicyObjective {
  /** w, one array per rollout. */
  readonly weights: number[][];
  /** n, positive. */
  readonly normalizer: number;
  readonly diagnostics: PolicyDiagnostics;
}

/**
 * The policy's objective as weights of the sampled tokens' log-probabilities: with w and n = `normalizer` from here,
 *
 *     gradient = (1/n) sum_i sum_t w_it grad log pi(y_it | s_it)
 *
 * is what an optimizer should ascend. A batch of `Sequence`s with these weights and `Model.train(..., normalizer)`,
 * which descends the weighted cross-entropy over n, does that.
 *
 *     w_it = policy term      A_it (REINFORCE), or rho A_it unless clipped (PPO)
 *          + KL loss          -beta x (k2), or -beta (1 - e^(-x)) (k3)
 *          + entropy bonus    c rho (-log pi - mean of -log pi over the batch)
 *
 * where log rho is clamped to -20..20 as in verl: a term with a rho beyond has no gradient. So has k3 (kl.ts). The clamps
 * are counted in the diagnostics.
 *
 * averaged as `normalization` says. To it is added, for responses with a positive reward, VAPO's imitation of what
 * worked (arXiv 2504.05118): n c+ / T each for the T tokens of all such responses, which ascends c+ times their mean
 * log-likelihood.
 *
 * A KL penalty in the reward is not here: `withKlPenalty`, before the advantages. A function of its arguments alone.
 *
 * @param rollouts With the behaviour policy's log-probabilities.
 * @param advantages One array per rollout.
 * @param logProbabilities log pi(y_t | s_t) of the policy that is trained, one array per rollout; in the first step
 *   after sampling the rollouts' own.
 * @throws UsageError for shapes that do not match, a number that is not finite, a KL loss without reference, options that
 *   contradict each other, or a batch without any token.
 *
 * @example On policy, PPO's weights are the advantages
 * ```ts
 * import assert from "node:assert/strict";
 * import { policyObjective, policyObjectiveConfig } from "genac";
 *
 * const logProbabilities = [-0.5, -1.2];
 * const { weights, normalizer, diagnostics } = policyObjective(
 *   [{ group: 0, reward: 1, logProbabilities }],
 *   [[0.3, -0.1]],
 *   [logProbabilities],
 *   policyObjectiveConfig.parse({}),
 * );
 * assert.deepEqual(weights, [[0.3, -0.1]]);
 * assert.equal(normalizer, 2);
 * assert.equal(diagnostics.clipFraction, 0);
 * ```
 */
export function policyObjective(
  rollouts: readonly Rollout[],
  advantages: readonly (readonly number[])[],
  logProbabilities: readonly (readonly number[])[],
  config: PolicyObjectiveConfig,
): PolicyObjective {
  const references = rollouts.map((rollout) => rollout.referenceLogProbabilities);
  rollouts.forEach((rollout, i) =>
    checkRow(`rollouts[${i}].logProbabilities`, rollout.logProbabilities)
  );
  checkShapes(rollouts, "advantages", advantages);
  checkShapes(rollouts, "logProbabilities", logProbabilities);
  const hasReference = references.every((row) => row !== undefined);
  if (hasReference) checkShapes(rollouts, "referenceLogProbabilities", references);
  const { loss, klCoefficient: beta, klLoss, entropyCoefficient: c, normalization } = config;
  checkOptions(config, hasReference);
  if (logProbabilities.every((row) => row.length === 0)) {
    throw new UsageError("rollouts", "empty", "there is no token to learn from");
  }
  const masked = rollouts.map((rollout, i) =>
    config.maskTruncated === true && truncated(rollout, i)
  );

  // Per token: log pi - log mu, and log pi - log ref.
  const logRatios = rollouts.map(({ logProbabilities: mu }, i) =>
    mu.map((p, t) => logProbabilities[i]![t]! - p)
  );
  const fromReference = hasReference
    ? references.map((ref, i) => ref.map((p, t) => logProbabilities[i]![t]! - p))
    : null;
  const entropy = mean(logProbabilities.flat().map((p) => -p));

  const terms = logProbabilities.map((row, i) =>
    masked[i] ? [] : row.map((logPi, t) => {
      const A = advantages[i]![t]!, x = logRatios[i]![t]!, rho = exp(x);
      const clamped = isClamped(x);
      let w = loss === "reinforce" ? A : clamped ? 0 : ppoClipWeight(rho, A, config);
      if (beta > 0) w += beta * klWeight(klLoss, fromReference![i]![t]!, config.klClamp);
      if (c > 0 && !clamped) w += c * entropyWeight(logPi, rho, entropy);
      return w;
    })
  );
  // A masked response counts as an empty one.
  const { weights, normalizer } = terms.every((row) => row.length === 0)
    ? { weights: terms, normalizer: 1 }
    : normalize(terms, normalization, config.maxTokens);

  const positive = weights.filter((_, i) => rollouts[i]!.reward > 0);
  const positiveTokens = positive.flat().length;
  if (config.positiveNllCoefficient > 0 && positiveTokens > 0) {
    // Times 1 / normalizer it is c+ / T, however the other terms are averaged.
    const share = config.positiveNllCoefficient * normalizer / positiveTokens;
    for (const w of positive) w.forEach((x, t) => w[t] = x + share);
  }

  const flat = logRatios.flat(), A = advantages.flat();
  const rho = flat.map((x) => exp(clampLogRatio(x)));
  const fraction = (holds: (x: number, k: number) => boolean, of: readonly number[] = rho) =>
    mean(of.map((x, k) => holds(x, k) ? 1 : 0));
  const clips = loss === "ppo-clip";
  return {
    weights: weights.map((row, i) => masked[i] ? logProbabilities[i]!.map(() => 0) : row),
    normalizer,
    diagnostics: {
      approxKl: mean(flat.map((x) => klEstimate("k3", -x))),
      maxRatio: rho.reduce((a, b) => Math.max(a, b)),
      clipFraction: clips ? fraction((x, k) => isClipped(x, A[k]!, config)) : 0,
      dualClipFraction: clips ? fraction((x, k) => isDualClipped(x, A[k]!, config)) : 0,
      ratioClampFraction: fraction(isClamped, flat),
      klClampFraction: fromReference &&
        fraction((x) => k3(x) > (config.klClamp ?? K3_LIMIT), fromReference.flat()),
      maskedFraction: mean(logProbabilities.flatMap((row, i) => row.map(() => masked[i] ? 1 : 0))),
      entropy,
      referenceKl: fromReference
        ? mean(fromReference.flat().map((x) => klEstimate("k1", x)))
        : null,
    },
  };
}

/** Whether a log ratio is beyond the clamp. */
function isClamped(x: number): boolean {
  return Math.abs(x) > LOG_RATIO_LIMIT;
}

function truncated({ truncated }: Rollout, i: number): boolean {
  if (truncated !== undefined) return truncated;
  const remedy = "maskTruncated needs to know whether the response was cut: give true or false";
  throw new UsageError(`rollouts[${i}].truncated`, truncated, remedy);
}

function checkOptions(config: PolicyObjectiveConfig, hasReference: boolean): void {
  const { dualClip, klClamp, klCoefficient, klLoss, loss } = config;
  if (klCoefficient > 0 && !hasReference) {
    throw new UsageError(
      "objective.klCoefficient",
      klCoefficient,
      "needs referenceLogProbabilities",
    );
  }
  if (dualClip !== undefined && loss !== "ppo-clip") {
    throw new UsageError("objective.dualClip", dualClip, `leave it out: ${loss} has no ratio`);
  }
  if (klClamp !== undefined && klLoss !== "k3") {
    throw new UsageError("objective.klClamp", klClamp, `leave it out: it clamps k3, not ${klLoss}`);
  }
}

function checkShapes(
  rollouts: readonly Rollout[],
  name: string,
  rows: readonly (readonly number[])[],
): void {
  if (rows.length !== rollouts.length) {
    throw new UsageError(`${name}.length`, rows.length, `give one per rollout: ${rollouts.length}`);
  }
  rows.forEach((row, i) => {
    const tokens = rollouts[i]!.logProbabilities.length;
    if (row.length !== tokens) {
      throw new UsageError(`${name}[${i}].length`, row.length, `give one per token: ${tokens}`);
    }
    checkRow(`${name}[${i}]`, row);
  });
}

function checkRow(name: string, row: readonly number[]): void {
  row.forEach((x, t) => checkFinite(`${name}[${t}]`, x));
}
