import type * as z from "zod";
import { NOT_FINITE } from "../backend/generated_tokens.ts";
import { UsageError } from "../errors.ts";
import type { Sequence } from "../nn/batch.ts";
import { cached } from "../nn/cached.ts";
import { checkIds, type IdBounds } from "../nn/check_ids.ts";
import {
  checkRows,
  emptyOutputs,
  forwardRecords,
  type ForwardRow,
  type OutputWidths,
  placeRows,
  slotRecords,
  slotsOf,
} from "../nn/forward_rows.ts";
import { checkGenerateOptions, type GenerateOptions } from "../nn/generate_options.ts";
import type { Prompt } from "../nn/model.ts";
import { notFinite } from "../nn/not_finite.ts";
import { TrainableModel } from "../nn/trainable_model.ts";
import { maximum } from "../numeric/extrema.ts";
import { purposeId } from "../numeric/random.ts";
import { parseConfig } from "../parse_config.ts";
import type {
  BatchRecords,
  BatchShape,
  ForwardProgram,
  GenerationProgram,
} from "../tensor/backend.ts";
import type { Tape } from "../tensor/tape.ts";
import { checkLanguageModel } from "./check_config.ts";
import { type LanguageModelConfig, trainedParameters } from "./config.ts";
import {
  type ForwardOutput,
  recordForward,
  recordPrefill,
  recordStep,
  recordTraining,
} from "./decoder.ts";
import { floatsOf, type ForwardPass, forwardPasses } from "./forward_passes.ts";
import { loraSchema } from "./lora.ts";
import type { PretrainedWeights } from "./pretrained_weights.ts";
import { ropeFrequencies, rotaryAngles } from "./rope.ts";

/** What is trained on top of pretrained weights, and how long sequences may be. */
export interface CausalLanguageModelOptions
  extends Omit<LanguageModelConfig, "architecture" | "storage" | "lora"> {
  /** Default: none, the layers are not trained. */
  readonly lora?: z.input<typeof loraSchema>;
}

/** How to generate text. */
export interface TextGenerateOptions extends GenerateOptions {
  /** Texts that end a response: with the token in which the bytes so far first contain one. Default: none. */
  readonly stopTexts?: readonly string[];
  /** The bytes that each token stands for; needed with `stopTexts`. */
  readonly tokenBytes?: readonly Uint8Array[];
}

/** Sequences that WASM works on at a time. */
const CHUNK = 1;
/** Rows generated side by side. */
const GENERATION_ROWS = 256;
/** Floats for which a program has room without being asked: programs then fit more passes. */
const SPARE_FLOATS = 2 ** 20;

/**
 * A decoder of Llama's kind on pretrained weights, with what is trained on top of them: low-rank adapters (LoRA) and a value
 * head, either or both. What it computes is written out in reference.ts.
 *
 * Tensors, checkpoints and `digest` are of what is trained; the pretrained weights are shared and never change.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import {
 *   adamW,
 *   CausalLanguageModel,
 *   PretrainedWeights,
 *   randomWeights,
 *   tinyArchitecture,
 *   WasmEngine,
 * } from "genac";
 *
 * const engine = await WasmEngine.create();
 * const architecture = tinyArchitecture();
 * const weights = new PretrainedWeights(engine, architecture, "bfloat16")
 *   .write(randomWeights(architecture, 1));
 * const model = new CausalLanguageModel(weights, {
 *   maxLength: 64,
 *   languageHead: true,
 *   lora: { rank: 8, alpha: 16 },
 * }).initialize(1);
 * const text = { tokens: [1, 2, 3, 4], targets: [2, 3, 4, 5], weights: [1, 1, 1, 1] };
 * const losses: number[] = [];
 * for (let i = 0; i < 5; i++) losses.push((await model.train([text], 4, adamW(1e-2, 5))).loss);
 * assert.ok(losses.at(-1)! < losses[0]!);
 * engine.close();
 * ```
 */
