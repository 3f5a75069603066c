/**
 * How a critic is judged: on actors of seen and unseen skill, on one whose skill moves, told false success rates, and on
 * actors of other behaviour at the same rate.
 */
import type { Critic as AnyCritic, Prediction } from "../../lib/critic/critic.ts";
import type { PermutationEnvironment, PermutationState } from "../../lib/env/permutation.ts";
import { calibration, type CalibrationBin } from "../../lib/eval/calibration.ts";
import { bias, penalizedMse } from "../../lib/eval/value_errors.ts";
import { type Readout, type TestReport, testReport } from "../shared/test_report.ts";
import type { ConditioningConfig } from "./config.ts";
import { driftingActor } from "./drift.ts";
import { type ActorStates, exactSuccessRate, type Labelled } from "./states.ts";
import { type Behaviour, type MatchedActor, matchedActors } from "./transfer.ts";

type Critic = AnyCritic<PermutationState>;

/** The part of the configuration that says how to judge. */
export type CriticReportConfig = Pick<
  ConditioningConfig,
  "actors" | "testSeed" | "testStates" | "falseRateStates" | "drift" | "transfer"
>;

/** Actors of unseen skill are apart from those that the critic was trained on. */
export const GROUPS = ["seen", "between", "beyond"] as const;
/** One of them. */
export type Group = (typeof GROUPS)[number];

/** Which success rate a critic is told along the drift: the true one, or the moving average. */
export const TELLINGS = ["current", "smoothed"] as const;
/** One of them. */
export type Telling = (typeof TELLINGS)[number];

/** Parts of the drift, of equal length, over which the calibration error is measured. */
export const PHASES = 4;

/** What is measured along the drift: arrays have one entry per iteration. */
export interface DriftReport {
  /** Null where no response could be parsed, as the bias. */
  readonly meanPrediction: readonly (number | null)[];
  readonly bias: readonly (number | null)[];
  /** With 1 charged for a response that could not be parsed. */
  readonly penalizedMse: readonly number[];
  /** Expected calibration error of each phase; null where nothing could be parsed. */
  readonly ece: readonly (number | null)[];
  /** Reliability bins over all iterations. */
  readonly calibration: readonly CalibrationBin[];
}

/** What a critic answers when it is told the success rate of the actor with `epsilon`, whoever acts. */
export interface FalseRateReport {
  readonly epsilon: number;
  /** What it is told. */
  readonly rate: number;
  /** Mean prediction by seen actor that really acts; null where no response could be parsed. */
  readonly meanPrediction: readonly (number | null)[];
  /** Mean of the exact values if what it is told were true. */
  readonly meanBelieved: readonly number[];
}

/** What is measured at the states of an actor with a known one's success rate. */
export interface TransferReport {
  readonly behaviour: Behaviour;
  /** The known actor's. */
  readonly epsilon: number;
  /** Against the exact values of who acts; 1 charged for a response that could not be parsed. */
  readonly penalizedMse: number;
  /** Mean squared error of the known actor's exact values at these states. */
  readonly knownActorMse: number;
}

/** What is measured at one actor's states. */
export interface ActorReport extends
  Pick<
    TestReport,
    "n" | "parseRate" | "penalizedMse" | "rmse" | "bias" | "ece" | "rankingAccuracy"
  > {
  readonly group: Group;
  readonly epsilon: number;
}

/** Everything that is measured at one reading of a critic's answers. */
export interface Reading {
  /** Pooled over the actors of a group. */
  readonly groups: Readonly<Record<Group, Omit<TestReport, "calibration">>>;
  /** By actor, in the order of the configuration: seen, between, beyond. */
  readonly actors: readonly ActorReport[];
  /** A critic that is told no rate has "current" alone; empty for runs of the search, as the next. */
  readonly drift: Readonly<Partial<Record<Telling, DriftReport>>>;
  /** By what is told, from the best actor's rate to the worst one's; empty for critics that are told no rate. */
  readonly falseRates: readonly FalseRateReport[];
  /** By known actor and behaviour; empty for runs of the search. */
  readonly transfer: readonly TransferReport[];
}

/** Everything that is measured of a critic. */
export interface CriticReport {
  /** Mean exact value of each iteration's states along the drift; empty without. */
  readonly meanExact: readonly number[];
  readonly readouts: Readonly<Partial<Record<Readout, Reading>>>;
}

/** What to measure. */
export interface CriticReportOptions {
  readonly readouts: readonly Readout[];
  /** False: only on the actors of seen and unseen skill. */
  readonly full: boolean;
}

