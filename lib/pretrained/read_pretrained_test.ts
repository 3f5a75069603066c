import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { readSafetensorsFolder } from "../run/safetensors_folder.ts";
import { readSafetensors, writeSafetensors } from "../run/safetensors.ts";
import { checkModelMemory, weightBytes } from "./model_memory.ts";
import { readPretrained } from "./read_pretrained.ts";
import { widen } from "./stored_type.ts";
import { modelCases, modelPath, withFiles } from "./testing.ts";

const CASES = modelCases();
const TIED = CASES.get("llama, grouped heads, tied, F32")!;
const SHARDED = CASES.get("llama, wide heads, linear RoPE, BF16 in shards")!;
const QUANTIZED = CASES.get("GGUF llama, quantized, tied")!;

type Files = Record<string, Uint8Array | string>;

/** The message of the UsageError with which a model of these files is refused. */
function refusal(files: Files, act: (path: string) => unknown = readPretrained): string {
  return withFiles(files, (folder) => {
    try {
      act("model.gguf" in files ? `${folder}/model.gguf` : folder);
    } catch (error) {
      assert.ok(error instanceof UsageError, `${error}`);
      return error.message;
    }
    throw new assert.AssertionError({ message: "it was not refused" });
  });
}

/** The case's files with one of them changed. */
function changed(files: Files, name: string, change: (bytes: Uint8Array) => Uint8Array): Files {
  return { ...files, [name]: change(files[name] as Uint8Array) };
}

function withConfig(files: Files, change: Record<string, unknown>): Files {
  return changed(files, "config.json", (bytes) => {
    const config = { ...JSON.parse(new TextDecoder().decode(bytes)), ...change };
    return new TextEncoder().encode(JSON.stringify(config));
  });
}

/** The files with the tensors of model.safetensors changed. */
function withTensors(
  files: Files,
  change: (tensors: ReturnType<typeof tensorsOf>) => void,
): Files {
  const tensors = tensorsOf(files["model.safetensors"] as Uint8Array);
  change(tensors);
  return { ...files, "model.safetensors": writeSafetensors(tensors) };
}

function tensorsOf(bytes: Uint8Array) {
  return new Map(readSafetensors(bytes, "model.safetensors").tensors);
}

for (const [name, model] of CASES) {
  if ("model.gguf" in model.files) continue;
  Deno.test(`tensors are read one by one as all at once: ${name}`, () =>
    withFiles(model.files, (folder) => {
      const { tensors, parameters } = readPretrained(folder);
      const whole = readSafetensorsFolder(folder).tensors;
      assert.deepEqual([...tensors.keys()].sort(), [...whole.keys()].sort());
      let numbers = 0;
      for (const [name, { shape, data, dtype }] of whole) {
        const tensor = tensors.get(name)!;
        assert.deepEqual([tensor.shape, tensor.dtype], [shape, dtype]);
        assert.deepEqual(tensor.read(), Float32Array.from(data as Float32Array));
        assert.equal(tensor.readStored().length, tensor.bytes);
        numbers += data.length;
      }
      assert.equal(parameters, numbers);
    }));
}

Deno.test("stored bytes of a GGUF file's queries and keys are in Hugging Face's order", () => {
  withFiles(QUANTIZED.files, (folder) => {
    const { tensors, architecture } = readPretrained(modelPath(folder, QUANTIZED));
    assert.deepEqual([architecture.heads, architecture.kvHeads, architecture.headDim], [4, 2, 8]);
    const kinds = new Set([...tensors.values()].map(({ dtype }) => dtype));
    assert.deepEqual([...kinds].sort(), ["BF16", "F16", "F32", "Q4_0", "Q4_1", "Q8_0"]);
    const tensor = tensors.get("model.layers.1.self_attn.k_proj.weight")!;
    assert.deepEqual(widen(tensor.dtype, tensor.readStored()), tensor.read());
    // Row 1 of a head is the file's row 2, its fifth of eight rows the file's row 1.
    const { path, offset } = tensor.source;
    const row = tensor.bytes / 16;
    const file = Deno.readFileSync(path).subarray(offset, offset + tensor.bytes);
    const rows = (order: number[]) =>
      order.flatMap((i) => [...file.subarray(i * row, (i + 1) * row)]);
    const order = [0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15];
    assert.deepEqual([...tensor.readStored()], rows(order));
  });
});

Deno.test("matrices take the bytes of their storage, norms four a number", () =>
  withFiles(SHARDED.files, (folder) => {
    const model = readPretrained(folder);
    const norms = [...model.tensors.values()]
      .reduce((sum, { shape, size }) => sum + (shape.length === 1 ? size : 0), 0);
    assert.equal(weightBytes(model, "float32"), 4 * model.parameters);
    const half = 2 * (model.parameters + norms);
    for (const storage of ["float16", "bfloat16"] as const) {
      assert.equal(weightBytes(model, storage), half);
      checkModelMemory(model, storage, 0, half);
    }
    assert.throws(
      () => checkModelMemory(model, "bfloat16", 2 ** 30, 2 ** 29),
      /1\.00 GiB in memory": 0\.50 GiB are available/,
    );
    checkModelMemory(model, "float32");
  }));

