import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { tensorShapes } from "../language_model/tensor_shapes.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import type { Lora } from "../language_model/config.ts";
import type { PretrainedWeights } from "../language_model/pretrained_weights.ts";
import { UsageError } from "../errors.ts";
import { pythonWith, runPython } from "../export/testing.ts";
import { batchLength, type Sequence } from "../nn/batch.ts";
import { adamW } from "../nn/optimizer.ts";
import { maximum } from "../numeric/extrema.ts";
import { softmax } from "../numeric/softmax.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "../run/safetensors.ts";
import { testUnless } from "../testing.ts";
import { readAdapter, writeAdapter } from "./adapter.ts";
import { writeMergedModel } from "./merged_model.ts";
import { readPretrained } from "./read_pretrained.ts";
import {
  formula,
  type ParityCase,
  parityCases,
  parityModel,
  parityWeights,
  withFiles,
} from "./testing.ts";

const engine = await WasmEngine.create();
const CASES = parityCases();
const LANGUAGE = CASES.get("llama, grouped heads of 16, tied")!;
const VALUE = CASES.get("llama, value head of 11 bins, linear RoPE")!;
const WIDE_VALUE = CASES.get("llama, heads of 128, Llama 3's RoPE, value head")!;

const CONFIG = "adapter_config.json", TENSORS = "adapter_model.safetensors";
type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

function changedConfig(files: Files, change: Record<string, unknown>): Files {
  const config = { ...JSON.parse(new TextDecoder().decode(files[CONFIG])), ...change };
  return { ...files, [CONFIG]: new TextEncoder().encode(JSON.stringify(config)) };
}

function changedTensors(files: Files, change: (tensors: Map<string, StoredTensor>) => void): Files {
  const tensors = new Map<string, StoredTensor>(readSafetensors(files[TENSORS]!, TENSORS).tensors);
  change(tensors);
  return { ...files, [TENSORS]: writeSafetensors(tensors, { format: "pt" }) };
}

function filesIn(folder: string): Files {
  return Object.fromEntries(
    [CONFIG, TENSORS].map((name) => [name, Deno.readFileSync(`${folder}/${name}`)]),
  );
}

function refuses(weights: PretrainedWeights, files: Files, message: RegExp): void {
  withFiles(files, (folder) =>
    assert.throws(
      () => readAdapter(weights, folder, { maxLength: 32 }),
      (error) => {
        assert.ok(error instanceof UsageError, `${error}`);
        assert.match(error.message, message);
        return true;
      },
    ));
}

/** The folder that `writeAdapter` makes while `body` runs. */
async function written<T>(
  model: CausalLanguageModel,
  body: (folder: string) => T | Promise<T>,
): Promise<T> {
  const parent = Deno.makeTempDirSync({ prefix: "genac adapter " });
  try {
    await writeAdapter(model, `${parent}/adapter`, { base: "org/base" });
    return await body(`${parent}/adapter`);
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

for (const [name, parity] of CASES) {
  Deno.test(`PEFT's adapter is read to the number: ${name}`, async () => {
    const weights = parityWeights(engine, parity), model = await parityModel(weights, parity);
    const { maxLength } = model.config;
    const read = withFiles(parity.adapter, (folder) => readAdapter(weights, folder, { maxLength }));
    const targetModules = [...read.config.lora!.targetModules].sort();
    assert.deepEqual({ ...read.config.lora, targetModules }, parity.lora);
    assert.deepEqual(read.config.valueHead, parity.valueHead);
    assert.equal(read.config.languageHead, !parity.valueHead);
    assert.equal(await read.digest(), await model.digest());
  });

  Deno.test(`an adapter is written as PEFT writes it, and read again: ${name}`, async () => {
    const weights = parityWeights(engine, parity), model = await parityModel(weights, parity);
    await written(model, async (folder) => {
      const own = filesIn(folder), theirs = parity.adapter;
      const [a, b] = [own, theirs].map((files) =>
        readSafetensors(files[TENSORS]!, TENSORS).tensors
      );
      assert.deepEqual(new Map([...a!].sort()), new Map([...b!].sort()));
      const config = (files: Files) => JSON.parse(new TextDecoder().decode(files[CONFIG]));
      for (const field of ["r", "lora_alpha", "task_type", "bias", "peft_type", "fan_in_fan_out"]) {
        assert.equal(config(own)[field], config(theirs)[field], field);
      }
      assert.deepEqual(config(own).target_modules.sort(), config(theirs).target_modules.sort());
      assert.equal(config(own).base_model_name_or_path, "org/base");
      const { maxLength } = model.config;
      const again = readAdapter(weights, folder, { maxLength });
      assert.equal(await again.digest(), await model.digest());
      await assert.rejects(writeAdapter(model, folder), /folder: .*it exists/);
    });
  });
}

Deno.test("adapters in half precision are widened", async () => {
  const weights = parityWeights(engine, LANGUAGE);
  const name = "model.layers.1.mlp.up_proj.lora_B.weight", key = `base_model.model.${name}`;
  const { shape, data } = readSafetensors(LANGUAGE.adapter[TENSORS]!, TENSORS).tensors.get(key)!;
  const [rows, cols] = shape as [number, number];
  for (const dtype of ["F16", "BF16"] as const) {
    const files = changedTensors(LANGUAGE.adapter, (tensors) =>
      tensors.set(key, {
        shape,
        dtype,
        data: dtype === "F16" ? new Float16Array(data as Float32Array) : data,
      }));
    const model = withFiles(files, (folder) => readAdapter(weights, folder, { maxLength: 32 }));
    const found = (await model.tensors())[name]!.data;
    const digits = dtype === "F16" ? 11 : 8;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const [own, theirs] = [found[c * rows + r]!, Number(data[r * cols + c])];
        assert.ok(Math.abs(own - theirs) <= Math.abs(theirs) / 2 ** digits, `${own}, ${theirs}`);
      }
    }
    assert.notDeepEqual([...found].sort(), [...data as Float32Array].sort());
  }
});

