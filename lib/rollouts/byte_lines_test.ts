import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { byteLines } from "./byte_lines.ts";

/** The lines of text that comes in chunks of `size` bytes, all in the same memory. */
async function linesOf(text: string, size: number, maxBytes?: number): Promise<string[]> {
  const bytes = new TextEncoder().encode(text);
  async function* chunks() {
    const memory = new Uint8Array(size);
    for (let at = 0; at < bytes.length; at += size) {
      const part = bytes.subarray(at, at + size);
      memory.set(part);
      yield memory.subarray(0, part.length);
      await Promise.resolve();
    }
  }
  const lines: string[] = [];
  for await (const line of byteLines(chunks(), "f", maxBytes)) {
    lines.push(new TextDecoder().decode(line));
  }
  return lines;
}

Deno.test("lines are the same however their bytes arrive", async () => {
  const text = "one\n\ntwö ends\r\n\n𝄞 without end";
  const expected = ["one", "", "twö ends\r", "", "𝄞 without end"];
  for (let size = 1; size <= text.length + 4; size++) {
    assert.deepEqual(await linesOf(text, size), expected);
  }
  assert.deepEqual(await linesOf("", 8), []);
  assert.deepEqual(await linesOf("\n", 8), [""]);
});

Deno.test("a line beyond the bound is refused, one of its length is not", async () => {
  for (const size of [1, 3, 100]) {
    assert.deepEqual(await linesOf("12345\n12345", size, 5), ["12345", "12345"]);
    await assert.rejects(linesOf("123456\n1", size, 5), UsageError);
    await assert.rejects(linesOf("1\n123456", size, 5), /more than 5 bytes.*JSON lines/);
  }
});
