/**
 * A decoder of Llama's kind as programs: token embedding; per layer RMSNorm, grouped-query attention with rotary positions,
 * RMSNorm, SwiGLU; final RMSNorm; the output layer and/or a value head. reference.ts is the same in plain loops.
 */
import { collect, linear, valueLoss } from "../nn/operations.ts";
import type { Buffer, Tape } from "../tensor/tape.ts";
import {
  EMBEDDING,
  frozenWeights,
  type LanguageModelConfig,
  outputName,
  type Projection,
  projectionName,
  trainedParameters,
} from "./config.ts";
import {
  addBias,
  addLinear,
  frozenEmbedding,
  frozenLinear,
  frozenRmsNorm,
  groupedAttention,
  groupedAttentionDecode,
  type HeadShape,
  keepKeysAndValues,
  type Projected,
  ropeHalves,
  type RotaryTable,
  sampleAt,
  scale,
  swiglu,
  vocabularyLogProbs,
  vocabularyLoss,
} from "./operations.ts";

/** How the tokens of a sequence are mixed in layer `layer`. */
type Mixer = (projected: Projected, layer: number) => Buffer;

/** A decoder's weights on a tape. */
class Decoder {
  readonly #frozen: ReadonlyMap<string, Buffer>;
  readonly #trained: ReadonlyMap<string, Buffer>;

  constructor(readonly tape: Tape, readonly config: LanguageModelConfig) {
    this.#frozen = new Map(frozenWeights(config).map((w) => [w.name, tape.frozen(w)]));
    this.#trained = new Map(trainedParameters(config).map((p) => [p.name, tape.parameter(p)]));
  }

  get shape(): HeadShape {
    const { heads, kvHeads, headDim } = this.config.architecture;
    return { heads, kvHeads, headDim };
  }

  /** The output layer, (hiddenSize, vocabularySize). */
  get output(): Buffer {
    return this.#weight(outputName(this.config.architecture));
  }

