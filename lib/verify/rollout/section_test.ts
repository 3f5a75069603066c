import assert from "node:assert/strict";
import credit from "../../../experiments/credit/mod.ts";
import { METHODS } from "../../../experiments/credit/methods.ts";
import { readPage } from "../../report/testing.ts";
import { pinsPath, readPins } from "../../run/pins.ts";
import type { CreditedRollout } from "./credit.ts";
import { withRollout } from "./section.ts";

const REPORT = "<body><p>Before</p><!-- rollout --><p>After</p></body>";

/** What the page's script reads. */
function dataOf(html: string): CreditedRollout[] {
  return JSON.parse(readPage(html).texts("#genac-rollout-data")[0]!);
}

Deno.test("the rollouts are the pinned examples: every token, every method, the exact credit apart", async () => {
  for (const profile of ["smoke", "standard"] as const) {
    const rollouts = dataOf(await withRollout(REPORT, profile));
    const { cells } = readPins(pinsPath(credit, profile))!;
    for (const { task, tokens, methods } of rollouts) {
      // Seeds of the search stand apart: ".../search/seed101".
      const id = Object.keys(cells).find((id) => id.startsWith(`${task}/seed`))!;
      const { example } = cells[id]!.metrics as unknown as {
        example: { tokens: string[]; advantages: Record<string, number[]> };
      };
      assert.deepEqual(tokens.map(({ text }) => text), example.tokens);
      assert.deepEqual(tokens.map(({ exact }) => exact), example.advantages["oracle"]);
      const { oracle: _, ...others } = example.advantages;
      assert.equal(methods.length, Object.keys(others).length);
      for (const [name, credits] of Object.entries(others)) {
        const i = methods.indexOf(METHODS[name as keyof typeof METHODS].title);
        assert(i >= 0, name);
        assert.deepEqual(tokens.map(({ credited }) => credited[i]), credits, name);
      }
    }
    assert(rollouts.length >= 1);
  }
});

Deno.test("a report has it where its notebook wants it, and cannot be left by what the rollout says", async () => {
  const html = await withRollout(REPORT, "smoke");
  assert.match(html, /<p>Before<\/p><div id="genac-rollout">[^]*<\/div><p>After<\/p>/);
  assert.deepEqual(
    dataOf(html),
    dataOf(await withRollout(REPORT, 7)),
    "no profile counts as smoke",
  );
  assert.equal(html.match(/<\/script>/g)!.length, 2, "the data's and the script's own");
  assert.equal(await withRollout("<p>None</p>", "smoke"), "<p>None</p>");
});
