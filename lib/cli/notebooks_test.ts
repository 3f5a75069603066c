import assert from "node:assert/strict";
import { ROOT } from "../root.ts";
import { testUnless } from "../testing.ts";
import {
  convertNotebook,
  executeNotebook,
  NotebookError,
  notebookPaths,
  notebooksCommand,
  parseParameters,
} from "./notebooks.ts";
import { withVariables } from "./testdata/with_variables.ts";
import { isVenvReady } from "./venv.ts";

Deno.test("parameters are JSON or else text; lists survive the cutting at commas", () => {
  assert.deepEqual(parseParameters(["profile=smoke", "n=3", "sizes=[1", "2]", "text=a", "b"]), {
    profile: "smoke",
    n: 3,
    sizes: [1, 2],
    text: "a,b",
  });
  assert.throws(() => parseParameters(["profile"]), /--parameter: "profile": write name=value/);
});

Deno.test("an unknown notebook is refused with a suggestion", () => {
  assert.throws(() => notebookPaths(["99-nothing-like-it"]), /notebook: "99-nothing-like-it"/);
});

Deno.test("a notebook executed in place may show another profile, no other parameter", async () => {
  const flags = { name: ["00-quickstart"], inPlace: true, convertOnly: false, timeout: 1 };
  await assert.rejects(
    async () =>
      await notebooksCommand.run({ ...flags, profile: "standard", parameter: ["seed=2"] }),
    /--in-place: "seed=2": .* leave out --parameter/,
  );
});

Deno.test("where nothing is executed, no parameter is taken", async () => {
  const flags = { name: ["00-quickstart"], inPlace: false, convertOnly: true, timeout: 1 };
  await assert.rejects(
    async () => await notebooksCommand.run({ ...flags, profile: "smoke", parameter: ["seed=2"] }),
    /--convert-only: "profile, seed": nothing is executed/,
  );
});

const CELLS = [
  { source: "# A report on $x^2$", type: "markdown", tags: [] },
  { source: "let answer = 41;", type: "code", tags: ["parameters"] },
  {
    source: 'import { figure } from "../lib/report/figure.ts";\n' +
      'import { show } from "../lib/report/show.ts";\n' +
      'import { showProgress } from "../lib/report/notebook_progress.ts";',
    type: "code",
    tags: [],
  },
  { source: "await show(`The answer is **${answer}**`);", type: "code", tags: ["output"] },
  {
    source: 'const progress = await showProgress("Work");\nprogress.update(2, 2);\n' +
      "await progress.finish();",
    type: "code",
    tags: ["output"],
  },
  {
    source: 'await show(figure({ title: "A line", x: { title: "x" }, y: { title: "y" }, ' +
      'series: [{ kind: "line", name: "a", points: [{ x: 0, y: 0 }, { x: 1, y: 1 }] }] }));',
    type: "code",
    tags: ["output", "answer"],
  },
  { source: "## Limits\n\n## Provenance", type: "markdown", tags: [] },
];

/** Runs `test` on a notebook of these cells, in the notebooks folder as relative imports demand. */
async function withNotebook(
  cells: typeof CELLS,
  test: (paths: { path: string; output: string; report: string }) => Promise<void>,
) {
  const name = `test-${crypto.randomUUID()}`;
  const paths = {
    path: `notebooks/.${name}.ipynb`,
    output: `.cache/${name}.ipynb`,
    report: `.cache/${name}.html`,
  };
  const notebook = {
    cells: cells.map(({ source, type, tags }, i) => ({
      cell_type: type,
      id: `c${i}`,
      metadata: { tags },
      source,
      ...(type === "code" ? { outputs: [], execution_count: null } : {}),
    })),
    metadata: { kernelspec: { name: "deno", display_name: "Deno", language: "typescript" } },
    nbformat: 4,
    nbformat_minor: 5,
  };
  Deno.writeTextFileSync(`${ROOT}${paths.path}`, JSON.stringify(notebook));
  try {
    await test(paths);
  } finally {
    for (const path of Object.values(paths)) {
      await Deno.remove(`${ROOT}${path}`).catch(() => {});
    }
  }
}

function read(path: string): string {
  return Deno.readTextFileSync(`${ROOT}${path}`);
}

/** Jupyter is installed by the commands, not by tests. */
function testWithJupyter(name: string, test: () => Promise<void>) {
  testUnless(isVenvReady() ? undefined : "no .venv: run deno task notebooks once", name, test);
}

