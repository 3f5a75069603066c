/** What is claimed of pretrained language models as critics and actors, as predicates on the summary. */
import { pairedDifferences } from "../../lib/eval/student.ts";
import type { Claim, Verdict } from "../../lib/run/experiment.ts";
import { decided, shown } from "../shared/verdicts.ts";
import type { Scores, TestScores } from "../shared/scores.ts";
import type { RunName } from "./runs.ts";
import { errorOf, findValues, type LlmSummary, type MethodRow, modelsOf } from "./summary.ts";
import { IN_DISTRIBUTION } from "./value_cell.ts";

/** Of RMSE: a fifth of the 0.1 between two answers. */
const ERROR = 0.02;
const ERROR_TEXT = `${ERROR} of RMSE: a fifth of the 0.1 between two answers`;
const RANKING = 0.02;
const SUCCESS = 0.02;
const COSINE = 0.02;

type Metric = "rmse" | "rankingAccuracy";

/** By how much one run's metric is better than another's, on the test sets that `isWanted`, as effects. */
function betterThan(
  summary: LlmSummary,
  [better, worse]: readonly [RunName, RunName],
  metric: Metric,
  isWanted: (set: string) => boolean,
): Record<string, readonly number[]> {
  const sets = [...new Set(summary.values.map(({ set }) => set))].filter(isWanted);
  return Object.fromEntries(
    modelsOf(summary).flatMap((model) =>
      sets.flatMap((set) => {
        const scores = (run: RunName): Scores | undefined => {
          const found = findValues(summary, model, run, set)?.scores;
          return found && (metric === "rmse" ? errorOf(found) : found[metric]);
        };
        const [own, other] = [scores(better), scores(worse)];
        if (!own || !other) return [];
        const [high, low] = metric === "rmse" ? [other, own] : [own, other];
        return [[`${model}, ${set}`, pairedDifferences(high.scores, low.scores)] as const];
      })
    ),
  );
}

const isTrained = (set: string) => set === IN_DISTRIBUTION;
const isLonger = (set: string) => set !== IN_DISTRIBUTION;

/** A claim that one run is better than another. */
function comparison(
  terms: Pick<Claim<LlmSummary>, "id" | "statement" | "family" | "paper" | "readAs">,
  runs: readonly [RunName, RunName],
  metric: Metric = "rmse",
  isWanted: (set: string) => boolean = isTrained,
): Claim<LlmSummary> {
  const isError = metric === "rmse";
  return {
    ...terms,
    sesoi: isError ? ERROR_TEXT : `${RANKING} of ranking accuracy: one pair in fifty`,
    evaluate: (summary) =>
      decided(
        betterThan(summary, runs, metric, isWanted),
        { sesoi: isError ? ERROR : RANKING },
        (numbers) => `${isError ? "RMSE is lower" : "Ranking accuracy is higher"} by ${numbers}.`,
        `Needs the runs ${runs.join(" and ")}.`,
      ),
  };
}

/** By how much a run's error falls from the first pretrained model to the largest, as an effect; none without two. */
function fallWithSize({ sizes }: LlmSummary, run: RunName): Record<string, readonly number[]> {
  const own = sizes.filter((row) => row.run === run && isTrained(row.set));
  const largest = own.toSorted((a, b) => b.weights - a.weights)[0], first = own[0];
  if (!first || !largest || first === largest) return {};
  const fall = pairedDifferences(errorOf(first.scores).scores, errorOf(largest.scores).scores);
  return { [`${first.model} to ${largest.model}`]: fall };
}

/** "0.329 (smollm2-135m); 0.310 (qwen2.5-coder-0.5b)". */
function errorsBySize({ sizes }: LlmSummary, run: RunName): string {
  return sizes.filter((row) => row.run === run && isTrained(row.set))
    .map(({ model, scores }) => `${errorOf(scores).mean.estimate.toFixed(3)} (${model})`).join(
      "; ",
    );
}

const NEEDS_SIZES = "Needs pretrained models of other sizes: not in this profile.";

/** By how much being told the success rate lowers a critic's RMSE, for actors that it was trained on, or another. */
function conditioningGain(
  { conditioning }: LlmSummary,
  critic: "chain" | "head",
  seen: boolean,
): Verdict {
  const own = conditioning.filter((row) => row.critic === critic && row.seen === seen);
  const effects = own.filter(({ told }) => told).map((row) => {
    const other = own.find(({ epsilon, model, told }) =>
      !told && epsilon === row.epsilon && model === row.model
    )!;
    const gain = pairedDifferences(other.scores.rmse.scores, row.scores.rmse.scores);
    return [`${row.model}, epsilon ${row.epsilon}`, gain] as const;
  });
  const rmse = ({ rmse }: TestScores) => rmse.mean.estimate.toFixed(3);
  return decided(
    Object.fromEntries(effects),
    { sesoi: ERROR },
    (numbers) =>
      `RMSE falls by ${numbers}; ${
        own.map(({ epsilon, scores, told }) =>
          `${told ? "told" : "not told"}, epsilon ${epsilon}: ${rmse(scores)}`
        ).join("; ")
      }.`,
    "Needs In-Context Conditioning: not in this profile.",
  );
}

