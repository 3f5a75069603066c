import { UsageError } from "../../lib/errors.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import type { ModelSize } from "../../lib/pretrained/known_models.ts";
import { textMethods } from "../../lib/text_models/train_text_actor.ts";
import { separateSeeds } from "../shared/search.ts";
import type { CommonCell, ConditioningCell, LlmCell } from "./cell_types.ts";
import type { LlmConfig } from "./config.ts";
import { modelSize } from "./base_models.ts";
import { type RunName, valueRun } from "./runs.ts";

/** Tokens by which work is estimated, at 4 to 6 addends: of a chain of thought critic's training sequence, a value head's, a response. */
const CHAIN_TOKENS = 75, HEAD_TOKENS = 32, RESPONSE_TOKENS = 34;
/** How much faster a pretrained model's large products run than those of the kit's own models, by which costs are counted. */
const SPEED = 2;
/** A cell's process, with its code and heap. */
const PROCESS = 320 * 2 ** 20;
/** The longest batch of training or generation, in tokens, and lanes that work side by side. */
const LONGEST = 128, LANES = 4;

/** The code of each part is a file of its own, so that critics stay stored while that of RL changes. */
const MODULES: Readonly<Record<LlmCell["part"], string>> = {
  values: "value_cell.ts",
  conditioning: "conditioning_cell.ts",
  rl: "rl_cell.ts",
};

/**
 * The runs of a configuration: of each model (critics, conditioning, RL) x seeds and those of the search for learning rates, then
 * those of models of other sizes.
 *
 * @throws UsageError for tuning seeds that are reported, and other sizes that have nothing to be compared with.
 */
export function llmCells(config: LlmConfig): Cell<LlmCell>[] {
  const { conditioning, models, rl, runs, search, seeds, sizes } = config;
  separateSeeds("search.seeds", search?.seeds ?? [], seeds);
  checkSizes(config);
  const own = models.flatMap((model) => {
    const { cell, valueCell } = cellsOf(model, config);
    const reported = seeds.flatMap((seed, i) => [
      ...runs.map((run) => valueCell(`values/${run}`, seed, run, chosenRate(run, config))),
      ...conditioning
        ? CONDITIONED.map(([critic, told]) =>
          cell(`conditioning/${critic}-${told ? "told" : "untold"}`, seed, {
            ...common(config, model),
            part: "conditioning",
            critic,
            told,
            ...conditioning,
          }, config.states * (critic === "chain" ? CHAIN_TOKENS : HEAD_TOKENS))
        )
        : [],
      ...rl && i < (rl.seeds ?? seeds.length)
        ? [cell("rl", seed, rlCell(rl, common(config, model)), rlTokens(rl))]
        : [],
    ]);
    const searched = search?.seeds.flatMap((seed) =>
      search.runs.flatMap((run) =>
        search.factors.map((factor) => {
          // As one would write it: 0.0003 * 3 is not 0.0009.
          const learningRate = Number((chosenRate(run, config) * factor).toPrecision(6));
          return valueCell(`search/${run}/lr${learningRate}`, seed, run, learningRate, []);
        })
      )
    );
    return [...reported, ...searched ?? []];
  });
  const others = sizes?.models.flatMap((model) => {
    const { valueCell } = cellsOf(model, config);
    return seeds.slice(0, sizes.seeds).flatMap((seed) =>
      sizes.runs.map((run) => valueCell(`values/${run}`, seed, run, chosenRate(run, config)))
    );
  });
  return [...own, ...others ?? []];
}

/** How the cells of a model are made. */
function cellsOf(model: string, config: LlmConfig) {
  const size = modelSize(model), memory = cellMemory(size, config);
  const cell = (id: string, seed: number, own: LlmCell, tokens: number): Cell<LlmCell> => ({
    id: `${nameOf(model)}/${id}/seed${seed}`,
    seed,
    config: own,
    module: MODULES[own.part],
    cost: tokens * trainingFlops(size),
    memory: memory * (own.part === "rl" ? 2 : 1),
  });
  const valueCell = (
    id: string,
    seed: number,
    run: RunName,
    learningRate: number,
    longer: readonly number[] = config.longer,
  ) => {
    const own = { ...common(config, model), learningRate, part: "values", run, longer } as const;
    return cell(id, seed, own, config.states * tokensOf(run));
  };
  return { cell, valueCell };
}

