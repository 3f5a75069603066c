import assert from "node:assert/strict";
import { UsageError } from "../../errors.ts";
import type { Rollout } from "../rollout.ts";
import { nearAll, randomRollouts, rolloutOf } from "../testing.ts";
import { lengthAdaptiveLambda } from "./gae.ts";
import { estimateAdvantages } from "./registry.ts";
import { lambdaReturns, returnsToGo, tokenRewards } from "./returns.ts";

const one = rolloutOf([0.5, 0.25, 0.75]);
const many = randomRollouts(12);

const advantages = (name: string, rollouts: typeof many, options?: unknown) =>
  estimateAdvantages(name, rollouts, options).map((e) => e.advantages);
const targets = (name: string, rollouts: typeof many, options?: unknown) =>
  estimateAdvantages(name, rollouts, options).map((e) => e.valueTargets);

Deno.test("GAE by hand", () => {
  // delta = (0.25 - 0.5, 0.75 - 0.25, 1 - 0.75) = (-0.25, 0.5, 0.25)
  const [estimate] = estimateAdvantages("gae", [one], { lambda: 0.5 });
  nearAll(estimate!.advantages, [-0.25 + 0.5 * 0.625, 0.5 + 0.5 * 0.25, 0.25]);
  nearAll(estimate!.valueTargets, [0.5625, 0.875, 1]);
  // gamma 0.8: delta = (0.2 - 0.5, 0.6 - 0.25, 0.25), gamma lambda = 0.4
  nearAll(advantages("gae", [one], { gamma: 0.8, lambda: 0.5 })[0]!, [-0.12, 0.45, 0.25]);
});

Deno.test("a token's own reward comes with it, the verifier's with the last", () => {
  const rollout = { ...one, tokenRewards: [0.1, 0, -0.2] };
  assert.deepEqual(tokenRewards(rollout), [0.1, 0, 0.8]);
  nearAll(advantages("gae", [rollout], { lambda: 0 })[0]!, [-0.15, 0.5, 0.05]);
});

Deno.test("GAE of lambda 1 is the Monte Carlo return less the value, of lambda 0 the TD error", () => {
  for (const gamma of [1, 0.9]) {
    const full = advantages("gae", many, { gamma, lambda: 1 });
    const none = advantages("gae", many, { gamma, lambda: 0 });
    many.forEach((rollout, i) => {
      const r = tokenRewards(rollout), V = rollout.values as number[];
      nearAll(full[i]!, returnsToGo(r, gamma).map((g, t) => g - V[t]!), `rollout ${i}`);
      nearAll(none[i]!, r.map((x, t) => x + gamma * (V[t + 1] ?? 0) - V[t]!), `rollout ${i}`);
    });
  }
});

Deno.test("value targets are advantage plus value; of lambda 1 the outcome to the last bit", () => {
  estimateAdvantages("gae", many, { gamma: 0.9, lambda: 0.7 }).forEach((estimate, i) => {
    const V = many[i]!.values as number[];
    nearAll(estimate.valueTargets, estimate.advantages.map((a, t) => a + V[t]!));
  });
  assert.deepEqual(targets("vc-ppo", [rolloutOf([0.1, 0.7, 0.3])])[0], [1, 1, 1]);
  nearAll(lambdaReturns([0, 0, 1], [0.5, 0.25, 0.75], 1, 0), [0.25, 0.75, 1]);
});

Deno.test("a constant added to all values moves A_t by -c lambda^(T-1-t): only the end tells", () => {
  const c = 0.3, lambda = 0.8;
  const shifted = many.map((m) => ({ ...m, values: m.values!.map((v) => v! + c) }));
  const before = advantages("gae", many, { lambda }),
    after = advantages("gae", shifted, { lambda });
  many.forEach((_, i) => {
    const T = before[i]!.length;
    let factor = c;
    for (let t = T - 1; t >= 0; t--, factor *= lambda) {
      nearAll([after[i]![t]!], [before[i]![t]! - factor], `rollout ${i}, token ${t}`);
    }
  });
  // The TD errors telescope to R - V_0 whatever the values between.
  advantages("gae", shifted, { lambda: 0 }).forEach((delta, i) => {
    const R = tokenRewards(many[i]!).reduce((a, b) => a + b);
    nearAll([delta.reduce((a, b) => a + b)], [R - shifted[i]!.values![0]!]);
  });
});

Deno.test("VC-PPO: the actor's advantages are GAE's, the critic's targets have their own lambda", () => {
  assert.deepEqual(advantages("vc-ppo", many), advantages("gae", many, { lambda: 0.95 }));
  assert.deepEqual(
    targets("vc-ppo", many, { actorLambda: 0.2, criticLambda: 0.6 }),
    targets("gae", many, { lambda: 0.6 }),
  );
});

