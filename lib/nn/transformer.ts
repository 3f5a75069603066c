/**
 * Decoder-only pre-norm transformer: token embedding; per layer RMSNorm, causal attention with (partial)
 * rotary positions, RMSNorm, GELU MLP; final RMSNorm; an untied language-model head and/or a value head. No
 * biases, no dropout. Two variants compute serially without writing tokens: a gated recurrent unit in the place of
 * attention, and the whole stack of layers applied several times with the same weights (looped transformer).
 * reference.ts is the same in plain loops.
 */
import { UsageError } from "../errors.ts";
import { cos, exp, log, sin } from "../numeric/math.ts";
import type { Buffer, Parameter, Tape } from "../tensor/tape.ts";
import {
  attention,
  attentionDecode,
  type AttentionShape,
  collect,
  crossEntropy,
  embedding,
  gelu,
  gru,
  linear,
  rmsNorm,
  rope,
  sample,
  valueLoss,
} from "./operations.ts";

/** How a value head is trained. */
export interface ValueHead {
  /** "squared_error": `outputs` scalars; "soft_cross_entropy": logits of a distribution over `outputs` bins. */
  readonly loss: "squared_error" | "soft_cross_entropy";
  /** Number of outputs, >= 1. */
  readonly outputs: number;
}

/** What mixes the tokens of a sequence in a layer. */
export type Mixer = "attention" | "gru";

/** Architecture of a transformer. */
export interface TransformerConfig {
  /** Number of tokens. */
  readonly vocabularySize: number;
  /** Width of the residual stream: a multiple of 16. */
  readonly dModel: number;
  /** Number of layers. */
  readonly layers: number;
  /** Width of a head: a multiple of 16 that divides dModel. */
  readonly headDim: number;
  /** Rotated dimensions of each head: 8 or a multiple of 16, at most headDim. */
  readonly rotaryDim: number;
  /** Base of the rotary frequencies. */
  readonly ropeBase: number;
  /** Number of position ids. */
  readonly maxPosition: number;
  /** Width of the MLP over dModel. */
  readonly mlpRatio: number;
  /** How often the stack of layers is applied, with the same weights (Dehghani et al. 2019). Default 1. */
  readonly loops?: number;
  /** "gru": a gated recurrent unit of width dModel replaces attention; it knows no position ids. Default "attention". */
  readonly mixer?: Mixer;
  /** Whether there is a language-model head. */
  readonly languageHead: boolean;
  /** The value head, if any. */
  readonly valueHead?: ValueHead;
}

/** Throws UsageError if the architecture is not one that the kernels can run. */
export function checkTransformer(c: TransformerConfig): void {
  const whole = (name: keyof TransformerConfig, step: number) => {
    const value = c[name] as number;
    if (!Number.isInteger(value) || value < 1 || value % step !== 0) {
      throw new UsageError(
        name,
        value,
        step === 1 ? "give a positive integer" : `give a multiple of ${step}`,
      );
    }
  };
  whole("vocabularySize", 1);
  whole("dModel", 16);
  whole("layers", 1);
  whole("headDim", 16);
  whole("rotaryDim", c.rotaryDim === 8 ? 8 : 16);
  whole("maxPosition", 1);
  whole("mlpRatio", 1);
  if (c.loops !== undefined) whole("loops", 1);
  if (c.mixer !== undefined && c.mixer !== "attention" && c.mixer !== "gru") {
    throw new UsageError("mixer", c.mixer, 'give "attention" or "gru"');
  }
  if (!(c.ropeBase > 0) || !Number.isFinite(c.ropeBase)) {
    throw new UsageError("ropeBase", c.ropeBase, "give a positive number");
  }
  const outputs = c.valueHead?.outputs ?? 1;
  if (!Number.isInteger(outputs) || outputs < 1) {
    throw new UsageError("valueHead.outputs", outputs, "give a positive integer");
  }
  if (!c.languageHead && !c.valueHead) {
    throw new UsageError("languageHead", false, "give the model this head or a value head");
  }
  if (c.dModel % c.headDim !== 0) {
    throw new UsageError("headDim", c.headDim, `give a divisor of dModel (${c.dModel})`);
  }
  if (c.rotaryDim > c.headDim) {
    throw new UsageError("rotaryDim", c.rotaryDim, `give at most headDim (${c.headDim})`);
  }
}

