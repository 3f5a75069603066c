import assert from "node:assert/strict";
import { createEnvironment } from "../env/registry.ts";
import { sampleStates } from "../env/sampling.ts";
import { UsageError } from "../errors.ts";
import { critics } from "./registry.ts";
import { valueTarget } from "./value_target.ts";

const environment = createEnvironment("permutation", { group: "S3", minLength: 3, maxLength: 4 });
const [state] = sampleStates(environment, { seed: 3, purpose: "test/target" }, 1, {
  actor: { epsilon: 0.3 },
  split: "train",
});
const labelled = (value: number) => ({ state: state!, context: {}, value });

Deno.test("every critic refuses a value outside 0..1, and names it", () => {
  for (const value of [-0.1, 1.01, -1e-8, 1 + 1e-8, NaN, Infinity, -Infinity]) {
    const refused = (run: () => unknown, name: string) =>
      assert.throws(
        run,
        (e: Error) =>
          e instanceof UsageError &&
          e.message === `value: ${value}: a value target is a probability: give a number in 0..1`,
        `${name}, ${value}`,
      );
    for (const [name, { encode }] of Object.entries(critics)) {
      refused(() => encode(environment, labelled(value)), name);
      refused(() => encode(environment, labelled(value), []), name);
    }
  }
});

Deno.test("what rounding alone keeps out of 0..1 is 0 or 1 to every critic", () => {
  for (const [near, value] of [[-1e-12, 0], [1 + 2 ** -52, 1]] as const) {
    for (const [name, { encode }] of Object.entries(critics)) {
      assert.deepEqual(
        encode(environment, labelled(near)),
        encode(environment, labelled(value)),
        name,
      );
    }
  }
  for (const value of [0, 0.3, 2 ** -1074, 1 - 2 ** -53, 1]) {
    assert.equal(valueTarget(value), value);
  }
});
