import assert from "node:assert/strict";
import { PermutationEnvironment } from "./permutation.ts";
import { estimateSuccessRate, sampleStates } from "./sampling.ts";

const environment = new PermutationEnvironment();
const options = { actor: { epsilon: 0.3 }, split: "train" as const };
const key = { seed: 1, purpose: "sampling-test" };

Deno.test("a batch drawn in parts, or in another order, is the same batch", () => {
  const whole = sampleStates(environment, key, 20, options);
  const tail = sampleStates(environment, { ...key, firstRow: 12 }, 8, options);
  const head = sampleStates(environment, key, 12, options);
  assert.deepEqual([...head, ...tail], whole);
});

Deno.test("seed, purpose, step and row each make a difference", () => {
  const [state] = sampleStates(environment, key, 1, options);
  for (const other of [{ seed: 2 }, { purpose: "x" }, { step: 1 }, { firstRow: 1 }]) {
    assert.notDeepEqual(sampleStates(environment, { ...key, ...other }, 1, options)[0], state);
  }
});

Deno.test("every state can have its own actor", () => {
  const actors = [{ epsilon: 0 }, { epsilon: 1 }];
  const mixed = sampleStates(
    environment,
    key,
    10,
    (row) => ({ ...options, actor: actors[row % 2]! }),
  );
  actors.forEach((actor, parity) => {
    const alone = sampleStates(environment, key, 10, { ...options, actor });
    for (let row = parity; row < 10; row += 2) assert.deepEqual(mixed[row], alone[row]);
  });
});

Deno.test("the success rate is the mean value of initial states", () => {
  const episodes = 4000;
  for (const epsilon of [0.1, 0.3, 0.7]) {
    const actor = { epsilon };
    const rate = estimateSuccessRate(environment, key, episodes, { ...options, actor });
    let exact = 0;
    const starts = new PermutationEnvironment({ maxMovesBefore: 0 });
    for (const state of sampleStates(starts, { ...key, purpose: "starts" }, episodes, options)) {
      assert.equal(state.moves.length, 0);
      exact += environment.exactValue(state, actor) / episodes;
    }
    // Four standard errors: Bernoulli for the estimate, at most as much again for the mean of values.
    const tolerance = 4 * Math.sqrt(2 * exact * (1 - exact) / episodes);
    assert.ok(Math.abs(rate - exact) < tolerance, `epsilon ${epsilon}: ${rate}, exact ${exact}`);
  }
});

Deno.test("an estimate needs episodes", () => {
  assert.throws(() => estimateSuccessRate(environment, key, 0, options), /episodes: 0/);
});
