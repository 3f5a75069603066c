import assert from "node:assert/strict";
import type { Notebook, NotebookCell } from "../report/notebook.ts";
import { checkNotebooks, kernelProblems, mapErrors, moduleOf } from "./check_notebooks.ts";
import { notebookPaths } from "./notebooks.ts";

function notebook(...cells: [source: string, tags?: string[]][]): Notebook {
  return {
    cells: cells.map(([source, tags = []]): NotebookCell => ({
      cell_type: source.startsWith("#") ? "markdown" : "code",
      source,
      metadata: { tags },
    })),
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5,
  };
}

Deno.test("cells become one module that knows where each line came from", () => {
  const { source, lines } = moduleOf(notebook(["# Title"], ["const a = 1"], ["a;\n(a)"]));
  assert.equal(source, "const a = 1\n;\na;\n(a)\n;\nexport {};\n");
  assert.deepEqual(lines, [
    { cell: 2, line: 1 },
    null,
    { cell: 3, line: 1 },
    { cell: 3, line: 2 },
    null,
    null,
  ]);
});

Deno.test("the values of the run that made a report are not declared a second time", () => {
  const { source, lines } = moduleOf(notebook(
    ["let a = 1;", ["parameters"]],
    ["let a = 2;", ["injected-parameters"]],
    ["a;"],
  ));
  assert.equal(source, "let a = 1;\n;\na;\n;\nexport {};\n");
  assert.deepEqual(lines[2], { cell: 3, line: 1 });
});

Deno.test("the compiler's places become cells and lines", () => {
  const module = {
    path: "notebooks/a.ipynb",
    file: "/x/.a.check.ts",
    ...moduleOf(notebook(["# Title"], ["const a = 1;"], ["let b;\nb = nope;"])),
  };
  const output = [
    "TS2304 [ERROR]: Cannot find name 'nope'.",
    "b = nope;",
    "    ~~~~",
    "    at file:///x/.a.check.ts:4:5",
    "",
    "TS1 [ERROR]: Elsewhere.",
    "    at file:///x/other.ts:1:1",
    "",
    "error: Type checking failed.",
  ].join("\n");
  assert.deepEqual(mapErrors(output, [module]), [
    "notebooks/a.ipynb, cell 3, line 2: " +
    "TS2304 [ERROR]: Cannot find name 'nope'.\nb = nope;\n    ~~~~",
    "TS1 [ERROR]: Elsewhere.\n    at file:///x/other.ts:1:1",
  ]);
  assert.deepEqual(mapErrors("something else\n", [module]), ["something else"]);
});

Deno.test("the rules of the kernel are checked", () => {
  const problems = kernelProblems(notebook(
    ["const url = 1; // import.meta in a comment\nimport.meta.url;"],
    ["figure({})", ["output"]],
    ["await show(figure({}))", ["output"]],
    ["const progress = await showProgress()", ["output"]],
    ["const profile = 1;", ["parameters"]],
  ));
  assert.deepEqual(problems.map(({ cell, line }) => [cell, line]), [
    [1, 2],
    [2, undefined],
    [5, undefined],
  ]);
});

Deno.test("the committed notebooks pass", async () => {
  assert.deepEqual(await checkNotebooks(notebookPaths([])), []);
});
