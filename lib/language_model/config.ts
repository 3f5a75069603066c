import type { ValueHead } from "../nn/transformer.ts";
import type { FrozenWeight, Parameter, WeightStorage } from "../tensor/tape.ts";
import type { Architecture } from "./architecture.ts";
import { tensorShapes } from "./tensor_shapes.ts";

/** The projections of a layer, by the last part of Hugging Face's names: what LoRA can adapt. */
export const PROJECTIONS = {
  q_proj: "self_attn.q_proj",
  k_proj: "self_attn.k_proj",
  v_proj: "self_attn.v_proj",
  o_proj: "self_attn.o_proj",
  gate_proj: "mlp.gate_proj",
  up_proj: "mlp.up_proj",
  down_proj: "mlp.down_proj",
} as const;
/** A projection of a layer. */
export type Projection = keyof typeof PROJECTIONS;

const NAMES = Object.keys(PROJECTIONS) as Projection[];

/** Low-rank adaptation; see `loraSchema`. */
export interface Lora {
  readonly rank: number;
  readonly alpha: number;
  readonly targetModules: Projection[];
}

/** A language model: what it computes, how its weights are stored, and what is trained on top of them. */
export interface LanguageModelConfig {
  readonly architecture: Architecture;
  /** How the pretrained weights are stored; norms and biases are float32 always. Results depend on it. */
  readonly storage: WeightStorage;
  /** Tokens of the longest sequence. */
  readonly maxLength: number;
  /** Without it the layers are not trained. */
  readonly lora?: Lora;
  /** Whether a loss or generation reads the output layer. */
  readonly languageHead: boolean;
  /** A linear layer with bias on the last hidden states, `score` of Hugging Face's token classifiers. */
  readonly valueHead?: ValueHead;
  /** Whether each layer is computed again in the backward pass: less memory, a third more time. Default false. */
  readonly checkpointing?: boolean;
}

/** Name of the embedding, which is the output layer too where the two are tied. */
export const EMBEDDING = "model.embed_tokens.weight";

/** Name of the output layer's weight. */
export function outputName({ tiedEmbeddings }: Architecture): string {
  return tiedEmbeddings ? EMBEDDING : "lm_head.weight";
}

/** The pretrained weights by Hugging Face's names; matrices are transposed, (in, out). */
export function frozenWeights(
  { architecture, storage }: Pick<LanguageModelConfig, "architecture" | "storage">,
): FrozenWeight[] {
  return [...tensorShapes(architecture)].map(([name, [outputs, inputs]]) =>
    inputs === undefined
      ? { name, rows: 1, cols: outputs!, storage: "float32" }
      : { name, rows: inputs, cols: outputs!, storage }
  );
}

/** What is trained, in checkpoint order, by PEFT's names without their prefix; matrices are transposed, (in, out). */
export function trainedParameters(
  { architecture, lora, valueHead }: Pick<
    LanguageModelConfig,
    "architecture" | "lora" | "valueHead"
  >,
): Parameter[] {
  const shapes = tensorShapes(architecture);
  const parameters: Parameter[] = [];
  for (let layer = 0; lora && layer < architecture.layers; layer++) {
    for (const target of NAMES.filter((name) => lora.targetModules.includes(name))) {
      const name = projectionName(layer, target);
      const [outputs, inputs] = shapes.get(`${name}.weight`)!;
      // The variance of PEFT's uniform numbers; B is 0 at first, so that training starts from the pretrained model.
      const down = { rows: inputs!, cols: lora.rank, init: Math.sqrt(1 / (3 * inputs!)) };
      const up = { rows: lora.rank, cols: outputs!, init: 0, padRows: true };
      parameters.push(
        { name: `${name}.lora_A.weight`, ...down, decay: true },
        { name: `${name}.lora_B.weight`, ...up, decay: true },
      );
    }
  }
  if (valueHead) {
    const { hiddenSize } = architecture, cols = valueHead.outputs;
    parameters.push(
      { name: "score.weight", rows: hiddenSize, cols, init: 0.02, decay: true },
      { name: "score.bias", rows: 1, cols, init: 0, decay: false },
    );
  }
  return parameters;
}

/** Hugging Face's name of a layer's projection, without `.weight`. */
export function projectionName(layer: number, projection: Projection): string {
  return `model.layers.${layer}.${PROJECTIONS[projection]}`;
}
