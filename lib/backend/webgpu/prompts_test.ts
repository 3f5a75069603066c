import assert from "node:assert/strict";
import { RandomStream } from "../../numeric/random.ts";
import { promptLength, readTokens, sharedPrompts } from "./prompts.ts";

Deno.test("lengths of programs are few, whole groups of 4, and not much longer than the text", () => {
  const lengths = new Set<number>();
  for (let tokens = 1; tokens <= 4096; tokens++) {
    const length = promptLength(tokens);
    lengths.add(length);
    assert.ok(length >= tokens && length <= Math.max(16, 1.5 * tokens), `${tokens}: ${length}`);
    assert.equal(length % 4, 0);
  }
  assert.deepEqual([...lengths].slice(0, 7), [16, 24, 32, 48, 64, 96, 128]);
  assert.equal(lengths.size, 17);
});

Deno.test("texts that begin alike are read once, each row's whole", () => {
  const texts = [[1, 2], [1, 2, 3], [], [1, 2, 4], [1, 2, 3], [1]];
  assert.deepEqual(sharedPrompts(texts), [
    { tokens: [1, 2, 3], rows: [1, 4, 0, 5] },
    { tokens: [1, 2, 4], rows: [3] },
  ]);
  assert.deepEqual(readTokens([7, 8, 9]), [7, 8]);
  assert.deepEqual(readTokens([7]), []);
  const random = new RandomStream({ seed: 1, purpose: "prompts" });
  for (let round = 0; round < 200; round++) {
    const some = Array.from(
      { length: 12 },
      () => Array.from({ length: random.integer(5) }, () => random.integer(2)),
    );
    const shared = sharedPrompts(some), read = new Map<number, readonly number[]>();
    for (const { tokens, rows } of shared) for (const row of rows) read.set(row, tokens);
    some.forEach((text, row) => {
      assert.deepEqual((read.get(row) ?? []).slice(0, text.length), text);
      assert.equal(read.has(row), text.length > 0);
    });
    const isRead = (text: readonly number[]) =>
      shared.filter(({ tokens }) => text.every((x, i) => x === tokens[i])).length;
    for (const { tokens } of shared) assert.equal(isRead(tokens), 1, "read twice");
  }
});
