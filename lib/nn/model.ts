import type { Backend, BatchRecords, DecodingProgram, ForwardProgram } from "../tensor/backend.ts";
import type { Tape } from "../tensor/tape.ts";
import { UsageError } from "../errors.ts";
import { NOT_FINITE } from "../backend/generated_tokens.ts";
import { maximum } from "../numeric/extrema.ts";
import { purposeId } from "../numeric/random.ts";
import { batchLength, type Sequence } from "./batch.ts";
import { cached } from "./cached.ts";
import { checkIds, type IdBounds } from "./check_ids.ts";
import {
  checkRows,
  emptyOutputs,
  forwardRecords,
  type ForwardRow,
  type OutputWidths,
  placeRows,
  slotRecords,
  slotsOf,
} from "./forward_rows.ts";
import { checkGenerateOptions, type GenerateOptions } from "./generate_options.ts";
import { notFinite } from "./not_finite.ts";
import { TrainableModel } from "./trainable_model.ts";
import {
  checkTransformer,
  recordDecoding,
  recordForward,
  recordTraining,
  rotaryTable,
  type TransformerConfig,
  transformerParameters,
} from "./transformer.ts";

export type { ForwardRow } from "./forward_rows.ts";
export type { NamedTensor } from "./trainable_model.ts";

/** A prompt and the position ids of prompt and response. */
export interface Prompt {
  readonly tokens: readonly number[];
  /** Position id of the i-th token of prompt and response. */
  position(i: number): number;
  /** Row of the sampling stream, an integer in 0..2^32-1: give each sample its own. */
  readonly row: number;
}

/** Rows generated side by side: bounds the memory of caches. */
const GENERATION_ROWS = 256;
/** Sequences of one forward pass. */
const FORWARD_SEQUENCES = 64;

/**
 * A transformer on a backend: initial weights, training, forward passes, generation, state. What it computes is written
 * out in reference.ts.
 */
export class Model extends TrainableModel {
  readonly #forward = new Map<string, ForwardProgram>();
  readonly #decoding = new Map<string, DecodingProgram>();

  /** Throws UsageError if the architecture is not one the kernels can run. Weights are zero until `initialize`. */
  constructor(backend: Backend, override readonly config: TransformerConfig) {
    checkTransformer(config);
    const parameters = transformerParameters(config);
    super(backend.session(parameters, { rope: rotaryTable(config) }), parameters);
  }

  protected override recordTraining(tape: Tape): void {
    recordTraining(tape, this.config);
  }

  protected override checked(batch: BatchRecords): BatchRecords {
    checkIds(batch, this.#bounds);
    return batch;
  }

  get #bounds(): IdBounds {
    const { vocabularySize, maxPosition } = this.config;
    return { vocabularySize, positions: { count: maxPosition, name: "maxPosition" } };
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
    const widths: OutputWidths = Object.entries({
      ...languageHead && { logits: vocabularySize },
      ...valueHead && { values: valueHead.outputs },
    });
    const out = emptyOutputs(widths, rows.length);
    checkRows(sequences, rows);
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
      const wanted = (byPass.get(start / batchSize) ?? [])
        .map((row) => ({ ...row, sequence: row.sequence - start }));
      const slots = slotsOf(wanted, { sequences: batchSize, length });
      const records = forwardRecords(part, length);
      checkIds(records, this.#bounds);
      const run = this.#forwardProgram(batchSize, length)
        .run({ ...records, ...slotRecords(widths, slots) }, slots.used);
      passes.push(run.then((collected) => placeRows(out, widths, wanted, slots, collected)));
    }
    await Promise.all(passes);
    return out;
  }

  #forwardProgram(sequences: number, length: number): ForwardProgram {
    const shape = { sequences, length, slots: sequences * length };
    return cached(
      this.#forward,
      `${sequences}x${length}`,
      () => this.session.forward(shape, (t) => recordForward(t, this.config)),
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
      checkIds({ tokens: prompt.tokens, positions: own }, this.#bounds);
      prompt.tokens.forEach((token, t) => tokens[t * n + row] = token);
      own.forEach((position, t) => positions[t * n + row] = position);
    });
    return { tokens, positions, rowIds: Int32Array.from(prompts, (p) => p.row) };
  }

  /** The program that generates side by side for so many prompts, at most `rows` at a time. */
  #decodingProgram(prompts: number, capacity: number): { program: DecodingProgram; rows: number } {
    const rows = Math.min(GENERATION_ROWS, Math.ceil(prompts / 4) * 4);
    const record = (t: Tape, room: number) => recordDecoding(t, this.config, room);
    const make = () => this.session.decoding({ rows, capacity }, record);
    return { program: cached(this.#decoding, `${rows}x${capacity}`, make), rows };
  }
}