/** By how much a score of one method is above others', as effects; none where a method has no such score. */
function aboveOthers(
  { rl }: LlmSummary,
  better: MethodRow["method"],
  others: readonly MethodRow["method"][],
  scoreOf: (row: MethodRow) => Scores | undefined,
): Record<string, readonly number[]> {
  return Object.fromEntries(
    rl.filter(({ method }) => method === better).flatMap((row) =>
      rl.filter(({ method, model }) => others.includes(method) && model === row.model)
        .flatMap((other) => {
          const [own, its] = [scoreOf(row), scoreOf(other)];
          if (!own || !its) return [];
          const gain = pairedDifferences(own.scores, its.scores);
          return [[`${row.model}, ${other.title}`, gain] as const];
        })
    ),
  );
}

/** By how much one method's mean success over training is above others'. */
function methodGain(
  summary: LlmSummary,
  better: MethodRow["method"],
  others: readonly MethodRow["method"][],
): Verdict {
  const compared = summary.rl.filter(({ method }) => method === better || others.includes(method));
  return decided(
    aboveOthers(summary, better, others, ({ meanSuccess }) => meanSuccess),
    { sesoi: SUCCESS },
    (numbers) =>
      `Gain in mean success over training: ${numbers}. At the end: ${
        compared.map(({ finalSuccess, title }) => `${title} ${shown(finalSuccess.mean)}`).join("; ")
      }.`,
    `Needs RL by ${better} and ${others.join(", ")}: not in this profile.`,
  );
}

/** By how much GenAC's policy gradients are nearer to the oracle's than those of PPO and GRPO, before RL. */
function gradientGain(summary: LlmSummary): Verdict {
  return decided(
    aboveOthers(summary, "genac", ["ppo", "grpo"], ({ gradient }) => gradient?.cosine),
    { sesoi: COSINE },
    (numbers) => `Gain in cosine: ${numbers}.`,
    "Needs RL by genac, ppo, grpo and an oracle: not in this profile.",
  );
}

