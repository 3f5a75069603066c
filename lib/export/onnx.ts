import type { TransformerConfig } from "../nn/transformer.ts";
import { hasArcee } from "./arcee.ts";
import { configFiles } from "./config_files.ts";
import type { ExportedModel, Origin } from "./exported_model.ts";
import { checkIsNew, jsonFile, textFile, writeExport } from "./export_folder.ts";
import { modelCard, modelFacts } from "./model_card.ts";
import { onnxGraph, type OnnxGraphOptions } from "./onnx_graph.ts";
import { writeOnnx } from "./onnx_writer.ts";
import { tokenizerFiles } from "./tokenizer.ts";

/** How a model is exported to ONNX. */
export interface OnnxExportOptions extends OnnxGraphOptions {
  /** Which training made it, for README.md. */
  readonly origin?: Origin;
}

/**
 * Writes a trained critic or actor as model.onnx (opset 23, float32), with the environment's vocabulary as tokenizer.json,
 * transformers' config.json where that has a class, and README.md: what it is and Python that asks it. Inputs are `input_ids`
 * and `position_ids`, int64 (batch, length); outputs `logits` and `values`, as far as it has the heads, of all tokens. Rows
 * shorter than the batch are filled up at their ends. With a cache: see `OnnxGraphOptions`. GRUs and looped transformers, too.
 *
 * @param folder Created; must not exist.
 * @throws UsageError for a cache of a GRU, and for a folder that exists.
 */
export async function exportOnnx<State>(
  exported: ExportedModel<State>,
  folder: string,
  { cache = false, origin }: OnnxExportOptions = {},
): Promise<void> {
  checkIsNew(folder);
  const { model, environment, definition } = exported, { config } = model;
  const graph = onnxGraph(config, await model.tensors(), { cache });
  const facts = await modelFacts(exported, origin);
  const card = modelCard({
    ...facts,
    python: pythonRun(cache),
    encode: "tokenizer.encode(prompt).ids",
    packages: "onnxruntime, tokenizers, numpy",
    limits: limitsOf(config, cache),
  });
  writeExport(folder, {
    "model.onnx": writeOnnx({
      name: `${definition?.name ?? "actor"} of ${environment.name}`,
      ...graph,
      producer: "GenAC Kit",
      metadata: {
        "genac.parameters": facts.digest,
        "genac.environment": JSON.stringify({ name: environment.name, config: environment.config }),
      },
    }),
    ...hasArcee(config) && configFiles(exported),
    ...Object.fromEntries(
      Object.entries(tokenizerFiles(environment.vocabulary, config.maxPosition))
        .map(([name, content]) => [name, jsonFile(content)]),
    ),
    "README.md": textFile(card),
  });
}

/** Python that opens the file and defines `run`. */
function pythonRun(cache: boolean): string {
  return [
    "import numpy",
    "import onnxruntime",
    "from tokenizers import Tokenizer",
    "",
    'tokenizer = Tokenizer.from_file("tokenizer.json")',
    'session = onnxruntime.InferenceSession("model.onnx")',
    "names = [output.name for output in session.get_outputs()]",
    ...cache
      ? [
        "past = {",
        "    value.name: numpy.zeros((1, value.shape[1], 0, value.shape[3]), numpy.float32)",
        "    for value in session.get_inputs()",
        '    if value.name.startswith("past")',
        "}",
      ]
      : [],
    "",
    "",
    "def run(tokens):",
    ...cache
      ? [
        "    global past  # the keys and values of the tokens before",
        '    seen = past["past_key_values.0.key"].shape[2]',
        "    inputs = {",
        '        "input_ids": numpy.array([tokens[seen:]]),',
        '        "position_ids": numpy.array([positions[seen : len(tokens)]]),',
        "        **past,",
        "    }",
        "    outputs = dict(zip(names, session.run(names, inputs)))",
        '    now = {name: outputs.pop(name) for name in names if name.startswith("present")}',
        '    past = {name.replace("present", "past_key_values"): value for name, value in now.items()}',
      ]
      : [
        "    inputs = {",
        '        "input_ids": numpy.array([tokens]),',
        '        "position_ids": numpy.array([positions[: len(tokens)]]),',
        "    }",
        "    outputs = dict(zip(names, session.run(names, inputs)))",
      ],
    "    return {name: value[0, -1] for name, value in outputs.items()}",
  ].join("\n");
}

function limitsOf({ mixer }: TransformerConfig, cache: boolean): string[] {
  return [
    "Outputs are the kit's up to rounding in float32: about 1e-6 of the largest.",
    "Operators are of opset 23; checked with ONNX Runtime 1.30.",
    cache
      ? "There is no attention mask: the rows of a batch must have equally many tokens before and now."
      : "There is no attention mask, as a token sees only those before it: fill up shorter rows at their ends.",
    ...mixer === "gru"
      ? ["It has the input `position_ids` as all models have, and does not read it."]
      : [],
  ];
}
