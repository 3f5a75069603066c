import type { TransformerConfig } from "../nn/transformer.ts";
import { writeSafetensors } from "../run/safetensors.ts";
import { arceeTensors, checkArcee, TRANSFORMERS_VERSION } from "./arcee.ts";
import { configFiles } from "./config_files.ts";
import type { ExportedModel, Origin } from "./exported_model.ts";
import { checkIsNew, jsonFile, textFile, writeExport } from "./export_folder.ts";
import { modelCard, modelFacts } from "./model_card.ts";
import { tokenizerFiles } from "./tokenizer.ts";

/**
 * Writes a trained critic or actor as a folder that Hugging Face's transformers loads: `ArceeForCausalLM` for its language
 * head, `ArceeForTokenClassification` (`score`) for its value head, both from one folder where it has both. Logits are the
 * kit's up to float32's rounding. The folder holds model.safetensors, config.json, generation_config.json, the environment's
 * vocabulary as tokenizer.json, and README.md: what it is and Python that asks it.
 *
 * @param folder Created; must not exist.
 * @param origin Which training made it, for README.md.
 * @throws UsageError for a GRU and a looped transformer, for which transformers has no class, and for a folder that exists.
 */
export async function exportHuggingFace<State>(
  exported: ExportedModel<State>,
  folder: string,
  origin?: Origin,
): Promise<void> {
  const { model, environment, definition } = exported, { config } = model;
  checkArcee(config);
  checkIsNew(folder);
  const weights = await model.tensors();
  const facts = await modelFacts(exported, origin);
  const card = modelCard({
    ...facts,
    python: pythonRun(config),
    encode: "tokenizer.encode(prompt)",
    packages: `transformers ${TRANSFORMERS_VERSION} or newer, torch`,
    limits: limitsOf(config, definition?.after === "nothing"),
  });
  writeExport(folder, {
    ...configFiles(exported),
    "model.safetensors": writeSafetensors(arceeTensors(config, weights), {
      format: "pt",
      "genac.parameters": facts.digest,
    }),
    ...Object.fromEntries(
      Object.entries(tokenizerFiles(environment.vocabulary, config.maxPosition))
        .map(([name, content]) => [name, jsonFile(content)]),
    ),
    "README.md": textFile(card),
  });
}

/** Python that loads the classes and defines `run`. */
function pythonRun({ languageHead, valueHead }: TransformerConfig): string {
  const models = [
    ...languageHead ? [["logits", "AutoModelForCausalLM"] as const] : [],
    ...valueHead ? [["values", "AutoModelForTokenClassification"] as const] : [],
  ];
  return [
    ...valueHead?.loss === "soft_cross_entropy" ? ["import numpy"] : [],
    "import torch",
    `from transformers import ${models.map(([, name]) => name).join(", ")}, AutoTokenizer`,
    "",
    'tokenizer = AutoTokenizer.from_pretrained(".")',
    "models = {",
    ...models.map(([head, name]) => `    "${head}": ${name}.from_pretrained(".").eval(),`),
    "}",
    "",
    "",
    "@torch.no_grad()",
    "def run(tokens):",
    "    inputs = {",
    '        "input_ids": torch.tensor([tokens]),',
    '        "position_ids": torch.tensor([positions[: len(tokens)]]),',
    "        # Without it, and without a cache, jumping positions are taken for several texts in a row.",
    '        "attention_mask": torch.ones(1, len(tokens), dtype=torch.long),',
    "    }",
    "    return {head: model(**inputs).logits[0, -1].numpy() for head, model in models.items()}",
  ].join("\n");
}

/** @param counts Whether position ids count from 0, as servers have them. */
function limitsOf(
  { languageHead, valueHead, headDim }: TransformerConfig,
  counts: boolean,
): string[] {
  return [
    ...counts ? [] : [
      "Position ids that jump can be given to `model(input_ids, position_ids=...)` only: `generate`, vLLM and llama.cpp count " +
      "from 0 and would be wrong without saying so.",
    ],
    ...languageHead && valueHead
      ? [
        "It has two heads and transformers no class with both: either class says that the other's weights are not used.",
      ]
      : [],
    ...headDim === 16
      ? ["vLLM (0.32, CPU) has no attention kernel for heads of 16 dimensions."]
      : [],
    "Logits are the kit's up to rounding in float32: about 1e-6 of the largest.",
  ];
}
