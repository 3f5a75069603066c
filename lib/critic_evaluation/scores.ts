/** What an evaluation says of each critic, and of one critic beside another: numbers, with intervals over problems. */
import { advantageSignAgreement } from "../eval/advantage_sign.ts";
import type { Interval } from "../eval/bootstrap.ts";
import { equalCountCalibration } from "../eval/calibration.ts";
import { clusteredBootstrap } from "../eval/clustered_bootstrap.ts";
import { explainedVariance } from "../eval/monte_carlo.ts";
import {
  NON_INFERIORITY_MARGINS,
  nonInferiority,
  type NonInferiorityMargins,
} from "../eval/non_inferiority.ts";
import { isUnparsed } from "../eval/pairs.ts";
import { kendall, pearson, rankedPairs, rankingAccuracy, spearman } from "../eval/ranking.ts";
import { selections } from "../eval/selection.ts";
import { EARLY_MIDDLE_LATE, sliceByPosition } from "../eval/slices.ts";
import { bias, mae, mse, penalizedMse, UNPARSED_PENALTY } from "../eval/value_errors.ts";
import { groupMembers, rankingByGap } from "../eval/within_group.ts";
import { mean, populationVariance } from "../numeric/sums.ts";
import type { CriticComparison, CriticScores, SliceScores } from "./evaluation.ts";
import type { StateSet } from "./states.ts";

/** One value a state; null = no answer. */
export type Values = readonly (number | null)[];

/** How intervals and gates are made. */
export interface ScoreOptions {
  /** Of the bootstrap; default 1. */
  readonly seed?: number;
  /** Of the bootstrap; default 10,000. */
  readonly replicates?: number;
  /** Of the intervals; default 0.95. */
  readonly level?: number;
  readonly margins?: NonInferiorityMargins;
}

/** The scores of every critic, and of each beside each other one. */
export interface Scores {
  readonly critics: Readonly<Record<string, CriticScores>>;
  readonly comparisons: readonly CriticComparison[];
}

/** Ranges of |difference of V|, by where they begin. */
export const GAP_EDGES = [0, 0.1, 0.25, 0.5] as const;

/** A state is near the limit from this share of the tokens on. */
export const NEAR_LIMIT = 0.9;

/** Scores the critics' values of the states of `set`; all intervals come from the same resamples of its problems. */
export function scoreCritics(
  set: StateSet,
  values: Readonly<Record<string, Values>>,
  options: ScoreOptions = {},
): Scores {
  const { seed = 1, replicates, level, margins = {} } = options;
  const context = contextOf(set);
  const names = Object.keys(values);
  const ratios = names.map((name) => additiveScores(context, values[name]!));
  const pairs = names.flatMap((_, a) => names.flatMap((_, b) => a === b ? [] : [[a, b] as const]));
  const differences = ["penalizedMse", "withinAuc"] as const;
  const intervals = clusteredBootstrap(
    set.problems,
    (drawn) => {
      const drawnScores = ratios.map((own) => mapValues(own, (ratio) => ratioOver(ratio, drawn)));
      return [
        ...drawnScores.flatMap((own) => Object.values(own)),
        ...pairs.flatMap(([a, b]) =>
          differences.map((score) => difference(drawnScores[a]![score], drawnScores[b]![score]))
        ),
      ];
    },
    {
      seed,
      ...(replicates === undefined ? {} : { replicates }),
      ...(level === undefined ? {} : { level }),
    },
  );
  let next = 0;
  const critics = Object.fromEntries(names.map((name, i) => {
    const own = mapValues(ratios[i]!, () => intervals[next++]!);
    return [name, { ...plainScores(context, values[name]!), ...own }];
  }));
  const comparisons = pairs.map(([a, b]): CriticComparison => {
    const [mse, auc] = [intervals[next++]!, intervals[next++]!];
    const parseRate = critics[names[a]!]!.parseRate.estimate!;
    return {
      candidate: names[a]!,
      reference: names[b]!,
      mse,
      auc,
      nonInferiority: nonInferiority({ mse, auc, parseRate }, {
        ...NON_INFERIORITY_MARGINS,
        ...margins,
      }),
    };
  });
  return { critics, comparisons };
}

/** What all critics are measured against, one entry a state unless said. */
interface Context {
  readonly set: StateSet;
  readonly values: readonly number[];
  readonly outcomes: readonly number[];
  readonly groups: readonly string[];
  readonly problems: readonly number[];
  /** States with a token before them: at the start all responses of a group are in the same state. */
  readonly begun: readonly number[];
  /** Rollouts as labels. */
  readonly episodes: readonly string[];
  /** Standard errors of the values. */
  readonly errors: readonly number[];
  readonly thirds: readonly (string | null)[];
  /** States by the name of the slice, those of no state left out. */
  readonly slices: readonly { readonly slice: string; readonly members: readonly number[] }[];
}

