/**
 * What is claimed of credit assignment in RL, as predicates on the summary. All methods start from the same actor, so that
 * seeds are pairs. What better credit gains is read on tasks where there is something to gain: where the exact critic's gain
 * over GRPO, mean over seeds, is `HEADROOM` or more.
 */
import { leastSquaresSlope } from "../../lib/eval/statistics.ts";
import { seedInterval } from "../../lib/eval/student.ts";
import { minimum } from "../../lib/numeric/extrema.ts";
import { SEEDS_FOR_VERDICT } from "../../lib/run/evaluate_claims.ts";
import type { Claim, ClaimTerms, Verdict } from "../../lib/run/experiment.ts";
import type { Scores } from "../shared/scores.ts";
import { decided, shown } from "../shared/verdicts.ts";
import type { MethodName } from "./methods.ts";
import {
  type CreditSummary,
  EXCHANGED,
  hasEqualBatches,
  type MethodRow,
  pairedGain,
  type TaskRow,
} from "./summary.ts";

/** Mean success that an exact critic must gain over GRPO for a task to count. */
const HEADROOM = 0.05;
/** Smallest effect of interest in mean success over training. */
const SUCCESS = 0.02;
/** In the critic's RMSE: a tenth of one of its buckets. */
const ERROR = 0.01;

const SUCCESS_TEXT = `${SUCCESS} of mean success over training: two problems in a hundred`;
const ERROR_TEXT = `${ERROR} of RMSE: a tenth of one of the critic's buckets`;

type Score = (row: MethodRow) => Scores | null | undefined;

const area: Score = (row) => row.area;

/** Tasks where an exact critic gains `HEADROOM`, and what it gains on each. */
function headroom({ tasks }: CreditSummary): { counted: readonly TaskRow[]; words: string } {
  const gains = tasks.map((task) => ({ task, gain: pairedGain(task, "oracle", "grpo") }));
  const open = gains.filter(({ gain }) => gain !== undefined);
  const wide = open.filter(({ gain }) => gain!.interval.estimate >= HEADROOM);
  const narrow = open.filter((entry) => !wide.includes(entry));
  return {
    counted: wide.map(({ task }) => task),
    words: narrow.length === 0
      ? ""
      : ` Not counted, as an exact critic gains less than ${HEADROOM} there: ` +
        narrow.map(({ task, gain }) => `${task.task} (${shown(gain!.interval)})`).join(", ") + ".",
  };
}

/** One method's score less each of some others', on each task. */
function gains(
  tasks: readonly TaskRow[],
  method: MethodName,
  others: readonly MethodName[],
  score: Score = area,
): Record<string, readonly number[]> {
  return Object.fromEntries(
    tasks.flatMap((task) =>
      others.flatMap((other) => {
        const gain = pairedGain(task, method, other, score);
        const { title } = task.methods.find((row) => row.method === other) ?? {};
        return gain ? [[`${title} on ${task.task}`, gain.effects] as const] : [];
      })
    ),
  );
}

/** Better than each of some others in mean success over training, where there is headroom. */
function better(method: MethodName, others: readonly MethodName[]) {
  return (summary: CreditSummary): Verdict => {
    const { counted, words } = headroom(summary);
    return decided(
      gains(counted, method, others),
      { sesoi: SUCCESS },
      (numbers) => `Gain in mean success over training: ${numbers}.${words}`,
      `Needs ${method} and one of ${others.join(", ")} on a task with headroom.${words}`,
    );
  };
}

/** Lower is better: the others' score less the method's, on every task. */
function lower(method: MethodName, others: readonly MethodName[], score: Score, what: string) {
  return ({ tasks }: CreditSummary): Verdict => {
    const effects = Object.fromEntries(
      Object.entries(gains(tasks, method, others, score))
        .map(([name, values]) => [name, values.map((x) => -x)]),
    );
    return decided(
      effects,
      { sesoi: ERROR },
      (numbers) => `Fall in ${what}: ${numbers}.`,
      `Needs ${method} and one of ${others.join(", ")} on one task.`,
    );
  };
}

/** The critic's error during RL below that of always predicting the mean of the values. */
function staysCalibrated(methods: readonly MethodName[]) {
  return ({ tasks }: CreditSummary): Verdict => {
    const rows = tasks.flatMap((task) =>
      task.methods.filter((row) => methods.includes(row.method) && row.critic)
        .map((row) => ({ name: `${row.title} on ${task.task}`, critic: row.critic! }))
    );
    const biases = rows.map(({ name, critic }) =>
      `${critic.absoluteBias.mean.estimate.toFixed(3)} (${name})`
    );
    return decided(
      Object.fromEntries(rows.map(({ name, critic: { meanPredictorRmse, rmse } }) => [
        name,
        rmse.scores.map((x, i) => meanPredictorRmse.scores[i]! - x),
      ])),
      { sesoi: ERROR },
      (numbers) =>
        `RMSE of always predicting the mean less the critic's, mean over training: ${numbers}. ` +
        `Mean |bias|: ${biases.join("; ")}.`,
      `Needs ${methods.join(" or ")}.`,
    );
  };
}

