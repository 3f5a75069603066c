/** What tests of models with words share. */
import {
  CausalLanguageModel,
  type CausalLanguageModelOptions,
} from "../language_model/causal_language_model.ts";
import { type PretrainedWeights, randomWeights } from "../language_model/pretrained_weights.ts";
import { tensorShapes } from "../language_model/tensor_shapes.ts";
import { tinyArchitecture } from "../language_model/tiny_architecture.ts";
import { configOfArchitecture } from "../pretrained/config_of_architecture.ts";
import { byteTokenizerFiles } from "../rollouts/testdata/byte_tokenizer.ts";
import { writeSafetensors } from "../run/safetensors.ts";

/** A model with adapters of rank 16. */
export function byteModel(
  weights: PretrainedWeights,
  heads: Pick<CausalLanguageModelOptions, "languageHead" | "valueHead">,
): CausalLanguageModel {
  return new CausalLanguageModel(weights, {
    maxLength: 512,
    lora: { rank: 16, alpha: 32 },
    ...heads,
  }).initialize(1);
}

/** What writes these texts, whatever it is asked, one after the other. */
export function writing(texts: readonly string[]): CausalLanguageModel {
  const generate = (prompts: readonly unknown[]) =>
    Promise.resolve(
      prompts.map((_, i) => [...new TextEncoder().encode(texts[i % texts.length]!)]),
    );
  const fake = { generate, config: { architecture: { eosTokenIds: [] } } };
  return fake as unknown as CausalLanguageModel;
}

/** The token that ends a text of `modelFiles`. */
export const END = 259;

/**
 * A Hugging Face folder's files: a tiny model with random weights, and a tokenizer whose tokens are bytes, 260 of them.
 *
 * @param vocabularySize The model's.
 */
export function modelFiles(vocabularySize = 272): Record<string, Uint8Array | string> {
  const architecture = tinyArchitecture({
    vocabularySize,
    maxPositions: 1024,
    eosTokenIds: [Math.min(END, vocabularySize - 1)],
  });
  const read = randomWeights(architecture, 1);
  const tensors = [...tensorShapes(architecture)]
    .map(([name, shape]) => [name, { shape, data: read(name) }] as const);
  return {
    "config.json": JSON.stringify(configOfArchitecture(architecture, "F32")),
    "model.safetensors": writeSafetensors(tensors, {}),
    ...Object.fromEntries(
      Object.entries(byteTokenizerFiles()).map(([name, file]) => [name, JSON.stringify(file)]),
    ),
  };
}