Deno.test("what is no model is refused by name", () => {
  const { "config.json": config, "model.safetensors": weights } = TIED.files;
  assert.match(refusal({}), /config\.json: "missing": give a folder with config\.json/);
  assert.match(refusal({ "config.json": config! }), /model\.safetensors/);
  assert.match(
    refusal({ "config.json": "{", "model.safetensors": weights! }),
    /config\.json: .*: not JSON/,
  );
  assert.match(refusal({ "model.gguf": "PK zip" }), /model\.gguf: "not a GGUF file"/);
  assert.throws(() => readPretrained("/nowhere/at all"), UsageError);
});

Deno.test("tensors that are missing, too many or of another shape or type are refused by name", () => {
  const norm = "model.layers.1.input_layernorm.weight";
  assert.match(
    refusal(withTensors(TIED.files, (tensors) => tensors.delete(norm))),
    /model\.layers\.1\.input_layernorm\.weight": missing: the configuration wants it \[24\]/,
  );
  assert.match(
    refusal(withConfig(TIED.files, { intermediate_size: 10 })),
    /mlp\.gate_proj\.weight: "\[9,24\]": the configuration wants \[10,24\]/,
  );
  assert.match(
    refusal(withConfig(TIED.files, { num_hidden_layers: 1 })),
    /model\.layers\.1\..*: the configuration has no such weights/,
  );
  assert.match(refusal(withConfig(TIED.files, { tie_word_embeddings: false })), /lm_head\.weight/);
  const data = new Int8Array(24);
  assert.match(
    refusal(
      withTensors(TIED.files, (tensors) => tensors.set(norm, { shape: [24], data, dtype: "I8" })),
    ),
    /input_layernorm\.weight: "I8": only F32, F16, BF16 are supported/,
  );
});

Deno.test("an output layer beside a tied embedding must be the same", () => {
  const untied = (change: (data: Float32Array) => void) =>
    withTensors(TIED.files, (tensors) => {
      const embedding = tensors.get("model.embed_tokens.weight")!;
      const data = (embedding.data as Float32Array).slice();
      change(data);
      tensors.set("lm_head.weight", { ...embedding, data });
      // As early Llamas have it.
      const table = { shape: [2], data: new Float32Array(2), dtype: "F32" as const };
      tensors.set("model.layers.0.self_attn.rotary_emb.inv_freq", table);
    });
  withFiles(untied(() => {}), (folder) => {
    assert.ok(!readPretrained(folder).tensors.has("lm_head.weight"));
  });
  assert.match(refusal(untied((data) => data[3]! += 1)), /lm_head\.weight: "tied": differs from/);
});

Deno.test("a file that is cut short is refused before its weights are read", () => {
  const shard = Object.keys(SHARDED.files).find((name) => name.startsWith("model-00003"))!;
  for (const length of [0, 7, 100, SHARDED.files[shard]!.length - 1]) {
    const files = changed(SHARDED.files, shard, (bytes) => bytes.subarray(0, length));
    assert.match(refusal(files), /model-00003-of-.*: not a whole safetensors file; .*copy/);
  }
  const { [shard]: _, ...rest } = SHARDED.files;
  assert.match(refusal(rest), /model-00003-of-/);
  const { length } = QUANTIZED.files["model.gguf"]!;
  for (const cut of [3, 20, 300, length - 1000, length - 64]) {
    const files = changed(QUANTIZED.files, "model.gguf", (bytes) => bytes.subarray(0, cut));
    assert.match(refusal(files), /model\.gguf/);
  }
  // Cut after it was looked at.
  const read = (path: string) => {
    const { tensors } = readPretrained(path);
    const last = [...tensors.values()].sort((a, b) => a.source.offset - b.source.offset).at(-1)!;
    Deno.truncateSync(last.source.path, last.source.offset + 1);
    last.read();
  };
  assert.match(refusal(TIED.files, read), /1 of \d+ bytes from \d+ on": the file is cut short/);
});

Deno.test("a weight that is not finite is refused with its place", () => {
  const name = "model.layers.0.mlp.up_proj.weight";
  for (const value of [NaN, -Infinity]) {
    const files = withTensors(TIED.files, (tensors) => {
      const tensor = tensors.get(name)!;
      const data = (tensor.data as Float32Array).slice();
      data[24 + 5] = value;
      tensors.set(name, { ...tensor, data });
    });
    const read = (path: string) => readPretrained(path).tensors.get(name)!.readFinite();
    assert.match(
      refusal(files, read),
      new RegExp(`up_proj\\.weight \\[1,5\\]: ${value}: a weight must`),
    );
  }
  withFiles(TIED.files, (folder) => {
    for (const tensor of readPretrained(folder).tensors.values()) {
      assert.deepEqual(tensor.readFinite(), tensor.read());
    }
  });
});
