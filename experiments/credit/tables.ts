/** The tables of the report; each a function of the summary, of the run, or of the configuration. */
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { formatPlain } from "../../lib/report/format.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { tokenSequence } from "../../lib/report/token_sequence.ts";
import { TRAINING_FAILURES } from "../../lib/rl/training_failures.ts";
import { type Parts, totalParts } from "../../lib/rl/work.ts";
import { sizeName } from "../shared/config.ts";
import { type Setting, tableOfSettings } from "../shared/settings.ts";
import type { CreditConfig, TaskConfig } from "./config.ts";
import type { CreditRun } from "./figures.ts";
import { nameOf, seedsText } from "./looks.ts";
import { criticEntry, type CriticKind, CRITICS, type MethodName } from "./methods.ts";
import type { Gate } from "./preparation.ts";
import {
  type CreditSummary,
  failedSeeds,
  grpoOf,
  type MethodRow,
  type SearchRow,
  type TaskRow,
} from "./summary.ts";

const INTERVAL = "Student's 95% interval";

/** The scores of a task's methods, and what each took. */
export function scoresTable(task: TaskRow): Displayable {
  return table({
    caption: `${task.task}: mean over seeds with ${INTERVAL}; success before RL ` +
      task.start.toFixed(3),
    rows: task.methods,
    columns: [
      { title: "method", cell: (row) => row.title },
      { title: "seeds", cell: (row) => row.seeds.length },
      { title: "rate", cell: (row) => formatPlain(row.learningRate) },
      { title: "success, mean over training", cell: (row) => row.area.mean, decimals: 3 },
      { title: "at the end", cell: (row) => row.final.mean, decimals: 3 },
      { title: "episodes", cell: (row) => row.episodes },
      { title: "of preparation", cell: (row) => row.preparationEpisodes },
      { title: "TFLOP of RL", cell: (row) => row.flops / 1e12, decimals: 2 },
      { title: "of preparation", cell: (row) => row.preparationFlops / 1e12, decimals: 2 },
      { title: "failed seeds", cell: failedSeeds },
    ],
  });
}

/** How far exact success is from sampled success. */
export function samplingTable({ tasks }: CreditSummary): Displayable {
  return table({
    caption: "Exact success less that of one sampled response to each held-out problem, wherever " +
      `critics are judged: mean over seeds with ${INTERVAL}; RMS, and what sampling alone makes of it`,
    rows: tasks,
    columns: [
      { title: "task", cell: ({ task }) => task },
      { title: "evaluations", cell: ({ sampling }) => sampling.evaluations },
      { title: "mean", cell: ({ sampling }) => sampling.difference.mean, decimals: 4 },
      { title: "RMS", cell: ({ sampling }) => sampling.rms, decimals: 3 },
      { title: "of sampling", cell: ({ sampling }) => sampling.noise, decimals: 3 },
    ],
  });
}

/** What every cell starts from: the actors, the chains of thought, and how well the critics learned values. */
export function preparationTable({ cells }: CreditRun): Displayable {
  const rows = cells.map(({ config, id, metrics: { preparation } }) => ({
    id,
    config,
    ...preparation,
  }));
  const kinds = (Object.keys(CRITICS) as CriticKind[])
    .filter((kind) => rows.some(({ config }) => config.needs.includes(kind)));
  type PreparationRow = typeof rows[number];
  return table({
    caption: "Before RL: the actor's success on held-out problems and loss (nats per token); " +
      "success of all the actors that critics are prepared on; by critic, chains that are right in " +
      "every token after training on chains alone, and the loss at the end of " +
      "regression (discriminative: squared error; generative: cross-entropy) or the mean reward " +
      "at the end of REINFORCE. ✗: the gate was missed in all rounds",
    rows,
    columns: [
      { title: "cell", cell: ({ id }) => id },
      { title: "success", cell: ({ successRate }) => successRate, decimals: 3 },
      {
        title: "actors' success",
        cell: ({ skills }) => `${minimum(skills).toFixed(2)} to ${maximum(skills).toFixed(2)}`,
      },
      { title: "actor's loss", cell: ({ actor }) => gateText(actor) },
      ...kinds.flatMap((kind) => [
        ...rows.some(({ chains }) => chains[kind])
          ? [{
            title: `${kind}: right chains`,
            cell: ({ chains }: PreparationRow) => chains[kind] && gateText(chains[kind]),
          }]
          : [],
        {
          title: `${kind}: ${criticEntry(kind).reinforced ? "reward" : "loss"}`,
          cell: ({ criticLoss }: PreparationRow) => criticLoss[kind],
          decimals: 3,
        },
      ]),
    ],
  });
}

/** "0.985, 1 round", "0.910, 3 rounds ✗". */
function gateText({ passed, reached, rounds }: Gate): string {
  return `${reached.toFixed(3)}, ${rounds} round${rounds === 1 ? "" : "s"}` +
    (passed ? "" : " ✗");
}

