import assert from "node:assert/strict";
import { NOT_FINITE } from "../generated_tokens.ts";
import { Responses } from "./responses.ts";

Deno.test("rows end with a stop token, a stop text, none, or their last token", () => {
  const capacity = 10;
  const row = (length: number, maxTokens: number) => ({
    prompt: new Array<number>(length).fill(0),
    maxTokens,
    row: 0,
  });
  const rows = [row(1, 9), row(3, 7), row(2, 4), row(1, 9), row(5, 0), row(1, 9)];
  const bytes = ["a", "b", "c", "d"].map((text) => new TextEncoder().encode(text));
  const responses = new Responses(rows, {
    tokens: [3],
    texts: [bytes[2]!, Uint8Array.of(97, 98)],
    bytes,
  });
  const places = new Int32Array(6 * capacity).fill(-7);
  const set = (row: number, from: number, tokens: readonly number[]) =>
    places.set(tokens, row * capacity + from);
  set(0, 0, [1, 1, 3, 1]); // a stop token
  set(1, 2, [1, 0, 1, 1]); // "ab" over two tokens
  set(2, 1, [0, 0, 0, 0]); // four tokens
  set(3, 0, [0, NOT_FINITE, 2, 2]);
  set(5, 0, [0, 0, 0, 0, 1, 0]);
  assert.deepEqual(responses.take(places, capacity, 2), []);
  assert.deepEqual(responses.tokens[1], [1, 0]);
  assert.deepEqual(responses.take(places, capacity, 4), [1]);
  assert.ok(!responses.haveEnded);
  assert.deepEqual(responses.take(places, capacity, 4), [], "said once");
  assert.deepEqual(responses.take(places, capacity, 6), [5]);
  assert.ok(responses.haveEnded);
  assert.deepEqual(responses.tokens, [
    [1, 1, 3],
    [1, 0, 1],
    [0, 0, 0, 0],
    [0, NOT_FINITE],
    [],
    [0, 0, 0, 0, 1],
  ]);
});
