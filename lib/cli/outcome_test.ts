import assert from "node:assert/strict";
import { registry } from "../../experiments/registry.ts";
import type { PinCheck } from "../run/pin_check.ts";
import type { ExperimentOutcome } from "../run/reproduce.ts";
import type { PartialRun, Run } from "../run/run.ts";
import { formatSummary, formatSummaryLine } from "./outcome.ts";

const NONE = { directory: "", failures: [], pinChanges: [], damaged: [] };

/** A finished run; `verdicts` counts the supported, contradicted and undecided claims, of which the first is confirmatory. */
function finished(
  experiment: string,
  state: PinCheck["state"],
  verdicts: readonly number[],
  wallSeconds: number,
): ExperimentOutcome {
  const words = ["supported", "contradicted", "undecided"];
  const claims = words.flatMap((verdict, i) => Array.from({ length: verdicts[i]! }, () => verdict))
    .map((verdict, i) => ({ verdict, family: i === 0 ? "confirmatory" : "exploratory" }));
  const run = { claims, pins: { state }, provenance: { wallSeconds } } as unknown as Run;
  return { ...NONE, experiment, run };
}

const options = { index: "reports/index.html", seconds: 3725 };

Deno.test("the summary is a line for each experiment, in columns, then the page and the time", () => {
  const text = formatSummary([
    finished("scaling", "matched", [12, 3, 2], 100),
    finished("critic-training", "not pinned", [1, 0, 0], 3),
    finished("cost", "within tolerance", [0, 0, 0], 7200),
  ], options);
  assert.equal(
    text,
    `\
scaling          pins equal        1 of 1 confirmatory, 11 of 16 exploratory supported  1 min 40 s
critic-training  not pinned        1 of 1 confirmatory supported                        3 s
cost             within tolerance                                                       2 h

Reports     reports/index.html
Total time  1 h 2 min`,
  );
});

Deno.test("a single experiment has the same line", () => {
  assert.equal(
    formatSummaryLine(finished("scaling", "matched", [1, 0, 2], 100)),
    "scaling  pins equal  1 of 1 confirmatory, 0 of 2 exploratory supported  1 min 40 s",
  );
});

Deno.test("a run whose seeds carry no verdict says so", () => {
  const { run, ...rest } = finished("scaling", "matched", [2, 0, 0], 100);
  const claims = run!.claims.map((claim) => ({ ...claim, verdict: "see standard" as const }));
  assert.equal(
    formatSummaryLine({ ...rest, run: { ...run!, claims } }),
    "scaling  pins equal  2 see standard  1 min 40 s",
  );
});

Deno.test("what is not as it should be has its own words, and what was expected stands first", () => {
  const partial = {
    cells: [{}, {}],
    missing: ["a"],
    pins: { state: "partly pinned" },
    provenance: { wallSeconds: 1 },
  } as unknown as PartialRun;
  const failures = [{ where: "x: cell a", expected: "a result", got: "an error" }];
  const text = formatSummary([
    { ...NONE, experiment: "x", failures },
    {
      ...NONE,
      experiment: "y",
      partial,
      damaged: [{ where: "runs/y/cells-1/a", expected: "sha256 1", got: "sha256 2" }],
    },
    {
      ...finished("z", "mismatched", [1, 0, 0], 1),
      failures: [{ where: "pins/z.json: mean", expected: "1", got: "2" }],
    },
    {
      ...finished("w", "updated", [1, 0, 0], 1),
      pinChanges: [{ where: "pins/w.json: mean", expected: "3", got: "4" }],
    },
    finished("v", "out of tolerance", [1, 0, 0], 1),
  ], { seconds: 0 });
  assert.equal(
    text,
    `\
FAILED x: cell a: expected a result, got an error
computed again: damaged: runs/y/cells-1/a: expected sha256 1, got sha256 2
FAILED pins/z.json: mean: expected 1, got 2
pin pins/w.json: mean: expected 3, got 4

x  FAILED            no verdicts
y  partly pinned     PARTIAL: 2 of 3 cells, no verdicts  1 s
z  pins NOT EQUAL    1 of 1 confirmatory supported       1 s
w  pins rewritten    1 of 1 confirmatory supported       1 s
v  OUT OF TOLERANCE  1 of 1 confirmatory supported       1 s

Total time  < 1 s`,
  );
});

Deno.test("a value of a page is cut short", () => {
  const pinChanges = [{
    where: "pins/x.json: cells: a",
    expected: "nothing",
    got: "x".repeat(1000),
  }];
  const text = formatSummary([{ ...NONE, experiment: "x", pinChanges }], { seconds: 0 });
  assert.match(text, /^pin pins\/x\.json: cells: a: expected nothing, got x{300}\.\.\.\n/);
});

Deno.test("what was taken over and what was removed is said first", () => {
  const run = finished("scaling", "matched", [0, 0, 0], 1);
  const text = formatSummary([
    { ...run, adopted: { adopted: ["a", "b"], present: ["c"], others: ["x/d", "x/e"] }, pruned: 1 },
    { ...run, experiment: "cost", adopted: { adopted: [], present: [], others: [] } },
  ], { seconds: 0 });
  assert.deepEqual(text.split("\n").slice(0, 4), [
    "scaling: adopted 2 cells, 1 were here already, 2 left aside: other code or kernels computed them, or another configuration",
    "scaling: removed 1 cell that the run does not have",
    "cost: adopted 0 cells",
    "",
  ]);
});

Deno.test("no line of the experiments that there are is wider than 100 characters", async () => {
  for (const state of ["matched", "out of tolerance"] as const) {
    const outcomes = await Promise.all(
      Object.entries(registry).map(async ([name, load]) => {
        const { default: { claims } } = await load();
        const outcome = finished(name, state, [0, 0, 0], 23 * 3600 + 59 * 60);
        // None is longer than that of a run which supports everything.
        const supported = claims.map(({ family }) => ({ family, verdict: "supported" }));
        return { ...outcome, run: { ...outcome.run!, claims: supported } as unknown as Run };
      }),
    );
    for (const line of formatSummary(outcomes, options).split("\n")) {
      assert.ok(line.length <= 100, line);
    }
  }
});
