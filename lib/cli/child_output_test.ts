import assert from "node:assert/strict";
import { lastLine, lines, messages } from "./child_output.ts";

/** A stream of these bytes, cut anew after every `size` of them. */
function streamOf(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const parts = Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => bytes.subarray(i * size, (i + 1) * size),
  );
  return ReadableStream.from(parts);
}

Deno.test("lines are the same however the output is cut, within a letter too", async () => {
  for (const size of [1, 2, 3, 100]) {
    assert.deepEqual(await Array.fromAsync(lines(streamOf("a…\n\nü\u2028b\nend", size))), [
      "a…",
      "",
      "ü\u2028b",
      "end",
    ]);
  }
});

Deno.test("messages are the JSON objects; all else is text", async () => {
  const text: string[] = [];
  const output = 'Welcome!\n{"done": 1}\n[1]\n3\nnull\n{"done": NaN}\n{broken\n{"text": "ü"}';
  const found = await Array.fromAsync(messages(streamOf(output, 5), (line) => text.push(line)));
  assert.deepEqual(found, [{ done: 1 }, { text: "ü" }]);
  assert.deepEqual(text, ["Welcome!", "[1]", "3", "null", '{"done": NaN}', "{broken"]);
});

Deno.test("the last line is the last with something on it", () => {
  assert.equal(lastLine("a\n  b \n\n"), "b");
  assert.equal(lastLine("\n"), "");
});
