/** The kernels against transformers and PEFT. */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { batchLength } from "../nn/batch.ts";
import {
  largestDifference,
  type ParityCase,
  parityCases,
  parityModel,
  parityWeights,
  relativeDistance,
  turned,
} from "./testing.ts";

const engine = await WasmEngine.create();

function rowsOf({ sequences, at }: ParityCase) {
  return sequences.flatMap(({ tokens }, sequence) =>
    (at ?? [...tokens.keys()]).map((token) => ({ sequence, token }))
  );
}

for (const [name, parity] of parityCases()) {
  const output = parity.valueHead ? "values" : "logits";

  Deno.test(`logits and values are transformers': ${name}`, async () => {
    const model = await parityModel(parityWeights(engine, parity), parity);
    const found = await model.forward(parity.sequences, rowsOf(parity), [output]);
    const expected = parity.outputs.flatMap((values) => [...values]);
    const difference = largestDifference(found[output], expected);
    assert.ok(difference < 2e-4, `${difference}`);
  });

  Deno.test(`loss and gradients are torch's: ${name}`, async () => {
    const model = await parityModel(parityWeights(engine, parity), parity);
    const { sequences } = parity;
    const report = await model.gradients(sequences, batchLength(sequences));
    const loss = parity.valueHead ? report.valueLoss : report.loss;
    assert.ok(Math.abs(loss - parity.loss) < 1e-5 * parity.loss, `${loss}, not ${parity.loss}`);
    assert.deepEqual(Object.keys(report.gradients).sort(), Object.keys(parity.gradients).sort());
    const shapes = await model.tensors();
    for (const [tensor, found] of Object.entries(report.gradients)) {
      const expected = turned(parity.gradients[tensor]!, shapes[tensor]!.shape);
      const distance = relativeDistance(found, expected);
      assert.ok(distance < 1e-4, `${tensor}: ${distance}`);
    }
  });
}
