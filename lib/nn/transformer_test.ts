import assert from "node:assert/strict";
import { checkPlan } from "../backend/wasm/testing.ts";
import { UsageError } from "../errors.ts";
import { Tape } from "../tensor/tape.ts";
import { smallConfig } from "./testing.ts";
import {
  recordDecoding,
  recordForward,
  recordTraining,
  type TransformerConfig,
  transformerParameters,
} from "./transformer.ts";

const both: TransformerConfig = smallConfig({
  layers: 3,
  valueHead: { loss: "squared_error", outputs: 1 },
});
const CONFIGS: TransformerConfig[] = [
  smallConfig(),
  both,
  smallConfig({
    dModel: 96,
    headDim: 48,
    rotaryDim: 48,
    languageHead: false,
    valueHead: { loss: "soft_cross_entropy", outputs: 51 },
  }),
  smallConfig({ layers: 1, loops: 3 }),
  smallConfig({
    mixer: "gru",
    languageHead: false,
    valueHead: { loss: "squared_error", outputs: 1 },
  }),
];

Deno.test("working memory of training, forward and decoding programs never overlaps", () => {
  for (const config of CONFIGS) {
    for (const length of [4, 12, 20, 64]) {
      const training = new Tape(4, length, true), forward = new Tape(4, length, false);
      recordTraining(training, config);
      recordForward(forward, config);
      const trained = checkPlan(training), ran = checkPlan(forward);
      // A forward pass keeps nothing for a backward pass.
      assert.ok(ran.planned < trained.planned, `${ran.planned} of ${trained.planned}`);
      assert.ok(
        trained.planned < 1.1 * trained.peak,
        `${trained.planned} for ${trained.peak} in use`,
      );
    }
    if (!config.languageHead) continue;
    for (const rows of [4, 64]) {
      const decoding = new Tape(rows, 1, false);
      recordDecoding(decoding, config, 24);
      checkPlan(decoding);
    }
  }
});

Deno.test("a forward pass records no backward instruction, training one for each forward one", () => {
  const training = new Tape(4, 8, true), forward = new Tape(4, 8, false);
  recordTraining(training, both);
  recordForward(forward, both);
  const ops = (tape: Tape) => tape.instructions.map((i) => i.op);
  assert.ok(ops(forward).every((op) => !op.endsWith("_backward") && op !== "gemm_tn"));
  const count = (op: string) => ops(training).filter((o) => o === op).length;
  for (const op of ["embedding", "rmsnorm", "gelu", "attention"]) {
    assert.equal(count(`${op}_backward`), count(`${op}_forward`), op);
  }
  // A product's backward pass is a product of each kind.
  assert.equal(count("gemm_nn"), 2 * count("gemm_tn"));
});

Deno.test("every weight gets a gradient", () => {
  for (const config of CONFIGS) {
    const tape = new Tape(4, 8, true);
    recordTraining(tape, config);
    const labels = (space: string) =>
      tape.buffers.filter((b) => b.space === space).map((b) => b.label).sort();
    assert.deepEqual(labels("gradient"), labels("parameter"));
  }
});

Deno.test("one loop is the plain transformer, to the instruction; loops take turns over the same weights", () => {
  const record = (config: TransformerConfig) => {
    const tape = new Tape(4, 8, true);
    recordTraining(tape, config);
    return tape;
  };
  const plain = record(both), one = record({ ...both, loops: 1, mixer: "attention" });
  assert.deepEqual(one.instructions, plain.instructions);
  assert.deepEqual(
    transformerParameters({ ...both, loops: 1, mixer: "attention" }),
    transformerParameters(both),
  );
  const looped = record({ ...both, loops: 2 }), deep = record({ ...both, layers: 6 });
  const ops = (tape: Tape) => tape.instructions.map((i) => i.op);
  assert.deepEqual(ops(looped), ops(deep));
  const labels = (tape: Tape, space: string) =>
    tape.buffers.filter((b) => b.space === space).map((b) => b.label).sort();
  for (const space of ["parameter", "gradient", "transposed"]) {
    assert.deepEqual(labels(looped, space), labels(plain, space));
  }
});

Deno.test("each loop has a cache of its own; a GRU cannot be decoded", () => {
  const caches = (config: TransformerConfig) => {
    const tape = new Tape(4, 1, false);
    recordDecoding(tape, config, 8);
    return tape.buffers.filter((b) => b.space === "cache").length;
  };
  assert.equal(caches(smallConfig({ layers: 2, loops: 3 })), 6);
  assert.throws(
    () => caches(smallConfig({ mixer: "gru" })),
    (e: Error) => e instanceof UsageError && /^mixer: "gru": generation needs/.test(e.message),
  );
});
