/**
 * The engine against ONNX Runtime: testdata/language.onnx is the PyTorch model of make_reference.py, exported with
 * the weights of `formulaWeights`. Skipped, with the reason, where ONNX Runtime's native library cannot be loaded.
 */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { onnxTests } from "../llm/onnx/testing.ts";
import type { Sequence } from "./batch.ts";
import { Model } from "./model.ts";
import reference from "./testdata/reference.json" with { type: "json" };
import { formulaWeights } from "./testing.ts";
import type { TransformerConfig } from "./transformer.ts";

const test = await onnxTests();

test("logits are those of ONNX Runtime", async () => {
  const { Tensor, InferenceSession } = await import("onnxruntime-node");
  const { config, batch } = reference.cases[0]! as unknown as {
    config: TransformerConfig;
    batch: Sequence[];
  };
  const engine = await WasmEngine.create(), model = new Model(engine, config);
  model.setTensors(formulaWeights(config));

  const length = Math.max(...batch.map((s) => s.tokens.length)), shape = [batch.length, length];
  const feed = (rows: (readonly number[])[]) => {
    const data = new BigInt64Array(batch.length * length);
    rows.forEach((row, i) => row.forEach((x, t) => data[i * length + t] = BigInt(x)));
    return new Tensor("int64", data, shape);
  };
  const session = await InferenceSession.create(
    Deno.readFileSync(new URL("testdata/language.onnx", import.meta.url)),
  );
  const out = await session.run({
    tokens: feed(batch.map((s) => s.tokens)),
    positions: feed(batch.map((s) => s.positions!)),
  });
  const { data, dims } = out.logits!, expected = data as Float32Array;
  assert.deepEqual(dims, [...shape, config.vocabularySize]);

  const rows = batch.flatMap((s, sequence) => s.tokens.map((_, token) => ({ sequence, token })));
  const { logits } = await model.forward(batch, rows);
  rows.forEach(({ sequence, token }, row) => {
    for (let k = 0; k < config.vocabularySize; k++) {
      const actual = logits![row * config.vocabularySize + k]!;
      const onnx = expected[(sequence * length + token) * config.vocabularySize + k]!;
      assert.ok(
        Math.abs(actual - onnx) < 1e-5,
        `sequence ${sequence}, token ${token}, logit ${k}: ${actual}, ONNX ${onnx}`,
      );
    }
  });
  await session.release();
});
