import assert from "node:assert/strict";
import { log } from "../../numeric/math.ts";
import { nearAll, randomRollouts, rolloutOf } from "../testing.ts";
import { estimateAdvantages } from "./registry.ts";
import { tokenRewards } from "./returns.ts";
import { segmentAdvantages, segmentStarts } from "./segments.ts";

const many = randomRollouts(12);
const logs = (...probabilities: number[]) => probabilities.map(log);
const advantages = (name: string, rollouts: typeof many, options?: unknown) =>
  estimateAdvantages(name, rollouts, options).map((e) => e.advantages);

/** Tokens 2 and 3 are below 0.2, so that the segments are 0-1, 2 and 3-4. */
const one = rolloutOf([0.5, 0.9, 0.25, 0.5, 0.1], {
  logProbabilities: logs(0.1, 0.9, 0.19, 0.05, 0.2),
});

Deno.test("a segment starts at token 0 and at every token below the threshold", () => {
  const none = { threshold: 0.2, boundary: "before", maxSegments: null } as const;
  assert.deepEqual(segmentStarts(one.logProbabilities, none), [0, 2, 3]);
  assert.deepEqual(segmentStarts(logs(0.5, 0.5), none), [0]);
  assert.deepEqual(segmentStarts([], none), []);
  assert.deepEqual(segmentStarts(logs(0.01, 0.01), { ...none, threshold: 0 }), [0]);
  assert.deepEqual(segmentStarts(logs(0.9, 0.9, 1), { ...none, threshold: 1 }), [0, 1]);
  // After them: token 0 is below too, and nothing starts after the last token.
  const after = { ...none, boundary: "after" } as const;
  assert.deepEqual(segmentStarts(one.logProbabilities, after), [0, 1, 3, 4]);
  assert.deepEqual(segmentStarts(logs(0.5, 0.5, 0.1), after), [0]);
});

