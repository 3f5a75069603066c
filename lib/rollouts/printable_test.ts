import assert from "node:assert/strict";
import { printable } from "./printable.ts";

Deno.test("what a terminal or page would obey, reorder or hide is shown", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["plain text, é, 中, 👩‍🚀, \\n", "plain text, é, 中, 👩‍🚀, \\n"],
    ["a\nb\r\tc", "a\\nb\\r\\tc"],
    ["\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"],
    ["\x9b31m\x7f\x00", "\\x9b31m\\x7f\\x00"],
    ["a\u202eb\u2066c\u200f\u061c", "a\\u{202e}b\\u{2066}c\\u{200f}\\u{61c}"],
    ["\u2028\u2029\ufeff\u200b", "\\u{2028}\\u{2029}\\u{feff}\\u{200b}"],
    ["hidden\u{e0041}", "hidden\\u{e0041}"],
    ["half \ud800 pair", "half \\u{d800} pair"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
  ];
  for (const [text, shown] of cases) assert.equal(printable(text), shown);
});

Deno.test("long text is cut to the length that is left, never inside a pair", () => {
  assert.equal(printable("abcdef", 6), "abcdef");
  assert.equal(printable("abcdef", 5), "abcd…");
  assert.equal(printable("\n\n\n", 4), "\\n\\…");
  assert.equal(printable("ab😀😀", 4), "ab…", "half of a smile is none");
  assert.equal(printable("abc", 0), "…");
  assert.equal(printable("", 0), "");
  const huge = "\x1b".repeat(50_000_000);
  assert.equal(printable(huge, 20).length, 20);
});
