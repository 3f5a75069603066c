import assert from "node:assert/strict";
import type { PinCheck } from "../run/pin_check.ts";
import { type IndexedRun, type IndexEntry, indexPage, type RunFacts } from "./index_page.ts";
import { readPage } from "./testing.ts";
import type { VerdictWord } from "../run/experiment.ts";

const PROVENANCE: RunFacts["provenance"] = {
  commit: "0123456789abcdef0123456789abcdef01234567",
  dirty: false,
  lock: null,
  deno: "2.9.6",
  v8: "15",
  typescript: "6",
  v8Flags: "",
  backend: "wasm",
  kernels: "0".repeat(64),
  platform: "linux x86_64",
  cpu: "A <fast> CPU",
  cores: 4,
  threads: 1,
  finishedAt: "2026-01-02T03:04:05.678Z",
  wallSeconds: 100,
  cellsTakenUp: 0,
  command: "deno task reproduce --experiment a --profile quick",
};

function run(
  verdicts: readonly VerdictWord[],
  state: PinCheck["state"] = "matched",
  provenance: Partial<RunFacts["provenance"]> = {},
  exploratory: readonly VerdictWord[] = [],
): IndexedRun {
  return {
    profile: "quick",
    backend: "wasm",
    run: {
      seeds: [1, 2],
      cells: { length: 12 },
      claims: [...verdicts, ...exploratory].map((verdict, i) => ({
        id: `C${i + 1}`,
        statement: `x < ${i}`,
        family: i < verdicts.length ? "confirmatory" : "exploratory",
        verdict,
        reading: `"${i}" & more`,
        evidence: {},
      })),
      pins: { state, notPinned: [], failures: [] },
      provenance: { ...PROVENANCE, ...provenance },
    },
  };
}

function page(...entries: readonly IndexEntry[]) {
  return readPage(indexPage(entries));
}

Deno.test("a run is told with pins, verdicts, seeds, cells, time, machine and code", () => {
  const { texts } = page({
    name: "a",
    title: "Is x < y?",
    html: "01-a.html",
    notebook: "01-a.ipynb",
    runs: [
      { ...run(["supported", "undecided", "supported"]), inReport: "this" },
      {
        ...run(["contradicted"], "out of tolerance", {
          commit: null,
          adapter: "GPU",
          threads: 3,
          cellsTakenUp: 2,
        }),
        backend: "webgpu",
      },
      { ...run(["supported"], "not pinned", { dirty: true }), profile: "smoke" },
    ],
  });
  assert.deepEqual(texts(".runs tbody tr:nth-child(1) td"), [
    "quickin the report",
    "✔ pins equal",
    "✔ 2 supported ? 1 undecided",
    "2 seeds12 cells",
    "2026-01-02 03:04in 1 min 40 s",
    "A <fast> CPU4 cores, 1 thread, linux x86_64",
    "Deno 2.9.6commit 012345678",
  ]);
  assert.deepEqual(texts(".runs tbody tr:nth-child(2) td"), [
    "quick, webgpu",
    "✘ OUT OF TOLERANCE",
    "✘ 1 contradicted",
    "2 seeds12 cells",
    "2026-01-02 03:04in 1 min 40 s, 2 cells from sessions before",
    "GPU; A <fast> CPU4 cores, 3 threads, linux x86_64",
    "Deno 2.9.6no git commit",
  ]);
  assert.deepEqual(texts(".runs tbody tr:nth-child(3) td:last-child"), [
    "Deno 2.9.6commit 012345678, with changes",
  ]);
});

Deno.test("of results that are the pinned ones it says so, and no machine", () => {
  const { texts } = page({
    name: "a",
    title: "A",
    runs: [9, 12].map((cellsFromPins) => run(["supported"], "from pins", { cellsFromPins })),
  });
  const cells = (row: number) => texts(`.runs tbody tr:nth-child(${row}) td`);
  assert.equal(cells(1)[1], "? from the pins");
  assert.equal(cells(1)[3], "2 seeds12 cells, 3 computed");
  assert.equal(cells(1)[5], "A <fast> CPU4 cores, 1 thread, linux x86_64");
  assert.equal(cells(2)[3], "2 seeds12 cells, 0 computed");
  assert.equal(cells(2)[5], "not here");
});

Deno.test("each claim stands with verdict, statement and reading, whatever is in them", () => {
  const { texts, html } = page({ name: "a", title: "A", runs: [run(["contradicted"])] });
  assert.deepEqual(texts(".claims td"), ["✘ contradicted", 'C1 x < 0"0" & more']);
  assert.match(html, /x &lt; 0/);
  assert.match(html, /&quot;0&quot; &amp; more/);
});

