import type { CriticDefinition } from "../critic/critic.ts";
import type { Environment } from "../env/environment.ts";
import { parameterCount } from "../nn/flops.ts";
import type { TransformerConfig, ValueHead } from "../nn/transformer.ts";
import { type Example, exampleOf, type ExportedModel, type Origin } from "./exported_model.ts";

/** What a card is made of. */
export interface CardFacts {
  readonly environment: Environment<unknown, unknown>;
  readonly definition: CriticDefinition | undefined;
  readonly config: TransformerConfig;
  /** SHA-256 of the parameters, as the kit has it. */
  readonly digest: string;
  /** Optimizer steps taken. */
  readonly steps: number;
  readonly origin: Origin | undefined;
  readonly example: Example | undefined;
  /** Python that defines `tokenizer` and `run(tokens)`: by head, the last token's outputs. It may use `positions`. */
  readonly python: string;
  /** The ids of the text `prompt`, in Python. */
  readonly encode: string;
  /** Python packages that it needs. */
  readonly packages: string;
  /** Limits of the format, each a sentence or more. */
  readonly limits: readonly string[];
}

/** What a card says of a model, whatever it is exported to. */
export async function modelFacts<State>(
  exported: ExportedModel<State>,
  origin: Origin | undefined,
): Promise<Omit<CardFacts, "python" | "encode" | "packages" | "limits">> {
  const { model, environment, definition } = exported;
  return {
    environment: environment as Environment<unknown, unknown>,
    definition,
    config: model.config,
    digest: await model.digest(),
    steps: model.step,
    origin,
    example: await exampleOf(exported),
  };
}

/** README.md of an exported model: what it is, where it comes from, how to ask it, and what it cannot do. */
export function modelCard(facts: CardFacts): string {
  const { environment, definition, config, example, limits } = facts;
  return [
    "---",
    "tags: [genac-kit, value-model]",
    "---",
    "",
    `# ${definition ? "Critic" : "Actor"} of ${environment.name}${
      definition ? `: ${definition.title}` : ""
    }`,
    "",
    definition
      ? `A value model of [GenAC Kit](https://arxiv.org/abs/2604.10701)'s environment \`${environment.name}\`: it estimates ` +
        "the probability that an actor succeeds from a state on."
      : `A policy for GenAC Kit's environment \`${environment.name}\`: it writes one action token a step.`,
    "A toy for studying value models, trained from scratch; it knows no natural language.",
    "",
    ...table(facts),
    "",
    "## How to ask it",
    "",
    ...reading(definition, config),
    "",
    "Text is names of tokens with white space between; a word that is no token's name is an error. " +
    "`Q` ends a critic's prompt, `TH` starts its chain of thought, `V0`..`V10` are the values 0 to 1, `R0`..`R10` the " +
    "actor's success rate (`R?`: unknown), `PAD` fills up.",
    ...positionNotes(environment, definition, config),
    ...example ? ["", ...exampleLines(facts, example)] : [],
    "",
    "## Limits",
    "",
    ...[
      ...limits,
      "Of problems larger than those that it was trained on it is often wrong (the kit's experiment `generalization`).",
    ].map((line) => `- ${line}`),
    "",
    "## Environment",
    "",
    ...fenced("json", JSON.stringify(environment.config, null, 2)),
    "",
  ].join("\n");
}

function table({ config, digest, steps, origin }: CardFacts): string[] {
  const rows = [
    ["parameters", `${parameterCount(config)}`],
    ["SHA-256 of the parameters in the kit", `\`${digest}\``],
    ["optimizer steps", `${steps}`],
    ...origin
      ? [
        [
          "trained by",
          `\`${origin.experiment}\`, profile ${origin.profile}, cell \`${origin.cell}\`, seed ${origin.seed}`,
        ],
        [
          "kit",
          origin.commit
            ? `commit \`${origin.commit}\`${origin.dirty ? ", with changes" : ""}`
            : "unknown",
        ],
      ]
      : [],
  ];
  return ["| | |", "| --- | --- |", ...rows.map((row) => `| ${row.join(" | ")} |`)];
}

