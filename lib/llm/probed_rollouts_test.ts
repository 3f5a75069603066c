import assert from "node:assert/strict";
import type { RolloutRecord } from "../rollouts/record.ts";
import { byteTokenizer } from "../rollouts/testdata/byte_tokenizer.ts";
import type { ContinuationValue } from "./continuation_values.ts";
import {
  compareFirstStates,
  continuationCost,
  probedStates,
  summarizeValues,
  withValues,
} from "./probed_rollouts.ts";

const tokenizer = byteTokenizer();

function rollout(group: string, text: string, more: Partial<RolloutRecord> = {}): RolloutRecord {
  return {
    group,
    prompt: { text: group },
    response: { text },
    outcome: 1,
    tokenLimit: 10,
    ...more,
  };
}

const probe = (records: readonly RolloutRecord[], limit?: number) =>
  probedStates(records, { kind: "every", tokens: 3 }, tokenizer, limit);

function value(mean: number, n: number, more: Partial<ContinuationValue> = {}): ContinuationValue {
  return { mean, n, low: mean - 0.1, high: mean + 0.3, tokens: 5, cut: 1, failures: 0, ...more };
}

Deno.test("states hold prompt and prefix as tokens, what is left of the limit, and the verifier's task", () => {
  const states = probe([rollout("pq", "abcde", { groundTruth: "7" }), rollout("r", "x")]);
  assert.deepEqual(
    states.map(({ at, prompt, prefix, maxTokens, task }) => ({
      at,
      prompt,
      prefix,
      maxTokens,
      task,
    })),
    [
      ...[[0, []], [3, [97, 98, 99]], [4, [97, 98, 99, 100]]].map(([at, prefix]) => {
        const task = { prompt: "pq", groundTruth: "7" };
        return { at, prompt: [112, 113], prefix, maxTokens: 10 - Number(at), task };
      }),
      { at: 0, prompt: [114], prefix: [], maxTokens: 10, task: { prompt: "r" } },
    ],
  );
  assert.deepEqual(probe([rollout("p", "abcd")], 20).map(({ maxTokens }) => maxTokens), [20, 17]);
  assert.equal(states[0]!.record.tokenLimit, 10);
});

Deno.test("a limit that is unknown or too small is asked for", () => {
  const { tokenLimit: _, ...unlimited } = rollout("p", "abc");
  assert.throws(() => probe([unlimited]), /--limit: undefined: the rollouts do not say how long/);
  assert.equal(probe([unlimited], 3).length, 2);
  assert.throws(() => probe([unlimited], 2), /--limit: 2: a response of p has 3 tokens/);
});

Deno.test("the cost is that of different states, by what was left of the rollouts and by the limit", () => {
  // Siblings share their first state: its rests are 5 and 1.
  const states = probe([rollout("p", "abcde"), rollout("p", "x")]);
  const keys = states.map(({ prompt, prefix }) => `${prompt} ${prefix}`);
  assert.deepEqual(continuationCost(states, keys, 12), {
    states: 3,
    continuations: 36,
    expected: 12 * ((5 + 1) / 2 + 2 + 1),
    most: 12 * (10 + 7 + 6),
    read: 2 * (1 + 4 + 5),
  });
});

Deno.test("a summary is over different states, with the part of the variance that is noise", () => {
  const values = [value(0.5, 5), value(1, 9, { failures: 2, failure: "why" }), value(0.5, 5)];
  const { halfWidth, ...summary } = summarizeValues(values, ["a", "b", "a"]);
  assert.ok(Math.abs(halfWidth - 0.2) < 1e-12);
  assert.deepEqual(summary, {
    ...{ states: 2, continuations: 14, tokens: 10, meanValue: 0.75, variance: 0.0625 },
    ...{ noise: (0.25 / 4 + 0) / 2, cut: 2, failures: 2, failure: "why" },
  });
  assert.equal(summarizeValues([value(1, 1)], ["a"]).noise, null);
});

Deno.test("first states are held against the file's success, by both samples' errors", () => {
  const states = probe([rollout("p", "abcde"), rollout("p", "abx"), rollout("q", "abc")]);
  const values = states.map(({ record: { group }, at }) =>
    value(at > 0 ? 0 : group === "p" ? 0.5 : 1, 8)
  );
  const groups = new Map([
    ["p", { rollouts: 8, successes: 4 }],
    ["q", { rollouts: 4, successes: 1 }],
  ]);
  const { problems, meanValue, successRate, z } = compareFirstStates(states, values, groups);
  assert.deepEqual([problems, meanValue, successRate], [2, 0.75, 0.375]);
  // p: 8 of 16, q: 9 of 12.
  const variance = 0.25 * (1 / 8 + 1 / 8) + 0.1875 * (1 / 8 + 1 / 4);
  assert.ok(Math.abs(z! - 0.375 / (Math.sqrt(variance) / 2)) < 1e-12);
  const sure = new Map([["p", { rollouts: 3, successes: 3 }]]);
  const [first] = probe([rollout("p", "ab")]);
  assert.equal(compareFirstStates([first!], [value(1, 8)], sure).z, null);
});

Deno.test("values become the rollouts' probes, in place of those they had", () => {
  const old = { at: 1, unit: "char" as const, mean: 0, n: 1 };
  const states = probe([rollout("p", "abcde", { probes: [old] }), rollout("p", "x")]);
  const valued = withValues(states, states.map((_, i) => value(i / 4, i + 1)));
  assert.deepEqual(valued.map(({ probes }) => probes), [
    [0, 3, 4].map((at, i) => ({ at, unit: "token", mean: i / 4, n: i + 1 })),
    [{ at: 0, unit: "token", mean: 0.75, n: 4 }],
  ]);
  assert.deepEqual(valued[0]!.response, { text: "abcde", tokens: [97, 98, 99, 100, 101] });
});
