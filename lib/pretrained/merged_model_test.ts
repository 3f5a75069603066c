import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { tensorShapes } from "../language_model/tensor_shapes.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { UsageError } from "../errors.ts";
import { readSafetensors, writeSafetensors } from "../run/safetensors.ts";
import { configOfArchitecture } from "./config_of_architecture.ts";
import { architectureOfConfig } from "./hugging_face_config.ts";
import { loadPretrainedWeights } from "./load_weights.ts";
import { writeMergedModel } from "./merged_model.ts";
import { readPretrained } from "./read_pretrained.ts";
import { formula, type ParityCase, parityCases, parityModel, withFiles } from "./testing.ts";

const engine = await WasmEngine.create();
const CASES = parityCases();

/** The case's model as a Hugging Face folder. */
function filesOf({ config }: ParityCase): Record<string, Uint8Array | string> {
  const shapes = tensorShapes(architectureOfConfig(config, "config.json"));
  const tensors = [...shapes].map(([name, shape]) =>
    [name, { shape, data: formula(name, shape) }] as const
  );
  return {
    "config.json": JSON.stringify(config),
    "model.safetensors": writeSafetensors(tensors),
    "tokenizer.json": '{"a": 1}',
    "README.md": "not of the tokenizer",
  };
}

Deno.test("an architecture's config.json states the architecture", () => {
  for (const { config } of CASES.values()) {
    const architecture = architectureOfConfig(config, "config.json");
    const again = configOfArchitecture(architecture, "BF16");
    assert.deepEqual(architectureOfConfig(again, "config.json"), architecture);
  }
  const { config } = CASES.get("llama, grouped heads of 16, tied")!;
  const architecture = architectureOfConfig(config, "config.json");
  const divisors = new Array<number>(8).fill(2);
  const gguf = { ...architecture, ropeScaling: { type: "divisors", divisors } as const };
  assert.throws(() => configOfArchitecture(gguf, "F32"), /UsageError: ropeScaling: "divisors"/);
});

for (const [name, parity] of CASES) {
  Deno.test(`the merged weights give the adapter's outputs: ${name}`, () =>
    withFiles(filesOf(parity), async (folder) => {
      const pretrained = readPretrained(folder);
      const weights = loadPretrainedWeights(engine, pretrained, { storage: "float32" });
      const model = await parityModel(weights, parity);
      await writeMergedModel(model, pretrained, `${folder}/merged`, { dtype: "F32" });
      const files = [...Deno.readDirSync(`${folder}/merged`)].map(({ name }) => name).sort();
      assert.deepEqual(files, ["config.json", "model.safetensors", "tokenizer.json"]);
      const { maxLength, valueHead } = model.config, { sequences, at } = parity;
      const config = JSON.parse(Deno.readTextFileSync(`${folder}/merged/config.json`));
      const path = `${folder}/merged/model.safetensors`;
      const { tensors } = readSafetensors(Deno.readFileSync(path), path);
      assert.equal(Object.keys(config.id2label ?? {}).length, valueHead?.outputs ?? 0);
      if (valueHead) {
        assert.match(config.architectures[0], /ForTokenClassification$/);
        assert.deepEqual(tensors.get("score.weight")!.shape, [
          valueHead.outputs,
          weights.architecture.hiddenSize,
        ]);
        assert.deepEqual(
          tensors.get("score.weight")!.data,
          formula("score.weight", tensors.get("score.weight")!.shape),
        );
        assert.deepEqual(
          tensors.get("score.bias")!.data,
          formula("score.bias", [valueHead.outputs]),
        );
        assert.ok(!tensors.has("lm_head.weight"));
        return;
      }
      const merged = loadPretrainedWeights(engine, readPretrained(`${folder}/merged`), {
        storage: "float32",
      });
      const plain = new CausalLanguageModel(merged, { maxLength, languageHead: true });
      const rows = sequences.flatMap(({ tokens }, sequence) =>
        (at ?? [...tokens.keys()]).map((token) => ({ sequence, token }))
      );
      const { logits } = await plain.forward(sequences, rows, ["logits"]);
      const expected = parity.outputs.flatMap((values) => [...values]);
      assert.ok(expected.every((x, i) => Math.abs(x - logits[i]!) < 2e-4));
    }));
}

Deno.test("a merged model is rounded as asked, and made of the model's own weights only", () => {
  const parity = CASES.get("llama, grouped heads of 16, tied")!, files = filesOf(parity);
  return withFiles(files, async (folder) => {
    const pretrained = readPretrained(folder);
    const model = await parityModel(
      loadPretrainedWeights(engine, pretrained, { storage: "bfloat16" }),
      parity,
    );
    await writeMergedModel(model, pretrained, `${folder}/half`);
    const found = readPretrained(`${folder}/half`).tensors.get("model.norm.weight")!;
    assert.equal(found.dtype, "BF16");
    await assert.rejects(writeMergedModel(model, pretrained, `${folder}/half`), (error) => {
      assert.ok(error instanceof UsageError);
      return /folder: .*it exists/.test(error.message);
    });
    const { tensors } = readSafetensors(files["model.safetensors"] as Uint8Array, "file");
    (tensors.get("model.norm.weight")!.data as Float32Array)[0]! += 1;
    Deno.writeFileSync(`${folder}/model.safetensors`, writeSafetensors(tensors));
    await assert.rejects(
      writeMergedModel(model, readPretrained(folder), `${folder}/other`),
      /UsageError: .*"model\.norm\.weight": the model was made of other weights/,
    );
  });
});
