import assert from "node:assert/strict";
import { createEnvironment, environments, parseActor } from "../env/registry.ts";
import { createVocabulary } from "../env/vocabulary.ts";
import { RandomStream } from "../numeric/random.ts";
import { traceTokens } from "./trace_tokens.ts";

const vocabulary = createVocabulary(["a", "b"]);
const [a, b] = [vocabulary.id("a"), vocabulary.id("b")];
const environment = {
  vocabulary,
  reasoningTrace: () => [a, b],
  traceSubjects: () => ["g0", "g1"],
};

Deno.test("each token of a chain has what it is about, what it should have been, and the value follows", () => {
  assert.deepEqual(traceTokens(environment, null, [a, a, vocabulary.valueToken(0.3)]), [
    { text: "a", subject: "g0", tone: "right" },
    { text: "a", subject: "g1", tone: "wrong", label: "should be b" },
    { text: "V3", subject: "value", tone: "value" },
  ]);
});

Deno.test("a chain may end early, go on too long, or find no value", () => {
  assert.deepEqual(traceTokens(environment, null, [a, vocabulary.valueToken(1)]), [
    { text: "a", subject: "g0", tone: "right" },
    { text: "nothing", subject: "g1", tone: "wrong", label: "should be b" },
    { text: "V10", subject: "value", tone: "value" },
  ]);
  assert.deepEqual(traceTokens(environment, null, [a, b, a]), [
    { text: "a", subject: "g0", tone: "right" },
    { text: "b", subject: "g1", tone: "right" },
    { text: "a", tone: "wrong", label: "should be nothing" },
  ]);
});

Deno.test("no token of the kit's environments goes without a name", () => {
  for (const [name, { examples }] of Object.entries(environments)) {
    const kit = createEnvironment(name, {});
    const random = new RandomStream({ seed: 1, purpose: "test/trace-tokens" });
    const actor = parseActor(name, examples[0]);
    const state = kit.sampleState(random, { actor, split: "test" });
    const boxes = traceTokens(kit, state, kit.reasoningTrace(state));
    assert.ok(boxes.length > 0 && boxes.every(({ subject, tone }) => subject && tone === "right"));
  }
});