Deno.test("VAPO's lambda grows with the response, from 0 to 1", () => {
  assert.equal(lengthAdaptiveLambda(10, 0.05), 0);
  assert.equal(lengthAdaptiveLambda(20, 0.05), 0);
  assert.equal(lengthAdaptiveLambda(40, 0.05), 0.5);
  assert.equal(lengthAdaptiveLambda(10, 0.5), 0.8);
  // Small alpha: TD errors; large alpha: Monte Carlo less value; between: GAE of that lambda.
  assert.deepEqual(advantages("vapo", many), advantages("gae", many, { lambda: 0 }));
  advantages("vapo", many, { alpha: 1e15 }).forEach((A, i) =>
    nearAll(A, advantages("gae", many, { lambda: 1 })[i]!)
  );
  const [three] = advantages("vapo", [one], { alpha: 2 / 3 });
  nearAll(three!, advantages("gae", [one], { lambda: 0.5 })[0]!);
  assert.deepEqual(targets("vapo", [one]), [[1, 1, 1]]);
});

Deno.test("an empty response has no advantages", () => {
  for (const name of ["gae", "vc-ppo", "vapo", "sae", "genac-segments", "monte-carlo"]) {
    const [empty] = estimateAdvantages(name, [rolloutOf([]), one]);
    assert.deepEqual(empty, { advantages: [], valueTargets: [] }, name);
  }
});

Deno.test("a response cut by length goes on with the value of where it was cut", () => {
  const cut = { ...one, reward: 0, truncated: true, finalValue: 0.5 };
  const options = { lambda: 0.5, truncation: "bootstrap" };
  // delta = (0.25 - 0.5, 0.75 - 0.25, 0.5 - 0.75)
  const [estimate] = estimateAdvantages("gae", [cut], options);
  nearAll(estimate!.advantages, [-0.25 + 0.5 * 0.375, 0.5 + 0.5 * -0.25, -0.25]);
  nearAll(estimate!.valueTargets, [0.4375, 0.625, 0.5]);
  // The default stays: it failed.
  assert.deepEqual(
    estimateAdvantages("gae", [cut]),
    estimateAdvantages("gae", [rolloutOf(one.values!, { reward: 0 })]),
  );
});

const VALUE_BASED = ["gae", "vc-ppo", "vapo", "sae", "genac-segments"];

Deno.test("bootstrapping from V_T is one more token of reward V_T, and nothing where a response ended", () => {
  const cut = many.map((m, i) => ({ ...m, truncated: i % 2 === 0, finalValue: 0.1 + i / 20 }));
  const gamma = 0.9;
  // In the place of V_T: a last token that earns it, of value V_T itself, and certain so that no segment starts.
  const longer = cut.map(({ reward, ...m }) => ({
    ...rolloutOf([...m.values!, m.finalValue]),
    group: m.group,
    logProbabilities: [...m.logProbabilities, 0],
    tokenRewards: tokenRewards({ ...m, reward }).concat(m.finalValue),
    reward: 0,
  }));
  for (const name of VALUE_BASED) {
    const options = {
      gamma,
      ...(name === "vapo" ? { alpha: 1e15 } : {}),
      ...(name === "genac-segments" ? { lambda: 1 } : {}),
    };
    const after = estimateAdvantages(name, cut, { ...options, truncation: "bootstrap" });
    const ended = estimateAdvantages(name, cut, options);
    const expected = estimateAdvantages(name, longer, options);
    cut.forEach(({ truncated }, i) => {
      if (!truncated) assert.deepEqual(after[i], ended[i], name);
      else {
        nearAll(after[i]!.advantages, expected[i]!.advantages.slice(0, -1), name);
        nearAll(after[i]!.valueTargets, expected[i]!.valueTargets.slice(0, -1), name);
      }
    });
  }
});

Deno.test("bootstrapping needs to know where a response was cut, and the value there", () => {
  const bootstrap = { truncation: "bootstrap" };
  const fails = (rest: Partial<Rollout>, message: RegExp) => {
    for (const name of VALUE_BASED) {
      assert.throws(
        () => estimateAdvantages(name, [rolloutOf([0.5], rest)], bootstrap),
        (e: Error) => e instanceof UsageError && message.test(e.message),
      );
    }
  };
  fails({}, /rollouts\[0\].truncated: undefined: to bootstrap/);
  fails({ truncated: true }, /rollouts\[0\].finalValue: undefined: to bootstrap/);
  fails({ truncated: true, finalValue: NaN }, /rollouts\[0\].finalValue: NaN/);
  // Without values there is nothing to go on from.
  assert.throws(
    () => estimateAdvantages("rloo", many, bootstrap),
    /rloo: "truncation": unknown field/,
  );
});
