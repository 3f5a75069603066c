/** The committed notebooks show what the front page says: the same profile, verdicts and numbers. */
import assert from "node:assert/strict";
import { registry } from "../../experiments/registry.ts";
import { type Notebook, parameterValue } from "../report/notebook.ts";
import { readNotebook } from "./notebooks.ts";
import { largestPins, pinnedClaims } from "./readme.ts";

/** What the cards in a notebook say, by claim: "SUPPORTED: It gains 0.4 [0.3, 0.5]." */
function shownVerdicts({ cells }: Notebook): Record<string, string> {
  const texts = cells.flatMap(({ outputs = [] }) =>
    outputs.map(({ data }) => [data?.["text/plain"] ?? []].flat().join(""))
  );
  const cards = texts.join("\n").matchAll(/^(\S+) {2}.*\n[✔✘≈?→] ([A-Z ]+: .*)$/gm);
  return Object.fromEntries(Array.from(cards, ([, id, verdict]) => [id, verdict]));
}

Deno.test("the verdicts of a notebook's cards are read from it", () => {
  const output = {
    output_type: "display_data",
    data: {
      "text/plain": [
        "Fixed before.\n",
        "\n",
        "C1  It gains.\n",
        "≈ NO MATERIAL DIFFERENCE: 0.1.\n",
      ],
    },
  } as const;
  const other = { ...output, data: { "text/plain": "C2  It grows.\n? UNDECIDED: 0.2." } };
  const cell = { cell_type: "code", source: "", metadata: {}, outputs: [output, other] } as const;
  assert.deepEqual(
    shownVerdicts({ cells: [cell], metadata: {}, nbformat: 4, nbformat_minor: 5 }),
    { C1: "NO MATERIAL DIFFERENCE: 0.1.", C2: "UNDECIDED: 0.2." },
  );
});

for (const [name, load] of Object.entries(registry)) {
  Deno.test(`the committed report of ${name} shows the pinned results that the front page has`, async () => {
    const { default: experiment } = await load();
    const pinned = largestPins(experiment);
    if (!experiment.notebook || !pinned) return;
    const notebook = readNotebook(`notebooks/${experiment.notebook}.ipynb`);
    const remedy =
      `deno task notebooks ${experiment.notebook} --profile ${pinned.profile} --in-place`;
    assert.equal(parameterValue(notebook, "profile"), pinned.profile, remedy);
    const expected = pinnedClaims(experiment, pinned)
      .map(({ id, verdict, reading }) => [id, `${verdict.toUpperCase()}: ${reading}`]);
    assert.deepEqual(shownVerdicts(notebook), Object.fromEntries(expected), remedy);
  });
}