/** The critic against GRPO that has cost as much. */
function atEqualComputation({ tasks }: CreditSummary): Verdict {
  const found = tasks.flatMap(({ exchange, task }) => exchange ? [{ exchange, task }] : []);
  const rates = found.map(({ exchange: { flopsRatio, longest, rates }, task }) => {
    const sorted = rates.map((rate) => rate ?? Infinity).toSorted((a, b) => a - b);
    const text = (x: number) => x === Infinity ? `more than ${longest}` : x.toFixed(1);
    return `${task}: ${text(sorted[0]!)} to ${
      text(sorted.at(-1)!)
    } episodes of GRPO for one with ` +
      `the critic, whose run with its preparation takes ${shown(flopsRatio)} times the FLOPs`;
  });
  return decided(
    Object.fromEntries(found.map(({ exchange: { atEqualFlops, withCritic }, task }) => [
      task,
      withCritic.map((x, i) => x - atEqualFlops[i]!),
    ])),
    { sesoi: SUCCESS },
    (numbers) => `Success at the end less GRPO's: ${numbers}. ${rates.join("; ")}.`,
    `Needs ${EXCHANGED.critic} and ${EXCHANGED.long} on one task.`,
  );
}

/** Over the methods with a critic and seeds enough, how success over training goes with the critic's error. */
function mechanism({ tasks }: CreditSummary): Verdict {
  const found = tasks.flatMap((task) => {
    const rows = task.methods.filter((row) =>
      row.critic && hasEqualBatches(row, task) &&
      row.seeds.length >= Math.min(SEEDS_FOR_VERDICT, task.starts.length)
    );
    if (rows.length < 3) return [];
    const seeds = minimum(rows.map((row) => row.seeds.length));
    const slopes = (quality: "rmse" | "ranking") =>
      Array.from({ length: seeds }, (_, i) =>
        leastSquaresSlope(
          rows.map(({ critic }) => critic![quality].scores[i]!),
          rows.map(({ area }) => area.scores[i]!),
        ));
    return [{
      name: `${rows.length} critics on ${task.task}`,
      error: slopes("rmse").map((slope) => -0.1 * slope),
      ranking: slopes("ranking").map((slope) => 0.1 * slope),
    }];
  });
  const ranking = found.map(({ name, ranking }) => `${shown(seedInterval(ranking))} (${name})`);
  return decided(
    Object.fromEntries(found.map(({ name, error }) => [name, error])),
    { sesoi: SUCCESS },
    (numbers) =>
      `Mean success gained where a critic's RMSE is 0.1 lower: ${numbers}. Where its ranking ` +
      `accuracy is 0.1 higher: ${ranking.join("; ")}.`,
    "Needs three methods with a critic on one task.",
  );
}

const BASELINES: MethodName[] = ["ppo", "grpo", "rloo"];

/** An exploratory claim that one method gains over others. */
function exploratory(
  id: string,
  statement: string,
  method: MethodName,
  others: readonly MethodName[],
  readAs =
    "Mean exact success on held-out problems over training, paired by seed, at equal episodes.",
): Claim<CreditSummary> {
  const terms: ClaimTerms = { id, statement, family: "exploratory", readAs, sesoi: SUCCESS_TEXT };
  return { ...terms, evaluate: better(method, others) };
}

