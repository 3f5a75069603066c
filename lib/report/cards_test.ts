import assert from "node:assert/strict";
import { decideFamily } from "../eval/decision.ts";
import { DISPLAY, type Displayable } from "./mime.ts";
import { provenanceTable } from "./provenance_table.ts";
import { tokenSequence } from "./token_sequence.ts";
import { readPage } from "./testing.ts";
import { byFamily, type ClaimVerdict, countVerdicts, verdictCounts } from "./verdict.ts";
import { verdictCard, verdictCards } from "./verdict_card.ts";

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
      "✘ CONTRADICTED: The slope is -0.006.",
      "   slope: −0.00612",
      "   sizes: 1, 2",
      '   nested: {"a":1}',
      "   nothing: –",
    ].join("\n"),
  );
});

const GAINS = {
  "GRPO <x>": [0.21, 0.18, 0.25, 0.17, 0.22],
  PPO: [0.03, -0.02, 0.04, 0.05, -0.01],
};

/** A claim that is decided by these gains. */
function decidedClaim(id: string, terms: Partial<ClaimVerdict> = {}): ClaimVerdict {
  const { decision, comparisons } = decideFamily(GAINS, "better in all", { sesoi: 0.02 });
  return {
    id,
    statement: "It gains over both.",
    family: "confirmatory",
    paper: "Better than value-based & value-free baselines.",
    readAs: "Paired differences of success.",
    sesoi: "0.02 of success: a tenth of the gain.",
    verdict: decision,
    reading: "Gains: 0.206 and 0.018.",
    evidence: { ...comparisons, episodes: 2400 },
    ...terms,
  };
}

Deno.test("a card has the claim's terms, and a row of tests for each comparison", () => {
  const { html, plain } = shown(verdictCard(decidedClaim("C5")));
  const { texts } = readPage(html);
  assert.deepEqual(texts("details tbody:not(thead + tbody) td"), [
    ...["the paper", "Better than value-based & value-free baselines."],
    ...["read here as", "Paired differences of success."],
    ...["smallest effect of interest (SESOI)", "0.02 of success: a tenth of the gain."],
    ...["family", "confirmatory"],
    ...["episodes", "2,400"],
  ]);
  assert.deepEqual(texts("thead th"), [
    ...["comparison", "effect [95%]", "p", "p (Holm)", "sd"],
    ...["seeds for 80% power at the SESOI", "decision"],
  ]);
  // scipy: ttest_1samp and t.interval; statsmodels: TTestPower().solve_power(0.02 / sd, 0.8).
  assert.deepEqual(texts("thead + tbody td"), [
    ...["GRPO <x>", "0.206 [0.166, 0.246]", "< 0.001", "< 0.001", "0.032", "23", "supported"],
    ...["PPO", "0.0180 [−0.0207, 0.0567]", "0.266", "0.266", "0.031", "22", "undecided"],
  ]);
  for (const text of ["   read here as: Paired", "   comparison ", "   episodes: 2,400"]) {
    assert.ok(plain.includes(text), text);
  }
});

Deno.test("one comparison has nothing to be adjusted for, one without a smallest effect no seeds", () => {
  const { comparisons } = decideFamily({ PPO: GAINS.PPO }, "better in all", { sesoi: 0 });
  const { texts } = readPage(
    shown(verdictCard(decidedClaim("C1", { evidence: comparisons }))).html,
  );
  assert.deepEqual(texts("thead th"), ["comparison", "effect [95%]", "p", "sd", "decision"]);
});

Deno.test("confirmatory claims stand first, exploratory ones are folded under their counts", () => {
  const exploratory = (id: string) => decidedClaim(id, { family: "exploratory" });
  const claims = [
    exploratory("E1"),
    decidedClaim("C5", { verdict: "supported" }),
    exploratory("E2"),
  ];
  const { html, plain } = shown(verdictCards(claims));
  const { texts } = readPage(html);
  assert.match(texts("p").at(-1)!, /fixed before the runs that decide them/);
  const cards = "div > p:first-child > strong";
  assert.deepEqual(texts(cards), ["C5", "E1", "E2"]);
  assert.deepEqual(texts(`details ${cards}`), ["E1", "E2"]);
  assert.ok(texts("summary").includes("2 exploratory claims: 2 undecided"));
  assert.match(
    plain,
    /^C5 [^]*\n2 exploratory claims: 2 undecided\n[^]*\nE1 [^]*\nE2 [^]*\nPredicates/,
  );
  assert.doesNotMatch(html, /<details open>/);
  // Alone they are not hidden; a report without them has no fold for them.
  assert.match(
    shown(verdictCards([exploratory("E1")])).html,
    /<details open><summary>1 exploratory/,
  );
  const seven = Array.from({ length: 7 }, (_, i) => exploratory(`E${i}`));
  assert.match(shown(verdictCards(seven)).html, /^<details><summary>7 exploratory/);
  assert.ok(!shown(verdictCards([decidedClaim("C5")])).html.includes("exploratory"));
});

Deno.test("a run of few seeds has numbers, and nothing that reads like a verdict", () => {
  const { html, plain } = shown(verdictCards([decidedClaim("C5", { verdict: "see standard" })]));
  const { texts } = readPage(html);
  assert.match(texts("p")[0]!, /So few seeds carry no verdict/);
  assert.ok(texts("thead + tbody td").includes("0.206 [0.166, 0.246]"));
  assert.ok(!texts("thead th").includes("decision"));
  assert.doesNotMatch(html + plain, /supported|undecided|contradicted|no material/i);
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
  assert.match(html, /P2<span style="color:#b04600">✗<\/span><br><small[^>]*>P7<\/small>/);
  assert.equal(plain, "A thought\n<x>\nP1✓ P2✗(P7)");
});

Deno.test("the variable that a token sets stands above it", () => {
  const { html, plain } = shown(tokenSequence([
    { text: "w2", subject: "g<3>", label: "−0.40" },
    { text: "V4", tone: "value" },
  ]));
  assert.deepEqual(readPage(html).texts("span > small"), ["g<3>", "−0.40"]);
  assert.match(html, /g&lt;3&gt;<\/small><br>w2<br><small/);
  assert.equal(plain, "g<3>: w2(−0.40) V4");
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
  assert.equal(verdictCounts(claims), "1 supported, 2 undecided");
});

Deno.test("a claim without a family was set out to be tested", () => {
  const [a, b, c] = [{}, { family: "exploratory" }, { family: "confirmatory" }] as const;
  assert.deepEqual(byFamily<{ family?: "exploratory" | "confirmatory" }>([a, b, c]), {
    confirmatory: [a, c],
    exploratory: [b],
  });
});
