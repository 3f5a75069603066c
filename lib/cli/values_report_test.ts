import assert from "node:assert/strict";
import { formatResult, formatValuesProgress, type ValuesResult } from "./values_report.ts";

Deno.test("progress says how far, how fast and how long, what was there before left aside", () => {
  const progress = { states: 400, statesDone: 100, tokens: 30_000, takenUp: 10_000 };
  assert.equal(
    formatValuesProgress(progress, 40),
    "values: 100/400 states, 25 %, 500 tokens/s, ETA 3 min",
  );
  const begun = { states: 400, statesDone: 0, tokens: 0, takenUp: 0 };
  assert.equal(formatValuesProgress(begun, 0), "values: 0/400 states, 0 %, 0 tokens/s");
});

const RESULT: ValuesResult = {
  parquet: "runs/values/a/values.parquet",
  rollouts: { path: "a.jsonl", taken: 4, rollouts: 8, successes: 6 },
  ...{ selection: "all", problems: 2, probes: 9 },
  ...{ probeMode: "fixed", probeSemantics: "fixed_intervals_plus_final_action" },
  summary: {
    ...{ states: 7, continuations: 56, tokens: 1234, meanValue: 0.5, variance: 0.04 },
    ...{ noise: 0.01, halfWidth: 0.2, cut: 7, failures: 0 },
  },
  firstStates: { problems: 2, meanValue: 0.6, successRate: 0.75, z: -1 },
  states: { sentAs: "token ids", encoded: 0, moved: 0 },
  ...{ model: "m", actors: ["m"] },
  verifier: {
    ...{ name: "numeric", rollouts: 4, agreed: 4, meanOutcome: 0.75, meanVerdict: 0.75 },
    failures: 0,
  },
  sampling: { temperature: 1, topP: 1, topK: 0, minP: 0 },
  ...{ stop: [], continuations: 8, halfWidth: null, seed: 1 },
};

Deno.test("the end says what came of it, where it is and what comes next", () => {
  assert.equal(
    formatResult(RESULT),
    `values of 9 states (7 different) of 4 rollouts, continued by m
  mean V 0.500, Var(V) 0.040, of which 0.010 is noise, mean half-width 0.200
  56 continuations, 1,234 tokens; 12.5 % ended by the limit, graded as they stood
  first states of 2 problems: mean V 0.600; the file's rollouts succeeded in 0.750
written: runs/values/a/values.parquet
next: deno task evaluate --rollouts runs/values/a/values.parquet --critic mean`,
  );
});

Deno.test("what makes values doubtful is said, and text from outside is printable", () => {
  const text = formatResult({
    ...RESULT,
    selection: "pairs",
    firstStates: null,
    summary: { ...RESULT.summary, noise: null, failures: 3, failure: "no \x1b[31msense" },
    states: { sentAs: "text", encoded: 4, moved: 2 },
    actors: ["evil\u202e", "m"],
  });
  const notes = text.split("\n").filter((line) => line.startsWith("  note: "));
  assert.deepEqual(notes.map((note) => note.slice(8)), [
    "numeric failed at 3 continuations (outcome 0): no \\x1b[31msense",
    "each problem's right and wrong rollout were selected, which biases the mean value to 1/2; of all " +
    "rollouts 75.0 % succeeded",
    "4 rollouts had no token ids: their text was encoded, whose tokens may not be those that were sampled",
    "the server takes no token ids and was sent text, to which it may add a template of its own; the text " +
    "of 2 states reads as other tokens",
    "the rollouts are by evil\\u{202e}, the values are m's",
  ]);
  const apart = { problems: 50, meanValue: 0.2, successRate: 0.8, z: -12.34 };
  assert.match(
    formatResult({ ...RESULT, firstStates: apart }),
    /note: that is 12\.3 standard errors/,
  );
});