export class CausalLanguageModel extends TrainableModel {
  override readonly config: LanguageModelConfig;
  protected override readonly chunk = CHUNK;
  readonly #forward = new Map<string, ForwardProgram>();
  readonly #generation = new Map<string, GenerationProgram>();

  /**
   * Adapters and value head are zero until `initialize` or `setTensors`.
   *
   * @param weights Shared with other models.
   * @throws UsageError that names the field which is out of range.
   */
  constructor(
    readonly weights: PretrainedWeights,
    { lora, ...options }: CausalLanguageModelOptions,
  ) {
    const { architecture, storage, backend, device } = weights;
    const config = {
      ...options,
      ...lora && { lora: parseConfig(loraSchema, lora, "lora") },
      ...{ architecture, storage },
    };
    checkLanguageModel(config);
    const parameters = trainedParameters(config);
    super(backend.session(parameters, { rope: rotaryTable(config) }, device), parameters);
    this.config = config;
  }

  get #isDynamic(): boolean {
    return this.config.architecture.ropeScaling.type === "dynamic";
  }

  get #bounds(): IdBounds {
    const { architecture: { vocabularySize }, maxLength } = this.config;
    return { vocabularySize, positions: { count: maxLength, name: "maxLength" } };
  }

  /** WASM computes a sequence as far as it is trained on: padding costs it nothing, and few programs fit all batches. */
  protected override programLength(length: number): number {
    return this.weights.backend.name === "wasm" ? Math.ceil(length / 64) * 64 : length;
  }

  protected override recordTraining(tape: Tape): void {
    if (this.parameters.length === 0) {
      throw new UsageError("lora", undefined, "the model has nothing to train: give it adapters");
    }
    recordTraining(tape, this.config);
  }

  protected override checked(batch: BatchRecords, shape: BatchShape): BatchRecords {
    checkIds(batch, this.#bounds);
    return this.#isDynamic ? this.#withAngles(batch, shape) : batch;
  }

  /** The records with the rotary angles of each sequence's own length in the place of positions. */
  #withAngles(
    { positions, ...rest }: BatchRecords,
    { sequences, length }: BatchShape,
  ): BatchRecords {
    const { architecture } = this.config, { headDim } = architecture;
    const rotary = new Float32Array(sequences * length * headDim);
    const rotaryRows = new Int32Array(sequences * length);
    // Rows are counted from the first sequence of a tape: WASM's has a chunk, that of a GPU the batch.
    const together = this.weights.backend.name === "wasm" ? CHUNK : sequences;
    for (let s = 0; s < sequences; s++) {
      const own = positions!.subarray(s * length, (s + 1) * length);
      const frequencies = ropeFrequencies(architecture, maximum([...own]) + 1);
      rotary.set(rotaryAngles(frequencies, own), s * length * headDim);
      for (let t = 0; t < length; t++) rotaryRows[s * length + t] = (s % together) * length + t;
    }
    return { ...rest, rotary, rotaryRows };
  }

  /**
   * Outputs at chosen rows of any number of sequences, each (rows, width): "logits" (vocabulary size), "values" (outputs of
   * the value head), "logProbs" (2: the log-probability of the row's target, and the entropy of the distribution that it is
   * of, in nats), "hidden" (hidden size, after the final norm). Logits of all tokens of a sequence are in memory at a time:
   * prefer "logProbs" where a vocabulary is large.
   *
   * Rejects with RangeError for a row that is not there or, with "logProbs", has no target; with UsageError for "values" of a
   * model without value head.
   */
  async forward<Output extends ForwardOutput>(
    sequences: readonly Sequence[],
    rows: readonly ForwardRow[],
    outputs: readonly Output[],
  ): Promise<Record<Output, Float32Array>> {
    const widths = outputs.map((output) => [output, this.#widthOf(output)] as const);
    checkRows(sequences, rows);
    if (outputs.some((output) => output === "logProbs")) this.#checkTargets(sequences, rows);
    const out = emptyOutputs(widths, rows.length);
    const placed = rows.map((row, index) => ({ ...row, index }));
    // All passes are asked for before any is awaited: on a GPU that is one wait for all.
    await Promise.all(
      forwardPasses(sequences, placed, widths)
        .map((pass) => this.#runPass(pass, outputs, widths, out)),
    );
    return out as Record<Output, Float32Array>;
  }

  async #runPass(
    { sequences, length, rows }: ForwardPass,
    outputs: readonly ForwardOutput[],
    widths: OutputWidths,
    out: Readonly<Record<string, Float32Array>>,
  ): Promise<void> {
    const shape = { sequences: sequences.length, length }, slots = slotsOf(rows, shape);
    const keep = outputs.includes("logProbs") ? ["targets"] : [];
    const records = {
      ...this.checked(forwardRecords(sequences, length, keep), shape),
      ...slotRecords(widths, slots),
    };
    const program = this.#forwardProgram(shape, slots.used, outputs, widths);
    placeRows(out, widths, rows, slots, await program.run(records, slots.used));
  }

  #forwardProgram(
    shape: BatchShape,
    used: number,
    outputs: readonly ForwardOutput[],
    widths: OutputWidths,
  ): ForwardProgram {
    const all = shape.sequences * shape.length;
    const room = all * floatsOf(widths) <= SPARE_FLOATS
      ? all
      : Math.min(all, 2 ** Math.ceil(Math.log2(used)));
    const key = `${shape.sequences}x${shape.length}:${room}:${outputs}`;
    const record = (tape: Tape) => recordForward(tape, this.config, outputs);
    return cached(
      this.#forward,
      key,
      () => this.session.forward({ ...shape, slots: room, chunk: CHUNK }, record),
    );
  }

  #widthOf(output: ForwardOutput): number {
    const { architecture: { vocabularySize, hiddenSize }, valueHead } = this.config;
    switch (output) {
      case "logits":
        return vocabularySize;
      case "hidden":
        return hiddenSize;
      case "logProbs":
        return 2;
      case "values":
        if (!valueHead) throw new UsageError("outputs", output, "the model has no value head");
        return valueHead.outputs;
    }
  }

  #checkTargets(sequences: readonly Sequence[], rows: readonly ForwardRow[]): void {
    const { vocabularySize } = this.config.architecture;
    for (const { sequence, token } of rows) {
      const target = sequences[sequence]!.targets?.[token];
      if (Number.isInteger(target) && target! >= 0 && target! < vocabularySize) continue;
      throw new RangeError(
        `token ${token} of sequence ${sequence} has target ${target}: log-probabilities are of a target`,
      );
    }
  }

  /**
   * Responses (without the prompts) to any number of prompts; positions are 0, 1, 2, ... A response ends with its stop token
   * or the token that completes a stop text, if it has one, and depends on its prompt, the options and `row` alone.
   *
   * Rejects with UsageError for an option out of range, a text that becomes longer than `maxLength`, and with dynamic RoPE
   * than the model was trained for; with RangeError for a prompt that is empty or has unknown tokens; with Error where a token
   * cannot be chosen because logits are not finite.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import {
   *   CausalLanguageModel,
   *   PretrainedWeights,
   *   randomWeights,
   *   tinyArchitecture,
   *   WasmEngine,
   * } from "genac";
   *
   * const engine = await WasmEngine.create(), architecture = tinyArchitecture();
   * const weights = new PretrainedWeights(engine, architecture, "float32")
   *   .write(randomWeights(architecture, 1));
   * const model = new CausalLanguageModel(weights, { maxLength: 32, languageHead: true });
   * const prompts = [{ tokens: [1, 5], row: 0 }, { tokens: [1, 6, 7], row: 1 }];
   * const sampling = { temperature: 1, topP: 0.9, stop: [2], seed: 1, purpose: "example" };
   * const responses = await model.generate(prompts, { maxTokens: 8, ...sampling });
   * assert.deepEqual(await model.generate([prompts[1]!], { maxTokens: 8, ...sampling }), [responses[1]]);
   * engine.close();
   * ```
   */
  async generate(
    prompts: readonly Pick<Prompt, "tokens" | "row">[],
    { stopTexts, tokenBytes, ...options }: TextGenerateOptions,
  ): Promise<number[][]> {
    if (prompts.length === 0) return [];
    const { maxTokens, temperature, stop } = options;
    checkGenerateOptions(options, prompts, this.config.architecture.vocabularySize);
    if (stopTexts && stopTexts.length > 0 && !tokenBytes) {
      throw new UsageError("stopTexts", stopTexts.join(", "), "give tokenBytes, too");
    }
    prompts.forEach(({ tokens }, i) => this.#checkPrompt(tokens, i, maxTokens));
    if (maxTokens === 0) return prompts.map(() => []);
    const longest = maximum(prompts.map(({ tokens }) => tokens.length));
    const { program, rows } = this.#generationProgram(prompts.length, longest + maxTokens);
    const texts = stopTexts?.map((text) => new TextEncoder().encode(text));
    const settings = {
      ...options,
      purpose: purposeId(options.purpose),
      stop: { tokens: stop, ...texts && tokenBytes && { texts, bytes: tokenBytes } },
    };
    const parts: Promise<number[][]>[] = [];
    for (let start = 0; start < prompts.length; start += rows) {
      const part = prompts.slice(start, start + rows)
        .map(({ tokens, row }) => ({ prompt: tokens, maxTokens, row }));
      parts.push(program.run(part, settings));
    }
    const responses = (await Promise.all(parts)).flat();
    responses.forEach((tokens, i) => {
      const at = tokens.indexOf(NOT_FINITE);
      if (at >= 0) throw notFinite(i, at, temperature);
    });
    return responses;
  }

  #checkPrompt(tokens: readonly number[], index: number, maxTokens: number): void {
    if (tokens.length === 0) throw new RangeError(`prompt ${index} has no tokens`);
    checkIds({ tokens }, this.#bounds);
    // The last token is never fed.
    const fed = tokens.length + Math.max(0, maxTokens - 1);
    const { maxLength, architecture: { maxPositions } } = this.config;
    const refuse = (remedy: string) => {
      throw new UsageError(
        "maxTokens",
        maxTokens,
        `prompt ${index} has ${tokens.length} tokens, ${remedy}`,
      );
    };
    if (fed > maxLength) refuse(`the model's maxLength is ${maxLength}`);
    if (this.#isDynamic && fed > maxPositions) {
      refuse(`dynamic RoPE turns the keys of longer texts than ${maxPositions} tokens anew`);
    }
  }

  /** The program that generates side by side for so many prompts, at most `rows` at a time. */
  #generationProgram(
    prompts: number,
    longest: number,
  ): { program: GenerationProgram; rows: number } {
    const rows = Math.min(GENERATION_ROWS, 2 ** Math.max(2, Math.ceil(Math.log2(prompts))));
    const capacity = Math.ceil(longest / 64) * 64;
    const { architecture } = this.config;
    // Within the length that a model was trained for, dynamic RoPE is none.
    const config: LanguageModelConfig = this.#isDynamic
      ? { ...this.config, architecture: { ...architecture, ropeScaling: { type: "default" } } }
      : this.config;
    const recorder = {
      prefill: (tape: Tape, room: number) => recordPrefill(tape, config, room),
      step: (tape: Tape, room: number) => recordStep(tape, config, room),
    };
    const make = () => this.session.generation({ rows, capacity }, recorder);
    const program = cached(this.#generation, `${rows}x${capacity}`, make);
    return { program, rows };
  }
}

/** The table of rotary angles: (maxLength, headDim / 2 pairs of cosine and sine). */
function rotaryTable({ architecture, maxLength }: LanguageModelConfig): Float32Array {
  const positions = Array.from({ length: maxLength }, (_, position) => position);
  // Dynamic scaling has no table but that of generation, which does not exceed the trained length.
  return rotaryAngles(ropeFrequencies(architecture, architecture.maxPositions), positions);
}
