import { mean } from "../../lib/numeric/sums.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { textCriticKinds } from "../../lib/text_models/text_critic.ts";
import { type TextMethod, textMethods } from "../../lib/text_models/train_text_actor.ts";
import { searchRows } from "../shared/search.ts";
import { type Scores, scoresOf, type TestScores, testScores } from "../shared/scores.ts";
import type {
  ConditioningCell,
  CriticMetrics,
  LlmCell,
  LlmMetrics,
  MethodMetrics,
  RlMetrics,
  ValueCell,
} from "./cell_types.ts";
import { modelSize } from "./base_models.ts";
import { chosenRate, nameOf, weightCount } from "./cells.ts";
import { actorSet } from "./conditioning_cell.ts";
import type { LlmConfig } from "./config.ts";
import { type RunName, valueRun } from "./runs.ts";
import { IN_DISTRIBUTION } from "./value_cell.ts";

/** A critic on one test set. */
export interface ValueRow {
  readonly model: string;
  readonly run: RunName;
  readonly title: string;
  readonly set: string;
  readonly trainingTokens: number;
  readonly trainingStates: number;
  readonly answerTokens: number;
  readonly scores: TestScores;
}

/** A critic from a pretrained model of some size. */
export interface SizeRow extends ValueRow {
  /** Weights of the pretrained model's layers and of its output layer. */
  readonly weights: number;
}

/** A critic of several actors on the states of one. */
export interface ConditioningRow {
  readonly model: string;
  readonly critic: ConditioningCell["critic"];
  readonly told: boolean;
  readonly epsilon: number;
  /** Whether it was trained on this actor. */
  readonly seen: boolean;
  readonly scores: TestScores;
}

/** A method's RL. */
export interface MethodRow {
  readonly model: string;
  readonly method: TextMethod;
  readonly title: string;
  /** Iterations done, at each evaluation. */
  readonly iterations: readonly number[];
  /** Exact success at each evaluation. */
  readonly success: readonly Scores[];
  /** Mean of the evaluations after the first. */
  readonly meanSuccess: Scores;
  readonly finalSuccess: Scores;
  /** Written and trained on, preparation included. */
  readonly tokens: Scores;
  /** Of its policy gradients before RL, nearness to the oracle's; null where they were not compared. */
  readonly gradient: { readonly cosine: Scores; readonly meanCosine: Scores } | null;
  /** Of the critic before RL, on states of the actor's own; null without one. */
  readonly critic: TestScores | null;
  /** Mean value of states of successes less that of failures, over training; null without values, or with nothing to part. */
  readonly valueSeparation: Scores | null;
}

/** One line of the search for learning rates. */
export interface SearchRow {
  readonly model: string;
  readonly title: string;
  readonly learningRate: number;
  /** RMSE in distribution, mean over tuning seeds. */
  readonly rmse: number;
  /** Whether the reported runs have this rate. */
  readonly chosen: boolean;
}

/** What the runs say. */
export interface LlmSummary {
  readonly seeds: number;
  readonly values: readonly ValueRow[];
  readonly conditioning: readonly ConditioningRow[];
  readonly rl: readonly MethodRow[];
  readonly search: readonly SearchRow[];
  /** On the same seeds: critics from the first model, then from those of other sizes. */
  readonly sizes: readonly SizeRow[];
}

type Finished = FinishedCell<LlmCell, LlmMetrics>;

/** Summarizes finished cells. */
export function summarizeLlm(config: LlmConfig, cells: readonly Finished[]): LlmSummary {
  const byModel = config.models.map((name) => ({
    model: nameOf(name),
    own: cells.filter(({ cell }) => cell.config.model === name && config.seeds.includes(cell.seed)),
  }));
  const searched = cells.filter(({ cell }) => !config.seeds.includes(cell.seed));
  return {
    seeds: config.seeds.length,
    values: byModel.flatMap(({ model, own }) =>
      config.runs.flatMap((run) => valueRows(model, run, own))
    ),
    conditioning: byModel.flatMap(({ model, own }) => conditioningRows(model, config, own)),
    rl: byModel.flatMap(({ model, own }) => methodRows(model, config, own)),
    search: searchedRates(config, searched),
    sizes: sizeRows(config, cells),
  };
}

function sizeRows(
  { models, seeds, sizes }: LlmConfig,
  cells: readonly Finished[],
): SizeRow[] {
  if (!sizes) return [];
  const own = seeds.slice(0, sizes.seeds);
  return [models[0]!, ...sizes.models].flatMap((model) => {
    const weights = weightCount(modelSize(model));
    const found = cells.filter(({ cell }) =>
      cell.config.model === model && own.includes(cell.seed)
    );
    return sizes.runs.flatMap((run) =>
      valueRows(nameOf(model), run, found).map((row) => ({ ...row, weights }))
    );
  });
}

function searchedRates(config: LlmConfig, cells: readonly Finished[]): SearchRow[] {
  return searchRows(
    cells as readonly FinishedCell<ValueCell, CriticMetrics>[],
    ({ learningRate, model, run }) => `${model}/${run}/${learningRate}`,
    ({ tests }) => errorOf(testScores([tests[IN_DISTRIBUTION]!])).scores[0]!,
    ({ learningRate, model, run }, rmse) => ({
      ...{ model: nameOf(model), title: valueRun(run).title, learningRate, rmse },
      chosen: learningRate === chosenRate(run, config),
    }),
  );
}

/** The metrics of critics' cells, one a seed. */
function criticMetrics(
  cells: readonly Finished[],
  isWanted: (config: LlmCell) => boolean,
): CriticMetrics[] {
  return cells.filter(({ cell }) => isWanted(cell.config))
    .map(({ result }) => result.metrics as CriticMetrics);
}

