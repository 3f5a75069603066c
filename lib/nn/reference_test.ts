/**
 * The reference model and the engine against PyTorch: testdata/reference.json holds what make_reference.py beside it
 * computed in float64.
 */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import type { Sequence } from "./batch.ts";
import { Model } from "./model.ts";
import type { OptimizerConfig } from "./optimizer.ts";
import reference from "./testdata/reference.json" with { type: "json" };
import { referenceForward, referenceLoss } from "./reference.ts";
import { exactFormulaWeights, formulaWeights } from "./testing.ts";
import type { TransformerConfig } from "./transformer.ts";

/** Norm and some entries of each tensor. */
type Summary = Record<string, { norm: number; entries: [number, number][] }>;

interface Case {
  readonly name: string;
  readonly config: TransformerConfig;
  readonly batch: Sequence[];
  readonly optimizer: Pick<
    OptimizerConfig,
    "learningRate" | "beta1" | "beta2" | "epsilon" | "weightDecay" | "clip"
  >;
  readonly loss: number;
  readonly valueLoss: number;
  readonly logits?: number[];
  readonly values?: number[];
  readonly steps: { gradientNorm: number; gradients: Summary; weights: Summary }[];
}

const cases = reference.cases as unknown as Case[];
const engine = await WasmEngine.create();
const LENGTH = 12;
/** Of the nine digits that the file has. */
const ROUNDING = 1e-8;

function modelOf({ config }: Case): Model {
  const model = new Model(engine, config);
  model.setTensors(formulaWeights(config));
  return model;
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual}, PyTorch has ${expected}`,
  );
}

/** Compares tensors with a summary; `relative` is to the tensor's largest entry in the summary. */
function compare(
  tensors: Record<string, Float32Array>,
  expected: Summary,
  relative: number,
  what: string,
): void {
  assert.deepEqual(Object.keys(tensors), Object.keys(expected));
  for (const [name, { norm, entries }] of Object.entries(expected)) {
    const x = tensors[name]!;
    near(
      Math.sqrt(x.reduce((sum, v) => sum + v * v, 0)),
      norm,
      relative * norm,
      `${what}: norm of ${name}`,
    );
    const largest = Math.max(...entries.map(([, value]) => Math.abs(value)));
    for (const [i, value] of entries) {
      near(x[i]!, value, relative * largest, `${what}: ${name}[${i}]`);
    }
  }
}

for (const c of cases) {
  Deno.test(`${c.name}: the reference model's outputs and losses are PyTorch's`, () => {
    const weights = exactFormulaWeights(c.config);
    const outputs = c.batch.map((sequence) => referenceForward(c.config, weights, sequence));
    for (const label of ["logits", "values"] as const) {
      const actual = outputs.flatMap((o) => o[label] ?? []).flat(), expected = c[label] ?? [];
      assert.equal(actual.length, expected.length, label);
      expected.forEach((value, i) => near(actual[i]!, value, ROUNDING, `${label} ${i}`));
    }
    const { loss, valueLoss } = referenceLoss(c.config, weights, c.batch);
    near(loss, c.loss, ROUNDING, "loss");
    near(valueLoss, c.valueLoss, ROUNDING, "value loss");
  });

  Deno.test(`${c.name}: outputs and losses are PyTorch's`, async () => {
    const model = modelOf(c);
    const rows = c.batch.flatMap((s, sequence) =>
      s.tokens.map((_, token) => ({ sequence, token }))
    );
    const outputs = await model.forward(c.batch, rows);
    for (const label of ["logits", "values"] as const) {
      const expected = c[label];
      assert.equal(outputs[label]?.length, expected?.length, label);
      expected?.forEach((value, i) => near(outputs[label]![i]!, value, 1e-5, `${label} ${i}`));
    }
    const { loss, valueLoss } = await model.gradients(c.batch, LENGTH);
    near(loss, c.loss, 2e-6, "loss");
    near(valueLoss, c.valueLoss, 2e-6, "value loss");
  });

  Deno.test(`${c.name}: gradients and two steps of clipped AdamW are PyTorch's`, async () => {
    const model = modelOf(c);
    const optimizer = { ...c.optimizer, warmupSteps: 0, totalSteps: 1, finalFraction: 1 };
    const data = (tensors: Awaited<ReturnType<Model["tensors"]>>) =>
      Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, t.data]));
    for (const [step, expected] of c.steps.entries()) {
      const { gradients, gradientNorm } = await model.gradients(c.batch, LENGTH);
      near(gradientNorm, expected.gradientNorm, 1e-5 * gradientNorm, `step ${step}: gradient norm`);
      assert.ok(gradientNorm > c.optimizer.clip, "nothing is clipped: a useless test");
      compare(gradients, expected.gradients, 2e-5, `step ${step}: gradient`);
      await model.train(c.batch, LENGTH, optimizer);
      compare(data(await model.tensors()), expected.weights, 2e-5, `step ${step}: weights`);
    }
  });
}
