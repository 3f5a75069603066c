import assert from "node:assert/strict";
import { keptTokens } from "../../nn/testing.ts";
import { RandomStream } from "../../numeric/random.ts";
import { Logits } from "./logits.ts";

/** Rows of logits in panels with something else around them. */
function place(rows: readonly (readonly number[])[], rounds = rows.length + 1) {
  const classes = rows[0]!.length, stride = rounds * 64, offset = 128;
  const buffer = new ArrayBuffer(offset + Math.ceil(classes / 16) * stride + 64);
  const values = new Float32Array(buffer).fill(77);
  const index = (row: number, token: number) =>
    offset / 4 + Math.floor(token / 16) * stride / 4 + row * 16 + token % 16;
  rows.forEach((logits, row) => logits.forEach((x, token) => values[index(row, token)] = x));
  const logits = new Logits(buffer, 64, { offset: offset - 64, stride, classes });
  return { logits, values, index };
}

const METHODS = ["keepTop", "keepTopOfMany"] as const;

Deno.test("what top-k and top-p keep is what their definition says, and nothing else changes", () => {
  const random = new RandomStream({ seed: 1, purpose: "logits" });
  for (const classes of [1, 2, 16, 37, 100]) {
    for (const step of [0.5, 1e-6]) { // many equal logits; none
      const row = () =>
        Array.from({ length: classes }, () => Math.round(random.normal() / step) * step);
      for (const temperature of [0.3, 1, 4]) {
        for (const topK of [1, 2, 7, 99, 1e9, Infinity]) {
          for (const topP of [5e-324, 0.1, 0.53, 0.9, 0.9999, 1]) {
            const rows = [row(), row(), row()].map((r) => r.map(Math.fround));
            const { values, index } = place(rows);
            const expected = values.slice();
            const kept = new Set(keptTokens(rows[1]!, { temperature, topK, topP }));
            for (let token = 0; token < classes; token++) {
              if (!kept.has(token)) expected[index(1, token)] = -Infinity;
            }
            for (const method of METHODS) {
              const { logits, values } = place(rows);
              logits[method](1, topK, topP, 1 / temperature);
              const what = `${method} ${classes} ${step} ${temperature} ${topK} ${topP}`;
              assert.deepEqual(values, expected, what);
            }
          }
        }
      }
    }
  }
});

Deno.test("of equal logits the lowest tokens are kept, as few as reach p exactly", () => {
  for (const method of METHODS) {
    const kept = (k: number, p: number, row: readonly number[]) => {
      const { logits, values, index } = place([row]);
      logits[method](0, k, p, 1);
      return row.flatMap((_, token) => values[index(0, token)]! > -Infinity ? [token] : []);
    };
    assert.deepEqual(kept(Infinity, 0.5, [3, 3, 3, 3]), [0, 1]);
    assert.deepEqual(kept(Infinity, 0.51, [3, 3, 3, 3]), [0, 1, 2]);
    assert.deepEqual(kept(2, 1, [0, 3, 3, 3]), [1, 2]);
    assert.deepEqual(kept(2, 0.5, [0, 3, 3, 3]), [1]);
    // p is of what k leaves: 2 tokens of 4 have half of the whole, but all of theirs.
    assert.deepEqual(kept(2, 0.6, [3, 3, 3, 3]), [0, 1]);
    assert.deepEqual(kept(Infinity, 0.9, [-0, 0]), [0, 1]);
    assert.deepEqual(kept(1, 1, [-0, 0]), [0]);
  }
});

Deno.test("of a large vocabulary the same is kept without sorting all of it", () => {
  const random = new RandomStream({ seed: 2, purpose: "logits" });
  for (const deviation of [0.01, 3, 30]) {
    const row = Array.from({ length: 5000 }, () => Math.fround(random.normal() * deviation));
    for (const topK of [1, 50, 4999, Infinity]) {
      for (const topP of [0.01, 0.5, 0.95, 0.999999, 1]) {
        for (const temperature of [0.1, 1.3]) {
          const [all, many] = [place([row]), place([row])];
          all.logits.keepTop(0, topK, topP, 1 / temperature);
          many.logits.keepTopOfMany(0, topK, topP, 1 / temperature);
          assert.deepEqual(many.values, all.values, `${deviation} ${topK} ${topP} ${temperature}`);
        }
      }
    }
  }
});

Deno.test("one logit that is not finite, or too large, is enough", () => {
  const row = (change: number) => Array.from({ length: 21 }, (_, i) => i === 17 ? change : -i);
  for (
    const [x, isFine] of [[5, true], [NaN, false], [Infinity, false], [-Infinity, false], [
      1e9,
      false,
    ]] as const
  ) {
    const { logits } = place([row(NaN), row(x), row(NaN)]);
    assert.equal(logits.areFinite(1, 1e8), isFine, `${x}`);
    assert.equal(logits.isFinite(1, 17, 1e8), isFine, `${x}`);
    assert.ok(logits.isFinite(1, 16, 1e8));
  }
});
