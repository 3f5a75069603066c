import assert from "node:assert/strict";
import { describeTrace } from "./describe_trace.ts";
import { createVocabulary } from "./vocabulary.ts";

const vocabulary = createVocabulary(["a", "long"]);
const [a, long] = [vocabulary.id("a"), vocabulary.id("long")];
const environment = (ideal: number[], traceSubjects: string[]) => ({
  vocabulary,
  reasoningTrace: () => ideal,
  traceSubjects: () => traceSubjects,
});

Deno.test("what was written stands beside what is right, in columns, up to the longer of the two", () => {
  assert.equal(
    describeTrace(environment([a, long], ["first", "2nd"]), null, [a, a, 99]),
    [
      "first  a     right",
      "2nd    a     wrong, should be long",
      "       <99>  wrong, should be nothing",
    ].join("\n"),
  );
});

Deno.test("a trace may have any length", () => {
  const trace = new Array<number>(130_000).fill(a);
  const text = describeTrace(environment(trace, []), null, trace);
  assert.equal(text.split("\n").length, trace.length);
});