/** The claims, in the order of the report. */
export const llmClaims: readonly Claim<LlmSummary>[] = [
  comparison({
    id: "C2-llm",
    statement:
      "From one pretrained model, trained on as many tokens, a chain of thought critic's " +
      "error is lower than a value head's.",
    family: "confirmatory",
    paper: "Generative critics approximate values better than discriminative ones.",
    readAs:
      "RMSE on held-out sums of the lengths of training, of the value head that was trained on fresh " +
      "states for as many tokens less that of the chain of thought critic, by seed",
  }, ["chain", "head-states"]),
  comparison({
    id: "C2-llm-states",
    statement: "Its error is lower where both learn from the same states, too, however often.",
    family: "exploratory",
    readAs: "As C2-llm, against the value head that goes over the same states for as many tokens",
  }, ["chain", "head-passes"]),
  comparison(
    {
      id: "C2-llm-ranking",
      statement: "It ranks states better.",
      family: "exploratory",
      paper: "Generative critics rank better.",
      readAs: "As C2-llm, of ranking accuracy",
    },
    ["chain", "head-states"],
    "rankingAccuracy",
  ),
  comparison(
    {
      id: "C3-llm",
      statement: "Its error is lower on longer problems than those of training.",
      family: "exploratory",
      paper: "Generative critics generalize better.",
      readAs: "As C2-llm, on each longer length",
    },
    ["chain", "head-states"],
    "rmse",
    isLonger,
  ),
  comparison({
    id: "C2-llm-at-once",
    statement: "It is the chain of thought: answering at once in words does not do it.",
    family: "exploratory",
    readAs:
      "As C2-llm, against the critic that writes its answer at once, on as many states, read as the mean over answers",
  }, ["chain", "one-shot"]),
  comparison({
    id: "C2-llm-outcomes",
    statement: "Taught 0/1 outcomes, too, the chain of thought critic's error is lower.",
    family: "exploratory",
    readAs:
      "As C2-llm, both taught the outcome of one rollout from each state; the chain of thought critic's answer is read as the mean " +
      "over answers: what it writes is then 0 or 10",
  }, ["chain-outcomes", "head-outcomes"]),
  comparison({
    id: "C2-llm-features",
    statement: "It is better than a regression on four numbers that know the task.",
    family: "exploratory",
    readAs:
      "RMSE of the regression (is the prefix right, steps left, their product) less that of " +
      "the chain of thought critic",
  }, ["chain", "features"]),
  {
    id: "C1-llm",
    statement:
      "From a larger pretrained model a value head's error does not fall by as much as matters.",
    family: "exploratory",
    paper: "Discriminative critics do not improve reliably with scale.",
    readAs:
      "RMSE on held-out sums of the lengths of training, of the value head that learns from as many states as the " +
      `chain of thought critic, from the smaller model less from the larger one, by seed, less than ${ERROR}. The models ` +
      "differ in what they were pretrained on, too",
    sesoi: `a fall of ${ERROR_TEXT}`,
    evaluate: (summary) =>
      decided(
        Object.fromEntries(
          Object.entries(fallWithSize(summary, "head"))
            .map(([name, fall]) => [name, fall.map((x) => ERROR - x)]),
        ),
        { sesoi: 0 },
        (numbers) =>
          `RMSE: ${errorsBySize(summary, "head")}. The fall stays below ${ERROR} by ${numbers}.`,
        NEEDS_SIZES,
      ),
  },
  {
    id: "C2-llm-scale",
    statement: "The chain of thought critic's does.",
    family: "exploratory",
    paper: "Generative critics improve with scale.",
    readAs: "As C1-llm, of the chain of thought critic, more than it",
    sesoi: ERROR_TEXT,
    evaluate: (summary) =>
      decided(
        fallWithSize(summary, "chain"),
        { sesoi: ERROR },
        (numbers) => `RMSE: ${errorsBySize(summary, "chain")}. It falls by ${numbers}.`,
        NEEDS_SIZES,
      ),
  },
  {
    id: "C2-llm-larger",
    statement:
      "From the larger model, too, the chain of thought critic's error is lower than the value head's.",
    family: "exploratory",
    readAs: "As C2-llm, from the larger model, of critics that learn from as many states",
    sesoi: ERROR_TEXT,
    evaluate: (summary) =>
      decided(
        betterThan(
          {
            ...summary,
            values: summary.sizes.filter(({ model }) => model !== summary.sizes[0]!.model),
          },
          ["chain", "head"],
          "rmse",
          isTrained,
        ),
        { sesoi: ERROR },
        (numbers) => `RMSE is lower by ${numbers}.`,
        NEEDS_SIZES,
      ),
  },
  {
    id: "C4-llm",
    statement:
      "Told the actor's success rate, the chain of thought critic's error is lower for actors " +
      "that it was trained on.",
    family: "exploratory",
    paper: "In-Context Conditioning keeps the critic calibrated to the actor.",
    readAs: "RMSE without the rate less that with it, for each actor of training",
    sesoi: ERROR_TEXT,
    evaluate: (summary) => conditioningGain(summary, "chain", true),
  },
  {
    id: "C4-llm-discriminative",
    statement: "So is the value head's.",
    family: "exploratory",
    readAs: "As C4-llm, of the value head",
    sesoi: ERROR_TEXT,
    evaluate: (summary) => conditioningGain(summary, "head", true),
  },
  {
    id: "C4-llm-between",
    statement: "And the chain of thought critic's for an actor between those of training.",
    family: "exploratory",
    readAs: "As C4-llm, for the actor that is met in the test alone",
    sesoi: ERROR_TEXT,
    evaluate: (summary) => conditioningGain(summary, "chain", false),
  },
  {
    id: "C5-llm-headroom",
    statement: "There is something to gain: with exact values the actor is better than with GRPO.",
    family: "exploratory",
    readAs: "Mean exact success over training, less GRPO's, by seed, at equal rollouts",
    sesoi: `${SUCCESS} of mean success`,
    evaluate: (summary) => methodGain(summary, "oracle", ["grpo"]),
  },
  {
    id: "C5-llm-gradient",
    statement:
      "Before RL, GenAC's policy gradients are nearer to the oracle's than PPO's and GRPO's.",
    family: "exploratory",
    readAs:
      "Cosine of one batch's gradient with the oracle's mean gradient over other batches, on the same responses of the actor " +
      "before RL; less PPO's and GRPO's, by seed",
    sesoi: `${COSINE} of cosine`,
    evaluate: gradientGain,
  },
  {
    id: "C5-llm",
    statement: "From one checkpoint, GenAC trains a better actor than PPO and GRPO.",
    family: "exploratory",
    paper: "GenAC's downstream RL is better than value-based and value-free baselines'.",
    readAs: "Mean exact success over training, less PPO's and GRPO's, by seed, at equal rollouts",
    sesoi: `${SUCCESS} of mean success`,
    evaluate: (summary) => methodGain(summary, "genac", ["ppo", "grpo"]),
  },
];
