import assert from "node:assert/strict";
import { DISPLAY, type Displayable } from "./mime.ts";
import { provenanceTable } from "./provenance_table.ts";
import { tokenSequence } from "./token_sequence.ts";
import { countVerdicts, verdictCard } from "./verdict.ts";

function shown(thing: Displayable) {
  const { "text/html": html, "text/plain": plain } = thing[DISPLAY]();
  assert.doesNotMatch(html!, /<script|<x>|undefined/);
  return { html: html!, plain };
}

Deno.test("a verdict card says claim, verdict, reading and evidence", () => {
  const { html, plain } = shown(verdictCard({
    id: "C1",
    statement: "It does <x> not improve.",
    verdict: "contradicted",
    reading: "The slope is -0.006.",
    evidence: { slope: -0.00612, sizes: [1, 2], nested: { a: 1 }, nothing: null },
  }));
  for (const text of ["C1", "It does &lt;x&gt; not", "✘", "contradicted", "The slope is"]) {
    assert.ok(html.includes(text), text);
  }
  assert.equal(
    plain,
    [
      "C1  It does <x> not improve.",
      "✘ NOT SUPPORTED: The slope is -0.006.",
      "   slope: −0.00612",
      "   sizes: 1, 2",
      '   nested: {"a":1}',
      "   nothing: –",
    ].join("\n"),
  );
});

Deno.test("provenance is written in words, with the command that reproduces it", () => {
  const { html, plain } = shown(provenanceTable({
    commit: null,
    dirty: true,
    wallSeconds: 12.5,
    deno: { version: "<x>" },
    seeds: [1, 2],
    left: undefined,
  }, "deno task reproduce"));
  assert.match(html, /<code>&lt;x&gt;<\/code>/);
  assert.deepEqual(plain.split("\n"), [
    "commit        unknown",
    "dirty         yes",
    "wall seconds  12.5",
    "deno version  <x>",
    "seeds         1, 2",
    "",
    "To reproduce it:",
    "    deno task reproduce",
  ]);
});

Deno.test("tokens are marked right or wrong also without colour", () => {
  const { html, plain } = shown(tokenSequence([
    { text: "<x>", tone: "prompt" },
    { text: "P1", tone: "right", breakBefore: true },
    { text: "P2", tone: "wrong", label: "P7" },
  ], "A thought"));
  assert.match(html, /P2<span style="color:#d55e00">✗<\/span><br><small[^>]*>P7<\/small>/);
  assert.equal(plain, "A thought\n<x>\nP1✓ P2✗(P7)");
});

Deno.test("long token sequences wrap in plain text", () => {
  const tokens = Array.from({ length: 60 }, (_, i) => ({ text: `token${i}` }));
  const { plain } = shown(tokenSequence(tokens));
  assert.ok(plain.split("\n").every((line) => line.length <= 100));
});

Deno.test("verdicts are counted in one order, without those that no claim has", () => {
  const claims = (["undecided", "supported", "undecided"] as const)
    .map((verdict) => ({ verdict }));
  assert.deepEqual(countVerdicts(claims), [
    { verdict: "supported", count: 1 },
    { verdict: "undecided", count: 2 },
  ]);
});
