/** The estimators against NumPy: ../testdata/make_advantages.py wrote advantages.json from the papers' sums. */
import type { Rollout } from "../rollout.ts";
import { nearAll } from "../testing.ts";
import fixture from "../testdata/advantages.json" with { type: "json" };
import { estimateAdvantages } from "./registry.ts";
import { whiten } from "./whiten.ts";

const rollouts = fixture.rollouts as Rollout[];
const expected = fixture.expected as Record<string, number[][]>;
const { gamma, lambda, alpha, threshold } = fixture.options;

Deno.test("GAE, VAPO, SAE, Monte Carlo, RLOO, GRPO and Dr. GRPO equal NumPy's sums", () => {
  const options: Record<string, unknown> = {
    "gae": { gamma, lambda },
    "vapo": { gamma, alpha },
    "sae": { gamma, lambda, threshold },
    "monte-carlo": { gamma, baseline: "none" },
    "rloo": {},
    "grpo": { epsilon: 1e-6 },
    "dr-grpo": {},
  };
  for (const [name, chosen] of Object.entries(options)) {
    estimateAdvantages(name, rollouts, chosen).forEach(({ advantages, valueTargets }, i) => {
      nearAll(advantages, expected[name]![i]!, `${name} ${i}`);
      if (name === "gae") nearAll(valueTargets, expected["gae targets"]![i]!, `targets ${i}`);
    });
  }
});

Deno.test("bootstrapping where a response was cut equals NumPy's sums", () => {
  const cut = { gamma, lambda, truncation: "bootstrap" };
  estimateAdvantages("gae", rollouts, cut).forEach(({ advantages, valueTargets }, i) => {
    nearAll(advantages, expected["bootstrapped gae"]![i]!, `rollout ${i}`);
    nearAll(valueTargets, expected["bootstrapped gae targets"]![i]!, `targets ${i}`);
  });
  const { truncation } = cut;
  estimateAdvantages("vc-ppo", rollouts, { gamma, actorLambda: lambda, truncation })
    .forEach(({ advantages, valueTargets }, i) => {
      nearAll(advantages, expected["bootstrapped gae"]![i]!, `vc-ppo ${i}`);
      nearAll(valueTargets, expected["bootstrapped returns"]![i]!, `vc-ppo targets ${i}`);
    });
});

Deno.test("whitening equals NumPy's", () => {
  const gae = estimateAdvantages("gae", rollouts, { gamma, lambda }).map((e) => e.advantages);
  whiten(gae).forEach((A, i) => nearAll(A, expected["whitened gae"]![i]!, `rollout ${i}`));
});