function checkSizes({ models, runs, sizes }: LlmConfig): void {
  for (const model of sizes?.models ?? []) {
    if (models.includes(model)) {
      throw new UsageError("sizes.models", model, "is one of models: name those of other sizes");
    }
  }
  for (const run of sizes?.runs ?? []) {
    if (!runs.includes(run)) {
      throw new UsageError("sizes.runs", run, `choose from runs: ${runs.join(", ")}`);
    }
  }
}

/** The learning rate of a run: value heads that are trained for longer have their own. */
export function chosenRate(
  run: RunName,
  { learningRate, longLearningRate }: Pick<LlmConfig, "learningRate" | "longLearningRate">,
): number {
  return valueRun(run).budget === "states" ? learningRate : longLearningRate;
}

type Rl = NonNullable<LlmConfig["rl"]>;

/** Other seeds do not matter to a cell. */
function rlCell({ seeds: _, ...rl }: Rl, common: CommonCell): LlmCell {
  return { ...common, part: "rl", ...rl };
}

/** The critics that are told an actor's success rate, or not. */
const CONDITIONED: readonly (readonly [ConditioningCell["critic"], boolean])[] = [
  ["chain", true],
  ["chain", false],
  ["head", true],
  ["head", false],
];

/** A model's name in ids: of a path its last part. */
export function nameOf(model: string): string {
  return model.split(/[/\\]/).filter((part) => part !== "").at(-1)!;
}

function common(
  { actor, batchSize, learningRate, lora, states, storage, task, testSeed, testStates }: LlmConfig,
  model: string,
): CommonCell {
  return {
    ...{ model, storage, lora, task, actor, states, batchSize, learningRate },
    ...{ testSeed, testStates },
  };
}

/** Estimated tokens of training sequences for each state of the configuration. */
function tokensOf(run: RunName): number {
  const { budget, critic } = valueRun(run);
  if (critic === null) return 1 / HEAD_TOKENS;
  return critic === "chain" || budget !== "states" ? CHAIN_TOKENS : HEAD_TOKENS;
}

function rlTokens(
  { criticStates, demonstrations, methods, task, training }: Rl,
): number {
  const { criticResponses, iterations, problems, responses } = training;
  const addends = (task.minLength + task.maxLength) / 2;
  const perMethod = methods.map((method) => {
    const rollouts = 3 * problems * responses * RESPONSE_TOKENS;
    if (textMethods[method].critic === null) return rollouts;
    return rollouts + training.criticStates * criticResponses * CHAIN_TOKENS;
  });
  return addends / 5 * (
    demonstrations * RESPONSE_TOKENS + criticStates * (CHAIN_TOKENS + HEAD_TOKENS) +
    iterations * perMethod.reduce((a, b) => a + b, 0)
  );
}

/** FLOPs of a token in training: forward, and backward without the frozen weights' gradients. Large products count half. */
function trainingFlops(size: ModelSize): number {
  return 4 * weightCount(size) / SPEED;
}

/** Weights of the layers and of the output layer, which is the embedding. */
export function weightCount(m: ModelSize): number {
  const attention = 2 * m.headDim * (m.heads + m.kvHeads) * m.hiddenSize;
  return m.layers * (attention + 3 * m.hiddenSize * m.intermediateSize) +
    m.vocabularySize * m.hiddenSize;
}

/** Bytes at the peak, by estimate: weights, adapters with their optimizer, activations and logits. */
function cellMemory(m: ModelSize, { lora, storage }: LlmConfig): number {
  const weights = weightCount(m) * (storage === "float32" ? 4 : 2);
  const ends = 2 * m.hiddenSize + 2 * (m.heads + m.kvHeads) * m.headDim + 2 * m.hiddenSize +
    3 * (m.hiddenSize + m.intermediateSize);
  const adapters = 4 * 4 * m.layers * lora.rank * ends;
  const activations = 4 * LONGEST * m.layers * (10 * m.hiddenSize + 4 * m.intermediateSize);
  const logits = 4 * LONGEST * m.vocabularySize;
  return PROCESS + weights + 2 * adapters + LANES * (activations + logits);
}
