/** What of an architecture decides its tensors. */
export interface TensorSizes {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly tiedEmbeddings: boolean;
  readonly qkvBias: boolean;
}

/**
 * The tensors of a model by Hugging Face's names, with their shapes; matrices are (outputs, inputs), as torch.nn.Linear has
 * them.
 */
export function tensorShapes(a: TensorSizes): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  shapes.set("model.embed_tokens.weight", [a.vocabularySize, a.hiddenSize]);
  const outputs = { q: a.heads * a.headDim, k: a.kvHeads * a.headDim, v: a.kvHeads * a.headDim };
  for (let layer = 0; layer < a.layers; layer++) {
    const set = (name: string, ...shape: number[]) =>
      shapes.set(`model.layers.${layer}.${name}`, shape);
    set("input_layernorm.weight", a.hiddenSize);
    for (const [name, rows] of Object.entries(outputs)) {
      set(`self_attn.${name}_proj.weight`, rows, a.hiddenSize);
      if (a.qkvBias) set(`self_attn.${name}_proj.bias`, rows);
    }
    set("self_attn.o_proj.weight", a.hiddenSize, a.heads * a.headDim);
    set("post_attention_layernorm.weight", a.hiddenSize);
    set("mlp.gate_proj.weight", a.intermediateSize, a.hiddenSize);
    set("mlp.up_proj.weight", a.intermediateSize, a.hiddenSize);
    set("mlp.down_proj.weight", a.hiddenSize, a.intermediateSize);
  }
  shapes.set("model.norm.weight", [a.hiddenSize]);
  if (!a.tiedEmbeddings) shapes.set("lm_head.weight", [a.vocabularySize, a.hiddenSize]);
  return shapes;
}