/** What is fed and where the answer is. */
function reading(definition: CriticDefinition | undefined, config: TransformerConfig): string[] {
  if (!definition) {
    return [
      "Give it a prompt; it writes one action token after the other, in training sampled from the softmax over the whole " +
      "vocabulary (temperature 1), below greedily.",
    ];
  }
  const { writesChain } = definition, { valueHead } = config;
  const where = writesChain ? "after its chain of thought" : "at the last token";
  const read = valueHead === undefined
    ? "is the value token: `V7` is 0.7"
    : valueHead.loss === "squared_error"
    ? "is the value head's output, moved into 0..1"
    : `is the mean of the value head's softmax over ${valueHead.outputs} bins of [0, 1]`;
  return [
    writesChain
      ? `Give it a prompt and \`TH\`; it writes a chain of thought. Its value ${where} ${read}.`
      : `Give it a prompt. Its value, ${where}, ${read}.`,
  ];
}

/** Where position ids come from. */
function positionNotes(
  { traceOffset }: Environment<unknown, unknown>,
  definition: CriticDefinition | undefined,
  { mixer }: TransformerConfig,
): string[] {
  if (mixer === "gru") return ["It reads no position ids."];
  if (!definition) {
    return ["Position ids are those of the kit's `actorPosition`, rising with jumps."];
  }
  if (definition.after === "nothing") return ["Position ids are 0, 1, 2, ... ."];
  return [
    "Position ids jump: those of the prompt, up to `Q`, are 0, 1, 2, ...; what follows starts at " +
    `${traceOffset}, however short the prompt is. With others its answers are wrong.`,
  ];
}

function exampleLines(
  { environment, definition, config, python, encode, packages }: CardFacts,
  { description, tokens, positions, written, value }: Example,
): string[] {
  const { vocabulary } = environment, { valueHead } = config;
  const writes = definition?.writesChain ?? true;
  const [first, last] = [vocabulary.values[0]!, vocabulary.values.at(-1)!];
  const stop = [
    `if ${first} <= tokens[-1] <= ${last}:  # V0..V10`,
    ...valueHead ? pythonValue(valueHead).map((line) => `    ${line}`) : [],
    "    break",
  ];
  const ask = writes
    ? [
      `for _ in range(${positions.length - tokens.length + 1}):`,
      "    outputs = run(tokens)",
      '    tokens.append(int(outputs["logits"].argmax()))',
      ...definition ? stop.map((line) => `    ${line}`) : [],
      "print(tokenizer.decode(tokens))",
    ]
    : [
      "outputs = run(tokens)",
      ...valueHead
        ? pythonValue(valueHead)
        : ['print(tokenizer.decode([int(outputs["logits"].argmax())]))'],
    ];
  const code = [
    python,
    "",
    "",
    `prompt = ${JSON.stringify(vocabulary.render(tokens))}`,
    `positions = ${pythonRanges(positions)}`,
    `tokens = ${encode}`,
    ...ask,
  ];
  const says = [
    ...valueHead && value !== null ? [value.toFixed(4)] : [],
    ...writes
      ? [vocabulary.render([...tokens, ...written])]
      : valueHead
      ? []
      : [vocabulary.render(written)],
  ];
  return [
    "For example, this held-out state:",
    "",
    ...fenced("text", description),
    "",
    `In Python (${packages}), in this folder:`,
    "",
    ...fenced("python", code.join("\n")),
    "",
    "It prints, as the kit does:",
    "",
    ...fenced("text", says.join("\n")),
  ];
}

/** Statements that print the value in [0, 1] of a head's outputs. */
function pythonValue({ loss }: ValueHead): string[] {
  if (loss === "squared_error") return ["print(f\"{outputs['values'][0].clip(0, 1):.4f}\")"];
  return [
    'p = numpy.exp(outputs["values"] - outputs["values"].max())',
    "centres = (numpy.arange(len(p)) + 0.5) / len(p)",
    'print(f"{p @ centres / p.sum():.4f}")',
  ];
}

/** A list of rising numbers as ranges: `[*range(0, 18), *range(48, 60)]`. */
export function pythonRanges(numbers: readonly number[]): string {
  const ranges: string[] = [];
  for (let start = 0; start < numbers.length;) {
    const first = numbers[start]!, step = (numbers[start + 1] ?? first + 1) - first;
    let end = start + 1;
    while (end < numbers.length && numbers[end]! - numbers[end - 1]! === step) end++;
    const bounds = [first, numbers[end - 1]! + 1, ...step === 1 ? [] : [step]];
    ranges.push(`*range(${bounds.join(", ")})`);
    start = end;
  }
  return `[${ranges.join(", ")}]`;
}

function fenced(language: string, content: string): string[] {
  return [`\`\`\`${language}`, content, "```"];
}
