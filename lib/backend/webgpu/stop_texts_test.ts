import assert from "node:assert/strict";
import { RandomStream } from "../../numeric/random.ts";
import { StopTexts } from "./stop_texts.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The token with which `texts` are first found, or -1. */
function found(words: readonly string[], tokens: readonly number[], texts: readonly string[]) {
  const watch = new StopTexts({ tokens: [], texts: texts.map(encode), bytes: words.map(encode) });
  return tokens.findIndex((token) => watch.push(token));
}

Deno.test("a text is found within a token, over several, and behind other bytes", () => {
  const words = ["a", "b", "ab", "", "é", "xyabz"];
  assert.equal(found(words, [0, 0, 2], ["ab"]), 2);
  assert.equal(found(words, [1, 0, 3, 1], ["ab"]), 3);
  assert.equal(found(words, [5], ["ab"]), 0);
  assert.equal(found(words, [0, 0, 0, 1], ["aab"]), 3);
  assert.equal(found(words, [0, 1], ["ba"]), -1);
  assert.equal(found(words, [1, 4], ["q", "é"]), 1);
  assert.equal(found(words, [0, 9, 1], ["ab"]), 2, "a token without bytes");
  assert.equal(new StopTexts({ tokens: [1] }).push(1), false);
});

Deno.test("found where a search of the whole response finds it", () => {
  const random = new RandomStream({ seed: 1, purpose: "stop texts" });
  const text = (most: number) =>
    Array.from({ length: random.integer(most + 1) }, () => "ab"[random.integer(2)]).join("");
  let stopped = 0;
  for (let round = 0; round < 500; round++) {
    const words = Array.from({ length: 5 }, () => text(4));
    const texts = Array.from({ length: 2 }, () => `a${text(5)}`);
    const tokens = Array.from({ length: 6 }, () => random.integer(5));
    const expected = tokens.findIndex((_, t) => {
      const whole = tokens.slice(0, t + 1).map((token) => words[token]).join("");
      return texts.some((text) => whole.includes(text));
    });
    assert.equal(found(words, tokens, texts), expected, JSON.stringify({ words, texts, tokens }));
    stopped += Number(expected >= 0);
  }
  assert.ok(stopped > 50 && stopped < 450, String(stopped));
});