/** Judges the critic on the states of `test`, which also says what it is told. */
export async function criticReport(
  critic: Critic,
  test: ActorStates,
  config: CriticReportConfig,
  { readouts, full }: CriticReportOptions,
): Promise<CriticReport> {
  const asked: Asked = {
    actors: await askActors(critic, test, config),
    drift: full ? await askDrift(critic, test, config) : {},
    falseRates: full && test.rates.told ? await askFalseRates(critic, test, config) : [],
    transfer: full ? await askTransfer(critic, test, config) : [],
  };
  return {
    meanExact: asked.drift.current
      ? perIteration(asked.drift.current, config.drift, (_, exact) => mean(exact)!)
      : [],
    readouts: Object.fromEntries(
      readouts.map((readout) => [readout, reading(test.environment, config, asked, readout)]),
    ),
  };
}

/** Labelled states with the critic's answers. */
interface Answers {
  readonly labelled: readonly Labelled[];
  readonly predictions: readonly Prediction[];
}

interface Asked {
  /** Actor by actor. */
  readonly actors: readonly {
    readonly group: Group;
    readonly epsilon: number;
    readonly answers: Answers;
  }[];
  /** Iteration by iteration. */
  readonly drift: Readonly<Partial<Record<Telling, Answers>>>;
  /** By what is told; actor by actor. */
  readonly falseRates: readonly {
    readonly epsilon: number;
    readonly rate: number;
    readonly answers: Answers;
  }[];
  /** Actor by actor. */
  readonly transfer: readonly (MatchedActor & { readonly answers: Answers })[];
}

async function ask(critic: Critic, labelled: readonly Labelled[]): Promise<Answers> {
  return { labelled, predictions: await critic.values(labelled) };
}

function part({ labelled, predictions }: Answers, from: number, to: number): Answers {
  return { labelled: labelled.slice(from, to), predictions: predictions.slice(from, to) };
}

/** States of actors of seen and unseen skill, each told about as in training. */
async function askActors(
  critic: Critic,
  test: ActorStates,
  { actors, testStates: count }: CriticReportConfig,
): Promise<Asked["actors"]> {
  const all = GROUPS.flatMap((group) => actors[group].map((epsilon) => ({ group, epsilon })));
  const answers = await ask(
    critic,
    all.flatMap(({ epsilon }) =>
      test.draw({
        purpose: `conditioning/test/${epsilon}`,
        count,
        split: "test",
        actor: () => ({ epsilon }),
      })
    ),
  );
  return all.map((actor, i) => ({ ...actor, answers: part(answers, i * count, (i + 1) * count) }));
}

/** States of every iteration of a training run in which the actor's skill moves. */
async function askDrift(
  critic: Critic,
  test: ActorStates,
  { drift, testSeed }: CriticReportConfig,
): Promise<Asked["drift"]> {
  const iterations = driftingActor(test.environment, drift, testSeed);
  const tellings: Partial<Record<Telling, Answers>> = {};
  for (const telling of test.rates.told ? TELLINGS : TELLINGS.slice(0, 1)) {
    tellings[telling] = await ask(
      critic,
      iterations.flatMap((iteration, step) =>
        test.draw({
          purpose: "conditioning/drift/states",
          step,
          count: drift.states,
          split: "test",
          actor: () => ({ epsilon: iteration.epsilon }),
          rate: iteration[telling],
        })
      ),
    );
  }
  return tellings;
}

/** States of every seen actor, told the success rate of every actor, seen and between. */
async function askFalseRates(
  critic: Critic,
  test: ActorStates,
  { actors, falseRateStates: count, testSeed }: CriticReportConfig,
): Promise<Asked["falseRates"]> {
  const told = [...actors.seen, ...actors.between].toSorted((a, b) => a - b);
  const rateOf = exactSuccessRate(test.environment, testSeed);
  const asked: Asked["falseRates"][number][] = [];
  for (const epsilon of told) {
    const rate = rateOf({ epsilon });
    const labelled = actors.seen.flatMap((acting) =>
      test.draw({
        purpose: `conditioning/false/${acting}`,
        count,
        split: "test",
        actor: () => ({ epsilon: acting }),
        rate,
      })
    );
    asked.push({ epsilon, rate, answers: await ask(critic, labelled) });
  }
  return asked;
}