function valueRows(model: string, run: RunName, cells: readonly Finished[]): ValueRow[] {
  const metrics = criticMetrics(cells, (own) => own.part === "values" && own.run === run);
  return Object.keys(metrics[0]!.tests).map((set) => ({
    model,
    run,
    title: valueRun(run).title,
    set,
    trainingTokens: mean(metrics.map(({ trainingTokens }) => trainingTokens)),
    trainingStates: mean(metrics.map(({ trainingStates }) => trainingStates)),
    answerTokens: mean(metrics.map(({ answerTokens }) => answerTokens)),
    scores: testScores(metrics.map(({ tests }) => tests[set]!)),
  }));
}

function conditioningRows(
  model: string,
  { conditioning }: LlmConfig,
  cells: readonly Finished[],
): ConditioningRow[] {
  if (!conditioning) return [];
  const { epsilons, unseen } = conditioning;
  return (["chain", "head"] as const).flatMap((critic) =>
    [true, false].flatMap((told) => {
      const metrics = criticMetrics(
        cells,
        (own) => own.part === "conditioning" && own.critic === critic && own.told === told,
      );
      return [...epsilons, unseen].map((epsilon) => ({
        ...{ model, critic, told, epsilon },
        seen: epsilons.includes(epsilon),
        scores: testScores(metrics.map(({ tests }) => tests[actorSet(epsilon)]!)),
      }));
    })
  );
}

function methodRows(model: string, { rl }: LlmConfig, cells: readonly Finished[]): MethodRow[] {
  if (!rl) return [];
  const all = cells.filter(({ cell }) => cell.config.part === "rl")
    .map(({ result }) => result.metrics as RlMetrics);
  const { evaluateEvery, training: { iterations } } = rl;
  return rl.methods.map((method) => {
    const runs = all.map(({ methods }) => methods[method]!);
    const { critic: name, title } = textMethods[method];
    return {
      ...{ model, method, title },
      iterations: runs[0]!.success.map((_, k) => Math.min(k * evaluateEvery, iterations)),
      success: runs[0]!.success.map((_, k) => scoresOf(runs.map(({ success }) => success[k]!))),
      meanSuccess: scoresOf(runs.map(({ success }) => mean(success.slice(1)))),
      finalSuccess: scoresOf(runs.map(({ success }) => success.at(-1)!)),
      tokens: scoresOf(runs.map(({ tokensTrained, tokensWritten }, i) => {
        const { preparationTokens: prepared } = all[i]!;
        return tokensTrained + tokensWritten + prepared.actor! +
          (name === null ? 0 : prepared[name]!);
      })),
      gradient: all.every(({ gradients }) => gradients[method])
        ? {
          cosine: scoresOf(all.map(({ gradients }) => gradients[method]!.cosine)),
          meanCosine: scoresOf(all.map(({ gradients }) => gradients[method]!.meanCosine)),
        }
        : null,
      critic: name === null ? null : testScores(all.map(({ critics }) => critics[name]!)),
      valueSeparation: separationOf(runs),
    };
  });
}

function separationOf(runs: readonly MethodMetrics[]): Scores | null {
  const known = runs.map(({ valueSeparation }) =>
    valueSeparation.filter((value) => value !== null)
  );
  return known.every(({ length }) => length > 0)
    ? scoresOf(known.map((values) => mean(values)))
    : null;
}

/**
 * RMSE as runs are compared by it: of the mean over answers where a critic cannot know the value, for there the likeliest
 * answer, 0 or 10, is not the mean; else of the answer as written.
 */
export function errorOf({ expectationRmse, parseRate, rmse }: TestScores): Scores {
  if (!expectationRmse) return rmse;
  return scoresOf(expectationRmse.scores.map((error, i) => {
    const parsed = parseRate.scores[i]!;
    // What cannot be parsed is charged 1, as in the other.
    return Math.sqrt(parsed * error * error + 1 - parsed);
  }));
}

/** The row of a run on a test set; undefined where the profile has not got it. */
export function findValues(
  { values }: LlmSummary,
  model: string,
  run: RunName,
  set: string,
): ValueRow | undefined {
  return values.find((row) => row.model === model && row.run === run && row.set === set);
}

/** The models' names in the rows. */
export function modelsOf({ values }: LlmSummary): string[] {
  return [...new Set(values.map(({ model }) => model))];
}

/** One line a critic and test set, then one a method, for the terminal. RMSE is what claims compare (`errorOf`). */
export function llmRows({ conditioning, rl, values }: LlmSummary): TableRow[] {
  const criticRow = (model: string, what: string, on: string, scores: TestScores): TableRow => ({
    ...{ model, what, on },
    r2: scores.r2.mean.estimate,
    RMSE: errorOf(scores).mean.estimate,
    ranking: scores.rankingAccuracy.mean.estimate,
    "right chains": scores.traceAccuracy?.mean.estimate ?? null,
    success: null,
  });
  return [
    ...values.map(({ model, scores, set, title }) => criticRow(model, title, set, scores)),
    ...conditioning.map(({ critic, epsilon, model, scores, told }) =>
      criticRow(
        model,
        `${textCriticKinds[critic].title}, ${told ? "told" : "not told"}`,
        `epsilon ${epsilon}`,
        scores,
      )
    ),
    ...rl.map(({ finalSuccess, model, title }) => ({
      ...{ model, what: title, on: "RL", r2: null, RMSE: null, ranking: null },
      "right chains": null,
      success: finalSuccess.mean.estimate,
    })),
  ];
}