/** How good the critics are while their actors learn. */
export function criticTable(task: TaskRow): Displayable {
  return table({
    caption: `${task.task}: critics during RL against the actor's values, mean over the ` +
      `evaluations after the first and over seeds, with ${INTERVAL}; chains right in every token`,
    rows: task.methods.flatMap((row) =>
      row.critic ? [{ ...row.critic, name: nameOf(row, task) }] : []
    ),
    columns: [
      { title: "method", cell: (row) => row.name },
      { title: "RMSE", cell: (row) => row.rmse.mean, decimals: 3 },
      {
        title: "RMSE of always the mean",
        cell: (row) => row.meanPredictorRmse.mean.estimate,
        decimals: 3,
      },
      { title: "|bias|", cell: (row) => row.absoluteBias.mean.estimate, decimals: 3 },
      { title: "ranking accuracy", cell: (row) => row.ranking.mean.estimate, decimals: 3 },
      { title: "right chains", cell: (row) => row.rightChains?.mean.estimate, decimals: 2 },
    ],
  });
}

/** What an iteration costs, by part, and how many times PPO's and GRPO's that is. */
export function costTable(task: TaskRow): Displayable {
  const ratio = (row: MethodRow, to: MethodName) => {
    const other = task.methods.find(({ method }) => method === to);
    return other && totalParts(row.iterationFlops) / totalParts(other.iterationFlops);
  };
  const giga = (row: MethodRow, part: keyof Parts) => row.iterationFlops[part] / 1e9;
  return table({
    caption: `${task.task}: GFLOP of an iteration, mean over training; what the oracle and the ` +
      "process reward know is not counted",
    rows: task.methods,
    columns: [
      { title: "method", cell: (row) => row.title },
      { title: "rollouts", cell: (row) => giga(row, "rollout"), decimals: 2 },
      { title: "critic's answers", cell: (row) => giga(row, "criticInference"), decimals: 2 },
      { title: "critic's training", cell: (row) => giga(row, "criticTraining"), decimals: 2 },
      { title: "actor's training", cell: (row) => giga(row, "actorTraining"), decimals: 2 },
      { title: "all", cell: (row) => totalParts(row.iterationFlops) / 1e9, decimals: 2 },
      { title: "times PPO", cell: (row) => ratio(row, "ppo"), decimals: 2 },
      { title: "times GRPO", cell: (row) => ratio(row, "grpo"), decimals: 2 },
      {
        title: "preparation, in iterations of GRPO",
        cell: (row) => row.preparationFlops / totalParts(grpoOf(task).iterationFlops),
        decimals: 0,
      },
    ],
  });
}

/** How good the methods' gradients are before training; null where they were not compared. */
export function gradientTable(task: TaskRow): Displayable | null {
  const rows = task.methods.flatMap((row) =>
    row.gradient ? [{ ...row.gradient, name: nameOf(row, task) }] : []
  );
  if (rows.length === 0) return null;
  return table({
    caption: `${task.task}: policy gradients at the checkpoint, against the oracle's mean; mean ` +
      `over seeds, with ${INTERVAL}`,
    rows,
    columns: [
      { title: "method", cell: (row) => row.name },
      { title: "cosine of a batch", cell: (row) => row.cosine.mean, decimals: 3 },
      { title: "cosine of the mean", cell: (row) => row.meanCosine.mean.estimate, decimals: 2 },
      {
        title: "relative variance",
        cell: (row) => row.relativeVariance?.mean.estimate,
        decimals: 1,
      },
    ],
  });
}

/** The best of a method's rates on tuning seeds, and whether it is the smallest or the largest that was tried. */
export function bestRate(
  search: readonly SearchRow[],
  method: MethodName,
): { readonly learningRate: number; readonly atEdge: boolean } | undefined {
  const own = search.filter((row) => row.method === method);
  if (own.length === 0) return undefined;
  const { learningRate } = own.reduce((a, b) => b.area > a.area ? b : a);
  const rates = own.map((row) => row.learningRate);
  return {
    learningRate,
    atEdge: learningRate === minimum(rates) || learningRate === maximum(rates),
  };
}

/** Every learning rate that was tried; null where the profile has no search. */
export function searchTable({ methods, search, task }: TaskRow): Displayable | null {
  if (search.length === 0) return null;
  const rates = [...new Set(search.map((row) => row.learningRate))].toSorted((a, b) => a - b);
  return table({
    caption: `${task}: mean success over training, mean over tuning seeds, by learning rate`,
    rows: methods.filter(({ method }) => bestRate(search, method)),
    columns: [
      { title: "method", cell: (row) => row.title },
      { title: "in use", cell: (row) => formatPlain(row.learningRate) },
      {
        title: "best",
        cell: (row) => {
          const { atEdge, learningRate } = bestRate(search, row.method)!;
          return formatPlain(learningRate) + (atEdge ? " ✗ at the edge of what was tried" : "");
        },
      },
      ...rates.map((rate) => ({
        title: formatPlain(rate),
        decimals: 3,
        cell: (row: MethodRow) =>
          search.find((s) => s.method === row.method && s.learningRate === rate)?.area,
      })),
    ],
  });
}

