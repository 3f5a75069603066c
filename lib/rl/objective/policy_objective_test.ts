import assert from "node:assert/strict";
import { UsageError } from "../../errors.ts";
import { exp, log } from "../../numeric/math.ts";
import type { Rollout } from "../rollout.ts";
import { centralDifferences, nearAll, randomRollouts, rolloutOf } from "../testing.ts";
import { NORMALIZATIONS } from "../../nn/loss_normalization.ts";
import { policyObjective, policyObjectiveConfig } from "./policy_objective.ts";

const config = (rest: Parameters<typeof policyObjectiveConfig.parse>[0]) =>
  policyObjectiveConfig.parse(rest);
const own = (rollouts: readonly Rollout[]) => rollouts.map((r) => r.logProbabilities);

/** Two responses, a success and a failure; tokens of probability 1/2 under the behaviour policy. */
const pair = [rolloutOf([0, 0]), rolloutOf([0], { reward: 0 })];
const advantages = [[2, -1], [-3]];

Deno.test("in the first step PPO is REINFORCE: the weights are the advantages", () => {
  for (const loss of ["reinforce", "ppo-clip"]) {
    const objective = policyObjective(pair, advantages, own(pair), config({ loss }));
    assert.deepEqual(objective.weights, advantages);
    assert.equal(objective.normalizer, 3);
    assert.deepEqual(objective.diagnostics, {
      approxKl: 0,
      maxRatio: 1,
      clipFraction: 0,
      dualClipFraction: 0,
      ratioClampFraction: 0,
      klClampFraction: null,
      maskedFraction: 0,
      entropy: log(2),
      referenceKl: null,
    });
  }
});

Deno.test("PPO and its diagnostics by hand", () => {
  // Ratios 1.5 (clipped), 1.5 (not: negative advantage) and 0.5 (clipped).
  const now = [[log(0.75), log(0.75)], [log(0.25)]];
  const objective = policyObjective(pair, advantages, now, config({ clipHigh: 0.28 }));
  nearAll(objective.weights.flat(), [0, -1.5, 0]);
  const { approxKl, maxRatio, clipFraction, entropy } = objective.diagnostics;
  nearAll([maxRatio, clipFraction], [1.5, 2 / 3]);
  nearAll([entropy], [-(2 * log(0.75) + log(0.25)) / 3]);
  nearAll([approxKl], [(2 * (0.5 - log(1.5)) + (-0.5 - log(0.5))) / 3]);
});

Deno.test("KL loss, entropy bonus and likelihood of positives by hand", () => {
  const rollouts = pair.map((r) => ({
    ...r,
    referenceLogProbabilities: r.logProbabilities.map(() => log(0.25)),
  }));
  const zero = [[0, 0], [0]],
    weights = (rest: Record<string, unknown>) =>
      policyObjective(rollouts, zero, own(rollouts), config(rest)).weights.flat();
  // x = log 2: k2 pulls down by x, k3 by 1 - 1/2.
  nearAll(weights({ klCoefficient: 0.1, klLoss: "k2" }), Array(3).fill(-0.1 * log(2)));
  nearAll(weights({ klCoefficient: 0.1 }), Array(3).fill(-0.05));
  nearAll([policyObjective(rollouts, zero, own(rollouts), config({})).diagnostics.referenceKl!], [
    log(2),
  ]);
  // All tokens surprise equally; then the second less than the others.
  nearAll(weights({ entropyCoefficient: 0.1 }), [0, 0, 0]);
  const now = [[log(0.5), log(1)], [log(0.5)]];
  const bonus = policyObjective(rollouts, zero, now, config({ entropyCoefficient: 0.3 })).weights;
  nearAll(bonus.flat(), [0.1 * log(2), -0.3 * 2 * (2 / 3) * log(2), 0.1 * log(2)]);
  // Two tokens of positive reward: 0.1 / 2 each after division by the normalizer, whatever it is.
  for (const normalization of NORMALIZATIONS) {
    const { weights, normalizer } = policyObjective(
      ...[rollouts, zero, own(rollouts)] as const,
      config({ positiveNllCoefficient: 0.1, normalization, maxTokens: 7 }),
    );
    nearAll(weights.flat().map((w) => w / normalizer), [0.05, 0.05, 0], normalization);
  }
  const failures = rollouts.map((r) => ({ ...r, reward: 0 }));
  const none = config({ positiveNllCoefficient: 0.1 });
  nearAll(policyObjective(failures, zero, own(failures), none).weights.flat(), [0, 0, 0]);
});

