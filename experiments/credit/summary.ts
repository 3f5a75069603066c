import { pairedDifferences, type SeedInterval, seedInterval } from "../../lib/eval/student.ts";
import { mean } from "../../lib/numeric/sums.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import type { GradientQuality } from "../../lib/rl/gradient_quality.ts";
import type { TrainingFailure } from "../../lib/rl/training_failures.ts";
import { PARTS, type Parts, totalParts } from "../../lib/rl/work.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { type Scores, scoresOf } from "../shared/scores.ts";
import type { CriticEvaluation } from "./actor_evaluation.ts";
import type { CreditMetrics, Evaluation } from "./cell.ts";
import { type CreditCell, searchRuns } from "./cells.ts";
import type { CreditConfig } from "./config.ts";
import { type Exchange, exchangeOf, type Path } from "./exchange.ts";
import type { Example } from "./gradients.ts";
import { type MethodName, methodOf, trainingOf } from "./methods.ts";
import type { Gate } from "./preparation.ts";

/** A quantity at one iteration: mean and range over the seeds that have it. */
export interface CurvePoint {
  readonly iteration: number;
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** What is followed over training. */
export const FOLLOWED = ["success", ...criticQuantities()] as const;
/** One of them. */
export type Followed = typeof FOLLOWED[number];

function criticQuantities() {
  return ["rmse", "meanPredictorRmse", "bias", "ranking", "rightChains"] as const;
}

/** A critic during RL: means over its evaluations after the first, by seed. */
export interface CriticScores {
  readonly rmse: Scores;
  /** Of always predicting the mean of the values at that evaluation. */
  readonly meanPredictorRmse: Scores;
  readonly absoluteBias: Scores;
  readonly ranking: Scores;
  /** Null for critics that write no chain. */
  readonly rightChains: Scores | null;
}

/** The gradients of a method before training, by seed; the variance over the seeds that have one, null if none has. */
export interface GradientScores extends Readonly<Record<"cosine" | "meanCosine", Scores>> {
  readonly relativeVariance: Scores | null;
}

/** A method on a task. */
export interface MethodRow {
  readonly method: MethodName;
  readonly title: string;
  readonly learningRate: number;
  /** Those that it ran on: the task's first. Scores are in their order. */
  readonly seeds: readonly number[];
  /** Problems and responses of an iteration, iterations. */
  readonly problems: number;
  readonly responses: number;
  readonly iterations: number;
  /** Mean success over the evaluations after the first: the area under the success curve. */
  readonly area: Scores;
  /** Success at the end. */
  readonly final: Scores;
  readonly curves: Readonly<Record<Followed, readonly CurvePoint[]>>;
  /** Null without a critic. */
  readonly critic: CriticScores | null;
  /** Null where gradients were not compared. */
  readonly gradient: GradientScores | null;
  /** By seed. */
  readonly failures: readonly (readonly TrainingFailure[])[];
  /** FLOPs of one iteration by part, mean over seeds. */
  readonly iterationFlops: Parts;
  /** FLOPs of RL, and of the preparation of its critic with the rollouts behind it, mean over seeds. */
  readonly flops: number;
  readonly preparationFlops: number;
  /** Episodes of RL, and of the preparation of its critic. */
  readonly episodes: number;
  readonly preparationEpisodes: number;
}

/** Exact success less sampled success, wherever both are known, of methods of all seeds. */
export interface SamplingCheck {
  readonly evaluations: number;
  /** Means by seed. */
  readonly difference: Scores;
  readonly rms: number;
  /** The RMS that sampling alone makes of it: sqrt(mean p (1 - p) / n) for success p on n problems, at most. */
  readonly noise: number;
}

/** A learning rate that was tried. */
export interface SearchRow {
  readonly method: MethodName;
  readonly learningRate: number;
  /** Mean success over training, mean over tuning seeds. */
  readonly area: number;
}

/** What a seed started from. */
export interface StartRow {
  readonly seed: number;
  readonly success: number;
  readonly actor: Gate;
  readonly chains: Readonly<Record<string, Gate>>;
}

/** A task with its methods. */
export interface TaskRow {
  readonly task: string;
  /** Success before RL, mean over seeds. */
  readonly start: number;
  readonly starts: readonly StartRow[];
  readonly methods: readonly MethodRow[];
  readonly sampling: SamplingCheck;
  /** What an episode with the critic is worth; null where the profile has not both methods. */
  readonly exchange: Exchange | null;
  readonly search: readonly SearchRow[];
  /** Of the first seed. */
  readonly example: Example;
}

/** Scores over seeds, learning curves, gradients and failures by task and method: all that figures and claims read. */
export interface CreditSummary {
  readonly seeds: number;
  readonly tasks: readonly TaskRow[];
}

/** The methods between which episodes are exchanged. */
export const EXCHANGED = { critic: "generative lambda 0.8", long: "grpo x8" } as const;

type Cells = readonly FinishedCell<CreditCell, CreditMetrics>[];

/** Summarizes finished cells. */
export function summarizeCredit(config: CreditConfig, cells: Cells): CreditSummary {
  const tasks = config.tasks.map((task): TaskRow => {
    const own = cells.filter(({ cell }) =>
      cell.config.task.name === task.name && config.seeds.includes(cell.seed)
    );
    const tuning = cells.filter(({ cell }) =>
      cell.config.task.name === task.name && !config.seeds.includes(cell.seed)
    );
    const search = (task.search ? searchRuns(task.search) : [])
      .map(({ id, method, learningRate }): SearchRow => ({
        method,
        learningRate,
        area: mean(tuning.map(({ result }) => area(result.metrics.runs[id]!.points))),
      }));
    const starts = own.map(({ cell, result: { metrics: { preparation } } }): StartRow => ({
      seed: cell.seed,
      success: preparation.successRate,
      actor: preparation.actor,
      chains: preparation.chains,
    }));
    return {
      task: task.name,
      start: mean(starts.map(({ success }) => success)),
      starts,
      methods: task.methods.map((method) => methodRow(config, method, own)),
      sampling: samplingCheck(config, own),
      exchange: exchange(config, own),
      search,
      example: own[0]!.result.metrics.example,
    };
  });
  return { seeds: config.seeds.length, tasks };
}

function methodRow(
  config: CreditConfig,
  { name, learningRate }: CreditConfig["tasks"][number]["methods"][number],
  all: Cells,
): MethodRow {
  const own = all.filter(({ result }) => result.metrics.runs[name]);
  const runs = own.map(({ result }) => result.metrics.runs[name]!);
  const { critic, title } = methodOf(name);
  const { iterations, problems, responses } = trainingOf(name, config.training);
  const gradients = own.flatMap(({ result }) => result.metrics.gradients[name] ?? []);
  const preparations = own.map(({ result }) => result.metrics.preparation);
  return {
    method: name,
    title,
    learningRate,
    seeds: own.map(({ cell }) => cell.seed),
    problems,
    responses,
    iterations,
    area: scoresOf(runs.map(({ points }) => area(points))),
    final: scoresOf(runs.map(({ points }) => points.at(-1)!.success)),
    curves: Object.fromEntries(
      FOLLOWED.map((what) => [what, curve(runs.map((r) => r.points), what)]),
    ) as Record<Followed, CurvePoint[]>,
    critic: critic ? criticScores(runs.map(({ points }) => points)) : null,
    gradient: gradients.length < own.length ? null : gradientScores(gradients),
    failures: runs.map(({ failures }) => failures),
    iterationFlops: Object.fromEntries(
      PARTS.map((part) => [part, mean(runs.map(({ flops }) => flops[part])) / iterations]),
    ) as Parts,
    flops: mean(runs.map(({ flops }) => totalParts(flops))),
    preparationFlops: mean(preparations.map((p) => preparationFlops(p, critic))),
    episodes: iterations * problems * responses,
    preparationEpisodes: mean(
      preparations.map(({ episodes }) => critic ? episodes.pilot! + episodes.lessons! : 0),
    ),
  };
}

function samplingCheck({ testProblems }: CreditConfig, own: Cells): SamplingCheck {
  const bySeed = own.map(({ result: { metrics } }) =>
    Object.values(metrics.runs).flatMap(({ points }) =>
      points.flatMap(({ sampled, success }) =>
        sampled === null ? [] : [{ success, difference: success - sampled }]
      )
    )
  );
  const all = bySeed.flat();
  return {
    evaluations: all.length,
    difference: scoresOf(bySeed.map((points) => mean(points.map((p) => p.difference)))),
    rms: Math.sqrt(mean(all.map(({ difference }) => difference ** 2))),
    noise: Math.sqrt(mean(all.map(({ success }) => success * (1 - success))) / testProblems),
  };
}

function gradientScores(gradients: readonly GradientQuality[]): GradientScores {
  const variances = gradients.flatMap((g) => g.relativeVariance ?? []);
  return {
    cosine: scoresOf(gradients.map((g) => g.cosine)),
    meanCosine: scoresOf(gradients.map((g) => g.meanCosine)),
    relativeVariance: variances.length === 0 ? null : scoresOf(variances),
  };
}

/** Of a method's critic, with the pilot run and the rollouts that label its states. */
function preparationFlops(
  { flops }: CreditMetrics["preparation"],
  critic: string | undefined,
): number {
  return critic ? flops.pilot! + flops.lessons! + flops[critic]! : 0;
}

function area(points: readonly Evaluation[]): number {
  return mean(points.slice(1).map(({ success }) => success));
}

/** The critic's evaluations after the first. */
function judged(points: readonly Evaluation[]): CriticEvaluation[] {
  return points.slice(1).flatMap(({ critic }) => critic ?? []);
}

function criticScores(paths: readonly (readonly Evaluation[])[]): CriticScores {
  const scores = (f: (critic: CriticEvaluation) => number) =>
    scoresOf(paths.map((points) => mean(judged(points).map(f))));
  return {
    rmse: scores((c) => c.rmse),
    meanPredictorRmse: scores((c) => c.meanPredictorRmse),
    // Where nothing can be parsed there is no value to be biased: as wrong as can be.
    absoluteBias: scores((c) => c.bias === null ? 1 : Math.abs(c.bias)),
    ranking: scores((c) => c.ranking ?? 0.5),
    rightChains: paths.every((points) => judged(points).every((c) => c.rightChains !== null))
      ? scores((c) => c.rightChains!)
      : null,
  };
}

function curve(paths: readonly (readonly Evaluation[])[], what: Followed): CurvePoint[] {
  return paths[0]!.map(({ iteration }, i) => {
    const values = paths.flatMap((path) => {
      const { critic, success } = path[i]!;
      return what === "success" ? success : critic?.[what] ?? [];
    });
    if (values.length === 0) return { iteration, mean: null, low: null, high: null };
    return { iteration, mean: mean(values), low: minimum(values), high: maximum(values) };
  });
}

function exchange({ training }: CreditConfig, own: Cells): Exchange | null {
  const { critic, long } = EXCHANGED, kind = methodOf(critic).critic!;
  const both = own.map(({ result }) => result.metrics)
    .filter(({ runs }) => runs[critic] && runs[long]);
  if (both.length === 0) return null;
  const path = (metrics: CreditMetrics, name: MethodName): Path => {
    const { flops, points } = metrics.runs[name]!, { rollout, ...others } = flops;
    const { iterations, problems, responses } = trainingOf(name, training);
    const prepared = methodOf(name).critic ? metrics.preparation : undefined;
    return {
      points: points.map(({ iteration, success }) => ({
        episodes: iteration * problems * responses,
        success,
      })),
      episodes: iterations * problems * responses,
      rolloutFlops: rollout,
      otherFlops: Object.values(others).reduce((total, part) => total + part, 0),
      preparationEpisodes: prepared ? prepared.episodes.pilot! + prepared.episodes.lessons! : 0,
      preparationFlops: prepared ? preparationFlops(prepared, kind) : 0,
    };
  };
  return exchangeOf(both.map((metrics) => [path(metrics, critic), path(metrics, long)]));
}

/** Whether it has as many episodes as GRPO. */
export function hasEqualEpisodes({ episodes }: MethodRow, task: TaskRow): boolean {
  return episodes === grpoOf(task).episodes;
}

/** Whether it has GRPO's batches, too. */
export function hasEqualBatches(row: MethodRow, task: TaskRow): boolean {
  const { problems, responses } = grpoOf(task);
  return hasEqualEpisodes(row, task) && row.problems === problems && row.responses === responses;
}

/** The method that all others are measured by. */
export function grpoOf({ methods }: TaskRow): MethodRow {
  return methods.find(({ method }) => method === "grpo")!;
}

/** One method's score less another's, by the seeds that both ran on; undefined where that are none. */
export function pairedGain(
  { methods }: Pick<TaskRow, "methods">,
  name: MethodName,
  over: MethodName,
  score: (row: MethodRow) => Scores | null | undefined = (row) => row.area,
): { readonly effects: number[]; readonly interval: SeedInterval } | undefined {
  const bySeed = (name: MethodName) => {
    const row = methods.find(({ method }) => method === name);
    const scores = row && score(row)?.scores;
    return scores && new Map(scores.map((x, i) => [row.seeds[i]!, x]));
  };
  const a = bySeed(name), b = bySeed(over);
  if (!a || !b) return undefined;
  const seeds = [...a.keys()].filter((seed) => b.has(seed));
  if (seeds.length === 0) return undefined;
  const effects = pairedDifferences(seeds.map((s) => a.get(s)!), seeds.map((s) => b.get(s)!));
  return { effects, interval: seedInterval(effects) };
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
      seeds: row.seeds.length,
      "success, mean": row.area.mean.estimate,
      "at the end": row.final.mean.estimate,
      "gradient cosine": row.gradient?.cosine.mean.estimate ?? null,
      "critic RMSE": row.critic?.rmse.mean.estimate ?? null,
      failures: failureText(row),
    }))
  );
}
