import assert from "node:assert/strict";
import { readPage } from "../report/testing.ts";
import type { ProfileName } from "../run/experiment.ts";
import { planRun } from "../run/plan.ts";
import { reproduce } from "../run/reproduce.ts";
import { KERNELS, makeSandbox, type Sandbox } from "../run/testdata/sandbox.ts";
import { writeReportsIndex } from "./reports_index.ts";

const NOTEBOOK = "05-fake";

/** The page of the sandbox's only experiment, whose report is NOTEBOOK. */
async function index({ folder, experiment }: Sandbox) {
  const path = await writeReportsIndex({
    registry: {
      fake: () => Promise.resolve({ default: { ...experiment, notebook: NOTEBOOK } }),
    },
    runs: `${folder}/runs`,
    reports: `${folder}/reports`,
    notebooks: `${folder}/notebooks`,
  });
  return { path, ...readPage(Deno.readTextFileSync(path)) };
}

/** Computes a run; its time of finishing. */
async function compute({ folder, experiment }: Sandbox, profile: ProfileName): Promise<string> {
  const plan = planRun(experiment, { profile, threads: 1, out: `${folder}/runs` });
  const { run } = await reproduce(plan, { kernels: KERNELS });
  return run!.provenance.finishedAt;
}

function write({ folder }: Sandbox, name: string, text: string): void {
  Deno.mkdirSync(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
  Deno.writeTextFileSync(`${folder}/${name}`, text);
}

/** A notebook with the title, the parameter `profile` and, where given, a run's own value for it. */
function notebook(title: string, injected?: string): string {
  const code = (tag: string, source: string) => ({
    cell_type: "code",
    metadata: { tags: [tag] },
    source,
    outputs: [],
  });
  return JSON.stringify({
    cells: [
      { cell_type: "markdown", metadata: {}, source: `# ${title}` },
      code("parameters", 'let profile: "smoke" | "quick" = "quick";'),
      ...(injected ? [code("injected-parameters", `let profile = "${injected}";`)] : []),
    ],
    metadata: { kernelspec: { name: "deno" } },
    nbformat: 4,
    nbformat_minor: 5,
  });
}

const ROWS = ".runs tbody tr td:first-child";

Deno.test("the run that the report shows comes first, runs of other profiles follow", async () => {
  using box = await makeSandbox();
  const smoke = await compute(box, "smoke");
  await compute(box, "standard");
  assert.deepEqual((await index(box)).texts(ROWS), ["standard", "smoke"]);
  write(box, `reports/${NOTEBOOK}.html`, `<td>${smoke}</td>`);
  write(box, `reports/${NOTEBOOK}.ipynb`, notebook("A", "standard"));
  const { path, html, texts } = await index(box);
  assert.equal(path, `${box.folder}/reports/index.html`);
  assert.deepEqual(texts(ROWS), ["smokein the report", "standard"]);
  assert.deepEqual(texts(".links a"), ["Report", "Executed notebook"]);
  assert.match(texts(".summary")[0]!, /^1 experiment \(profile smoke\), 1 confirmatory claim:/);
  assert.equal((await index(box)).html, html, "the page depends on nothing else");
});

Deno.test("a report of a run that is there no more is told by the notebook's profile", async () => {
  using box = await makeSandbox();
  await compute(box, "smoke");
  await compute(box, "standard");
  write(box, `reports/${NOTEBOOK}.html`, "an older report");
  write(box, `reports/${NOTEBOOK}.ipynb`, notebook("A", "smoke"));
  assert.deepEqual((await index(box)).texts(ROWS), ["smokereport of another run", "standard"]);
  // Executed in place: no copy beside the report.
  Deno.removeSync(`${box.folder}/reports/${NOTEBOOK}.ipynb`);
  write(box, `notebooks/${NOTEBOOK}.ipynb`, notebook("A"));
  const { texts } = await index(box);
  assert.deepEqual(texts(ROWS), ["quickreport of another run", "standard", "smoke"]);
  assert.deepEqual(texts(".problem"), []);
  assert.deepEqual(texts("td[colspan]"), [
    "Not in runs/ here: deno task reproduce --experiment fake --profile quick",
  ]);
});

Deno.test("a damaged run and a damaged notebook are no obstacle", async () => {
  using box = await makeSandbox();
  await compute(box, "smoke");
  await compute(box, "standard");
  const [folder] = [...Deno.readDirSync(`${box.folder}/runs/fake`)].map(({ name }) => name)
    .filter((name) => name.startsWith("standard"));
  const file = `runs/fake/${folder}/run.json`;
  write(
    box,
    file,
    Deno.readTextFileSync(`${box.folder}/${file}`).replace('"see standard"', '"supported"'),
  );
  write(box, `reports/${NOTEBOOK}.html`, "");
  write(box, `reports/${NOTEBOOK}.ipynb`, "{");
  write(box, `notebooks/${NOTEBOOK}.ipynb`, notebook("A"));
  const { texts } = await index(box);
  assert.deepEqual(texts(ROWS), ["standard", "smoke"]);
  Deno.removeSync(`${box.folder}/reports/${NOTEBOOK}.html`);
  Deno.mkdirSync(`${box.folder}/reports/${NOTEBOOK}.html`); // cannot be read either
  assert.deepEqual((await index(box)).texts(ROWS), ["standard", "smoke"]);
  assert.match(texts(".problem")[0]!, /damaged: expected sha256/);
  assert.match(texts(".summary")[0]!, /profile smoke\).*1 run not readable$/);
});

Deno.test("reports of notebooks without an experiment are listed in the notebooks' order", async () => {
  using box = await makeSandbox();
  await compute(box, "smoke");
  write(box, "reports/07-other.html", "");
  write(box, "reports/07-other.ipynb", notebook("Another <report>"));
  write(box, "reports/00-first.html", "");
  write(box, "reports/bench.md", "");
  const { texts } = await index(box);
  assert.deepEqual(texts("h2"), [
    "00-first 00-first",
    "Sums of random numbers fake",
    "Another <report> 07-other",
  ]);
});

Deno.test("without any run or report the page says how to make them", async () => {
  using box = await makeSandbox();
  const { texts } = await index(box);
  assert.match(texts("#not-run li")[0]!, /deno task reproduce --experiment fake$/);
});