  #weight(name: string): Buffer {
    return this.#frozen.get(name)!;
  }

  /** x W, plus bias and adapter as far as there are, plus a residual. */
  #project(x: Buffer, layer: number, projection: Projection, residual?: Buffer): Buffer {
    const { tape, config: { lora } } = this;
    const name = projectionName(layer, projection);
    const y = frozenLinear(tape, x, this.#weight(`${name}.weight`), residual);
    const bias = this.#frozen.get(`${name}.bias`);
    if (bias) addBias(tape, y, bias);
    const down = this.#trained.get(`${name}.lora_A.weight`);
    if (lora && down) {
      const inner = linear(tape, x, down);
      scale(tape, inner, lora.alpha / lora.rank);
      addLinear(tape, y, inner, this.#trained.get(`${name}.lora_B.weight`)!);
    }
    return y;
  }

  #layer(x: Buffer, layer: number, rotary: RotaryTable, mix: Mixer): Buffer {
    const { tape, config: { architecture: { headDim, normEpsilon } } } = this;
    const norm = (x: Buffer, name: string) =>
      frozenRmsNorm(tape, x, this.#weight(`model.layers.${layer}.${name}.weight`), normEpsilon);
    const first = norm(x, "input_layernorm");
    const q = this.#project(first, layer, "q_proj");
    const k = this.#project(first, layer, "k_proj");
    const v = this.#project(first, layer, "v_proj");
    ropeHalves(tape, q, headDim, rotary);
    ropeHalves(tape, k, headDim, rotary);
    x = this.#project(mix({ q, k, v }, layer), layer, "o_proj", x);
    const second = norm(x, "post_attention_layernorm");
    const gate = this.#project(second, layer, "gate_proj");
    const up = this.#project(second, layer, "up_proj");
    return this.#project(swiglu(tape, gate, up), layer, "down_proj", x);
  }

  /** Hidden states (rows, hiddenSize) after the final norm. */
  hidden(mix: Mixer): Buffer {
    const { tape, config: { architecture, checkpointing } } = this;
    const rotary = rotaryTable(tape, this.config);
    let x = frozenEmbedding(tape, tape.batch("tokens"), this.#weight(EMBEDDING));
    for (let layer = 0; layer < architecture.layers; layer++) {
      const body = (x: Buffer) => this.#layer(x, layer, rotary, mix);
      x = checkpointing ? tape.checkpoint(x, body) : body(x);
    }
    return frozenRmsNorm(tape, x, this.#weight("model.norm.weight"), architecture.normEpsilon);
  }

  /** Hidden states of whole sequences. */
  sequences(): Buffer {
    return this.hidden((projected) => groupedAttention(this.tape, projected, this.shape));
  }

  /** Values (rows, outputs padded to 16) of hidden states. */
  values(h: Buffer): Buffer {
    const values = linear(this.tape, h, this.#trained.get("score.weight")!);
    addBias(this.tape, values, this.#trained.get("score.bias")!);
    return values;
  }
}

/**
 * Where the rotary angles of a batch are: in the model's table, or in a record of the batch where they depend on its length
 * (dynamic scaling).
 */
function rotaryTable(tape: Tape, { architecture, maxLength }: LanguageModelConfig): RotaryTable {
  const { headDim, ropeScaling } = architecture;
  return ropeScaling.type === "dynamic"
    ? { positions: tape.batch("rotaryRows"), table: tape.batch("rotary", headDim) }
    : { positions: tape.batch("positions"), table: tape.constant("rope", maxLength, headDim) };
}

/** Records forward and backward passes of the losses. */
export function recordTraining(tape: Tape, config: LanguageModelConfig): void {
  const decoder = new Decoder(tape, config), h = decoder.sequences();
  const { lora, languageHead, valueHead, architecture: { vocabularySize } } = config;
  if (!lora) tape.detach();
  if (valueHead) valueLoss(tape, decoder.values(h), valueHead.loss, valueHead.outputs);
  // Last, so that its gradient is the first to reach the hidden states.
  if (languageHead) vocabularyLoss(tape, h, decoder.output, vocabularySize);
  tape.backward();
}

/** What a forward pass can collect of chosen rows. */
export type ForwardOutput =
  /** (vocabularySize): of the output layer. */
  | "logits"
  /** (outputs): of the value head. */
  | "values"
  /** (2): the log-probability of the row's target, and the entropy of its distribution, in nats. */
  | "logProbs"
  /** (hiddenSize): after the final norm. */
  | "hidden";

/** Records a forward pass that collects chosen outputs of chosen rows. */
export function recordForward(
  tape: Tape,
  config: LanguageModelConfig,
  outputs: readonly ForwardOutput[],
): void {
  const decoder = new Decoder(tape, config), h = decoder.sequences();
  const { valueHead, architecture: { vocabularySize, hiddenSize } } = config;
  for (const output of outputs) {
    switch (output) {
      case "logits":
        collect(tape, frozenLinear(tape, h, decoder.output), output, vocabularySize);
        break;
      case "values":
        collect(tape, decoder.values(h), output, valueHead!.outputs);
        break;
      case "logProbs":
        collect(tape, vocabularyLogProbs(tape, h, decoder.output, vocabularySize), output, 2);
        break;
      case "hidden":
        collect(tape, h, output, hiddenSize);
        break;
    }
  }
}

/** Records the reading of a whole prompt into the cache of one row. */
export function recordPrefill(tape: Tape, config: LanguageModelConfig, capacity: number): void {
  const decoder = new Decoder(tape, config);
  decoder.hidden((projected, layer) => {
    const label = cacheLabel(layer);
    keepKeysAndValues(tape, projected, decoder.shape, { label, capacity });
    return groupedAttention(tape, projected, decoder.shape);
  });
}

/** Records one step of generation: a token a row in, the next token out. */
export function recordStep(tape: Tape, config: LanguageModelConfig, capacity: number): void {
  const decoder = new Decoder(tape, config);
  const h = decoder.hidden((projected, layer) => {
    const cache = { label: cacheLabel(layer), capacity };
    return groupedAttentionDecode(tape, projected, decoder.shape, cache);
  });
  sampleAt(tape, frozenLinear(tape, h, decoder.output), config.architecture.vocabularySize);
}

function cacheLabel(layer: number): string {
  return `model.layers.${layer}.cache`;
}