Deno.test("too many boundaries are thinned evenly", () => {
  const low = logs(...Array(9).fill(0.1));
  const starts = (maxSegments: number) =>
    segmentStarts(low, { threshold: 0.2, boundary: "before", maxSegments });
  assert.deepEqual(starts(9), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(starts(5), [0, 1, 3, 5, 7]);
  assert.deepEqual(starts(2), [0, 1]);
  assert.deepEqual(starts(1), [0]);
  for (let n = 1; n <= 40; n++) {
    for (let m = 1; m <= n; m++) {
      const s = segmentStarts(Array(n).fill(-9), {
        threshold: 0.2,
        boundary: "before",
        maxSegments: m,
      });
      assert.equal(s.length, m);
      assert.ok(
        s.every((x, k) => x < n && (k === 0 ? x === 0 : x > s[k - 1]!)),
        `${n}, ${m}: ${s}`,
      );
    }
  }
});

Deno.test("SAE by hand: lambda is 1 inside a segment", () => {
  // delta = (0.4, -0.65, 0.25, -0.4, 0.9); lambda_t = (1, 0.5, 0.5, 1, -)
  // A_4 = 0.9, A_3 = 0.5, A_2 = 0.25 + 0.25 = 0.5, A_1 = -0.65 + 0.25 = -0.4, A_0 = 0.4 - 0.4 = 0
  nearAll(advantages("sae", [one], { lambda: 0.5 })[0]!, [0, -0.4, 0.5, 0.5, 0.9]);
  // In closed form: up to the segment's end, plus value and lambda times advantage there, less the token's own value.
  nearAll([0.25 + 0.5 * 0.5 - 0.5, 0.25 + 0.5 * 0.5 - 0.9], [0, -0.4]);
});

Deno.test("SAE is GAE where every token is a boundary, GAE of lambda 1 where none is", () => {
  for (const lambda of [0, 0.6, 1]) {
    assert.deepEqual(
      advantages("sae", many, { lambda, threshold: 1 }),
      advantages("gae", many, { lambda }),
    );
    assert.deepEqual(
      advantages("sae", many, { lambda, threshold: 0 }),
      advantages("gae", many, { lambda: 1 }),
    );
  }
});

Deno.test("GenAC's segments by hand: tokens share the segment's advantage", () => {
  // Values before tokens 0, 2, 3: 0.5, 0.25, 0.5; the others are not asked for.
  const asked = { ...one, values: [0.5, null, 0.25, 0.5, null] };
  nearAll(advantages("genac-segments", [asked], { lambda: 0 })[0]!, [-0.25, -0.25, 0.25, 0.5, 0.5]);
  nearAll(advantages("genac-segments", [asked])[0]!, [0.5, 0.5, 0.75, 0.5, 0.5]);
  // lambda 0.5: A = (-0.25 + 0.5 * 0.5, 0.25 + 0.5 * 0.5, 0.5)
  nearAll(advantages("genac-segments", [asked], { lambda: 0.5 })[0]!, [0, 0, 0.5, 0.5, 0.5]);
  assert.deepEqual(estimateAdvantages("genac-segments", [asked])[0]!.valueTargets, [1, 1, 1, 1, 1]);
  // Discounting counts tokens: r_4 = 1 is one token from segment 3's start, segment 2's value two from segment 0's.
  nearAll(
    advantages("genac-segments", [asked], { lambda: 0, gamma: 0.5 })[0]!,
    [0.25 * 0.25 - 0.5, 0.25 * 0.25 - 0.5, 0.5 * 0.5 - 0.25, 0.5 - 0.5, 0.5 - 0.5],
  );
});

Deno.test("a segment whose value could not be parsed belongs to the one before it", () => {
  const unparsed = { ...one, values: [0.5, null, null, 0.5, null] };
  nearAll(advantages("genac-segments", [unparsed], { lambda: 0 })[0]!, [0, 0, 0, 0.5, 0.5]);
});

Deno.test("GenAC's segments of one token are GAE, one segment is R - V_0", () => {
  for (const lambda of [0, 0.5, 1]) {
    const options = { gamma: 0.9, lambda, threshold: 1, maxSegments: null };
    const expected = advantages("gae", many, { gamma: 0.9, lambda });
    advantages("genac-segments", many, options).forEach((A, i) => nearAll(A, expected[i]!));
    advantages("genac-segments", many, { lambda, threshold: 0 }).forEach((A, i) => {
      const R = tokenRewards(many[i]!).reduce((a, b) => a + b);
      nearAll(A, A.map(() => R - many[i]!.values![0]!));
    });
  }
});

Deno.test("GenAC's segments equal SAE at segment starts", () => {
  for (const [lambda, boundary] of [[0, "before"], [0.7, "before"], [0.7, "after"]] as const) {
    const segments = { threshold: 0.2, boundary, maxSegments: null };
    const every = advantages("sae", many, { lambda, ...segments });
    advantages("genac-segments", many, { lambda, ...segments }).forEach((A, i) => {
      const starts = segmentStarts(many[i]!.logProbabilities, segments);
      nearAll(starts.map((t) => A[t]!), starts.map((t) => every[i]![t]!));
    });
  }
});

Deno.test("a segment's advantage is its TD error where lambda is 0", () => {
  nearAll(segmentAdvantages([0, 0.5, 0, 1], [0, 2], [0.4, 0.3], 1, 0), [0.4, 0.4, 0.7, 0.7]);
});

Deno.test("VinePPO by hand, and with exact continuation values the oracle", () => {
  // V before tokens 0 and 2: 1/4 and 2/3.
  const continuations = [[0, 0, 1, 0], null, [1, 0, 1]];
  const rollout = rolloutOf([null, null, null], { continuations });
  nearAll(advantages("vineppo", [rollout])[0]!, [2 / 3 - 1 / 4, 2 / 3 - 1 / 4, 1 - 2 / 3]);
  const exact = many.map((m) => ({ ...m, continuations: m.exactValues!.map((v) => [v]) }));
  const expected = advantages("oracle", many);
  advantages("vineppo", exact).forEach((A, i) => nearAll(A, expected[i]!));
});