Deno.test("the summary counts the first readable run of each experiment", () => {
  const { texts } = page(
    {
      name: "a",
      title: "A",
      runs: [
        { profile: "standard", backend: "wasm", run: { problem: "a/run.json: damaged" } },
        run(["supported", "contradicted"]),
        run(["undecided"], "mismatched"),
      ],
    },
    { name: "b", title: "B", runs: [run(["supported"], "not pinned")] },
    { name: "c", title: "C", runs: [] },
    { name: "00-d", title: "D", html: "00-d.html" },
  );
  assert.deepEqual(texts(".summary"), [
    "2 experiments (profile quick), 3 confirmatory claims: ✔ 2 supported ✘ 1 contradicted " +
    "✔ pins equal in 1 ? not pinned in 1 ✘ 1 run not readable",
  ]);
  assert.deepEqual(texts("#a .problem"), ["✘ not readable a/run.json: damaged"]);
  assert.deepEqual(texts("#not-run li"), ["C deno task reproduce --experiment c"]);
  assert.deepEqual(texts("main section h2"), ["A a", "B b", "D 00-d", "Not run yet"]);
});

Deno.test("where all pins are equal, or nothing has run, the summary says that", () => {
  const all = page({ name: "a", title: "A", runs: [run(["supported"])] });
  assert.match(all.texts(".summary")[0]!, /1 confirmatory claim: ✔ 1 supported ✔ pins equal$/);
  const none = page({ name: "a", title: "A", runs: [] });
  assert.match(none.texts(".summary")[0]!, /^No experiment has a finished run yet/);
});

Deno.test("links lead to the files that there are", () => {
  const { attributes, texts } = page(
    { name: "a", title: "A", html: "01 a.html", notebook: "01 a.ipynb", runs: [run([])] },
    { name: "b", title: "B", runs: [run([])] },
  );
  assert.deepEqual(attributes("a", "href"), ["01%20a.html", "01%20a.html", "01%20a.ipynb"]);
  assert.deepEqual(texts("#b .links"), ["No report yet."]);
});

Deno.test("many claims are folded, and so are those of other runs", () => {
  const many = Array.from({ length: 7 }, () => "supported" as const);
  const { attributes } = page(
    { name: "few", title: "A", runs: [run(["supported"]), run(["supported"])] },
    { name: "many", title: "B", runs: [run(many)] },
  );
  const open = (id: string) => attributes(`#${id} details`, "open").map((open) => open !== null);
  assert.deepEqual(open("few"), [true, false]);
  assert.deepEqual(open("many"), [false]);
});

Deno.test("exploratory claims are folded below the confirmatory ones, and counted apart", () => {
  const one = run(["supported"], "matched", {}, ["contradicted", "no material difference"]);
  const { texts, attributes } = page({ name: "a", title: "A", runs: [one] });
  assert.match(
    texts(".summary")[0]!,
    /1 confirmatory claim: ✔ 1 supported 2 exploratory claims: ✘ 1 contradicted ≈ 1 no material/,
  );
  assert.deepEqual(texts("summary"), [
    "3 claims, quick",
    "2 exploratory claims: 1 contradicted, 1 no material difference",
  ]);
  assert.deepEqual(attributes("details", "open").map((open) => open !== null), [true, false]);
  assert.deepEqual(texts("details details td:first-child"), [
    "✘ contradicted",
    "≈ no material difference",
  ]);
});

Deno.test("the page loads nothing, and is the same for the same runs", () => {
  const entry = { name: "a", title: "A", html: "a.html", runs: [run(["supported"])] };
  const { html } = page(entry);
  assert.doesNotMatch(html, /<script|src=|https?:|@import|url\(|undefined|NaN/);
  assert.equal(html, page(entry).html);
});

Deno.test("text from elsewhere is shown on the page, never obeyed", () => {
  const evil = `<script>alert(1)</script> "><img src=x> \x1b[31m \u202e`;
  const indexed = run(["supported"], "matched", { cpu: evil, command: evil, deno: evil });
  const html = indexPage([{ name: evil, title: evil, runs: [indexed], html: `${evil}.html` }]);
  assert.deepEqual(readPage(html).texts("script, img"), []);
  // deno-lint-ignore no-control-regex -- they are what is looked for
  assert.doesNotMatch(html, /[\x1b\u202e]/);
});