Deno.test("weights over the normalizer are the derivative of the objective in every log pi", () => {
  const rollouts = randomRollouts(6), A = rollouts.map((r) => r.values!.map((v) => v! - 0.5));
  const now = rollouts.map((r) =>
    r.logProbabilities.map((p, t) => p + 0.6 * (r.exactValues![t]! - 0.5))
  );
  const T = now.flat().length, positive = rollouts.map((r) => r.reward > 0);
  const positiveTokens = now.filter((_, i) => positive[i]).flat().length;
  assert.ok(positiveTokens > 0 && positiveTokens < T);
  const average = {
    "token-mean": () => 1 / T,
    "seq-mean-token-mean": (length: number) => 1 / (6 * length),
    "seq-mean-token-sum": () => 1 / 6,
    "seq-mean-token-sum-norm": () => 1 / (6 * 12),
  };
  for (const normalization of NORMALIZATIONS) {
    const chosen = config({
      ...{ clipLow: 0.1, clipHigh: 0.15, klCoefficient: 0.3, positiveNllCoefficient: 0.1 },
      ...{ normalization, maxTokens: 12 },
    });
    /** Written out: clipped surrogate, minus 0.3 k3, plus 0.1 mean log-likelihood of positives. */
    const objective = (flat: readonly number[]): number => {
      let k = 0, total = 0;
      rollouts.forEach((r, i) =>
        r.logProbabilities.forEach((mu, t) => {
          const p = flat[k++]!, rho = exp(p - mu), a = A[i]![t]!;
          const surrogate = Math.min(rho * a, Math.min(Math.max(rho, 0.9), 1.15) * a);
          const x = p - r.referenceLogProbabilities![t]!;
          const scale = average[normalization](r.logProbabilities.length);
          total += scale * (surrogate - 0.3 * (exp(-x) - 1 + x));
          if (positive[i]) total += 0.1 * p / positiveTokens;
        })
      );
      return total;
    };
    const { weights, normalizer, diagnostics } = policyObjective(rollouts, A, now, chosen);
    const slopes = centralDifferences(now.flat(), objective);
    nearAll(weights.flat().map((w) => w / normalizer), slopes, normalization, 1e-7);
    assert.ok(diagnostics.clipFraction > 0.1 && diagnostics.clipFraction < 0.9);
  }
});

Deno.test("a ratio beyond e^20 has no gradient and is counted", () => {
  const rollouts = [rolloutOf([0, 0, 0], { logProbabilities: [-800, -21, -19] })];
  const now = [[0, 0, 0]], A = [[0, -1, -1]];
  const { weights, diagnostics } = policyObjective(rollouts, A, now, config({}));
  assert.deepEqual(weights, [[0, 0, -exp(19)]]);
  assert.equal(diagnostics.ratioClampFraction, 2 / 3);
  assert.equal(diagnostics.maxRatio, exp(20));
  // k3 of a log ratio of 20 is far above 10.
  assert.equal(diagnostics.approxKl, 10);
  const bonus = config({ entropyCoefficient: 1, loss: "reinforce" });
  nearAll(policyObjective(rollouts, A, now, bonus).weights[0]!, [0, -1, -1]);
});

