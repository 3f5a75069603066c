import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import {
  executionProblems,
  formatProblem,
  type Notebook,
  type NotebookCell,
  parameterNames,
  parameterValue,
  parseNotebook,
  prepareNotebook,
  titleOf,
} from "./notebook.ts";

function code(source: string, tags: string[] = [], more: Partial<NotebookCell> = {}): NotebookCell {
  return { id: "c", cell_type: "code", source, metadata: { tags }, outputs: [], ...more };
}

function notebook(...cells: NotebookCell[]): Notebook {
  return { cells, metadata: { kernelspec: { name: "deno" } }, nbformat: 4, nbformat_minor: 5 };
}

const PARAMETERS = code('let profile = "quick";\n  let seeds: number[] = [1];\nconst fixed = 1;', [
  "parameters",
]);

Deno.test("parameters are what the tagged cell declares with let", () => {
  assert.deepEqual(parameterNames(notebook(code("let no = 1;"), PARAMETERS)), ["profile", "seeds"]);
  assert.deepEqual(parameterNames(notebook()), []);
});

Deno.test("a parameter's value is read where it is written as JSON", () => {
  const executed = prepareNotebook(notebook(PARAMETERS), { seeds: [2, 3] }, "a.ipynb");
  assert.equal(parameterValue(executed, "profile"), "quick");
  assert.deepEqual(parameterValue(executed, "seeds"), [2, 3]);
  assert.equal(parameterValue(executed, "fixed"), undefined);
  const typed = code('let profile: "smoke" | "quick" = "quick";\nlet size = { n: 1 };', [
    "parameters",
  ]);
  assert.equal(parameterValue(notebook(typed), "profile"), "quick");
  assert.equal(parameterValue(notebook(typed), "size"), undefined, "not JSON");
});

Deno.test("a run's values stand in the declarations, an injected cell goes", () => {
  const declared = code(
    'let profile: "smoke" | "quick" = "quick"; // which; one\nlet size = { n: 1 };\nlet sizes = [size];',
    ["parameters"],
  );
  const injected = code("let profile = 1;", ["injected-parameters"]);
  const prepared = (values: Record<string, unknown>) =>
    prepareNotebook(notebook(declared, injected, code("use(profile)")), values, "a.ipynb").cells
      .map(({ source }) => source);
  assert.deepEqual(prepared({ profile: "$&", size: { n: [2, ";"] } }), [
    'let profile: "smoke" | "quick" = "$&"; // which; one\nlet size = {"n":[2,";"]};\nlet sizes = [size];',
    "use(profile)",
  ]);
  assert.deepEqual(prepared({}), [declared.source, "use(profile)"]);
});

Deno.test("a value goes into a declaration on one line only", () => {
  const two = notebook(code("let seeds = [\n  1,\n];", ["parameters"]));
  assert.throws(
    () => prepareNotebook(two, { seeds: [2] }, "a.ipynb"),
    /a\.ipynb: parameter: "seeds": declare it on one line, with a value and a semicolon/,
  );
});

Deno.test("an unknown parameter is refused with the known ones", () => {
  assert.throws(
    () => prepareNotebook(notebook(PARAMETERS), { profil: 1 }, "a.ipynb"),
    (error) => error instanceof UsageError && /"profil".*profile, seeds/.test(error.message),
  );
  assert.throws(
    () => prepareNotebook(notebook(), { profile: 1 }, "a.ipynb"),
    /no cell is tagged parameters/,
  );
});

Deno.test("outputs, counts and times of an earlier run go, ids stay or are made up alike", () => {
  const { id: _, ...nameless } = code("1", [], { execution_count: 7 });
  const cell = { ...nameless, metadata: { execution: { "iopub.execute_input": "2026" } } };
  const [prepared] = prepareNotebook(notebook(cell), {}, "a.ipynb").cells;
  assert.deepEqual(prepared, {
    id: "cell-1",
    cell_type: "code",
    source: "1",
    metadata: {},
    outputs: [],
    execution_count: null,
  });
});

Deno.test("an executed notebook is held to its tags", () => {
  const display = { output_type: "display_data", data: { "text/plain": "x" } } as const;
  const error = {
    output_type: "error",
    ename: "RangeError",
    evalue: "boom",
    traceback: ["RangeError: boom", "    at <anonymous>:2:7"],
  } as const;
  const problems = executionProblems(notebook(
    code("fine", ["output"], { outputs: [display] }),
    code("silent", ["output"], { outputs: [{ output_type: "stream" }] }),
    code("empty", ["output"], { outputs: [{ output_type: "display_data", data: {} }] }),
    code("value", [], { outputs: [{ ...display, output_type: "execute_result" }] }),
    code("broken", [], { outputs: [error] }),
    code("lively", [], {
      outputs: [{ ...display, data: { "application/vnd.plotly.v1+json": {}, "text/plain": "x" } }],
    }),
  )).map((problem) => formatProblem("a.ipynb", problem));
  assert.deepEqual(problems, [
    "a.ipynb, cell 2: is tagged output but shows nothing",
    "a.ipynb, cell 3: is tagged output but shows nothing",
    "a.ipynb, cell 4: ends with a value, which is lost now and then: give it to `await show(...)`",
    "a.ipynb, cell 5, line 2: RangeError: boom",
    "a.ipynb, cell 6: shows a Plotly figure without the static one that paper needs: use `figure`",
  ]);
});

Deno.test("the title is the first heading", () => {
  const cell = (source: string): NotebookCell => ({ cell_type: "markdown", source, metadata: {} });
  assert.equal(
    titleOf(notebook(code("# no"), cell("text\n# Does it scale?\nmore"))),
    "Does it scale?",
  );
  assert.equal(titleOf(notebook(code("# no"))), null);
});

Deno.test("a file that is no notebook for this kernel is refused in one line", () => {
  const refused = (text: string, message: RegExp) =>
    assert.throws(() => parseNotebook(text, "a.ipynb"), message);
  refused("{", /^UsageError: a\.ipynb: .*restore it from git$/);
  refused('{"cells": [], "nbformat": 3, "metadata": {}}', /nbformat 3/);
  refused(
    '{"cells": [], "nbformat": 4, "metadata": {"kernelspec": {"name": "python3"}}}',
    /kernel python3.*choose the kernel Deno/,
  );
});