/** The claims, in the order of the report. */
export const creditClaims: readonly Claim<CreditSummary>[] = [
  {
    id: "C5",
    statement:
      "At equal episodes GenAC as the paper has it beats PPO, GRPO and RLOO, where there is headroom.",
    family: "confirmatory",
    paper: "A generative critic gives better downstream RL than value-based (PPO) and value-free " +
      "(GRPO, RLOO) methods.",
    readAs:
      "Chains of thought with values by regression, REINFORCE on frozen actors, then joint training, " +
      "both with the raw reward on the whole response; emitted integer, lambda 1, clip 0.2, KL 0. Mean exact success on " +
      "held-out problems over training less each rival's, on tasks where an exact critic gains " +
      `${HEADROOM} over GRPO. Episodes and computation of preparing critics are not counted here.`,
    sesoi: SUCCESS_TEXT,
    evaluate: better("genac", BASELINES),
  },
  {
    id: "C5-kit",
    statement:
      "At equal episodes a generative critic at lambda 0.8, read by its expectation, beats PPO, GRPO and RLOO.",
    family: "confirmatory",
    paper: "As C5.",
    readAs:
      "The kit's recipe: asked before every token, prepared by regression on mean outcomes, " +
      "joint regression that keeps its chains. Else as C5.",
    sesoi: SUCCESS_TEXT,
    evaluate: better("generative lambda 0.8", BASELINES),
  },
  {
    id: "C5-compute",
    statement: "At equal computation, the critic's preparation counted, it still beats GRPO.",
    family: "confirmatory",
    paper: "GenAC costs about 2.1 times PPO's computation an iteration and is worth it.",
    readAs:
      "Exact success at the end of the run with the critic less that of GRPO with 8 times the " +
      "episodes, at the point where it has taken as many FLOPs (or at its end if it never does).",
    sesoi: `${SUCCESS} of success: two problems in a hundred`,
    evaluate: atEqualComputation,
  },
  {
    id: "C4-training",
    statement: "During RL the critics stay calibrated to the actor they train.",
    family: "confirmatory",
    paper: "In-Context Conditioning keeps the critic calibrated to the changing actor.",
    readAs:
      "Mean over the evaluations after the first of the RMSE on 256 states along the current " +
      "actor's held-out responses, against the actor's values, below that of always predicting the " +
      "mean of these values: for GenAC and for the kit's recipe.",
    sesoi: ERROR_TEXT,
    evaluate: staysCalibrated(["genac", "generative lambda 0.8"]),
  },
  {
    id: "C5-headroom",
    statement: "There is something to gain: an exact critic beats GRPO on every task.",
    family: "exploratory",
    readAs: "Mean exact success over training, paired by seed.",
    sesoi: SUCCESS_TEXT,
    evaluate: ({ tasks }) =>
      decided(
        gains(tasks, "oracle", ["grpo"]),
        { sesoi: SUCCESS },
        (numbers) => `Gain in mean success over training: ${numbers}.`,
        "Needs oracle and grpo.",
      ),
  },
  exploratory(
    "C5-leave-one-out",
    "GenAC with a leave-one-out baseline, credit on the value token and KL on the chain beats them.",
    "genac-leave-one-out",
    BASELINES,
  ),
  exploratory(
    "C5-equal",
    "With equal knowledge, chains as the actor's own teacher would write them, the kit's recipe beats them.",
    "generative lambda 0.8 equal",
    BASELINES,
  ),
  exploratory(
    "C5-genac-equal",
    "With equal knowledge GenAC (leave-one-out) beats them.",
    "genac equal",
    BASELINES,
  ),
  exploratory(
    "C5-vineppo",
    "The kit's recipe beats VinePPO, whose values are continuations.",
    "generative lambda 0.8",
    ["vineppo"],
  ),
  exploratory(
    "C5-credit",
    "A frozen generative critic that assigns credit (lambda 0) beats one that is a baseline (lambda 1).",
    "generative lambda 0 frozen",
    ["generative lambda 1 frozen"],
  ),
  exploratory(
    "C5-kind",
    "At lambda 0 a generative critic beats a discriminative one.",
    "generative lambda 0",
    ["discriminative lambda 0"],
  ),
  exploratory(
    "C5-joint",
    "A critic that learns during RL trains better than the same one frozen.",
    "generative lambda 0.8",
    ["generative lambda 0.8 frozen"],
  ),
  exploratory(
    "C5-from-actor",
    "A critic begun as the actor trains better than one with weights of its own.",
    "generative from the actor",
    ["generative lambda 0.8"],
  ),
  exploratory(
    "C5-epochs",
    "With 4 epochs on each batch, so that clipping acts, the kit's recipe does better than with one.",
    "generative 4 epochs",
    ["generative lambda 0.8"],
  ),
  exploratory(
    "C5-16x1",
    "With one response to each of 16 problems, which group methods cannot use, it beats PPO and GRPO (4 x 4).",
    "generative 16x1",
    ["ppo 16x1", "grpo"],
  ),
  exploratory(
    "C5-8x8",
    "With batches of 8 x 8 it still beats GRPO.",
    "generative 8x8",
    ["grpo 8x8"],
    "As C5, with four times the episodes an iteration and half the iterations for both.",
  ),
  {
    id: "C5-gradient",
    statement:
      "Before training, a generative critic's policy gradients (lambda 0) are nearer to the oracle's than GRPO's.",
    family: "exploratory",
    readAs: "Cosine of one batch's gradient with the oracle's mean gradient over other batches.",
    sesoi: "0.02 of cosine",
    evaluate: ({ tasks }) =>
      decided(
        gains(tasks, "generative lambda 0 frozen", ["grpo"], (row) => row.gradient?.cosine),
        { sesoi: 0.02 },
        (numbers) => `Gain in cosine: ${numbers}.`,
        "Needs generative lambda 0 frozen and grpo on one task.",
      ),
  },
  {
    id: "C5-mechanism",
    statement: "Over critics, the lower a critic's error during RL, the more its actor gains.",
    family: "exploratory",
    readAs:
      "Slope of mean success over the critic's RMSE during RL, over methods with a critic and " +
      "equal batches, in each seed. They differ in lambda, too: an association, no more.",
    sesoi: `${SUCCESS} of mean success for 0.1 of RMSE`,
    evaluate: mechanism,
  },
  {
    id: "C4-ICC-training",
    statement: "During RL, In-Context Conditioning lowers the critic's error.",
    family: "exploratory",
    readAs:
      "RMSE, mean over the evaluations after the first, told the smoothed success rate against " +
      "told that before RL for ever.",
    sesoi: ERROR_TEXT,
    evaluate: lower(
      "generative lambda 0.8",
      ["generative no ICC"],
      (row) => row.critic?.rmse,
      "RMSE, mean over training",
    ),
  },
];
