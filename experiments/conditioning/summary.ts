import { pairedDifferences, type SeedInterval } from "../../lib/eval/student.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { mean } from "../../lib/numeric/sums.ts";
import { criticLabel } from "../../lib/report/theme.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { sizeName } from "../shared/config.ts";
import { GENERATIVE } from "../shared/kinds.ts";
import { criticRow, groupsOf, inRole, type Scores, scoresOf } from "../shared/scores.ts";
import { searchRows } from "../shared/search.ts";
import { type Readout, READOUTS } from "../shared/test_report.ts";
import type { ConditioningCell, ConditioningMetrics } from "./cell.ts";
import type { ConditioningConfig } from "./config.ts";
import { conditionedEnvironment, contextKind, type ContextName } from "./contexts.ts";
import {
  type ActorReport,
  type DriftReport,
  type FalseRateReport,
  type Group,
  GROUPS,
  type Reading,
  type Telling,
  type TransferReport,
} from "./critic_report.ts";
import { driftingActor, type Iteration } from "./drift.ts";
import { type Behaviour, BEHAVIOURS } from "./transfer.ts";

/** Scores on a group of actors; numbers are means over seeds. */
export interface GroupScores {
  /** With 1 charged for a response that cannot be parsed. */
  readonly rmse: Scores;
  /** RMSE of always predicting the group's mean value. */
  readonly meanPredictorRmse: number;
  /** Expected calibration error over all states: it does not see errors that cancel between actors. */
  readonly ece: number;
  readonly rankingAccuracy: number;
  /** Mean over the actors of |bias| at each one's states, of the calibration error, and of the ranking accuracy. */
  readonly actorBias: number;
  readonly actorEce: number;
  readonly actorRanking: number;
  readonly parseRate: number;
  /** Chains of thought that are right in every token; null for critics that write none. */
  readonly traceAccuracy: number | null;
}

/** The error at the states of one actor. */
export interface ActorScores {
  readonly epsilon: number;
  readonly rmse: Scores;
}

