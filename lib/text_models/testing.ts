/** What tests of models with words share. */
import {
  CausalLanguageModel,
  type CausalLanguageModelOptions,
} from "../language_model/causal_language_model.ts";
import type { PretrainedWeights } from "../language_model/pretrained_weights.ts";

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
