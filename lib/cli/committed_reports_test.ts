/** The committed notebooks begin with what the front page says: the same profile, answer, verdicts and numbers. */
import assert from "node:assert/strict";
import { registry } from "../../experiments/registry.ts";
import { answer } from "../../experiments/shared/answer.ts";
import {
  hasTag,
  INJECTED_TAG,
  type Notebook,
  type NotebookOutput,
  parameterValue,
  PLOTLY,
  SVG,
} from "../report/notebook.ts";
import { readPage } from "../report/testing.ts";
import { resolveConfig } from "../run/config.ts";
import { notebookPaths, readNotebook } from "./notebooks.ts";
import { largestPins, pinnedClaims } from "./readme.ts";

/** An output's text. */
function textOf(output: NotebookOutput | undefined): string {
  return [output?.data?.["text/plain"] ?? []].flat().join("");
}

/** What a report begins with. */
function answerOutputs({ cells }: Notebook): readonly NotebookOutput[] {
  return cells.filter((cell) => hasTag(cell, "answer")).flatMap(({ outputs = [] }) => outputs);
}

/** What the cards in a notebook say, by claim: "SUPPORTED: It gains 0.4 [0.3, 0.5]." */
function shownVerdicts({ cells }: Notebook): Record<string, string> {
  const texts = cells.flatMap(({ outputs = [] }) => outputs.map(textOf));
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
    const claims = pinnedClaims(experiment, pinned);
    const config = resolveConfig(experiment, pinned.profile).config as { seeds: number[] };
    const [said] = answerOutputs(notebook);
    assert.equal(textOf(said), answer({ experiment: name, ...pinned, config, claims }), remedy);
    const expected = claims
      .map(({ id, verdict, reading }) => [id, `${verdict.toUpperCase()}: ${reading}`]);
    assert.deepEqual(shownVerdicts(notebook), Object.fromEntries(expected), remedy);
  });
}

for (const path of notebookPaths([])) {
  const notebook = readNotebook(path);
  const outputs = notebook.cells.flatMap(({ outputs = [] }) => outputs);

  Deno.test(`${path} has one cell of parameters, and begins with an answer and a figure`, () => {
    assert.ok(!notebook.cells.some((cell) => hasTag(cell, INJECTED_TAG)));
    const [first] = notebook.cells;
    assert.match([first!.source].flat().join(""), /^# [^\n]+$/, "the title alone is before it");
    const said = answerOutputs(notebook);
    assert.notEqual(textOf(said[0]), "");
    assert.ok(said.some(({ data = {} }) => SVG in data));
  });

  Deno.test(`${path}: every figure has a static twin that says what it shows`, () => {
    for (const { data = {} } of outputs) {
      assert.equal(PLOTLY in data, SVG in data);
      if (!(SVG in data)) continue;
      const { attributes } = readPage([data[SVG]].flat().join(""));
      const [words] = attributes("svg[role=img]", "aria-label");
      assert.match(words ?? "", /\. Shown: .+/);
    }
  });
}
