/** SmolLM2-135M-Instruct, where it is at hand, against transformers and torch: testdata/make_parity.py. */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { batchLength } from "../nn/batch.ts";
import { testUnless } from "../testing.ts";
import { loadPretrainedWeights } from "./load_weights.ts";
import { readPretrained } from "./read_pretrained.ts";
import {
  floatsOf,
  formula,
  largestDifference,
  localModel,
  relativeDistance,
  testdata,
  turned,
} from "./testing.ts";

const path = localModel();

testUnless(
  path ? undefined : "no SmolLM2-135M: deno task local-model --install-only",
  "SmolLM2-135M has transformers' logits and greedy texts, and torch's gradients",
  async () => {
    const engine = await WasmEngine.create({ threads: 2 });
    try {
      const weights = loadPretrainedWeights(engine, readPretrained(path!), { storage: "float32" });
      const options = { maxLength: 128, languageHead: true };
      const model = new CausalLanguageModel(weights, options);
      const { tokens, at, logits: expected } = testdata("smollm2.json");
      const last = { sequence: 0, token: tokens.length - 1 };
      const { logits } = await model.forward([{ tokens }], [last], ["logits"]);
      const difference = largestDifference(at.map((i: number) => logits[i]), floatsOf(expected));
      assert.ok(difference < 2e-4, `${difference}`);

      const recorded = testdata("smollm2_parity.json");
      const texts: { prompt: number[]; continuation: number[] }[] = recorded.continuations;
      const prompts = texts.map(({ prompt }, row) => ({ tokens: prompt, row }));
      const greedy = { maxTokens: 64, temperature: 0, stop: [], seed: 1, purpose: "parity" };
      const responses = await model.generate(prompts, greedy);
      assert.deepEqual(responses, texts.map(({ continuation }) => continuation));

      const { tokens: text, ...torch } = recorded.ordinary;
      const sequence = {
        tokens: text,
        targets: [...text.slice(1), 0],
        weights: text.map((_: number, t: number) => t < text.length - 1 ? 1 : 0),
      };
      const adapted = new CausalLanguageModel(weights, {
        ...{ ...options, checkpointing: true },
        lora: { rank: 2, alpha: 4, targetModules: ["q_proj", "down_proj"] },
      });
      const shapes = Object.entries(await adapted.tensors())
        .map(([name, { shape }]) => [name, shape] as const);
      const tensors = shapes.map(([name, shape]) => {
        // Multiplied in float32, as torch does.
        const theirs = formula(name, shape.toReversed()).map((x) => Math.fround(0.1) * x);
        return [name, { shape, data: turned(theirs, shape) }] as const;
      });
      adapted.setTensors(Object.fromEntries(tensors));
      const report = await adapted.gradients([sequence], batchLength([sequence]));
      assert.ok(Math.abs(report.loss - torch.loss) < 1e-5 * torch.loss, `${report.loss}`);
      const norm = report.gradientNorm / torch.gradientNorm;
      assert.ok(Math.abs(norm - 1) < 1e-4, `gradient norm: ${norm} of torch's`);
      const shapeOf = new Map(shapes);
      for (const [name, theirs] of Object.entries<string>(torch.gradients)) {
        const distance = relativeDistance(
          report.gradients[name]!,
          turned(floatsOf(theirs), shapeOf.get(name)!),
        );
        assert.ok(distance < 1e-4, `${name}: ${distance}`);
      }
    } finally {
      engine.close();
    }
  },
);
