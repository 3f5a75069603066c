/**
 * The kit's transformer as Hugging Face's Arcee (transformers, models/arcee): the same computation, with matrices
 * transposed and the dimensions of queries and keys in another order.
 */
import { UsageError } from "../errors.ts";
import type { NamedTensor } from "../nn/model.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import { pow } from "../numeric/math.ts";
import { sliceColumns, transpose } from "./matrices.ts";
import { layHeads, rotaryLayout } from "./rotary_layout.ts";

/** The release of transformers that a test compares with; earlier than 5 it has no "proportional" positions. */
export const TRANSFORMERS_VERSION = "5.24.0";

/** Whether transformers has a class for the architecture. */
export function hasArcee({ mixer, loops = 1 }: TransformerConfig): boolean {
  return mixer !== "gru" && loops === 1;
}

/** Throws UsageError for an architecture that transformers has no class for. */
export function checkArcee(config: TransformerConfig): void {
  if (hasArcee(config)) return;
  const { mixer, loops } = config, remedy = "transformers has no class for it: export it to ONNX";
  if (mixer === "gru") throw new UsageError("mixer", mixer, remedy);
  throw new UsageError("loops", loops, remedy);
}

/** The classes that load the model, the language head's first. */
function arceeClasses({ languageHead, valueHead }: TransformerConfig): string[] {
  return [
    ...languageHead ? ["ArceeForCausalLM"] : [],
    ...valueHead ? ["ArceeForTokenClassification"] : [],
  ];
}

/** What config.json holds, but for the tokens' ids. Throws UsageError as `checkArcee`. */
export function arceeConfig(c: TransformerConfig): Record<string, unknown> {
  checkArcee(c);
  const heads = c.dModel / c.headDim, outputs = c.valueHead?.outputs;
  const labels = Array.from({ length: outputs ?? 0 }, (_, k) => labelOf(k, outputs!));
  return {
    model_type: "arcee",
    architectures: arceeClasses(c),
    transformers_version: TRANSFORMERS_VERSION,
    dtype: "float32",
    vocab_size: c.vocabularySize,
    hidden_size: c.dModel,
    intermediate_size: c.dModel * c.mlpRatio,
    num_hidden_layers: c.layers,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    head_dim: c.headDim,
    hidden_act: "gelu_pytorch_tanh",
    max_position_embeddings: c.maxPosition,
    rms_norm_eps: 1e-5,
    rope_parameters: {
      rope_type: "proportional",
      partial_rotary_factor: c.rotaryDim / c.headDim,
      // Theirs falls over the whole head, the kit's over what it rotates.
      rope_theta: pow(c.ropeBase, c.headDim / c.rotaryDim),
    },
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: false,
    ...outputs !== undefined && {
      id2label: Object.fromEntries(labels.map((label, k) => [k, label])),
      label2id: Object.fromEntries(labels.map((label, k) => [label, k])),
      classifier_dropout: 0,
    },
  };
}

/** Of one scalar, "value"; of the bins of [0, 1] their centres. */
function labelOf(k: number, outputs: number): string {
  return outputs === 1 ? "value" : `value ${((k + 0.5) / outputs).toFixed(4)}`;
}

/** What model.safetensors holds: a tensor for each parameter of the classes. Throws UsageError as `checkArcee`. */
export function arceeTensors(
  c: TransformerConfig,
  weights: Readonly<Record<string, NamedTensor>>,
): [string, NamedTensor][] {
  checkArcee(c);
  const d = c.dModel, layout = rotaryLayout(c, c.headDim / 2);
  const vector = (name: string): NamedTensor => weights[name]!;
  /** A layer of torch, whose matrix is (outputs, inputs). */
  const linear = (name: string): NamedTensor => {
    const { shape, data } = weights[name]!, [rows, columns] = shape as [number, number];
    return { shape: [columns, rows], data: transpose(data, columns) };
  };
  const projection = (name: string, part: 0 | 1 | 2): NamedTensor => {
    const own = sliceColumns(weights[name]!.data, 3 * d, part * d, (part + 1) * d);
    const laid = part === 2 ? own : layHeads(own, d, layout);
    return { shape: [d, d], data: transpose(laid, d) };
  };
  const layers = Array.from({ length: c.layers }, (_, l) => {
    const own = `layers.${l}.`, theirs = `model.layers.${l}.`;
    return [
      [`${theirs}input_layernorm.weight`, vector(`${own}norm1`)],
      [`${theirs}self_attn.q_proj.weight`, projection(`${own}qkv`, 0)],
      [`${theirs}self_attn.k_proj.weight`, projection(`${own}qkv`, 1)],
      [`${theirs}self_attn.v_proj.weight`, projection(`${own}qkv`, 2)],
      [`${theirs}self_attn.o_proj.weight`, linear(`${own}out`)],
      [`${theirs}post_attention_layernorm.weight`, vector(`${own}norm2`)],
      [`${theirs}mlp.up_proj.weight`, linear(`${own}up`)],
      [`${theirs}mlp.down_proj.weight`, linear(`${own}down`)],
    ] as [string, NamedTensor][];
  });
  const outputs = c.valueHead?.outputs;
  return [
    ["model.embed_tokens.weight", vector("embedding")],
    ...layers.flat(),
    ["model.norm.weight", vector("norm")],
    ...c.languageHead ? [["lm_head.weight", linear("head")] as const] : [],
    ...outputs !== undefined
      ? [
        ["score.weight", linear("value_head")] as const,
        ["score.bias", { shape: [outputs], data: new Float32Array(outputs) }] as const,
      ]
      : [],
  ] as [string, NamedTensor][];
}
