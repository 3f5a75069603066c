import { arceeConfig } from "./arcee.ts";
import type { ExportedModel } from "./exported_model.ts";
import { jsonFile } from "./export_folder.ts";

/**
 * config.json and, of a language model, generation_config.json, as transformers and its JavaScript read them. Throws UsageError
 * as `checkArcee`.
 */
export function configFiles<State>(
  { model: { config }, environment: { vocabulary }, definition }: ExportedModel<State>,
): Record<string, Uint8Array> {
  const ids = {
    bos_token_id: null,
    // A critic's response ends with its value; an actor's where its problem ends.
    eos_token_id: definition && config.languageHead ? vocabulary.values : null,
    pad_token_id: vocabulary.pad,
  };
  const sampling = definition
    ? { do_sample: false }
    // An actor's policy is its softmax, nothing cut off.
    : { do_sample: true, temperature: 1, top_k: 0, top_p: 1 };
  return {
    "config.json": jsonFile({ ...arceeConfig(config), ...ids }),
    ...config.languageHead && { "generation_config.json": jsonFile({ ...ids, ...sampling }) },
  };
}