Deno.test("a masked response counts as an empty one, whatever its advantages", () => {
  const cut = randomRollouts(6).map((r, i) => ({ ...r, truncated: i % 3 === 0 }));
  const A = cut.map((r) => r.values!.map((v) => v! - 0.5));
  const now = cut.map((r) => r.logProbabilities.map((p, t) => p + 0.3 * r.tokenRewards![t]!));
  const without = cut.map((r) => r.truncated ? rolloutOf([], { reward: 0 }) : r)
    .map((r) => ({ referenceLogProbabilities: [], ...r }));
  const kept = <T>(rows: readonly (readonly T[])[]) =>
    rows.map((row, i) => cut[i]!.truncated ? [] : row);
  for (const normalization of NORMALIZATIONS) {
    const options = {
      normalization,
      maxTokens: 12,
      klCoefficient: 0.1,
      positiveNllCoefficient: 0.1,
    };
    const masked = policyObjective(cut, A, now, config({ ...options, maskTruncated: true }));
    const left = policyObjective(without, kept(A), kept(now), config(options));
    assert.equal(masked.normalizer, left.normalizer);
    masked.weights.forEach((row, i) =>
      assert.deepEqual(row, cut[i]!.truncated ? row.map(() => 0) : left.weights[i])
    );
    const tokens = now.flat().length;
    nearAll([masked.diagnostics.maskedFraction], [1 - kept(now).flat().length / tokens]);
  }
  // All masked: nothing to learn, and no error.
  const all = cut.map((r) => ({ ...r, truncated: true }));
  const { weights, normalizer } = policyObjective(all, A, now, config({ maskTruncated: true }));
  assert.ok(normalizer > 0 && weights.flat().every((w) => w === 0));
  // Left out or false, the mask changes nothing.
  const plain = policyObjective(all, A, now, config({ maskTruncated: false }));
  assert.deepEqual(plain, policyObjective(cut, A, now, config({})));
});

Deno.test("nothing that is given changes", () => {
  const before = structuredClone([pair, advantages]);
  policyObjective(pair, advantages, own(pair), config({ positiveNllCoefficient: 1 }));
  assert.deepEqual([pair, advantages], before);
});

Deno.test("bad input is a usage error that names the entry", () => {
  const fails = (run: () => unknown, message: RegExp) =>
    assert.throws(run, (e: Error) => {
      assert.ok(e instanceof UsageError, `${e.name}: ${e.message}`);
      assert.match(e.message, message);
      return true;
    });
  const plain = config({});
  fails(() => policyObjective(pair, [[1, 1]], own(pair), plain), /advantages.length: 1/);
  fails(() => policyObjective(pair, [[1], [1]], own(pair), plain), /advantages\[0\].length: 1/);
  fails(
    () => policyObjective(pair, advantages, [[0, -Infinity], [0]], plain),
    /logProbabilities\[0\]\[1\]: -Infinity/,
  );
  fails(
    () => policyObjective(pair, [[1, NaN], [1]], own(pair), plain),
    /advantages\[0\]\[1\]: NaN: give a finite number/,
  );
  const never = [pair[0]!, { ...pair[1]!, logProbabilities: [-Infinity] }];
  fails(
    () => policyObjective(never, advantages, own(pair), plain),
    /rollouts\[1\].logProbabilities\[0\]: -Infinity/,
  );
  const reinforce = config({ loss: "reinforce", dualClip: 3 });
  fails(() => policyObjective(pair, advantages, own(pair), reinforce), /dualClip: 3: .*no ratio/);
  const k2 = config({ klLoss: "k2", klClamp: 10 });
  fails(() => policyObjective(pair, advantages, own(pair), k2), /klClamp: 10: .*k3, not k2/);
  const mask = config({ maskTruncated: true });
  fails(() => policyObjective(pair, advantages, own(pair), mask), /rollouts\[0\].truncated: undef/);
  assert.throws(() => config({ dualClip: 1 }));
  const kl = config({ klCoefficient: 1 });
  fails(
    () => policyObjective(pair, advantages, own(pair), kl),
    /klCoefficient: 1: needs reference/,
  );
  const short = pair.map((r) => ({ ...r, referenceLogProbabilities: [-1] }));
  fails(
    () => policyObjective(short, advantages, own(pair), kl),
    /referenceLogProbabilities\[0\].length: 1/,
  );
  const empty = [rolloutOf([])];
  fails(() => policyObjective(empty, [[]], own(empty), plain), /there is no token to learn from/);
});
