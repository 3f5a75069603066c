/** What the tests of exports share: small models, and files of them for other implementations to read. Test code only. */
import { WasmEngine } from "../backend/wasm/engine.ts";
import { createEnvironment } from "../env/registry.ts";
import type { Sequence } from "../nn/batch.ts";
import { Model } from "../nn/model.ts";
import { formulaWeights, randomSequences, smallConfig } from "../nn/testing.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import { sha256 } from "../numeric/digest.ts";
import { writeSafetensors } from "../run/safetensors.ts";
import { arceeConfig, arceeTensors } from "./arcee.ts";
import { jsonFile } from "./export_folder.ts";
import { onnxGraph } from "./onnx_graph.ts";
import { writeOnnx } from "./onnx_writer.ts";
import { tokenizerFiles } from "./tokenizer.ts";

/** Layouts of heads, position ids and outputs, by name. */
export const architectures: Readonly<Record<string, TransformerConfig>> = {
  language: smallConfig(),
  value: smallConfig({
    ...{ dModel: 64, layers: 1, headDim: 32, rotaryDim: 32, languageHead: false },
    valueHead: { loss: "squared_error", outputs: 1 },
  }),
  both: smallConfig({
    ...{ dModel: 48, layers: 1, headDim: 48, rotaryDim: 32, ropeBase: 500 },
    valueHead: { loss: "soft_cross_entropy", outputs: 11 },
  }),
  looped: smallConfig({ layers: 1, loops: 3 }),
  gru: smallConfig({ mixer: "gru" }),
};

/** A model of that architecture with weights of a formula. */
export function formulaModel(engine: WasmEngine, config: TransformerConfig): Model {
  const model = new Model(engine, config);
  model.setTensors(formulaWeights(config));
  return model;
}

/** Texts of several lengths whose position ids jump. */
export function jumpingSequences(config: TransformerConfig): Sequence[] {
  return randomSequences(config, { count: 3, length: 12, seed: 1 });
}

/** All outputs of the model, by head: of all tokens of all texts, in turn. */
export async function outputsOf(
  model: Model,
  sequences: readonly Sequence[],
): Promise<Record<string, number[]>> {
  const rows = sequences.flatMap((s, sequence) =>
    s.tokens.map((_, token) => ({ sequence, token }))
  );
  const inputs = sequences.map(({ tokens, positions }) => ({ tokens, positions: positions! }));
  const outputs = await model.forward(inputs, rows);
  return Object.fromEntries(Object.entries(outputs).map(([head, data]) => [head, [...data]]));
}

/** The largest difference, over the largest number expected. */
export function relativeError(actual: readonly number[], expected: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs));
  const errors = expected.map((x, i) => Math.abs(x - actual[i]!));
  return Math.max(...errors) / largest;
}

/** The files that testdata/reference.py reads, by name of the case, then of the file. */
export async function referenceFiles(): Promise<Record<string, Record<string, Uint8Array>>> {
  const engine = await WasmEngine.create({ threads: 1 });
  const cases: Record<string, Record<string, Uint8Array>> = {};
  try {
    for (const [name, config] of Object.entries(architectures)) {
      const weights = await formulaModel(engine, config).tensors();
      const inputs = jsonFile(
        jumpingSequences(config).map(({ tokens, positions }) => ({ tokens, positions })),
      );
      const onnx = (cache: boolean) => ({
        "inputs.json": inputs,
        "model.onnx": writeOnnx({
          ...onnxGraph(config, weights, { cache }),
          ...{ name, producer: "test", metadata: { name } },
        }),
      });
      cases[`${name} onnx`] = onnx(false);
      if (config.mixer !== "gru") cases[`${name} onnx with cache`] = onnx(true);
      if (config.mixer === "gru" || config.loops !== undefined) continue;
      cases[`${name} arcee`] = {
        "inputs.json": inputs,
        "config.json": jsonFile(arceeConfig(config)),
        "model.safetensors": writeSafetensors(arceeTensors(config, weights), { format: "pt" }),
      };
    }
  } finally {
    engine.close();
  }
  for (const name of ["permutation", "sat"]) {
    const { vocabulary } = createEnvironment(name);
    const files = Object.entries(tokenizerFiles(vocabulary, 512));
    cases[`${name} tokenizer`] = {
      ...Object.fromEntries(files.map(([file, content]) => [file, jsonFile(content)])),
      "inputs.json": jsonFile({ text: vocabulary.names.join(" ") }),
    };
  }
  return cases;
}

/** SHA-256 of each file. */
export function digestsOf(files: Readonly<Record<string, Uint8Array>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)]));
}

/** What other implementations say of a case. */
export interface ReferenceCase {
  /** By head: of all tokens of all texts, in turn. */
  readonly outputs?: Readonly<Record<string, readonly number[]>>;
  /** Of a tokenizer. */
  readonly tokenizer?: { readonly ids: readonly number[]; readonly refusesUnknown: boolean };
}

/** What testdata/reference.py says. */
export interface Reference {
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: Readonly<Record<string, ReferenceCase>>;
}

/** Runs testdata/reference.py on the cases. Throws Error with what Python says where that fails. */
export async function runReference(
  python: string,
  cases: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>,
): Promise<Reference> {
  const folder = Deno.makeTempDirSync({ prefix: "genac-export-" });
  try {
    for (const [name, files] of Object.entries(cases)) {
      Deno.mkdirSync(`${folder}/${name}`);
      for (const [file, bytes] of Object.entries(files)) {
        Deno.writeFileSync(`${folder}/${name}/${file}`, bytes);
      }
    }
    const script = `${import.meta.dirname}/testdata/reference.py`;
    return JSON.parse(await runPython(python, [script, folder]));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** What a Python program prints. Throws Error with its messages where it fails. */
export async function runPython(python: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(python, {
    args: [...args],
    env: { HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1", PYTHONUTF8: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(text(stderr));
  return text(stdout);
}

/** A Python that has these modules, or why there is none: that of GENAC_TEST_PYTHON, by default python3. */
export async function pythonWith(
  ...modules: readonly string[]
): Promise<{ python: string } | { reason: string }> {
  const python = Deno.env.get("GENAC_TEST_PYTHON") ?? "python3";
  const code = modules.map((name) => `import ${name}`).join("; ");
  try {
    await runPython(python, ["-c", code]);
    return { python };
  } catch (error) {
    const reason = (error as Error).message.trim().split("\n").at(-1)!;
    return { reason: `${python}: ${reason}; set GENAC_TEST_PYTHON to one that has it` };
  }
}
