import assert from "node:assert/strict";
import { log } from "../numeric/math.ts";
import type { RolloutRecord } from "./record.ts";
import { probePositions, type ProbeRule, stepStarts, tokenizeRecord } from "./segments.ts";
import { byteTokenizer } from "./testdata/byte_tokenizer.ts";

const tokenizer = byteTokenizer();

function record(text: string, more: Partial<RolloutRecord> = {}): RolloutRecord {
  return { group: "a", prompt: { text: "3+4?" }, response: { text }, outcome: 1, ...more };
}

const probes = (rollout: RolloutRecord, rule: ProbeRule) =>
  probePositions(tokenizeRecord(rollout, tokenizer), rule, tokenizer);

const every = (tokens: number): ProbeRule => ({ kind: "every", tokens });

Deno.test("every N tokens, with the first state and the one before the last token", () => {
  const tokens = (length: number) => record("", { response: { tokens: Array(length).fill(65) } });
  for (
    const [length, n, expected] of [
      [10, 4, [0, 4, 8, 9]],
      [9, 4, [0, 4, 8]],
      [8, 4, [0, 4, 7]],
      [3, 4, [0, 2]],
      [2, 1, [0, 1]],
      [1, 1, [0]],
      [0, 4, [0]],
    ] as const
  ) assert.deepEqual(probes(tokens(length), every(n)), expected, `${length} by ${n}`);
});

Deno.test("steps end with blank lines, in a text without those with line breaks", () => {
  const parts = (text: string, steps?: string[]) => {
    const starts = stepStarts(text, steps);
    return [0, ...starts].map((start, i) => text.slice(start, starts[i]));
  };
  assert.deepEqual(parts("a\nb\n\nc\n \n\n d\n\n"), ["a\nb\n\n", "c\n \n\n ", "d\n\n"]);
  assert.deepEqual(parts("a\nb\n c\n"), ["a\n", "b\n ", "c\n"]);
  assert.deepEqual(
    parts("a\nb\n\n\n"),
    ["a\n", "b\n\n\n"],
    "a blank line at the end parts nothing",
  );
  assert.deepEqual(parts("\n\na\nb"), ["\n\na\n", "b"], "nor does one at the start");
  assert.deepEqual(parts("a\r\n\r\nb\r\nc"), ["a\r\n\r\n", "b\r\nc"]);
  assert.deepEqual(parts("abc"), ["abc"]);
  assert.deepEqual(stepStarts(""), []);
  const began = performance.now();
  assert.deepEqual(stepStarts(`a${"\n".repeat(200_000)}`), []);
  assert.ok(performance.now() - began < 1000);
});

Deno.test("given steps are looked up one after the other", () => {
  const text = "Add. Add. Done.";
  assert.deepEqual(stepStarts(text, ["Add.", "Add.", "Done."]), [5, 10]);
  assert.deepEqual(stepStarts(text, ["Add. ", "", "other", "Done."]), [10]);
  assert.deepEqual(stepStarts(text, []), []);
});

Deno.test("a step starts at a token: behind the one that its line break shares", () => {
  // ".\n\n" is one token, "\n" by itself another; "é" and the smiley are 2 and 4.
  const text = "Aé☺.\n\nB.\n\nC";
  const rollout = tokenizeRecord(record(text), tokenizer);
  assert.deepEqual(rollout.response.tokens, [
    ...[65, 195, 169, 226, 152, 186, 257, 66, 257, 67],
  ]);
  assert.deepEqual(probes(record(text), { kind: "steps" }), [0, 7, 9]);
  // Ids of another split of the text: the boundary lies inside of no token.
  const split = [65, 46, 10, 10, 66, 46, 256, 67, 67];
  const exact = record("A.\n\nB.\n\nCC", { response: { text: "A.\n\nB.\n\nCC", tokens: split } });
  assert.deepEqual(probes(exact, { kind: "steps" }), [0, 4, 7, 8]);
  // White space before a step is not its own, whatever the tokens are.
  assert.deepEqual(probes(record("A\n\n  B"), { kind: "steps" }), [0, 4]);
  // The end token is no step, and its state is probed anyhow.
  const ended = record("", { response: { tokens: [65, 256, 66, 256, 259] } });
  assert.deepEqual(probes(ended, { kind: "steps" }), [0, 2, 4]);
  assert.deepEqual(probes(record("ab cd", { steps: ["ab", "cd"] }), { kind: "steps" }), [0, 3, 4]);
});

Deno.test("SAE's segments start behind tokens below the threshold, sixteen at most", () => {
  const sampled = (probabilities: number[]) =>
    record("", {
      response: { tokens: probabilities.map(() => 65) },
      logProbabilities: probabilities.map(log),
    });
  const sae: ProbeRule = { kind: "sae", threshold: 0.2 };
  assert.deepEqual(probes(sampled([0.1, 0.9, 0.19, 0.2, 0.21, 1, 0.1]), sae), [0, 1, 3, 6]);
  assert.deepEqual(probes(sampled([0.9, 0.9]), sae), [0, 1]);
  const many = probes(sampled(Array(100).fill(0.1)), sae);
  assert.equal(many.length, 17, "sixteen and the state before the last token");
  assert.deepEqual([many[0], many.at(-1)], [0, 99]);
  const steps = many.slice(1, -2).map((at, i) => many[i + 2]! - at);
  assert.ok(steps.every((step) => step === 6 || step === 7), `${steps}`);

  assert.throws(() => probes(record("abc"), sae), /^UsageError: --sae: "a": .* has no log-prob/);
  const short = record("abc", { logProbabilities: [-1] });
  assert.throws(
    () => probes(short, sae),
    /has 1 log-probabilities for 3 tokens: name their column/,
  );
});

Deno.test("ids that are there stay; text is encoded, the prompt with the token that begins texts", () => {
  const begins = byteTokenizer({ begins: true });
  const kept = { text: "ab", tokens: [97, 98, 259] };
  const both = tokenizeRecord(record("", { prompt: kept, response: kept }), begins);
  assert.deepEqual([both.prompt, both.response], [kept, kept]);

  const text = tokenizeRecord(record("cd"), begins);
  assert.deepEqual(text.prompt, { text: "3+4?", tokens: [258, 51, 43, 52, 63] });
  assert.deepEqual(text.response, { text: "cd", tokens: [99, 100] });
  assert.deepEqual(tokenizeRecord(record("cd"), tokenizer).prompt.tokens, [51, 43, 52, 63]);
  const template = tokenizeRecord(record("", { prompt: { text: "<s>3" } }), begins);
  assert.deepEqual(template.prompt.tokens, [258, 51], "not twice");

  const ids = tokenizeRecord(
    record("", { prompt: { tokens: [258, 51] }, response: { tokens: [99, 259] } }),
    begins,
  );
  assert.deepEqual([ids.prompt.text, ids.response.text], ["<s>3", "c"]);
});
