import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { UsageError } from "../errors.ts";
import { tensorShapes } from "../language_model/tensor_shapes.ts";
import { writeSafetensors } from "../run/safetensors.ts";
import { architectureOfConfig } from "./hugging_face_config.ts";
import { loadPretrainedWeights } from "./load_weights.ts";
import { weightBytes } from "./model_memory.ts";
import { type PretrainedModel, readPretrained } from "./read_pretrained.ts";
import {
  formula,
  modelCases,
  modelPath,
  parityCases,
  parityWeights,
  withFiles,
} from "./testing.ts";

const engine = await WasmEngine.create();
const PARITY = parityCases().get("qwen2, a head of 64, biases, untied")!;

/** The files of a model whose tensor `name` has this number at place 5. */
function filesWith(name: string, value: number): Record<string, Uint8Array | string> {
  const shapes = tensorShapes(architectureOfConfig(PARITY.config, "config.json"));
  const tensors = [...shapes].map(([key, shape]) => {
    const data = formula(key, shape);
    if (key === name) data[5] = value;
    return [key, { shape, data }] as const;
  });
  return {
    "config.json": JSON.stringify(PARITY.config),
    "model.safetensors": writeSafetensors(tensors),
  };
}

function refuses(act: () => unknown, message: RegExp): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof UsageError, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("a model's weights are loaded from its files", () =>
  withFiles(filesWith("none", 0), (folder) => {
    const weights = loadPretrainedWeights(engine, readPretrained(folder), { storage: "float32" });
    assert.equal(weights.digest(), parityWeights(engine, PARITY).digest());
  }));

Deno.test("what has no place in memory or in WebAssembly is refused before it is loaded, with the number", () =>
  withFiles(filesWith("none", 0), (folder) => {
    const model = readPretrained(folder), storage = "bfloat16";
    const available = weightBytes(model, storage);
    refuses(
      () => loadPretrainedWeights(engine, model, { storage, available }),
      /in memory": 0\.00 GiB are available/,
    );
    const { architecture } = model;
    const large: PretrainedModel = {
      ...model,
      architecture: { ...architecture, vocabularySize: 2 ** 25 },
    };
    const many = { storage: "float32", available: 2 ** 50 } as const;
    refuses(
      () => loadPretrainedWeights(engine, large, many),
      /12\.00 GiB of float32 weights": WebAssembly addresses 4\.00 GiB in all: use storage "bfloat16"/,
    );
    refuses(
      () => loadPretrainedWeights(engine, large, { ...many, storage }),
      /6\.00 GiB of bfloat16 weights": .*: use a smaller model or the backend "webgpu"/,
    );
  }));

Deno.test("weights that are no numbers, or none of the storage's, are refused by name", () => {
  const name = "model.layers.1.mlp.up_proj.weight";
  withFiles(filesWith(name, NaN), (folder) =>
    refuses(
      () => loadPretrainedWeights(engine, readPretrained(folder), { storage: "bfloat16" }),
      /up_proj\.weight \[0,5\]: NaN/,
    ));
  withFiles(filesWith(name, 7e4), (folder) => {
    const model = readPretrained(folder);
    refuses(
      () => loadPretrainedWeights(engine, model, { storage: "float16" }),
      /^model\.layers\.1\.mlp\.up_proj\.weight: storage: "float16": it has no 70000/,
    );
    loadPretrainedWeights(engine, model, { storage: "bfloat16" });
  });
});

Deno.test("architectures that the kernels cannot run are refused by name", () => {
  const odd = modelCases().get("llama, grouped heads, tied, F32")!;
  withFiles(odd.files, (folder) =>
    refuses(
      () =>
        loadPretrainedWeights(engine, readPretrained(modelPath(folder, odd)), {
          storage: "float32",
        }),
      /^architecture\.hiddenSize: 24: the kernels need a multiple of 16/,
    ));
});
