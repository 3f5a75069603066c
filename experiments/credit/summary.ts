import type { BootstrapOptions } from "../../lib/eval/bootstrap.ts";
import { interquartileMean } from "../../lib/eval/statistics.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { TrainingFailure } from "../../lib/rl/training_failures.ts";
import { PARTS, type Parts, totalParts } from "../../lib/rl/work.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { type Scores, scoresOf } from "../shared/scores.ts";
import type { CreditMetrics } from "./cell.ts";
import { type CreditCell, searchRuns } from "./cells.ts";
import type { CreditConfig } from "./config.ts";
import type { Evaluation } from "./actor_evaluation.ts";
import type { Example, GradientQuality } from "./gradients.ts";
import { type MethodName, methodOf } from "./methods.ts";

/** A quantity at one iteration: mean and range over the seeds that have it. */
export interface CurvePoint {
  readonly iteration: number;
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** What is followed over training. */
export const FOLLOWED = ["success", "criticRmse", "criticBias", "criticRanking"] as const;
/** One of them. */
export type Followed = typeof FOLLOWED[number];

/** A method on a task. */
export interface MethodRow {
  readonly method: MethodName;
  readonly title: string;
  readonly learningRate: number;
  /** Mean success over the evaluations after the first: the area under the success curve. */
  readonly area: Scores;
  /** Success at the end. */
  readonly final: Scores;
  readonly curves: Readonly<Record<Followed, readonly CurvePoint[]>>;
  /** |bias| of the critic at the end, by seed; null without a critic. */
  readonly bias: Scores | null;
  /** Null where gradients were not compared. */
  readonly gradient: { readonly [K in keyof GradientQuality]: Scores };
  /** By seed. */
  readonly failures: readonly (readonly TrainingFailure[])[];
  /** FLOPs of one iteration by part, mean over seeds. */
  readonly iterationFlops: Parts;
  /** FLOPs of RL, and of the preparation of its critic with the rollouts behind it, mean over seeds. */
  readonly flops: number;
  readonly preparationFlops: number;
}

/** A learning rate that was tried. */
export interface SearchRow {
  readonly method: MethodName;
  readonly learningRate: number;
  /** Mean success over training, mean over tuning seeds. */
  readonly area: number;
}

/** A task with its methods. */
export interface TaskRow {
  readonly task: string;
  /** Success before RL, mean over seeds. */
  readonly start: number;
  readonly methods: readonly MethodRow[];
  readonly search: readonly SearchRow[];
  /** Of the first seed. */
  readonly example: Example;
}

/** Scores over seeds, learning curves, gradients and failures by task and method: all that figures and claims read. */
export interface CreditSummary {
  readonly seeds: number;
  readonly iterations: number;
  /** Responses in an iteration. */
  readonly episodes: number;
  readonly tasks: readonly TaskRow[];
  readonly bootstrap: BootstrapOptions;
}

/** Summarizes finished cells. */
export function summarizeCredit(
  config: CreditConfig,
  cells: readonly FinishedCell<CreditCell, CreditMetrics>[],
): CreditSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const tasks = config.tasks.map((task): TaskRow => {
    const of = (reported: boolean) =>
      cells.filter(({ cell: { config: c, seed } }) =>
        c.task.name === task.name && config.seeds.includes(seed) === reported
      ).map(({ result }) => result.metrics);
    const own = of(true), tuning = of(false);
    const ran = task.methods;
    const methods = ran.map(({ name, learningRate }): MethodRow => {
      const runs = own.map((m) => m.runs[name]!);
      const scores = (f: (points: readonly Evaluation[]) => number) =>
        scoresOf(runs.map(({ points }) => f(points)), bootstrap);
      const { critic, title } = methodOf(name);
      const biases = runs.map(({ points }) => points.at(-1)!.criticBias);
      const gradient = (what: keyof GradientQuality) =>
        scoresOf(own.map((m) => m.gradients[name]![what]), bootstrap);
      return {
        method: name,
        title,
        learningRate,
        area: scores(area),
        final: scores((points) => points.at(-1)!.success),
        curves: Object.fromEntries(
          FOLLOWED.map((what) => [what, curve(runs.map((r) => r.points), what)]),
        ) as Record<Followed, CurvePoint[]>,
        bias: biases.includes(null) ? null : scoresOf(biases.map((b) => Math.abs(b!)), bootstrap),
        gradient: {
          cosine: gradient("cosine"),
          meanCosine: gradient("meanCosine"),
          relativeVariance: gradient("relativeVariance"),
        },
        failures: runs.map(({ failures }) => failures),
        iterationFlops: Object.fromEntries(
          PARTS.map((part) => [
            part,
            mean(runs.map(({ flops }) => flops[part])) / config.training.iterations,
          ]),
        ) as Parts,
        flops: mean(runs.map(({ flops }) => totalParts(flops))),
        preparationFlops: critic
          ? mean(own.map(({ preparation: { flops } }) => flops[critic]! + flops.lessons!))
          : 0,
      };
    });
    const search = (task.search ? searchRuns(task.search) : [])
      .map(({ id, method, learningRate }): SearchRow => ({
        method,
        learningRate,
        area: mean(tuning.map((m) => area(m.runs[id]!.points))),
      }));
    const start = mean(own.map((m) => m.runs[ran[0]!.name]!.points[0]!.success));
    const { example } = own[0]!;
    return { task: task.name, start, methods, search, example };
  });
  const { iterations, problems, responses } = config.training;
  return {
    seeds: config.seeds.length,
    iterations,
    episodes: problems * responses,
    tasks,
    bootstrap,
  };
}

function area(points: readonly Evaluation[]): number {
  return mean(points.slice(1).map(({ success }) => success));
}

function curve(paths: readonly (readonly Evaluation[])[], what: Followed): CurvePoint[] {
  return paths[0]!.map(({ iteration }, i) => {
    const values = paths.flatMap((path) => path[i]![what] ?? []);
    if (values.length === 0) return { iteration, mean: null, low: null, high: null };
    return {
      iteration,
      mean: mean(values),
      low: minimum(values),
      high: maximum(values),
    };
  });
}

/** "2 of 3". */
export function failedSeeds({ failures }: Pick<MethodRow, "failures">): string {
  return `${failures.filter((own) => own.length > 0).length} of ${failures.length}`;
}

/** "2 of 3 (critic collapse)". */
export function failureText({ failures }: MethodRow): string {
  const failed = failures.filter((f) => f.length > 0);
  if (failed.length === 0) return "none";
  const names = [...new Set(failed.flat().map(({ name }) => name))];
  return `${failedSeeds({ failures })} (${names.join(", ")})`;
}

/** One line a task and method, for the terminal. */
export function creditTable({ tasks }: CreditSummary): TableRow[] {
  return tasks.flatMap(({ task, methods }) =>
    methods.map((row) => ({
      task,
      method: row.title,
      rate: row.learningRate,
      "success, mean": row.area.iqm.estimate,
      "at the end": row.final.iqm.estimate,
      "gradient cosine": interquartileMean(row.gradient.cosine.scores),
      "critic RMSE": row.curves.criticRmse.at(-1)!.mean,
      failures: failureText(row),
    }))
  );
}
