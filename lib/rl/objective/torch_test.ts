/** The objective against PyTorch: ../testdata/make_objective.py wrote objective.json by autograd of TRL's and verl's losses. */
import type { Rollout } from "../rollout.ts";
import { nearAll } from "../testing.ts";
import fixture from "../testdata/objective.json" with { type: "json" };
import { policyObjective, policyObjectiveConfig } from "./policy_objective.ts";

const rollouts = fixture.rollouts as Rollout[];
const objective = (options: Record<string, unknown>) =>
  policyObjective(
    rollouts,
    fixture.advantages,
    fixture.logProbabilities,
    policyObjectiveConfig.parse({ ...fixture.clip, ...options }),
  );

Deno.test("PPO, dual clip, KL losses, clamps and masks have the gradients of PyTorch", () => {
  for (const { options, ascent } of fixture.cases) {
    const { weights, normalizer } = objective(options);
    weights.forEach((row, i) => {
      const name = `${JSON.stringify(options)}, response ${i}`;
      // Relative: where a policy has left the reference, e^(-x) is large.
      const scale = ascent[i]!.map((x) => 1 + Math.abs(x));
      nearAll(
        row.map((w, t) => w / normalizer / scale[t]!),
        ascent[i]!.map((x, t) => x / scale[t]!),
        name,
      );
    });
  }
});

Deno.test("what is clipped, clamped and masked is counted", () => {
  const { dualClip, fractions } = fixture;
  const { diagnostics } = objective({ dualClip, maskTruncated: true });
  for (const [name, expected] of Object.entries(fractions)) {
    nearAll([diagnostics[name as keyof typeof fractions]!], [expected], name);
  }
});