testWithJupyter(
  "a notebook runs in the kernel, twice with the same bytes",
  () =>
    withNotebook(CELLS, async ({ path, output, report }) => {
      const run = async () => {
        const parameters = { answer: 42 };
        await executeNotebook({ path, parameters, output, report, progress: () => {} });
        return { notebook: read(output), html: read(report) };
      };
      const [one, two] = [await run(), await run()];
      assert.equal(one.notebook, two.notebook);
      assert.equal(one.html, two.html);

      // From the outputs that are stored in it: the same again.
      await convertNotebook({ path: output, output, report, progress: () => {} });
      assert.equal(read(output), one.notebook);
      assert.equal(read(report), one.html);

      const { cells } = JSON.parse(one.notebook);
      const shown = cells.flatMap((cell: { outputs?: { data: object }[] }) => cell.outputs ?? [])
        .map((output: { data: object }) => Object.keys(output.data).sort());
      assert.deepEqual(shown, [
        ["text/markdown", "text/plain"],
        ["text/html", "text/plain"],
        ["application/vnd.plotly.v1+json", "image/svg+xml", "text/plain"],
      ]);
      assert.match(one.notebook, /"Work: 2 steps"/);
      // Not assert.match, which would print the whole page.
      const has = (pattern: RegExp) => assert.ok(pattern.test(one.html), String(pattern));
      has(/<title>A report on/);
      has(/The answer is <strong>42<\/strong>/);
      has(/<math [^>]*>.*<\/math>/);
      has(/<svg aria-label="A line\. Shown: y, against x\./);
      // The title, the answer, the contents, all else; code only when the switch says so.
      const order = [
        "A report on",
        "<svg",
        "<nav",
        'href="#limits"',
        "The answer is",
        'id="limits"',
      ]
        .map((text) => one.html.indexOf(text, one.html.indexOf("<main")));
      assert.deepEqual(order, order.toSorted((a, b) => a - b));
      assert.ok(!order.includes(-1));
      has(/<input id="genac-code" type="checkbox"/);
      has(/<script class="genac-plotly" type="application\/json">/);
      has(/id="genac-plotly-js"/);
      assert.ok(!/<(script|link|img)[^>]+(src|href)="http/.test(one.html), "loads nothing");
    }),
);

const LATIN = "T… ü 試";

testWithJupyter(
  "neither the locale nor the user's variables nor what a cell prints disturb a notebook",
  () =>
    withNotebook(
      [
        { source: `# A report on ${LATIN}`, type: "markdown", tags: [] },
        {
          source: `const bytes = new TextEncoder().encode('{"broken\\n{"error": "no"}\\n');\n` +
            `Deno.stdout.writeSync(bytes);\nconsole.log("${LATIN}");\n` +
            `console.log("<script>alert(1)</script> \\x1b[31mred");\n` +
            // The kernel may report the cell finished before its last output is on the way.
            "await new Promise((resolve) => setTimeout(resolve, 200));",
          type: "code",
          tags: [],
        },
      ],
      async ({ path, output, report }) => {
        const folder = Deno.makeTempDirSync({ prefix: "genac-foreign-" });
        try {
          Deno.writeTextFileSync(`${folder}/nbformat.py`, 'raise ImportError("foreign")\n');
          Deno.writeTextFileSync(`${folder}/sitecustomize.py`, 'print("Welcome!")\n');
          Deno.mkdirSync(`${folder}/kernels/deno`, { recursive: true });
          const kernel = { argv: ["false"], display_name: "foreign", language: "none" };
          Deno.writeTextFileSync(`${folder}/kernels/deno/kernel.json`, JSON.stringify(kernel));
          const variables = {
            ...{ PYTHONIOENCODING: "latin-1", PYTHONUTF8: "0", LC_ALL: "POSIX", LANG: "POSIX" },
            ...{ PYTHONPATH: folder, PYTHONHOME: folder, PYTHONSTARTUP: `${folder}/nbformat.py` },
            ...{ JUPYTER_PATH: folder, JUPYTER_DATA_DIR: folder, JUPYTER_CONFIG_DIR: folder },
            ...{ JUPYTER_PLATFORM_DIRS: "1", JUPYTER_NO_CONFIG: "1", IPYTHONDIR: folder },
          };
          await withVariables(
            variables,
            () => executeNotebook({ path, parameters: {}, output, report, progress: () => {} }),
          );
          const { cells } = JSON.parse(read(output));
          assert.equal([cells[0].source].flat().join(""), `# A report on ${LATIN}`);
          const printed = cells[1].outputs.flatMap(({ text = [] }: { text?: string[] }) => text)
            .join("");
          assert(printed.includes(LATIN), printed);
          const html = read(report);
          assert(html.includes(`<title>A report on ${LATIN}</title>`));
          assert(html.includes("&lt;script&gt;alert(1)") && !html.includes("<script>alert(1)"));
          assert(!html.includes("\x1b"), "colours of a terminal are a page's colours");
          const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
          assert.deepEqual(left, ["kernels", "nbformat.py", "sitecustomize.py"]);
        } finally {
          Deno.removeSync(folder, { recursive: true });
        }
      },
    ),
);

testWithJupyter("a notebook that fails says where and writes nothing", () =>
  withNotebook(
    [{ source: 'const a = 1;\nthrow new RangeError("boom");', type: "code", tags: [] }],
    async ({ path, output, report }) => {
      await assert.rejects(
        executeNotebook({ path, parameters: {}, output, report, progress: () => {} }),
        (error) =>
          error instanceof NotebookError &&
          error.message.endsWith("cell 1, line 2: RangeError: boom"),
      );
      await assert.rejects(Deno.stat(`${ROOT}${output}`), Deno.errors.NotFound);
      await assert.rejects(Deno.stat(`${ROOT}${report}`), Deno.errors.NotFound);
    },
  ));

for (
  const [name, source, timeout, message] of [
    ["dies", "Deno.exit(3);", 60, /the kernel died in code cell 1 of 1/],
    ["takes too long", "await new Promise(() => {});", 2, /code cell 1 of 1 took longer than 2 s/],
  ] as const
) {
  testWithJupyter(
    `a cell that ${name} is named`,
    () =>
      withNotebook([{ source, type: "code", tags: [] }], (paths) =>
        assert.rejects(
          executeNotebook({ ...paths, parameters: {}, timeout, progress: () => {} }),
          message,
        )),
  );
}
