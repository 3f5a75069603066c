import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { advantageEstimators } from "./advantage/registry.ts";
import type { Need } from "./advantage/estimator.ts";
import { type RlAlgorithm, rlAlgorithm, type RlAlgorithmName, rlAlgorithms } from "./algorithms.ts";
import { policyObjectiveConfig } from "./objective/policy_objective.ts";

/** The values behind a need. */
const VALUES: Partial<Record<Need, RlAlgorithm["values"]>> = {
  "values": "critic",
  "segment values": "critic",
  "continuations": "continuations",
  "process rewards": "process",
  "exact values": "exact",
};

Deno.test("every algorithm has the values that its estimator needs, and options that it knows", () => {
  for (const [name, algorithm] of Object.entries(rlAlgorithms)) {
    assert.equal(algorithm.name, name);
    assert.ok(algorithm.title.length > 0 && algorithm.source.length > 0);
    const { needs, options } = advantageEstimators[algorithm.advantage.estimator];
    const values = (needs as readonly Need[]).map((need) => VALUES[need] ?? "none");
    assert.equal(algorithm.values, values[0] ?? "none", name);
    if (needs.includes("segment values" as never)) assert.equal(algorithm.states, "segments");
    else assert.equal(algorithm.states, "tokens", name);
    assert.doesNotThrow(() => options.parse(algorithm.advantage.options ?? {}), name);
    assert.doesNotThrow(() => policyObjectiveConfig.parse(algorithm.objective), name);
  }
});

Deno.test("a name is checked by the compiler, a user's string at run time with a suggestion", () => {
  assert.equal(rlAlgorithm("vc-ppo"), rlAlgorithms["vc-ppo"]);
  // @ts-expect-error: there is no such algorithm.
  const wrong: RlAlgorithmName = "gpro";
  assert.throws(
    () => rlAlgorithm(wrong),
    (e: Error) => {
      assert.ok(e instanceof UsageError);
      assert.match(
        e.message,
        /^algorithm: "gpro": unknown algorithm; did you mean [a-z-]+\? choose/,
      );
      assert.match(e.message, /choose from reinforce, rloo, grpo, .*oracle/);
      return true;
    },
  );
  for (const name of ["toString", "__proto__"]) {
    assert.throws(() => rlAlgorithm(name), /unknown algorithm/);
  }
});
