/** Models of testdata/make_models.py on disk, and of make_parity.py on a backend, for tests. */
import assert from "node:assert/strict";
import {
  CausalLanguageModel,
  type CausalLanguageModelOptions,
} from "../language_model/causal_language_model.ts";
import { tensorShapes } from "../language_model/tensor_shapes.ts";
import type { Lora } from "../language_model/config.ts";
import { PretrainedWeights } from "../language_model/pretrained_weights.ts";
import { transposed } from "../language_model/transposed.ts";
import type { Sequence } from "../nn/batch.ts";
import type { NamedTensor } from "../nn/model.ts";
import type { ValueHead } from "../nn/transformer.ts";
import type { Backend } from "../tensor/backend.ts";
import type { WeightStorage } from "../tensor/tape.ts";
import { maximum } from "../numeric/extrema.ts";
import { architectureOfConfig } from "./hugging_face_config.ts";

/** A prompt and the logits that transformers gives it. */
export interface ExpectedLogits {
  readonly tokens: readonly number[];
  readonly positions?: readonly number[];
  /** Of all tokens, one behind the other. */
  readonly logits: Float32Array;
}

/** A model's files by name, and what transformers computes with it. */
export interface ModelCase {
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  readonly prompts: readonly ExpectedLogits[];
}

/** The content of a file in testdata/. */
// deno-lint-ignore no-explicit-any
export function testdata(name: string): any {
  return JSON.parse(Deno.readTextFileSync(new URL(`testdata/${name}`, import.meta.url)));
}

/** The float32 numbers in base64. */
export function floatsOf(base64: string): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint8Array.fromBase64(base64).buffer);
}

/** Tiny random models, as transformers and llama.cpp's converter save them. */
export function modelCases(): Map<string, ModelCase> {
  type Stored = {
    files: Record<string, string>;
    prompts: { tokens: number[]; positions?: number[]; logits: string }[];
  };
  return new Map(
    Object.entries(testdata("models.json") as Record<string, Stored>)
      .map(([name, { files, prompts }]) => [name, {
        files: Object.fromEntries(
          Object.entries(files).map(([file, text]) => [file, Uint8Array.fromBase64(text)]),
        ),
        prompts: prompts.map((prompt) => ({ ...prompt, logits: floatsOf(prompt.logits) })),
      }]),
  );
}

/** A folder with these files while `body` runs, which may promise its result. */
export function withFiles<T>(
  files: Readonly<Record<string, Uint8Array | string>>,
  body: (folder: string) => T,
): T {
  const folder = Deno.makeTempDirSync({ prefix: "genac model " });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  let result: T;
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    result = body(folder);
  } catch (error) {
    remove();
    throw error;
  }
  if (result instanceof Promise) return result.finally(remove) as T;
  remove();
  return result;
}

/** What `readPretrained` reads of a case whose files are in `folder`. */
export function modelPath(folder: string, { files }: Pick<ModelCase, "files">): string {
  return "model.gguf" in files ? `${folder}/model.gguf` : folder;
}

/** A model whose weights follow from `formula`, and what transformers and PEFT compute with it. */
export interface ParityCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly lora: Lora;
  readonly valueHead?: ValueHead;
  readonly sequences: readonly Sequence[];
  /** Tokens of each text of which outputs are known; undefined: all. */
  readonly at?: readonly number[];
  /** Logits, or values of the value head, of each text's tokens at `at`, one behind the other. */
  readonly outputs: readonly Float32Array[];
  readonly loss: number;
  /** By PEFT's names without their prefix, matrices (outputs, inputs). */
  readonly gradients: Readonly<Record<string, Float32Array>>;
  /** Files of the adapter as PEFT saves it. */
  readonly adapter: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
}

/** The models of testdata/make_parity.py. */
export function parityCases(): Map<string, ParityCase> {
  type Files = Record<string, string>;
  type Stored = Omit<ParityCase, "outputs" | "gradients" | "adapter" | "at"> & {
    at: readonly number[] | null;
    outputs: string[];
    gradients: Files;
    adapter: Files;
  };
  const mapped = <T>(texts: Files, to: (text: string) => T) =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, to(text)]));
  return new Map(
    Object.entries(testdata("parity.json") as Record<string, Stored>)
      .map(([name, { at, sequences, outputs, gradients, adapter, ...rest }]) => [name, {
        ...rest,
        ...at && { at },
        sequences: rest.valueHead ? sequences.map(valued) : sequences,
        outputs: outputs.map(floatsOf),
        gradients: mapped(gradients, floatsOf),
        adapter: mapped(adapter, (text) => Uint8Array.fromBase64(text)),
      }]),
  );
}

/** The file has one kind of weights for both losses. */
function valued({ weights, ...rest }: Sequence): Sequence {
  return { ...rest, valueWeights: weights! };
}

/** Pretrained weights of a `ParityCase`. */
export function parityWeights(
  backend: Backend,
  { config }: ParityCase,
  storage: WeightStorage = "float32",
): PretrainedWeights {
  const architecture = architectureOfConfig(config, "config.json");
  const shapes = tensorShapes(architecture);
  return new PretrainedWeights(backend, architecture, storage)
    .write((name) => formula(name, shapes.get(name)!));
}

/** The model of a `ParityCase` with its adapter and value head. */
export async function parityModel(
  weights: PretrainedWeights,
  { lora, valueHead }: ParityCase,
  options: Partial<CausalLanguageModelOptions> = {},
): Promise<CausalLanguageModel> {
  const { maxPositions, ropeScaling } = weights.architecture;
  const model = new CausalLanguageModel(weights, {
    maxLength: ropeScaling.type === "dynamic" ? 4 * maxPositions : maxPositions,
    languageHead: !valueHead,
    lora,
    ...valueHead && { valueHead },
    ...options,
  });
  const tensors = Object.entries(await model.tensors()).map(([name, { shape }]) => {
    const theirs = formula(name, shape.toReversed());
    return [name, { shape, data: turned(theirs, shape) }] as const;
  });
  model.setTensors(Object.fromEntries(tensors));
  return model;
}

/** torch's (outputs, inputs) as (inputs, outputs), of which `shape` is; vectors as they are. */
export function turned(values: Float32Array, [rows, cols]: NamedTensor["shape"]): Float32Array {
  return cols === undefined ? values : transposed(values, cols, rows!);
}

/** The numbers of a tensor of a `ParityCase`: as formula() of testdata/make_parity.py. */
export function formula(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  let seed = 0;
  for (const byte of new TextEncoder().encode(name)) seed = (Math.imul(seed, 31) + byte) >>> 0;
  const size = shape.reduce((product, length) => product * length, 1);
  return Float32Array.from({ length: size }, (_, i) => {
    let x = (Math.imul(i + 1, 2654435761) + seed) >>> 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x45d9f3b);
    x ^= x >>> 16;
    const u = (x >>> 8) / 2 ** 24 - 0.5;
    if (shape.length > 1) return u * Math.sqrt(12 / shape.at(-1)!);
    return name.endsWith("norm.weight") ? 1 + u / 2 : u;
  });
}

/** The largest difference of two vectors' numbers. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  return maximum(Array.from(actual, (value, i) => Math.abs(value - expected[i]!)));
}

/** The distance of two vectors over the length of the expected one. */
export function relativeDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  const length = (numbers: readonly number[]) => Math.hypot(...numbers);
  return length(Array.from(actual, (x, i) => x - expected[i]!)) / length(Array.from(expected));
}
