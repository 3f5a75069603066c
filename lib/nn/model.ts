import type {
  Backend,
  BatchRecords,
  DecodingProgram,
  ForwardProgram,
  GradientReport,
  Session,
  StateName,
  StepReport,
  TrainingProgram,
} from "../tensor/backend.ts";
import type { Parameter, Tape } from "../tensor/tape.ts";
import { UsageError } from "../errors.ts";
import { canonicalBytes, sha256 } from "../numeric/digest.ts";
import { NOT_FINITE } from "../backend/generated_tokens.ts";
import { maximum } from "../numeric/extrema.ts";
import { purposeId, RandomStream } from "../numeric/random.ts";
import { batchLength, checkShape, packBatch, type Sequence } from "./batch.ts";
import { checkGenerateOptions, type GenerateOptions } from "./generate_options.ts";
import { type OptimizerConfig, optimizerStep } from "./optimizer.ts";
import {
  checkTransformer,
  recordDecoding,
  recordForward,
  recordTraining,
  rotaryTable,
  type TransformerConfig,
  transformerParameters,
} from "./transformer.ts";

/** A named tensor, row-major. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A prompt and the position ids of prompt and response. */
export interface Prompt {
  readonly tokens: readonly number[];
  /** Position id of the i-th token of prompt and response. */
  position(i: number): number;
  /** Row of the sampling stream, an integer in 0..2^32-1: give each sample its own. */
  readonly row: number;
}

/** Which rows of which sequence a forward pass shall return. */
export interface ForwardRow {
  readonly sequence: number;
  readonly token: number;
}

/** Rows generated side by side: bounds the memory of caches. */
const GENERATION_ROWS = 256;
/** Sequences of one forward pass. */
const FORWARD_SEQUENCES = 64;

/**
 * A transformer on a backend: initial weights, training, forward passes, generation, state. What it computes is written
 * out in reference.ts.
 */
export class Model {
  readonly #session: Session;
  readonly #training = new Map<string, TrainingProgram>();
  readonly #forward = new Map<string, ForwardProgram>();
  readonly #decoding = new Map<string, DecodingProgram>();
  /** Optimizer steps taken. */
  step = 0;

  /** Throws UsageError if the architecture is not one the kernels can run. Weights are zero until `initialize`. */
  constructor(backend: Backend, readonly config: TransformerConfig) {
    checkTransformer(config);
    this.#session = backend.session(transformerParameters(config), { rope: rotaryTable(config) });
  }

  /** Normal initial weights; every tensor has its own random stream (`purpose` is its name). */
  initialize(seed: number): this {
    for (const p of transformerParameters(this.config)) {
      const values = new Float32Array(p.rows * p.cols);
      if (p.init === "ones") values.fill(1);
      else {
        const random = new RandomStream({ seed, purpose: `weights/${p.name}` });
        for (let i = 0; i < values.length; i++) values[i] = random.normal() * p.init;
      }
      this.#session.write("weights", p.name, values);
    }
    return this;
  }

  /**
   * One optimizer step on a batch. Awaiting each report before the next step makes a GPU wait for the CPU: collect the
   * promises and await them every 50 steps or so. Throws RangeError for a batch that does not fit the model, UsageError for
   * a length or a number of the optimizer that is out of range.
   *
   * @param normalizer What the language head's weighted loss is divided by; default: the sum of its weights. Must be
   *   given where weights have signs, as in policy gradients.
   */
  train(
    sequences: readonly Sequence[],
    length: number,
    optimizer: OptimizerConfig,
    normalizer?: number,
  ): Promise<StepReport> {
    const batch = packBatch(sequences, length);
    return this.trainPacked(batch, sequences.length, length, optimizer, normalizer);
  }

  /** `train` on records as `packBatch` makes them. */
  trainPacked(
    batch: BatchRecords,
    sequences: number,
    length: number,
    optimizer: OptimizerConfig,
    normalizer?: number,
  ): Promise<StepReport> {
    checkIds(batch, this.config);
    const report = this.#trainingProgram(sequences, length)
      .step(batch, optimizerStep(optimizer, this.step), normalizer);
    this.step++;
    return report;
  }

  /** Losses and gradients of a batch, without a step. `normalizer` as in `train`. */
  gradients(
    sequences: readonly Sequence[],
    length: number,
    normalizer?: number,
  ): Promise<GradientReport> {
    const batch = packBatch(sequences, length);
    checkIds(batch, this.config);
    return this.#trainingProgram(sequences.length, length).gradients(batch, normalizer);
  }

