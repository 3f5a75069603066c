import assert from "node:assert/strict";
import { type LocalCheckConfigInput, LocalCheckEnvironment } from "./local_check.ts";
import { moments, sampler } from "./testing.ts";

const environment = new LocalCheckEnvironment();
const actor = { epsilon: 0.3 };

const sample = sampler(environment, { ...actor, purpose: "local-check-test" });

Deno.test("states are undecided, within the configured ranges, in their split", () => {
  for (const split of ["train", "test"] as const) {
    for (const state of sample(1000, { split })) {
      assert.ok(state.word.length >= 6 && state.word.length <= 10);
      assert.ok(state.moves.length <= 3 && state.stepsLeft === 6 - state.moves.length);
      assert.ok(state.remaining > 0);
      assert.equal(environment.splitOf(state.word), split);
    }
  }
});

Deno.test("what remains is the number of forbidden pairs less the repairs, up to seven", () => {
  const { forbidden } = environment.config;
  let most = 0;
  for (const { word, moves, remaining } of sample(2000)) {
    const text = word.map((x) => "abcd"[x]).join("");
    const pairs = Array.from({ length: text.length - 1 }, (_, i) => text.slice(i, i + 2));
    const count = pairs.filter((pair) => forbidden.includes(pair)).length;
    most = Math.max(most, count);
    assert.equal(remaining, Math.min(count, 7) - moves.filter(Boolean).length);
  }
  assert.ok(most > 7);
});

Deno.test("with the defaults values have the stated mean and variance", () => {
  const values = sample(20_000, { split: "test" }).map((s) => environment.exactValue(s, actor));
  const { mean, variance } = moments(values);
  assert.ok(Math.abs(mean - 0.70) < 0.01, `mean ${mean}`);
  assert.ok(Math.abs(variance - 0.106) < 0.003, `variance ${variance}`);
});

Deno.test("the value is the binomial probability of enough repairs", () => {
  // Of t tries, at least d must succeed.
  const choose = (n: number, k: number): number => k === 0 ? 1 : choose(n, k - 1) * (n - k + 1) / k;
  for (const epsilon of [0, 0.25, 0.5, 1]) {
    for (let d = 0; d <= 7; d++) {
      for (let t = 0; t <= 6; t++) {
        let expected = 0;
        for (let k = d; k <= t; k++) {
          expected += choose(t, k) * (1 - epsilon) ** k * epsilon ** (t - k);
        }
        const state = { word: [], moves: [], remaining: d, stepsLeft: t };
        assert.ok(Math.abs(environment.exactValue(state, { epsilon }) - expected) < 1e-14);
      }
    }
  }
});

Deno.test("prompt and trace of a word computed by hand", () => {
  // Forbidden: ab, bd, da, ac. Allowed: aa.
  const state = environment.state("abdaac", ["fix", "miss"]);
  const { vocabulary } = environment;
  assert.equal(
    vocabulary.render(environment.criticPrompt(state, { successRate: 0.66 })),
    "R7 T4 a b d a a c SEP fix miss Q",
  );
  assert.equal(
    vocabulary.render(environment.reasoningTrace(state)),
    "=0 =1 =2 =3 =3 =4 =4 =3 =3 D3",
  );
  assert.deepEqual([state.remaining, state.stepsLeft], [3, 4]);
});

Deno.test("more pairs than can be repaired are one number", () => {
  const state = environment.state("abcdabcdabc", ["fix"]);
  assert.equal(state.remaining, 6);
  assert.equal(environment.exactValue(state, { epsilon: 0 }), 0);
  assert.match(environment.describe(state), /^to repair {3}6 or more$/m);
  assert.match(environment.describe(environment.state("abcd")), /^to repair {3}3$/m);
});

Deno.test("an episode ends with the last repair, or after the last try", () => {
  assert.throws(() => environment.state("ab", ["fix", "miss"]), /leave out what follows/);
  const [state] = sample(1);
  assert.equal(environment.progress(state!), state!.moves.length / 6);
});

Deno.test("bad configurations and states name field, value and remedy", () => {
  const configs: [LocalCheckConfigInput, RegExp][] = [
    [{ forbidden: ["abc"] }, /environment\.forbidden\.0: "abc": must be two letters/],
    [{ forbidden: ["ae"] }, /environment\.forbidden: "ae": the symbols are abcd/],
    [{ maxMovesBefore: 7 }, /environment\.maxMovesBefore: 7: must not exceed maxMoves/],
    [{ maxLength: 42 }, /environment\.traceOffset: 48: .* prompts of 49 tokens; raise it/],
  ];
  for (const [config, message] of configs) {
    assert.throws(() => new LocalCheckEnvironment(config), { name: "UsageError", message });
  }
  const acts: [() => unknown, RegExp][] = [
    [() => environment.state("abe"), /word: "e": must be a symbol in a\.\.d/],
    [() => environment.state("ab", ["rot"]), /moves: "rot": choose from fix, miss/],
    [() => environment.state("ab", Array(7).fill("miss")), /moves: 7: the actor has 6 tries/],
    [() => environment.exactValue(sample(1)[0]!, { epsilon: 2 }), /actor\.epsilon: 2/],
  ];
  for (const [act, message] of acts) assert.throws(act, { name: "UsageError", message });
});
