import assert from "node:assert/strict";
import { regexToGbnf } from "./gbnf.ts";

// Each of these was given to llama.cpp's server, which answered with a full match of the pattern.
const GRAMMARS: Readonly<Record<string, string>> = {
  "<answer>(10|[0-9])</answer>":
    '"<" "a" "n" "s" "w" "e" "r" ">" ("1" "0" | [0-9]) "<" "/" "a" "n" "s" "w" "e" "r" ">"',
  "^\\d{1,3}(?:\\.\\d+)?$": '[0-9]{1,3} ("." [0-9]+)?',
  "[\\s\\S]{4}!": '[ \\t\\n\\r\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F!-\\U0010FFFF]{4} "!"',
  '[^\\n"\\\\]*\\n': '[^\\n"\\\\]* "\\n"',
  "(yes|no|)\\.": '("y" "e" "s" | "n" "o" | "") "."',
  "[-+^\\]]\\w\\W": "[\\x2D+\\x5E\\]] [0-9A-Za-z_] [^0-9A-Za-z_]",
  "é😀?": '"é" "😀"?',
  '"\\$\\\\': '"\\"" "$" "\\\\"',
};

Deno.test("a regular expression becomes a grammar with the same full matches", () => {
  for (const [pattern, grammar] of Object.entries(GRAMMARS)) {
    assert.equal(regexToGbnf(pattern), `root ::= ${grammar}`, pattern);
  }
});

Deno.test("what a grammar cannot say is refused by name", () => {
  const refused: Readonly<Record<string, RegExp>> = {
    "(?=a)b": /\(\?= cannot be said/,
    "(?<n>a)": /\(\?< cannot/,
    "a*?": /\*\? cannot/,
    "(a)\\1": /\\1 cannot/,
    "\\bword": /\\b cannot/,
    "a$|b": /\$ cannot/,
    "\\p{L}": /\\p cannot/,
    "(a": /Unterminated group/,
  };
  for (const [pattern, message] of Object.entries(refused)) {
    assert.throws(() => regexToGbnf(pattern), message, pattern);
  }
});