function contextOf(set: StateSet): Context {
  const { states, rollouts } = set;
  const outcomes = states.map(({ record }) => record.outcome);
  const thirds = states.map(({ fraction }) =>
    fraction === null ? null : sliceByPosition([fraction])[0]!
  );
  const where = (slice: string, holds: (i: number) => boolean) => ({
    slice,
    members: states.flatMap((_, i) => holds(i) ? [i] : []),
  });
  const isNearLimit = (i: number) => {
    const { record: { tokenLimit }, unit, at } = states[i]!;
    return unit === "token" && tokenLimit !== undefined && at >= NEAR_LIMIT * tokenLimit;
  };
  const slices = [
    ...EARLY_MIDDLE_LATE.names.map((name) => where(name, (i) => thirds[i] === name)),
    where("near the limit", isNearLimit),
    where("right, before the end", (i) => isRight(outcomes[i]!) && states[i]!.isLast === false),
    where("right, at the end", (i) => isRight(outcomes[i]!) && states[i]!.isLast === true),
    where("wrong, before the end", (i) => !isRight(outcomes[i]!) && states[i]!.isLast === false),
    where("wrong, at the end", (i) => !isRight(outcomes[i]!) && states[i]!.isLast === true),
  ].filter(({ members }) => members.length > 0);
  return {
    set,
    values: states.map(({ value }) => value),
    outcomes,
    groups: states.map(({ record }) => record.group),
    problems: states.map(({ rollout }) => rollouts[rollout]!.problem),
    begun: states.flatMap(({ at }, i) => at > 0 ? [i] : []),
    episodes: states.map(({ rollout }) => String(rollout)),
    errors: states.map(({ value, n }) => standardError(value, n)),
    thirds,
    slices,
  };
}

/** Whether a response counts as right where right and wrong ones are told apart. */
export function isRight(outcome: number): boolean {
  return outcome > 0.5;
}

/** Agresti and Coull's: not 0 where all continuations ended alike. */
function standardError(value: number, n: number): number {
  const share = (value * n + 2) / (n + 4);
  return Math.sqrt(share * (1 - share) / (n + 4));
}

/** A score that is a ratio of sums over problems. */
interface Ratio {
  /** By problem. */
  readonly numerators: Float64Array;
  readonly denominators: Float64Array;
}

type AdditiveScore = {
  [K in keyof CriticScores]: CriticScores[K] extends Interval ? K : never;
}[keyof CriticScores];

function additiveScores(context: Context, given: Values): Record<AdditiveScore, Ratio> {
  const { set, values, outcomes, groups, problems, begun, episodes, errors } = context;
  const isMonteCarlo = set.source === "monte-carlo";
  const hasSpread = set.states.every(({ n }) => n > 1);
  const byState = (
    of: (i: number, parsed: boolean) => readonly [numerator: number, denominator: number],
  ) =>
    sumsOf(set.problems, (add) => {
      given.forEach((value, i) => add(problems[i]!, ...of(i, !isUnparsed(value))));
    });
  const error = (i: number) => given[i]! - values[i]!;
  const ranking = (target: readonly number[]) =>
    sumsOf(set.problems, (add) => {
      for (const own of groupMembers(begun.map((i) => groups[i]!)).values()) {
        const members = own.map((k) => begun[k]!);
        const { correct, compared } = rankedPairs(
          members.map((i) => given[i]!),
          members.map((i) => target[i]!),
        );
        add(problems[members[0]!]!, correct, compared);
      }
    });
  const signs = (standardErrors?: readonly number[]) =>
    sumsOf(set.problems, (add) => {
      for (const members of groupMembers(episodes).values()) {
        const { agreeing, compared } = advantageSignAgreement(
          members.map((i) => given[i]!),
          members.map((i) => values[i]!),
          members.map(() => "one"),
          standardErrors && members.map((i) => standardErrors[i]!),
        );
        add(problems[members[0]!]!, agreeing, compared);
      }
    });
  const choices = (of: "regret" | "gain") =>
    sumsOf(set.problems, (add) => {
      for (const choice of choicesOf(context, given)) add(choice.problem, choice[of], 1);
    });
  const none = sumsOf(set.problems, () => {});
  return {
    parseRate: byState((_, parsed) => [+parsed, 1]),
    penalizedMse: byState((i, parsed) => [
      parsed ? error(i) * error(i) : UNPARSED_PENALTY,
      1,
    ]),
    debiasedMse: hasSpread
      ? byState((i, parsed) => {
        const value = values[i]!, noise = value * (1 - value) / (set.states[i]!.n - 1);
        return parsed ? [error(i) * error(i) - noise, 1] : [0, 0];
      })
      : none,
    bias: byState((i, parsed) => parsed ? [error(i), 1] : [0, 0]),
    withinAuc: ranking(outcomes),
    withinRanking: isMonteCarlo ? ranking(values) : none,
    selectionRegret: isMonteCarlo ? choices("regret") : none,
    selectionGain: isMonteCarlo ? choices("gain") : none,
    advantageSign: isMonteCarlo ? signs() : none,
    clearAdvantageSign: isMonteCarlo ? signs(errors) : none,
  };
}