/** The weights of a transformer, in checkpoint order: those with weight decay first. */
export function transformerParameters(c: TransformerConfig): Parameter[] {
  const d = c.dModel, inner = d * c.mlpRatio;
  // Fan-in initialisation; what writes to the residual stream is scaled by its depth (GPT-2).
  const std = (fanIn: number) => Math.sqrt(1 / fanIn);
  const depth = Math.sqrt(1 / (2 * c.layers * (c.loops ?? 1)));
  const matrix = (name: string, rows: number, cols: number, init: number) => ({
    name,
    rows,
    cols,
    init,
    decay: true,
  });
  const gain = (name: string): Parameter => ({
    name,
    rows: 1,
    cols: d,
    init: "ones",
    decay: false,
  });
  const matrices = [matrix("embedding", c.vocabularySize, d, 1)];
  const gains: Parameter[] = [];
  for (let l = 0; l < c.layers; l++) {
    matrices.push(
      ...c.mixer === "gru"
        ? ["input", "recurrent"].map((name) => matrix(`layers.${l}.${name}`, d, 3 * d, std(d)))
        : [matrix(`layers.${l}.qkv`, d, 3 * d, std(d))],
      matrix(`layers.${l}.out`, d, d, std(d) * depth),
      matrix(`layers.${l}.up`, d, inner, std(d)),
      matrix(`layers.${l}.down`, inner, d, std(inner) * depth),
    );
    gains.push(gain(`layers.${l}.norm1`), gain(`layers.${l}.norm2`));
  }
  if (c.languageHead) matrices.push(matrix("head", d, c.vocabularySize, std(d)));
  if (c.valueHead) matrices.push(matrix("value_head", d, c.valueHead.outputs, 0.1 * std(d)));
  return [...matrices, ...gains, gain("norm")];
}

/** Hidden states (rows, dModel) after the final norm. `decode` switches to one token a row with a cache. */
function trunk(tape: Tape, c: TransformerConfig, decode?: { capacity: number }): Buffer {
  const weights = new Map(transformerParameters(c).map((p) => [p.name, tape.parameter(p)]));
  const w = (name: string) => weights.get(name)!;
  // A batch has position ids, whether a mixer reads them or not.
  const tokens = tape.batch("tokens"), positions = tape.batch("positions");
  const shape: AttentionShape = {
    heads: c.dModel / c.headDim,
    headDim: c.headDim,
    rotaryDim: c.rotaryDim,
    maxPosition: c.maxPosition,
  };
  const mix = (x: Buffer, loop: number, l: number) => {
    if (c.mixer === "gru") {
      return gru(tape, linear(tape, x, w(`layers.${l}.input`)), w(`layers.${l}.recurrent`));
    }
    const qkv = linear(tape, x, w(`layers.${l}.qkv`));
    rope(tape, qkv, positions, shape);
    return decode
      ? attentionDecode(tape, qkv, shape, `loops.${loop}.layers.${l}.cache`, decode.capacity)
      : attention(tape, qkv, shape);
  };
  let x = embedding(tape, tokens, w("embedding"));
  for (let loop = 0; loop < (c.loops ?? 1); loop++) {
    for (let l = 0; l < c.layers; l++) {
      const o = mix(rmsNorm(tape, x, w(`layers.${l}.norm1`)), loop, l);
      x = linear(tape, o, w(`layers.${l}.out`), x);
      const u = linear(tape, rmsNorm(tape, x, w(`layers.${l}.norm2`)), w(`layers.${l}.up`));
      x = linear(tape, gelu(tape, u), w(`layers.${l}.down`), x);
    }
  }
  return rmsNorm(tape, x, w("norm"));
}

function heads(tape: Tape, c: TransformerConfig, x: Buffer) {
  const parameters = transformerParameters(c);
  const head = (name: string) =>
    linear(tape, x, tape.parameter(parameters.find((p) => p.name === name)!));
  return {
    logits: c.languageHead ? head("head") : undefined,
    values: c.valueHead ? head("value_head") : undefined,
  };
}

/** Records forward and backward passes of the losses on a training tape. */
export function recordTraining(tape: Tape, c: TransformerConfig): void {
  const { logits, values } = heads(tape, c, trunk(tape, c));
  if (logits) crossEntropy(tape, logits, c.vocabularySize);
  if (values) valueLoss(tape, values, c.valueHead!.loss, c.valueHead!.outputs);
  tape.backward();
}

/** Records a forward pass that collects logits and value outputs of chosen rows. */
export function recordForward(tape: Tape, c: TransformerConfig): void {
  const { logits, values } = heads(tape, c, trunk(tape, c));
  if (logits) collect(tape, logits, "logits", c.vocabularySize);
  if (values) collect(tape, values, "values", c.valueHead!.outputs);
}

/** Records one decoding step: a token a row in, the next token out. Throws UsageError for a GRU. */
export function recordDecoding(tape: Tape, c: TransformerConfig, capacity: number): void {
  if (c.mixer === "gru") {
    throw new UsageError("mixer", c.mixer, 'generation needs a KV cache: use "attention"');
  }
  const { valueHead: _, ...actor } = c;
  const { logits } = heads(tape, actor, trunk(tape, c, { capacity }));
  if (!logits) throw new Error("decoding needs a language-model head: set languageHead");
  sample(tape, logits, c.vocabularySize);
}

/** The table that `rope` reads: cosine and sine of position * ropeBase^(-2 i / rotaryDim), (maxPosition, rotaryDim / 2, 2). */
export function rotaryTable({ maxPosition, rotaryDim, ropeBase }: TransformerConfig): Float32Array {
  const table = new Float32Array(maxPosition * rotaryDim);
  const scale = log(ropeBase);
  for (let p = 0, k = 0; p < maxPosition; p++) {
    for (let i = 0; i < rotaryDim / 2; i++) {
      const angle = p * exp(-2 * i / rotaryDim * scale);
      table[k++] = cos(angle);
      table[k++] = sin(angle);
    }
  }
  return table;
}