/** A quantity over iterations: mean, lowest and highest over seeds; null where none could be parsed. */
export interface Band {
  readonly estimate: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

/** Calibration along the drift. */
export interface DriftScores {
  /** Over all iterations' states. */
  readonly rmse: Scores;
  /** Mean over iterations of |bias|; 1 where no response could be parsed. */
  readonly bias: Scores;
  /** Mean over the phases of the expected calibration error; 1 where no response could be parsed. */
  readonly ece: Scores;
  /** The same by phase, mean over seeds. */
  readonly phaseEce: readonly number[];
  readonly meanPrediction: Band;
  readonly signedBias: Band;
}

/** What a false success rate does. */
export interface Response {
  /** By what is told: the rate of the actor with `epsilon`. Means over the states of all seen actors. */
  readonly told: readonly {
    readonly epsilon: number;
    readonly rate: number;
    readonly meanPrediction: SeedInterval;
    /** What a critic would say that knew the value of every state and believed the rate. */
    readonly believed: number;
  }[];
  readonly higher: Shift;
  readonly lower: Shift;
}

/** Mean change when the rate of the next better or next worse actor is told in place of the true one. */
export interface Shift {
  readonly rate: number;
  /** Change of the critic's value. */
  readonly value: Scores;
  /** Change of the exact value if what is told were true. */
  readonly believed: number;
}

/** Errors on actors of one behaviour, whose success rates are those of known ones. */
export interface TransferScores {
  readonly behaviour: Behaviour;
  /** Over the states of all its actors. */
  readonly rmse: Scores;
  /** What a critic would err that were exact for the known actors. */
  readonly knownActorRmse: number;
}

/** One critic with one context at one size, its answers read in one way. */
export interface ConditioningRow {
  readonly critic: string;
  readonly readout: Readout;
  readonly context: ContextName;
  readonly size: string;
  readonly parameters: number;
  readonly trainingFlops: number;
  readonly groups: Readonly<Record<Group, GroupScores>>;
  readonly actors: readonly ActorScores[];
  readonly drift: Readonly<Partial<Record<Telling, DriftScores>>>;
  /** Null for critics that are told no rate. */
  readonly response: Response | null;
  /** In the order of `BEHAVIOURS`. */
  readonly transfer: readonly TransferScores[];
}

/** What is compared over contexts: a critic of one size, its answers read in one way. */
export type Model = Pick<ConditioningRow, "critic" | "readout" | "size">;

/** A model's critic in tables and legends, short enough for a panel. */
export function modelTitle({ critic, readout }: Pick<Model, "critic" | "readout">): string {
  if (critic !== GENERATIVE) {
    return criticLabel(critic) + (readout === "value" ? "" : ", expected value");
  }
  return readout === "value" ? "Generative, emitted value" : "Generative, expected value";
}

/** The row of a model with a context; undefined where it was not trained. */
export function findRow(
  rows: readonly ConditioningRow[],
  { critic, readout, size }: Model,
  context: ContextName,
): ConditioningRow | undefined {
  return rows.find((row) =>
    row.critic === critic && row.readout === readout && row.size === size && row.context === context
  );
}

/** In what a context may gain over another: errors along the drift, and on groups of actors. */
export const MEASURES = [
  "mean absolute bias along the drift",
  "RMSE along the drift",
  "ECE along the drift",
  "RMSE on seen actors",
  "RMSE on actors between",
  "RMSE on actors beyond",
] as const;
/** One of them. */
export type Measure = (typeof MEASURES)[number];

/** What a critic gains from one context over another: the first one's error minus the second one's. */
export interface Gain extends Model {
  readonly from: ContextName;
  readonly to: ContextName;
  readonly gains: Readonly<Record<Measure, Scores>>;
}

/** One line of the search for learning rates. */
export interface SearchRow {
  readonly critic: string;
  readonly context: ContextName;
  readonly size: string;
  readonly learningRate: number;
  /** RMSE on seen actors, mean over tuning seeds. */
  readonly rmse: number;
  readonly chosen: boolean;
}

/** Scores over seeds, what context gains, and how values respond to it: everything that figures and claims read. */
export interface ConditioningSummary {
  readonly seeds: number;
  readonly actors: ConditioningConfig["actors"];
  readonly iterations: readonly (Iteration & { readonly meanExact: number })[];
  readonly rows: readonly ConditioningRow[];
  readonly gains: readonly Gain[];
  readonly search: readonly SearchRow[];
}

const PAIRS: readonly (readonly [ContextName, ContextName])[] = [
  ["none", "rate"],
  ["none", "outcomes"],
  ["rate", "outcomes"],
  ["rate", "rate+outcomes"],
  ["outcomes", "rate+outcomes"],
  ["rate", "examples"],
  ["outcomes", "examples"],
];

/** Summarizes finished cells. */
export function summarizeConditioning(
  config: ConditioningConfig,
  cells: readonly FinishedCell<ConditioningCell, ConditioningMetrics>[],
): ConditioningSummary {
  const groups = groupsOf(
    inRole("report", cells),
    ({ critic, size, context }) => `${critic}/${sizeName(size)}/${context}`,
  );
  const rows = groups.flatMap((group) =>
    READOUTS.filter((readout) => group[0]!.result.metrics.readouts[readout])
      .map((readout): ConditioningRow => {
        const { critic, size, parameters, trainingFlops } = criticRow(group[0]!);
        const { context } = group[0]!.cell.config;
        const readings = group.map(({ result }) => result.metrics.readouts[readout]!);
        const tellings = Object.keys(readings[0]!.drift) as Telling[];
        return {
          critic,
          readout,
          context,
          size,
          parameters,
          trainingFlops,
          groups: groupScores(readings),
          actors: actorScores(readings),
          drift: Object.fromEntries(
            tellings.map((telling) => [
              telling,
              driftScores(readings.map((r) => r.drift[telling]!)),
            ]),
          ),
          response: contextKind(context).rate
            ? response(readings.map((r) => r.falseRates), config.actors.seen)
            : null,
          transfer: transferScores(readings.map((r) => r.transfer)),
        };
      })
  );

  const rowOf = (model: Model, context: ContextName) => findRow(rows, model, context);
  const models = [
    ...Map.groupBy(rows, ({ critic, readout, size }) => `${critic}/${readout}/${size}`).values(),
  ].map(([row]): Model => row!);
  const gains = models.flatMap((model) =>
    PAIRS.flatMap(([from, to]): Gain[] => {
      const a = rowOf(model, from), b = rowOf(model, to);
      if (!a || !b) return [];
      const all = MEASURES.map((measure) => {
        const [x, y] = [measured(a, measure), measured(b, measure)];
        return [measure, scoresOf(pairedDifferences(x.scores, y.scores))] as const;
      });
      const { critic, readout, size } = model;
      const gains = Object.fromEntries(all) as Record<Measure, Scores>;
      return [{ critic, readout, size, from, to, gains }];
    })
  );

  const search = searchRows(
    inRole("sweep", cells),
    ({ critic, size, context, learningRate }) =>
      `${critic}/${sizeName(size)}/${context}/${learningRate}`,
    ({ readouts }) => Math.sqrt(readouts.value!.groups.seen.penalizedMse),
    ({ critic, context, size, learningRate, factor }, rmse): SearchRow => ({
      critic,
      context,
      size: sizeName(size),
      learningRate,
      rmse,
      chosen: factor === 1,
    }),
  );

  const environment = conditionedEnvironment(config.environment, "none", config);
  const { meanExact } = cells[0]!.result.metrics;
  const iterations = driftingActor(environment, config.drift, config.testSeed)
    .map((iteration, i) => ({ ...iteration, meanExact: meanExact[i]! }));
  return {
    seeds: config.seeds.length,
    actors: config.actors,
    iterations,
    rows,
    gains,
    search,
  };
}

/** The error behind a gain. Along the drift, a critic that is told a rate is told the moving average, as in training. */
export function measured(row: ConditioningRow, measure: Measure): Scores {
  const drift = row.drift.smoothed ?? row.drift.current!;
  switch (measure) {
    case "mean absolute bias along the drift":
      return drift.bias;
    case "RMSE along the drift":
      return drift.rmse;
    case "ECE along the drift":
      return drift.ece;
    case "RMSE on seen actors":
      return row.groups.seen.rmse;
    case "RMSE on actors between":
      return row.groups.between.rmse;
    case "RMSE on actors beyond":
      return row.groups.beyond.rmse;
  }
}

function groupScores(readings: readonly Reading[]): Record<Group, GroupScores> {
  const scores = GROUPS.map((group) => {
    const of = (f: (report: Reading["groups"][Group]) => number) =>
      readings.map((r) => f(r.groups[group]));
    const overActors = (f: (report: ActorReport) => number) =>
      mean(
        readings.map((r) => mean(r.actors.filter((actor) => actor.group === group).map(f))),
      );
    const traces = readings.flatMap((r) => r.groups[group].traceAccuracy ?? []);
    const scores: GroupScores = {
      rmse: scoresOf(of((r) => Math.sqrt(r.penalizedMse))),
      meanPredictorRmse: mean(of((r) => Math.sqrt(r.varianceExact))),
      ece: mean(of((r) => r.ece ?? 1)),
      rankingAccuracy: mean(of((r) => r.rankingAccuracy ?? 0.5)),
      actorBias: overActors((r) => Math.abs(r.bias ?? 1)),
      actorEce: overActors((r) => r.ece ?? 1),
      actorRanking: overActors((r) => r.rankingAccuracy ?? 0.5),
      parseRate: mean(of((r) => r.parseRate)),
      traceAccuracy: traces.length > 0 ? mean(traces) : null,
    };
    return [group, scores] as const;
  });
  return Object.fromEntries(scores) as Record<Group, GroupScores>;
}

function actorScores(readings: readonly Reading[]): ActorScores[] {
  return readings[0]!.actors.map(({ epsilon }, i) => ({
    epsilon,
    rmse: scoresOf(readings.map((r) => Math.sqrt(r.actors[i]!.penalizedMse))),
  }));
}

function driftScores(reports: readonly DriftReport[]): DriftScores {
  const scores = (f: (report: DriftReport) => number) => scoresOf(reports.map(f));
  return {
    rmse: scores((r) => Math.sqrt(mean(r.penalizedMse))),
    bias: scores((r) => mean(r.bias.map((x) => Math.abs(x ?? 1)))),
    ece: scores((r) => mean(r.ece.map((x) => x ?? 1))),
    phaseEce: reports[0]!.ece.map((_, k) => mean(reports.map((r) => r.ece[k] ?? 1))),
    meanPrediction: band(reports.map((r) => r.meanPrediction)),
    signedBias: band(reports.map((r) => r.bias)),
  };
}

/** `courses`: one per seed. */
function band(courses: readonly (readonly (number | null)[])[]): Band {
  const values = courses[0]!.map((_, i) => courses.flatMap((course) => course[i] ?? []));
  const of = (f: (values: readonly number[]) => number) =>
    values.map((v) => v.length > 0 ? f(v) : null);
  return {
    estimate: of(mean),
    low: of(minimum),
    high: of(maximum),
  };
}

/** `reports`: of each seed, by what is told, from the best actor's rate to the worst one's. */
function response(
  reports: readonly (readonly FalseRateReport[])[],
  seen: readonly number[],
): Response {
  const first = reports[0]!;
  // Where no response could be parsed there is no value, and so no response to what is told.
  const predicted = (r: FalseRateReport) => mean(r.meanPrediction.map((x) => x ?? 0));
  const shift = (step: 1 | -1): Shift => {
    const moves = seen.flatMap((acting, k) => {
      const truth = first.findIndex(({ epsilon }) => epsilon === acting);
      return first[truth + step] ? [{ k, truth, lie: truth + step }] : [];
    });
    const over = (f: (move: typeof moves[number]) => number) => mean(moves.map(f));
    return {
      rate: over(({ truth, lie }) => first[lie]!.rate - first[truth]!.rate),
      value: scoresOf(
        reports.map((told) =>
          over(({ k, truth, lie }) =>
            (told[lie]!.meanPrediction[k] ?? 0) - (told[truth]!.meanPrediction[k] ?? 0)
          )
        ),
      ),
      believed: over(({ k, truth, lie }) =>
        first[lie]!.meanBelieved[k]! - first[truth]!.meanBelieved[k]!
      ),
    };
  };
  return {
    told: first.map(({ epsilon, rate, meanBelieved }, i) => ({
      epsilon,
      rate,
      meanPrediction: scoresOf(reports.map((told) => predicted(told[i]!))).mean,
      believed: mean(meanBelieved),
    })),
    higher: shift(-1),
    lower: shift(1),
  };
}

/** `reports`: of each seed, by known actor and behaviour. */
function transferScores(reports: readonly (readonly TransferReport[])[]): TransferScores[] {
  return BEHAVIOURS.map((behaviour) => {
    const own = reports.map((report) => report.filter((r) => r.behaviour === behaviour));
    return {
      behaviour,
      rmse: scoresOf(own.map((actors) => Math.sqrt(mean(actors.map((r) => r.penalizedMse))))),
      knownActorRmse: Math.sqrt(mean(own[0]!.map((r) => r.knownActorMse))),
    };
  });
}

/** One line a critic, size, context and telling, for the terminal. */
export function conditioningTable({ rows }: ConditioningSummary): TableRow[] {
  return rows.flatMap((row) =>
    Object.entries(row.drift).map(([telling, drift]) => ({
      critic: modelTitle(row),
      size: row.size,
      context: row.context,
      "rate along the drift": row.response ? telling : "not told",
      "RMSE seen": row.groups.seen.rmse.mean.estimate,
      "RMSE between": row.groups.between.rmse.mean.estimate,
      "RMSE beyond": row.groups.beyond.rmse.mean.estimate,
      "drift RMSE": drift.rmse.mean.estimate,
      "drift |bias|": drift.bias.mean.estimate,
      "drift ECE": drift.ece.mean.estimate,
      "parse rate": row.groups.seen.parseRate,
    }))
  );
}