function sumsOf(
  problems: number,
  fill: (add: (problem: number, numerator: number, denominator: number) => void) => void,
): Ratio {
  const numerators = new Float64Array(problems), denominators = new Float64Array(problems);
  fill((problem, numerator, denominator) => {
    numerators[problem]! += numerator;
    denominators[problem]! += denominator;
  });
  return { numerators, denominators };
}

function ratioOver({ numerators, denominators }: Ratio, drawn: Uint32Array): number | null {
  let numerator = 0, denominator = 0;
  for (let i = 0; i < drawn.length; i++) {
    numerator += numerators[drawn[i]!]!;
    denominator += denominators[drawn[i]!]!;
  }
  return denominator === 0 ? null : numerator / denominator;
}

function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}

/** In each third, which of a group's responses the critic would go on with: of their latest states there. */
function choicesOf({ set, values, groups, thirds, problems, begun }: Context, given: Values) {
  const latest = new Map<string, number>();
  for (const i of begun) {
    if (thirds[i] !== null) latest.set(`${thirds[i]} ${set.states[i]!.rollout}`, i);
  }
  const members = [...latest.values()];
  const setOf = (i: number) => `${thirds[i]} ${groups[i]}`;
  const first = new Map(members.toReversed().map((i) => [setOf(i), i]));
  return selections(
    members.map((i) => given[i]!),
    members.map((i) => values[i]!),
    members.map(setOf),
  ).map((choice) => {
    const state = first.get(choice.set)!;
    return { ...choice, problem: problems[state]!, third: thirds[state]! };
  });
}

type PlainScores = Omit<CriticScores, AdditiveScore>;

function plainScores(context: Context, given: Values): PlainScores {
  const { set, values, outcomes, groups, thirds, slices, begun } = context;
  const isMonteCarlo = set.source === "monte-carlo";
  const variance = populationVariance(values);
  const choices = isMonteCarlo ? choicesOf(context, given) : [];
  const meanOf = (of: readonly number[]) => of.length === 0 ? null : mean(of);
  return {
    parsed: given.filter((value) => !isUnparsed(value)).length,
    mse: mse(given, values),
    mae: mae(given, values),
    r2: variance === 0 ? null : 1 - penalizedMse(given, values) / variance,
    explainedVariance: explainedVariance(given, outcomes),
    pearson: pearson(given, values),
    spearman: spearman(given, values),
    kendall: kendall(given, values),
    pooledAuc: rankingAccuracy(given, outcomes),
    rankingByGap: isMonteCarlo && begun.length > 0
      ? rankingByGap(
        begun.map((i) => given[i]!),
        begun.map((i) => values[i]!),
        begun.map((i) => groups[i]!),
        GAP_EDGES,
      )
      : [],
    selection: EARLY_MIDDLE_LATE.names.flatMap((slice) => {
      const own = choices.filter(({ third }) => third === slice);
      return own.length === 0 ? [] : [{
        slice,
        sets: own.length,
        accuracy: meanOf(own.map(({ accuracy }) => accuracy)),
        regret: meanOf(own.map(({ regret }) => regret)),
        gain: meanOf(own.map(({ gain }) => gain)),
      }];
    }),
    calibration: equalCountCalibration(given, values),
    slices: slices.map(({ slice, members }): SliceScores => {
      const own = members.map((i) => given[i]!), targets = members.map((i) => values[i]!);
      return {
        slice,
        count: members.length,
        penalizedMse: penalizedMse(own, targets),
        bias: bias(own, targets),
        meanPrediction: meanOf(own.filter((value) => value !== null)),
        meanValue: mean(targets),
      };
    }),
    outcomeGaps: EARLY_MIDDLE_LATE.names.flatMap((slice) => {
      const members = values.flatMap((_, i) => thirds[i] === slice ? [i] : []);
      const gap = (of: Values) => {
        const part = (right: boolean) =>
          meanOf(members.flatMap((i) => isRight(outcomes[i]!) === right ? of[i] ?? [] : []));
        return difference(part(true), part(false));
      };
      return members.length === 0 ? [] : [{ slice, predicted: gap(given), value: gap(values) }];
    }),
  };
}

function mapValues<K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  change: (value: A) => B,
): Record<K, B> {
  return Object.fromEntries(
    Object.entries<A>(record).map(([key, value]) => [key, change(value)]),
  ) as Record<K, B>;
}
