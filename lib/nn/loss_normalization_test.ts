import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { normalize } from "./loss_normalization.ts";

/** Three responses, one of them empty. */
const weights = [[1, 3], [], [8]];

/** sum w / normalizer. */
const average = (...[normalization, maxTokens]: [Parameters<typeof normalize>[1], number?]) => {
  const { weights: w, normalizer } = normalize(weights, normalization, maxTokens);
  return w.flat().reduce((a, b) => a + b) / normalizer;
};

Deno.test("averages by hand", () => {
  assert.equal(average("token-mean"), 12 / 3);
  assert.equal(average("seq-mean-token-mean"), (2 + 0 + 8) / 3);
  assert.equal(average("seq-mean-token-sum"), 12 / 3);
  assert.equal(average("seq-mean-token-sum-norm", 10), 12 / 30);
  assert.deepEqual(weights, [[1, 3], [], [8]]);
});

Deno.test("no token and no longest response are usage errors", () => {
  assert.throws(() => normalize([[], []], "token-mean"), UsageError);
  assert.throws(
    () => normalize(weights, "seq-mean-token-sum-norm"),
    (e: Error) =>
      e instanceof UsageError && /objective.maxTokens: undefined: give the longest/.test(e.message),
  );
  assert.throws(() => normalize(weights, "seq-mean-token-sum-norm", null), UsageError);
});
