import assert from "node:assert/strict";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import type { TraceLabels } from "./controls.ts";
import {
  corruptedTrace,
  rightTrace,
  type TrainingData,
  trainingSequences,
  trainingStates,
} from "./sequences.ts";

const environment = createEnvironment("permutation", { group: "S4", minLength: 4, maxLength: 6 });
const { vocabulary, group } = environment;
const actor = { epsilon: 0.3 };

function data(change: Partial<TrainingData> = {}): TrainingData {
  return {
    environment,
    actor,
    seed: 1,
    batchSize: 16,
    traceLabels: { kind: "true" },
    denseValues: false,
    rollouts: null,
    ...change,
  };
}

const discriminative = criticDefinition("discriminative-mse");
const cot = criticDefinition("cot");

Deno.test("without changes the sequences are the critic's own, with exact values", () => {
  for (const definition of [discriminative, cot]) {
    const sequences = trainingSequences(definition, data(), 3);
    trainingStates(data(), 3).forEach((state, row) => {
      const value = environment.exactValue(state, actor);
      assert.deepEqual(
        sequences[row],
        definition.encode(environment, { state, context: {}, value }),
      );
    });
  }
});

Deno.test("dense values are those of every prefix as a prompt of its own", () => {
  const sequences = trainingSequences(discriminative, data({ denseValues: true }), 0);
  trainingStates(data(), 0).forEach((state, row) => {
    const names = (indices: readonly number[]) => indices.map((g) => group.generators[g]!.name);
    const symbols = [...state.word, ...state.moves];
    const value = (n: number) => {
      const { element } = environment.state(names(symbols.slice(0, n)));
      return environment.exactValue({ ...state, element }, actor);
    };
    const { word, moves } = state;
    const { valueTargets, valueWeights, tokens } = sequences[row]!;
    // Rate, steps left, word, SEP, moves, Q.
    assert.deepEqual(valueTargets, [
      0,
      0,
      ...word.map((_, i) => value(i + 1)),
      value(word.length),
      ...moves.map((_, i) => value(word.length + i + 1)),
      environment.exactValue(state, actor),
    ]);
    assert.deepEqual(valueWeights, tokens.map((_, i) => i < 2 ? 0 : 1));
  });
});

Deno.test("sampled targets are mean outcomes of rollouts, which tend to the exact value", () => {
  const last = (rollouts: number) =>
    trainingSequences(discriminative, data({ rollouts }), 0).map((s) => s.valueTargets!.at(-1)!);
  assert.ok(last(1).every((x) => x === 0 || x === 1));
  assert.ok(new Set(last(1)).size === 2);
  assert.ok(last(8).every((x) => Number.isInteger(8 * x)));
  const many = last(4000);
  trainingStates(data(), 0).forEach((state, row) => {
    // Five standard errors are at most 5 * 0.5 / sqrt(4000) = 0.04.
    assert.ok(Math.abs(many[row]! - environment.exactValue(state, actor)) < 0.04);
  });
});

Deno.test("corrupted labels are wrong as often as asked, of their kind, and depend on the key alone", () => {
  const random = new RandomStream({ seed: 1, purpose: "test/noise" });
  const labels = { kind: "corrupted", probability: 0.2 } as const;
  let wrong = 0, all = 0;
  for (let step = 0; step < 60; step++) {
    for (const state of trainingStates(data(), step)) {
      const truth = environment.reasoningTrace(state);
      const trace = corruptedTrace(environment, state, labels.probability, random);
      assert.equal(trace.length, truth.length);
      trace.forEach((token, i) => {
        const kind = i < truth.length - 1 ? "=" : "D";
        assert.ok(vocabulary.names[token]!.startsWith(kind));
      });
      for (let i = 0; i < truth.length - 1; i++) {
        all++;
        if (trace[i] !== truth[i]) wrong++;
      }
    }
  }
  // One random product in 24 is right by chance.
  const expected = 0.2 * 23 / 24, error = Math.sqrt(expected * (1 - expected) / all);
  assert.ok(Math.abs(wrong / all - expected) < 4 * error, `${wrong} of ${all}`);

  const sequences = (seed: number, step: number) =>
    trainingSequences(cot, data({ seed, traceLabels: labels }), step);
  assert.deepEqual(sequences(1, 5), sequences(1, 5));
  assert.notDeepEqual(sequences(1, 5), sequences(1, 6));
  // What is left of a batch has the noise it had in the whole.
  const part = trainingSequences(cot, data({ traceLabels: labels, batchSize: 4 }), 5);
  assert.deepEqual(part, sequences(1, 5).slice(0, 4));
});

Deno.test("what is left out of the chain becomes filler, or the chain is shorter for it", () => {
  const state = environment.state(["rot", "(01)", "rot", "rot"], ["(23)"]);
  const [p1, p2, p3, p4, p5, p6, distance] = environment.reasoningTrace(state);
  const f = vocabulary.filler;
  const trace = (labels: TraceLabels) => rightTrace(environment, state, labels);
  assert.deepEqual(trace({ kind: "true" }), [p1, p2, p3, p4, p5, p6, distance]);
  assert.deepEqual(trace({ kind: "corrupted", probability: 1 }), trace({ kind: "true" }));
  const sparse = (kept: "every second" | "none") => trace({ kind: "sparse", kept });
  assert.deepEqual(sparse("every second"), [f, p2, f, p4, f, p6, distance]);
  assert.deepEqual(sparse("none"), [f, f, f, f, f, f, distance]);
  const shortened = (kept: 0 | 0.25 | 0.5 | 0.75) => trace({ kind: "shortened", kept });
  assert.deepEqual(shortened(0.75), [p2, p3, p4, p6, distance]);
  assert.deepEqual(shortened(0.5), [p2, p4, p6, distance]);
  assert.deepEqual(shortened(0.25), [p4, distance]);
  assert.deepEqual(shortened(0), [distance]);
});

Deno.test("a chain with products left out is what is read and what is predicted", () => {
  for (
    const traceLabels of [
      { kind: "sparse", kept: "every second" },
      { kind: "shortened", kept: 0.25 },
    ] as const
  ) {
    const sequences = trainingSequences(cot, data({ traceLabels }), 0);
    trainingStates(data(), 0).forEach((state, row) => {
      const prompt = environment.criticPrompt(state, {});
      const trace = rightTrace(environment, state, traceLabels);
      const { tokens, targets, weights } = sequences[row]!;
      assert.deepEqual(tokens, [...prompt, vocabulary.think, ...trace]);
      const value = vocabulary.valueToken(environment.exactValue(state, actor));
      assert.deepEqual(targets!.slice(prompt.length), [...trace, value]);
      assert.deepEqual(weights!.slice(prompt.length), [...trace.map(() => 1), 0.3]);
    });
  }
});