Deno.test("fields that would change the result are refused by name, others are not", () => {
  const weights = parityWeights(engine, LANGUAGE);
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ peft_type: "LOHA" }, /config\.json\.peft_type: "LOHA"/],
    [{ r: 0 }, /\.r: 0/],
    [{ lora_alpha: -1 }, /\.lora_alpha: -1/],
    [{ use_dora: true }, /\.use_dora: true: not supported/],
    [{ use_rslora: true }, /\.use_rslora: true: not supported/],
    [{ rank_pattern: { q_proj: 8 } }, /\.rank_pattern: "\{\\"q_proj\\":8\}": not supported/],
    [{ alpha_pattern: { q_proj: 8 } }, /\.alpha_pattern/],
    [{ layers_to_transform: [0] }, /\.layers_to_transform/],
    [{ bias: "lora_only" }, /\.bias: "lora_only"/],
    [{ lora_bias: true }, /\.lora_bias: true/],
    [{ fan_in_fan_out: true }, /\.fan_in_fan_out: true/],
    [{ init_lora_weights: "pissa" }, /\.init_lora_weights: "pissa"/],
    [{ target_modules: ["q_proj", "lm_head"] }, /\.target_modules\.1: "lm_head"/],
    [{ target_modules: ".*_proj" }, /\.target_modules/],
    [{ modules_to_save: ["lm_head"] }, /\.modules_to_save\.0: "lm_head"/],
    [{ task_type: "SEQ_CLS" }, /\.task_type: "SEQ_CLS"/],
    [{ something_new: 3 }, /\.something_new: 3: not supported/],
  ];
  for (const [change, message] of cases) {
    refuses(weights, changedConfig(LANGUAGE.adapter, change), message);
  }
  const fine = changedConfig(LANGUAGE.adapter, {
    ...{ task_type: null, target_modules: "all-linear", something_new: null, lora_dropout: 0.1 },
    ...{ another_new: {}, base_model_name_or_path: "org/base", init_lora_weights: "gaussian" },
  });
  withFiles(fine, (folder) => readAdapter(weights, folder, { maxLength: 32 }));
});

