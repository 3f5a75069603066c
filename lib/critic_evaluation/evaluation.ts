/** The result of an evaluation: one JSON file with every number that its report shows. */
import { resolve } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { POSITION_UNITS } from "../rollouts/record.ts";
import { ROOT } from "../root.ts";
import { readBytes, writeAtomically } from "../run/files.ts";

const number = z.number().nullable();
const count = z.int().nonnegative();

const interval = z.strictObject({
  estimate: number,
  low: number,
  high: number,
  level: z.number(),
  replicates: count,
});

const calibration = z.strictObject({
  bins: z.array(z.strictObject({
    lower: z.number(),
    upper: z.number(),
    count,
    meanPrediction: number,
    meanTarget: number,
  })).readonly(),
  ece: number,
});

const slice = z.strictObject({
  slice: z.string(),
  count,
  penalizedMse: number.describe("a state without an answer is charged 1"),
  bias: number.describe("mean of prediction - value"),
  meanPrediction: number,
  meanValue: number,
});

const criticScores = z.strictObject({
  parsed: count.describe("states with an answer"),
  parseRate: interval,
  penalizedMse: interval.describe("mean squared error; a state without an answer is charged 1"),
  debiasedMse: interval.describe("of the answers, less the variance of the Monte Carlo values"),
  mse: number.describe("of the answers"),
  mae: number.describe("of the answers"),
  bias: interval.describe("mean of prediction - value, of the answers"),
  r2: number.describe("1 - penalized MSE / Var(value): 0 = as good as the mean of all"),
  explainedVariance: number.describe("1 - Var(outcome - prediction) / Var(outcome)"),
  pearson: number,
  spearman: number,
  kendall: number,
  pooledAuc: number.describe("area under the ROC curve of the outcomes, over all pairs"),
  withinAuc: interval.describe("the same over pairs of one group"),
  withinRanking: interval.describe("share of pairs of one group whose values are ordered right"),
  rankingByGap: z.array(z.strictObject({
    above: z.number(),
    upTo: z.number(),
    correct: z.number(),
    compared: count,
  })).describe("the same by how much the values differ"),
  selection: z.array(z.strictObject({
    slice: z.string(),
    sets: count,
    accuracy: number,
    regret: number,
    gain: number,
  })).describe("the choice among the latest states of a group's responses in each third"),
  selectionRegret: interval,
  selectionGain: interval.describe("over a blind choice"),
  advantageSign: interval.describe("share of segments whose change of value has the right sign"),
  clearAdvantageSign: interval.describe("the same where the change is beyond two standard errors"),
  calibration: calibration.describe("ten bins of equal size"),
  slices: z.array(slice),
  outcomeGaps: z.array(z.strictObject({
    slice: z.string(),
    predicted: number,
    value: number,
  })).describe("mean over right responses less that over wrong ones, by thirds"),
});

const gate = z.enum(["not worse", "worse", "undecided", "not measured"]);

const comparison = z.strictObject({
  candidate: z.string(),
  reference: z.string(),
  mse: interval.describe("penalized MSE, candidate - reference: negative = better"),
  auc: interval.describe("AUC within groups, candidate - reference: positive = better"),
  nonInferiority: z.strictObject({
    mse: gate,
    auc: gate,
    parseRate: z.enum(["not worse", "worse"]),
    all: gate,
  }),
});

const criticEntry = z.strictObject({
  name: z.string(),
  title: z.string(),
  kind: z.enum(["constant", "discriminative", "generative"]),
  foresight: z.enum(["nothing", "the mean value", "siblings", "the outcome"]),
  withoutIcc: z.string().optional().describe("the critic that lacks this one's ICC lines only"),
  expectationOf: z.string().optional().describe("the critic whose answers' expectations these are"),
  tokensPerState: number.describe("mean tokens written for an answer; null = none, or not known"),
  unforcedRate: number.describe(
    "share of responses that had an answer by themselves; null = it writes nothing",
  ),
  answerMass: number.describe("mean probability of any valid answer; null = not known"),
  values: z.array(number).describe("one a state; null = no answer"),
  scores: criticScores,
});

/** An evaluation. */
export const evaluationSchema = z.strictObject({
  format: z.literal("genac-critic-evaluation"),
  version: z.literal(1),
  rollouts: z.strictObject({
    file: z.string().describe("as the user named it"),
    states: z.string().describe("SHA-256 of the states and their values"),
    leftOut: z.array(z.strictObject({ reason: z.string(), rollouts: count })),
    unreadable: count.describe("records of the file that could not be read"),
  }),
  set: z.strictObject({
    source: z.enum(["monte-carlo", "outcome"]),
    states: count,
    rollouts: count,
    groups: count,
    problems: count,
    successRate: z.number().describe("mean outcome of the rollouts"),
    meanValue: z.number(),
    varianceValue: z.number(),
    continuations: z.strictObject({ least: count, mean: z.number(), most: count }),
    noise: number.describe("variance of the Monte Carlo values about the true ones"),
    explainedVarianceCeiling: number.describe("the explained variance of the true values"),
    balanced: z.boolean().describe("every problem has as many right responses as wrong ones"),
  }),
  notMeasured: z.array(z.strictObject({ what: z.string(), why: z.string() })),
  options: z.strictObject({
    seed: count,
    replicates: count,
    level: z.number(),
    margins: z.strictObject({ mse: z.number(), auc: z.number(), parseRate: z.number() }),
  }),
  critics: z.array(criticEntry),
  comparisons: z.array(comparison),
  states: z.array(z.strictObject({
    rollout: count,
    at: count,
    unit: z.enum(POSITION_UNITS),
    value: z.number(),
    n: count,
    fraction: number,
  })),
  responses: z.array(z.strictObject({
    group: z.string(),
    problem: count,
    outcome: z.number(),
    tokenLimit: count.optional(),
    length: count.optional().describe("in the unit of its states"),
  })),
  examples: z.array(z.strictObject({
    rollout: count,
    problem: z.string(),
    response: z.string(),
  })).describe("the text of some responses, cut, unprintable characters escaped"),
});

/** See `evaluationSchema`. */
export type Evaluation = z.infer<typeof evaluationSchema>;

/** A critic in an evaluation. */
export type CriticEntry = z.infer<typeof criticEntry>;

/** What is measured of a critic; null or an interval of nulls where it cannot be. */
export type CriticScores = z.infer<typeof criticScores>;

/** A critic beside another. */
export type CriticComparison = z.infer<typeof comparison>;

/** A part of the states. */
export type SliceScores = z.infer<typeof slice>;

/** Writes the evaluation, whole or not at all. */
export function writeEvaluation(path: string, evaluation: Evaluation): void {
  const text = JSON.stringify(evaluationSchema.parse(evaluation));
  writeAtomically(path, new TextEncoder().encode(`${text}\n`));
}

/**
 * The evaluation at `path`, which is relative to the checkout, as `deno task evaluate` prints it.
 *
 * @throws UsageError for a file that is missing or is none.
 */
export function readEvaluation(path: string): Evaluation {
  const remedy = "make it with deno task evaluate --rollouts FILE --critic NAME";
  const text = new TextDecoder().decode(readBytes(resolve(ROOT, path), remedy));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new UsageError(path, (error as Error).message, remedy);
  }
  const result = evaluationSchema.safeParse(parsed);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new UsageError(path, issue.path.join("."), `${issue.message}; ${remedy}`);
}