/** States of known actors and of others with the same success rate, on the same problems; the rate told is exact. */
async function askTransfer(
  critic: Critic,
  test: ActorStates,
  { transfer, testSeed }: CriticReportConfig,
): Promise<Asked["transfer"]> {
  const matched = matchedActors(test.environment, transfer, testSeed);
  const answers = await ask(
    critic,
    matched.flatMap(({ actor, epsilon, rate }) =>
      test.draw({
        purpose: `conditioning/transfer/${epsilon}`,
        count: transfer.states,
        split: "test",
        actor: () => actor,
        rate,
      })
    ),
  );
  const from = (i: number) => i * transfer.states;
  return matched.map((actor, i) => ({ ...actor, answers: part(answers, from(i), from(i + 1)) }));
}

/** What the answers are worth when they are read in one way. */
function reading(
  environment: PermutationEnvironment,
  { actors, drift, falseRateStates }: CriticReportConfig,
  asked: Asked,
  readout: Readout,
): Reading {
  const read = ({ labelled, predictions }: Answers): Answers => ({
    labelled,
    predictions: predictions.map((p) => ({ ...p, value: p[readout], expectation: null })),
  });
  const report = (answers: readonly Answers[]) =>
    testReport(
      environment,
      answers.flatMap(({ labelled }) => labelled),
      answers.flatMap((a) => read(a).predictions),
    );
  const groups = GROUPS.map((group) => {
    const members = asked.actors.filter((actor) => actor.group === group);
    const { calibration: _, ...rest } = report(members.map(({ answers }) => answers));
    return [group, rest] as const;
  });
  return {
    groups: Object.fromEntries(groups) as Reading["groups"],
    actors: asked.actors.map(({ group, epsilon, answers }) => {
      const { n, parseRate, penalizedMse, rmse, bias, ece, rankingAccuracy } = report([answers]);
      return { group, epsilon, n, parseRate, penalizedMse, rmse, bias, ece, rankingAccuracy };
    }),
    drift: Object.fromEntries(
      Object.entries(asked.drift).map(([telling, answers]) => [
        telling,
        alongDrift(read(answers), drift),
      ]),
    ),
    falseRates: asked.falseRates.map(({ epsilon, rate, answers }) => {
      const byActor = actors.seen.map((_, k) =>
        part(read(answers), k * falseRateStates, (k + 1) * falseRateStates)
      );
      return {
        epsilon,
        rate,
        meanPrediction: byActor.map(({ predictions }) => mean(predictions.map((p) => p.value))),
        meanBelieved: byActor.map(({ labelled }) =>
          mean(labelled.map(({ state }) => environment.exactValue(state, { epsilon })))!
        ),
      };
    }),
    transfer: asked.transfer.map(({ behaviour, epsilon, answers }) => {
      const known = answers.labelled.map(({ state }) => environment.exactValue(state, { epsilon }));
      return {
        behaviour,
        epsilon,
        penalizedMse: measure(read(answers), penalizedMse),
        knownActorMse: penalizedMse(known, answers.labelled.map(({ value }) => value)),
      };
    }),
  };
}

function alongDrift(
  answers: Answers,
  drift: CriticReportConfig["drift"],
): DriftReport {
  const start = (phase: number) => Math.floor(phase * drift.iterations / PHASES) * drift.states;
  return {
    meanPrediction: perIteration(answers, drift, mean),
    bias: perIteration(answers, drift, bias),
    penalizedMse: perIteration(answers, drift, penalizedMse),
    ece: Array.from(
      { length: PHASES },
      (_, k) => measure(part(answers, start(k), start(k + 1)), (v, e) => calibration(v, e).ece),
    ),
    calibration: measure(answers, (v, e) => calibration(v, e).bins),
  };
}

function perIteration<T>(
  answers: Answers,
  { iterations, states }: CriticReportConfig["drift"],
  metric: Metric<T>,
): T[] {
  return Array.from(
    { length: iterations },
    (_, i) => measure(part(answers, i * states, (i + 1) * states), metric),
  );
}

function measure<T>({ labelled, predictions }: Answers, metric: Metric<T>): T {
  return metric(predictions.map((p) => p.value), labelled.map((l) => l.value));
}

type Metric<T> = (predictions: (number | null)[], exact: number[]) => T;

/** Mean of what is not null; null where nothing is. */
function mean(values: readonly (number | null)[]): number | null {
  let sum = 0, n = 0;
  for (const value of values) {
    if (value === null) continue;
    sum += value;
    n++;
  }
  return n === 0 ? null : sum / n;
}