Deno.test("an adapter of another model is refused by name", async () => {
  const weights = parityWeights(engine, LANGUAGE);
  refuses(weights, WIDE_VALUE.adapter, /lora_A\.weight: "\[5,\d+\]": the model's is \[5,\d+\]/);
  const key = "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight";
  refuses(
    weights,
    changedTensors(LANGUAGE.adapter, (tensors) => tensors.delete(key)),
    /layers\.1\.mlp\.up_proj\.lora_A\.weight": missing/,
  );
  refuses(
    weights,
    changedTensors(
      LANGUAGE.adapter,
      (tensors) => tensors.set(key.replace(".1.", ".2."), tensors.get(key)!),
    ),
    /layers\.2\.mlp\.up_proj\.lora_A\.weight": .*no place/,
  );
  refuses(
    parityWeights(engine, VALUE),
    changedTensors(VALUE.adapter, (tensors) => tensors.delete("base_model.model.score.weight")),
    /score\.weight": missing/,
  );
  // Of equal shapes: by the digest of what it was trained on.
  const model = await parityModel(weights, LANGUAGE);
  const changed = parityWeights(engine, LANGUAGE);
  const shapes = tensorShapes(changed.architecture);
  changed.write((name) => {
    const values = formula(name, shapes.get(name)!);
    if (name === "model.norm.weight") values[3]! += 1e-6;
    return values;
  });
  await written(
    model,
    (folder) => refuses(changed, filesIn(folder), /genac\.base: .*other weights/),
  );
});

Deno.test("files that are cut short, no numbers and no files are refused by name", async () => {
  const weights = parityWeights(engine, LANGUAGE), { adapter } = LANGUAGE;
  const key = "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight";
  refuses(weights, { ...adapter, [TENSORS]: adapter[TENSORS]!.slice(0, -4) }, /adapter_model/);
  refuses(
    weights,
    { ...adapter, [CONFIG]: new TextEncoder().encode("{") },
    /config.json: .*not JSON/,
  );
  refuses(weights, { [CONFIG]: adapter[CONFIG]! }, /adapter_model\.safetensors/);
  refuses(weights, {}, /adapter_config\.json/);
  refuses(
    weights,
    changedTensors(adapter, (tensors) => {
      const { shape, data } = tensors.get(key)!;
      const numbers = Float32Array.from(data as Float32Array);
      numbers[5] = NaN;
      tensors.set(key, { shape, data: numbers });
    }),
    /up_proj\.lora_A\.weight: NaN: a weight must be finite/,
  );
  refuses(
    weights,
    changedTensors(adapter, (tensors) => {
      const { shape, data } = tensors.get(key)!;
      tensors.set(key, { shape, data: Int32Array.from(data as Float32Array) });
    }),
    /up_proj\.lora_A\.weight: "I32": only F32, F16 and BF16/,
  );
  const bare = new CausalLanguageModel(weights, { maxLength: 32, languageHead: true });
  await assert.rejects(writeAdapter(bare, "unused"), /lora: undefined: .*no adapters to write/);
});

/** Any that leaves no lora_B zero. */
const OPTIMIZER = { ...adamW(0.05, 3), warmupSteps: 0 };

/** The model of a case, trained for three steps. */
async function trainedModel(
  weights: PretrainedWeights,
  { lora, valueHead, sequences }: ParityCase,
): Promise<CausalLanguageModel> {
  const head = valueHead ? { languageHead: false, valueHead } : { languageHead: true };
  const model = new CausalLanguageModel(weights, { maxLength: 128, lora, ...head }).initialize(1);
  for (let i = 0; i < 3; i++) await model.train(sequences, batchLength(sequences), OPTIMIZER);
  return model;
}

/** Logits or values of all tokens of all texts, in turn. */
async function outputsOf(model: CausalLanguageModel, sequences: readonly Sequence[]) {
  const rows = sequences.flatMap(({ tokens }, sequence) =>
    tokens.map((_, token) => ({ sequence, token }))
  );
  const output = model.config.valueHead ? "values" : "logits";
  return [...(await model.forward(sequences, rows, [output]))[output]];
}

/** A case's pretrained model as transformers saves it. */
function writeBase(
  folder: string,
  { config }: ParityCase,
  { architecture }: PretrainedWeights,
): void {
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(`${folder}/config.json`, JSON.stringify(config));
  const tensors = [...tensorShapes(architecture)].map(([name, shape]) =>
    [name, { shape, data: formula(name, shape) }] as const
  );
  const bytes = writeSafetensors(tensors, { format: "pt" });
  Deno.writeFileSync(`${folder}/model.safetensors`, bytes);
}

const found = await pythonWith("torch", "transformers", "peft");
testUnless(
  "reason" in found ? found.reason : undefined,
  "PEFT loads adapters of the kit and gives its logits and values; transformers those of merged models",
  () =>
    withFiles({}, async (folder) => {
      const expected = new Map<string, number[]>();
      for (const [name, parity] of CASES) {
        // transformers keeps a dynamic RoPE's frequencies from one text to the next.
        if (name.includes("dynamic")) continue;
        const own = `${folder}/${expected.size}`, weights = parityWeights(engine, parity);
        writeBase(`${own}/base`, parity, weights);
        const model = await trainedModel(weights, parity), { sequences } = parity;
        await writeAdapter(model, `${own}/adapter`);
        await writeMergedModel(model, readPretrained(`${own}/base`), `${own}/merged`, {
          dtype: "F32",
        });
        const inputs = JSON.stringify(sequences.map(({ tokens }) => tokens));
        Deno.writeTextFileSync(`${own}/inputs.json`, inputs);
        expected.set(`${expected.size}`, await outputsOf(model, sequences));
      }
      const script = `${import.meta.dirname}/testdata/read_adapters.py`;
      const { python } = found as { python: string };
      const answers: Record<string, number[][]> = JSON.parse(
        await runPython(python, [script, folder]),
      );
      assert.deepEqual(Object.keys(answers).sort(), [...expected.keys()].sort());
      for (const [name, values] of expected) {
        for (const answer of answers[name]!) {
          assert.equal(answer.length, values.length);
          const difference = maximum(values.map((x, i) => Math.abs(x - answer[i]!)));
          assert.ok(difference < 2e-4, `${name}: ${difference}`);
        }
      }
    }),
);

/** Models and adapters that vLLM serves at once. On a CPU it has no heads of 16. */
const SERVED: Record<string, ParityCase & { readonly loras: Record<string, Lora> }> = {
  "log-probabilities": {
    ...LANGUAGE,
    config: { ...LANGUAGE.config, head_dim: 32 },
    // vLLM keeps q, k and v in one matrix.
    loras: { all: LANGUAGE.lora, some: { rank: 3, alpha: 2, targetModules: ["q_proj", "v_proj"] } },
  },
  values: { ...WIDE_VALUE, loras: { all: WIDE_VALUE.lora } },
};

const server = await pythonWith("vllm");
for (const [outputs, served] of Object.entries(SERVED)) {
  testUnless(
    "reason" in server ? server.reason : undefined,
    `vLLM serves adapters of the kit and gives its ${outputs}`,
    () =>
      withFiles({}, async (folder) => {
        const { loras, sequences } = served, weights = parityWeights(engine, served);
        const config = { ...served.config, architectures: ["LlamaForCausalLM"] };
        writeBase(`${folder}/base`, { ...served, config }, weights);
        const inputs = JSON.stringify(sequences.map(({ tokens }) => tokens));
        Deno.writeTextFileSync(`${folder}/inputs.json`, inputs);
        const expected = new Map<string, number[]>();
        for (const [name, lora] of Object.entries(loras)) {
          const model = await trainedModel(weights, { ...served, lora });
          await writeAdapter(model, `${folder}/${name}`);
          const own = await outputsOf(model, sequences);
          expected.set(name, served.valueHead ? own : logProbabilities(own, weights));
        }
        const script = `${import.meta.dirname}/testdata/serve_adapters.py`;
        await runPython((server as { python: string }).python, [script, folder]);
        const answers: Record<string, number[]> = JSON.parse(
          Deno.readTextFileSync(`${folder}/outputs.json`),
        );
        assert.deepEqual(Object.keys(answers).sort(), [...expected.keys()].sort());
        for (const [name, values] of expected) {
          const answer = answers[name]!;
          assert.equal(answer.length, values.length);
          const difference = maximum(values.map((x, i) => Math.abs(x - answer[i]!)));
          assert.ok(difference < 2e-4, `${name}: ${difference}`);
        }
      }),
  );
}

/** Of all tokens of the vocabulary, row after row. */
function logProbabilities(logits: number[], { architecture }: PretrainedWeights): number[] {
  const { vocabularySize: n } = architecture;
  const rows = Array.from({ length: logits.length / n }, (_, i) => logits.slice(i * n, i * n + n));
  return rows.flatMap((row) => softmax(row).map(Math.log));
}