  #trainingProgram(sequences: number, length: number): TrainingProgram {
    checkShape(sequences, length);
    return cached(
      this.#training,
      `${sequences}x${length}`,
      () => this.#session.training({ sequences, length }, (t) => recordTraining(t, this.config)),
    );
  }

  /**
   * Head outputs at chosen rows: "logits" (rows, vocabulary) and "values" (rows, outputs), as far as the model has
   * the heads. Any number of sequences. Rejects with RangeError for a row that is not there.
   */
  async forward(
    sequences: readonly Sequence[],
    rows: readonly ForwardRow[],
  ): Promise<Record<string, Float32Array>> {
    const length = batchLength(sequences);
    const { languageHead, valueHead, vocabularySize } = this.config;
    /** Floats a row, by head. */
    const widths = Object.entries({
      ...languageHead && { logits: vocabularySize },
      ...valueHead && { values: valueHead.outputs },
    });
    const out: Record<string, Float32Array> = {};
    for (const [label, width] of widths) out[label] = new Float32Array(rows.length * width);
    for (const { sequence, token } of rows) {
      const count = sequences[sequence]?.tokens.length ?? 0;
      if (!(Number.isInteger(token) && token >= 0 && token < count)) {
        throw new RangeError(`token ${token} of sequence ${sequence}: it has ${count} tokens`);
      }
    }
    const batchSize = Math.min(FORWARD_SEQUENCES, Math.ceil(sequences.length / 16) * 16);
    const byPass = Map.groupBy(
      rows.map((row, index) => ({ ...row, index })),
      ({ sequence }) => Math.floor(sequence / batchSize),
    );
    // All passes are asked for before any is awaited: on a GPU that is one wait for all.
    const passes: Promise<void>[] = [];
    for (let start = 0; start < sequences.length; start += batchSize) {
      const part = sequences.slice(start, start + batchSize);
      while (part.length < batchSize) part.push({ tokens: [0] });
      const wanted = byPass.get(start / batchSize) ?? [];
      const slots = new Int32Array(batchSize * length).fill(-1);
      // A row that is asked for twice has one slot.
      let used = 0;
      const slotOf = wanted.map((r) => {
        const at = (r.sequence - start) * length + r.token;
        return slots[at] = slots[at]! < 0 ? used++ : slots[at]!;
      });
      const records: Record<string, Int32Array | Float32Array> = { ...packBatch(part, length) };
      for (const label of ["targets", "weights", "valueTargets", "valueWeights"]) {
        delete records[label];
      }
      checkIds(records, this.config);
      for (const [label] of widths) records[`${label} slots`] = slots;
      const run = this.#forwardProgram(batchSize, length).run(records, used);
      passes.push(run.then((result) => {
        for (const [label, width] of widths) {
          wanted.forEach(({ index }, i) => {
            const at = slotOf[i]! * width;
            out[label]!.set(result[label]!.subarray(at, at + width), index * width);
          });
        }
      }));
    }
    await Promise.all(passes);
    return out;
  }

  #forwardProgram(sequences: number, length: number): ForwardProgram {
    const shape = { sequences, length, slots: sequences * length };
    return cached(
      this.#forward,
      `${sequences}x${length}`,
      () => this.#session.forward(shape, (t) => recordForward(t, this.config)),
    );
  }

  /**
   * Responses (without the prompts) to any number of prompts. A response ends with its stop token, if it has one.
   * Rejects with UsageError for a GRU and for an option out of range, with Error where a token cannot be chosen because
   * logits are not finite.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import {
   *   createEnvironment,
   *   criticDefinition,
   *   criticTransformer,
   *   Model,
   *   WasmEngine,
   * } from "genac";
   *
   * const engine = await WasmEngine.create({ threads: 1 });
   * const environment = createEnvironment("permutation");
   * const size = { dModel: 16, layers: 1 };
   * const config = criticTransformer(criticDefinition("cot"), environment, size);
   * const model = new Model(engine, config).initialize(1);
   * const prompt = { tokens: [1, 2, 3], position: (i: number) => i, row: 0 };
   * const options = { maxTokens: 5, temperature: 1, stop: [], seed: 1, purpose: "example" };
   * const [response] = await model.generate([prompt], options);
   * assert.equal(response!.length, 5);
   * assert.deepEqual(await model.generate([prompt], options), [response]);
   * engine.close();
   * ```
   */
  async generate(prompts: readonly Prompt[], o: GenerateOptions): Promise<number[][]> {
    if (prompts.length === 0) return [];
    checkGenerateOptions(o, prompts, this.config.vocabularySize);
    const parts: Promise<number[][]>[] = [];
    const options = { ...o, purpose: purposeId(o.purpose) };
    const capacity = maximum(prompts.map((p) => p.tokens.length)) + o.maxTokens;
    const { program, rows } = this.#decodingProgram(prompts.length, capacity);
    for (let start = 0; start < prompts.length; start += rows) {
      const part = prompts.slice(start, start + rows), n = part.length;
      const length = maximum(part.map((p) => p.tokens.length)) + o.maxTokens;
      const { maxTokens } = o, input = this.#layOut(part, length, { fill: -1, start, maxTokens });
      const run = program.run(input.tokens, input.positions, input.rowIds, options);
      parts.push(run.then((tokens) =>
        part.map((p, row) => {
          const response: number[] = [];
          const end = p.tokens.length + o.maxTokens;
          for (let t = p.tokens.length; t < end && tokens[t * n + row] !== -1; t++) {
            const token = tokens[t * n + row]!;
            if (token === NOT_FINITE) throw notFinite(start + row, response.length, o.temperature);
            response.push(token);
          }
          return response;
        })
      ));
    }
    return (await Promise.all(parts)).flat();
  }

  /**
   * Logits (tokens, vocabulary) after each token of each text, computed as `generate` computes them: token by token, from
   * a cache, in the backend's storage. What they differ from `forward`'s is what generation is off. Rejects with
   * UsageError on WASM, which has nothing to measure.
   */
  async generationLogits(texts: readonly Prompt[]): Promise<Float32Array[]> {
    const out: Float32Array[] = [], classes = this.config.vocabularySize;
    const length = maximum(texts.map(({ tokens }) => tokens.length));
    const { program, rows } = this.#decodingProgram(texts.length, length);
    for (let start = 0; start < texts.length; start += rows) {
      const part = texts.slice(start, start + rows), n = part.length;
      const input = this.#layOut(part, length, { fill: 0, start, maxTokens: 1 });
      const logits = await program.logits?.(input.tokens, input.positions, input.rowIds);
      if (!logits) throw new UsageError("backend", "wasm", "only webgpu measures its generation");
      part.forEach((text, row) => {
        const own = new Float32Array(text.tokens.length * classes);
        for (let t = 0; t < text.tokens.length; t++) {
          const at = (t * n + row) * classes;
          own.set(logits.subarray(at, at + classes), t * classes);
        }
        out.push(own);
      });
    }
    return out;
  }

  /**
   * Prompts side by side: (length, prompts) tokens, `fill` after a prompt's end, and position ids up to the last token
   * that is fed. Throws RangeError for a prompt that is empty or that the model has no row for.
   */
  #layOut(
    prompts: readonly Prompt[],
    length: number,
    { fill, start, maxTokens }: { fill: number; start: number; maxTokens: number },
  ): { tokens: Int32Array; positions: Int32Array; rowIds: Int32Array } {
    const n = prompts.length;
    const tokens = new Int32Array(length * n).fill(fill), positions = new Int32Array(length * n);
    prompts.forEach((prompt, row) => {
      const count = prompt.tokens.length;
      if (count === 0) throw new RangeError(`prompt ${start + row} has no tokens`);
      // The last token is never fed; what a short row does beyond its end is thrown away.
      const own = Array.from({ length: count + maxTokens - 1 }, (_, t) => prompt.position(t));
      checkIds({ tokens: prompt.tokens, positions: own }, this.config);
      prompt.tokens.forEach((token, t) => tokens[t * n + row] = token);
      own.forEach((position, t) => positions[t * n + row] = position);
    });
    return { tokens, positions, rowIds: Int32Array.from(prompts, (p) => p.row) };
  }

  /** The program that generates side by side for so many prompts, at most `rows` at a time. */
  #decodingProgram(prompts: number, capacity: number): { program: DecodingProgram; rows: number } {
    const rows = Math.min(GENERATION_ROWS, Math.ceil(prompts / 4) * 4);
    const record = (t: Tape, room: number) => recordDecoding(t, this.config, room);
    const make = () => this.#session.decoding({ rows, capacity }, record);
    return { program: cached(this.#decoding, `${rows}x${capacity}`, make), rows };
  }

  /** All weights, or AdamW's moments, by name. */
  async tensors(state: StateName = "weights"): Promise<Record<string, NamedTensor>> {
    const tensors = transformerParameters(this.config).map(async (parameter) => {
      const { name } = parameter, data = await this.#session.read(state, name);
      return [name, { shape: shapeOf(parameter), data }] as const;
    });
    return Object.fromEntries(await Promise.all(tensors));
  }

  /**
   * Sets weights or moments: all of them, with the names and shapes that `tensors` gives them. Throws UsageError as
   * `checkTensors` does, and then has set nothing.
   */
  setTensors(tensors: Readonly<Record<string, NamedTensor>>, state: StateName = "weights"): void {
    this.checkTensors(tensors);
    for (const [name, { data }] of Object.entries(tensors)) this.#session.write(state, name, data);
  }

  /**
   * Throws UsageError, which names the tensor, if one is missing, unknown, of another shape or not of float32.
   *
   * @param source Where they come from, in messages.
   * @param prefix What is before their names there.
   */
  checkTensors(
    tensors: Readonly<Record<string, NamedTensor>>,
    source = "checkpoint",
    prefix = "",
  ): void {
    const unknown = new Set(Object.keys(tensors));
    for (const parameter of transformerParameters(this.config)) {
      const { name } = parameter, expected = shapeOf(parameter), tensor = tensors[name];
      if (!tensor) {
        const remedy = "this tensor is missing: is it another model's?";
        throw new UsageError(source, prefix + name, remedy);
      }
      const { shape, data } = tensor, size = parameter.rows * parameter.cols;
      const refuse = (found: string, needed: string) => {
        const remedy =
          `the model needs ${needed}: use the config that the checkpoint was made with`;
        throw new UsageError(`${source} ${prefix}${name}`, found, remedy);
      };
      const written = (shape: readonly number[]) => `[${shape.join(", ")}]`;
      if (written(shape) !== written(expected)) refuse(written(shape), written(expected));
      if (!(data instanceof Float32Array) || data.length !== size) {
        refuse(
          `${(data as object).constructor.name} of ${(data as Float32Array).length}`,
          `Float32Array of ${size}`,
        );
      }
      unknown.delete(name);
    }
    for (const name of unknown) {
      const remedy =
        "the model has no such tensor: use the config that the checkpoint was made with";
      throw new UsageError(source, prefix + name, remedy);
    }
  }

  /** SHA-256 over all weights in order. */
  async digest(): Promise<string> {
    const digests = Object.entries(await this.tensors()).map(([name, t]) =>
      `${name}:${sha256(canonicalBytes(t.data))}`
    );
    return sha256(new TextEncoder().encode(digests.join("\n")));
  }
}