/** One response, token by token, in the colours of blame and credit: the exact advantage first, then each method's. */
export function creditTokens(
  { example: { advantages, subjects, tokens }, methods }: TaskRow,
  which: (row: MethodRow) => boolean = () => true,
): Displayable[] {
  return methods.filter((row) => advantages[row.method] && which(row))
    .toSorted((a, b) => Number(b.method === "oracle") - Number(a.method === "oracle"))
    .map(({ method, title }) =>
      tokenSequence(
        tokens.map((text, t) => {
          const A = advantages[method]![t]!;
          return {
            text,
            subject: subjects[t]!,
            label: A.toFixed(2),
            tone: A < -0.1 ? "wrong" : A > 0.1 ? "right" : "plain",
          };
        }),
        title,
      )
    );
}

/** Every failure that was seen, by run. */
export function failuresTable({ tasks }: CreditSummary): Displayable {
  const rows = tasks.flatMap(({ methods, task }) =>
    methods.flatMap(({ failures, seeds, title }) =>
      failures.flatMap((own, i) =>
        own.map(({ iteration, name }) => ({ task, title, seed: seeds[i], iteration, name }))
      )
    )
  );
  return table({
    caption: `Failures: ${rows.length} seen`,
    rows,
    columns: [
      { title: "task", cell: (row) => row.task },
      { title: "method", cell: (row) => row.title },
      { title: "seed", cell: (row) => row.seed },
      { title: "from iteration", cell: (row) => row.iteration },
      { title: "failure", cell: (row) => row.name },
      { title: "which means", cell: (row) => TRAINING_FAILURES[row.name].title },
    ],
  });
}

/** What was run, in words and numbers. */
export function settingsTable(config: CreditConfig): Displayable {
  const { criticTest, seeds, tasks, training } = config;
  const few = tasks.some(({ methods }) => methods.some((method) => method.seeds !== undefined));
  return tableOfSettings([
    ...tasks.flatMap((task) => taskSettings(task, seeds)),
    [
      "RL",
      `${training.iterations} iterations of ${training.problems} problems with ` +
      `${training.responses} responses each, where a method does not say otherwise; KL loss ` +
      `${training.klCoefficient}, for GenAC 0; ${training.epochs} epoch; ` +
      `${seedsText(seeds.length)}: ${seeds.join(", ")}${
        few ? "; the first of them where a method has fewer" : ""
      }`,
    ],
    [
      "evaluation",
      `exact success every ${config.evaluateEvery} iterations: the mean over held-out problems (` +
      `${tasks.map((task) => `${task.name}: ${task.exactProblems}`).join(", ")}) of the ` +
      `probability that the actor's policy has; every ${config.judgeEvery} one sampled response ` +
      `to each of ${config.testProblems} beside it, and critics on ${criticTest.states} states ` +
      `along each of ${criticTest.problems} of these, against the actor's values`,
    ],
  ]);
}

function taskSettings(task: TaskConfig, seeds: readonly number[]): Setting[] {
  const own = Math.max(...task.methods.map((method) => method.seeds ?? seeds.length));
  const { discriminative, generative, pilot, search, sft, temperatures } = task;
  const { reinforce, traces } = generative;
  const cooler = temperatures.length === 0 ? "" : `, at temperature ${temperatures.join(" and ")}`;
  return [
    [
      task.name,
      `${task.environment} ${JSON.stringify(task.environmentConfig)}; teacher ` +
      `${JSON.stringify(task.teacher)}; actor ${sizeName(task.actor)}, ${sft.steps} steps of ` +
      `supervised fine-tuning a round, up to a loss of ${sft.gate} nats per token or ` +
      `${sft.rounds} rounds` + (own < seeds.length ? `; the first ${seedsText(own)} only` : ""),
    ],
    [
      `${task.name}: what critics learn from`,
      `mean outcomes of 8 rollouts from each of ${task.lessons} states: of the actor${cooler} and ` +
      `of those of a pilot run of GRPO (${pilot.problems} x ${pilot.responses}) after ` +
      `${pilot.checkpoints.join(", ")} iterations`,
    ],
    [
      `${task.name}: critics`,
      `discriminative ${
        sizeName(discriminative.size)
      }, ${discriminative.steps} steps; generative ` +
      `${sizeName(generative.size)}, ${traces.steps} steps a round on chains alone, about states ` +
      `by writers of all skills, up to ${traces.gate} of chains right or ${traces.rounds} ` +
      `rounds, then ${generative.steps} of regression; GenAC's critic goes on with ${reinforce.steps} of REINFORCE`,
    ],
    [
      `${task.name}: learning-rate search`,
      search ? `tuning seeds ${search.seeds.join(", ")}` : "not in this profile",
    ],
  ];
}
