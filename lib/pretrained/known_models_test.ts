/** The pretrained models that are at hand, against transformers and torch: testdata/make_pretrained.py. */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { referenceLogits } from "../language_model/reference.ts";
import { batchLength } from "../nn/batch.ts";
import { testUnless } from "../testing.ts";
import {
  howToGet,
  KNOWN_MODEL_NAMES,
  KNOWN_MODELS,
  knownModelPath,
  QWEN,
  SMOLLM2,
} from "./known_models.ts";
import { loadPretrainedWeights } from "./load_weights.ts";
import { readPretrained } from "./read_pretrained.ts";
import {
  floatsOf,
  formula,
  largestDifference,
  relativeDistance,
  testdata,
  turned,
} from "./testing.ts";

const smolLm2 = knownModelPath(SMOLLM2);

testUnless(
  smolLm2 ? undefined : howToGet(SMOLLM2),
  `the reference gives transformers' logits of ${SMOLLM2}`,
  () => {
    const { architecture, tensors } = readPretrained(smolLm2!);
    const { tokens, at, logits, logSumExp } = testdata(`${SMOLLM2}.json`).prompt;
    const weight = (name: string) => tensors.get(name)!.readFinite();
    const last = referenceLogits(architecture, weight, tokens).at(-1)!;
    const found = at.map((token: number) => last[token]);
    const difference = largestDifference(found, floatsOf(logits));
    assert.ok(difference < 2e-4, `${difference}`);
    const top = Math.max(...last);
    const total = top + Math.log(last.reduce((sum, v) => sum + Math.exp(v - top), 0));
    assert.ok(Math.abs(total - logSumExp) < 2e-4, `${total}, not ${logSumExp}`);
  },
);

/**
 * How far gradients may be from torch's in float64. Qwen's first layer has biases of up to 145, and so attention scores in
 * the thousands, which float32 knows to 1e-4: torch's own float32 is off by 7e-5 there.
 */
function tolerance(model: string, tensor: string): number {
  return model === QWEN && tensor.includes(".layers.0.") ? 4e-4 : 1e-4;
}

for (const name of KNOWN_MODEL_NAMES) {
  const path = knownModelPath(name);
  testUnless(
    path ? undefined : howToGet(name),
    `${name} has transformers' logits and greedy texts, and torch's gradients`,
    async () => {
      const engine = await WasmEngine.create({ threads: 2 });
      try {
        const read = readPretrained(path!), recorded = testdata(`${name}.json`);
        assert.equal(read.parameters, recorded.parameters);
        const { architecture } = read, known = KNOWN_MODELS[name].size;
        assert.deepEqual({ ...architecture, ...known }, architecture);
        const weights = loadPretrainedWeights(engine, read, { storage: "float32" });
        const options = { maxLength: 128, languageHead: true };
        const model = new CausalLanguageModel(weights, options);
        const { tokens, at, logits: expected } = recorded.prompt;
        const last = { sequence: 0, token: tokens.length - 1 };
        const { logits } = await model.forward([{ tokens }], [last], ["logits"]);
        const difference = largestDifference(at.map((i: number) => logits[i]), floatsOf(expected));
        assert.ok(difference < 2e-4, `${difference}`);

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
        for (const [tensor, theirs] of Object.entries<string>(torch.gradients)) {
          const distance = relativeDistance(
            report.gradients[tensor]!,
            turned(floatsOf(theirs), shapeOf.get(tensor)!),
          );
          assert.ok(distance < tolerance(name, tensor), `${tensor}: ${distance}`);
        }
      } finally {
        engine.close();
      }
    },
  );
}