function notFinite(prompt: number, token: number, temperature: number): Error {
  return new Error(
    `prompt ${prompt}: the logits of token ${token} of its response are not finite at temperature ${temperature}: ` +
      "weights are NaN, infinite or too large: go back to an earlier checkpoint, or lower the learning rate",
  );
}

function shapeOf({ rows, cols }: Parameter): number[] {
  return rows === 1 ? [cols] : [rows, cols];
}

function cached<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (!value) map.set(key, value = make());
  return value;
}

/** Throws RangeError for a token, target or position that the model has no row for: kernels do not check. */
function checkIds(
  batch: Readonly<Record<string, ArrayLike<number>>>,
  { vocabularySize, maxPosition }: TransformerConfig,
): void {
  const { weights } = batch;
  const bounds = [
    ["tokens", vocabularySize, "vocabularySize"],
    ["targets", vocabularySize, "vocabularySize"],
    ["positions", maxPosition, "maxPosition"],
  ] as const;
  for (const [label, bound, name] of bounds) {
    const ids = batch[label] ?? [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (Number.isInteger(id) && id >= 0 && id < bound) continue;
      // A target of weight 0 is never looked up.
      if (label === "targets" && (weights?.[i] ?? 0) === 0) continue;
      throw new RangeError(`${label}: ${id}: the model has 0 to ${bound - 1} (${name} ${bound})`);
    }
  }
}
