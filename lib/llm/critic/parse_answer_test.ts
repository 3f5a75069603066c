import assert from "node:assert/strict";
import { parseAnswer } from "./parse_answer.ts";

Deno.test("the first answer counts, moved into 0..10", () => {
  const cases: readonly (readonly [text: string, value: number | null])[] = [
    ["<answer>7</answer>", 0.7],
    ["Hard. <answer>\n 10 </answer> or <answer>2</answer>", 1],
    ["<answer>0</answer>", 0],
    ["<answer>7.5</answer>", 0.75],
    ["<answer>.5</answer>", 0.05],
    ["<answer>+3</answer>", 0.3],
    ["<answer>-3</answer>", 0],
    ["<answer>42</answer>", 1],
    [`<answer>${"9".repeat(400)}</answer>`, 1],
    ["between <answer></answer>: <answer>4</answer>", 0.4],
    ["<answer>seven</answer> <answer>8</answer>", 0.8],
    ["", null],
    ["7", null],
    ["<answer>7", null],
    ["<answer>5.</answer>", null],
    ["<answer>7/10</answer>", null],
    ["<answer>70%</answer>", null],
    ["<answer>7 8</answer>", null],
    ["<answer>1e1</answer>", null],
    ["<ANSWER>7</ANSWER>", null],
    ["<answer>NaN</answer>", null],
    ["</answer>7<answer>", null],
  ];
  for (const [text, value] of cases) {
    assert.equal(parseAnswer(text, false)?.value ?? null, value, text);
  }
});

Deno.test("the end tag is put back where it stopped the response, and only there", () => {
  assert.deepEqual(parseAnswer("So <answer>7", true), { value: 0.7, before: "So <answer>" });
  assert.equal(parseAnswer("So <answer>7", false), null, "cut by the limit: 7 may go on");
  assert.equal(parseAnswer("So 7", true), null);
});

Deno.test("a long response without an end is read at once", () => {
  const start = performance.now();
  assert.equal(parseAnswer("<answer>" + "1".repeat(200_000), false), null);
  assert.equal(parseAnswer("<answer>".repeat(50_000), false), null);
  assert.ok(performance.now() - start < 2000);
});
