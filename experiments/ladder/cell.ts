import type { LabelledState, Prediction } from "../../lib/critic/critic.ts";
import { supervisedStep } from "../../lib/critic/supervised.ts";
import type { Environment } from "../../lib/env/environment.ts";
import { valueReport } from "../../lib/eval/value_report.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import { firstWrongToken } from "../shared/chains.ts";
import {
  supervisedCell,
  type SupervisedConfig,
  type SupervisedMetrics,
} from "../shared/supervised_cell.ts";
import { heldOutStates, testCritic, type TestReport } from "../shared/test_report.ts";
import { environmentOf, type Rung } from "./rungs.ts";

/** Everything a run depends on besides its seed. */
export interface LadderCell extends SupervisedConfig {
  readonly rung: string;
  /** A run of the search is not reported; one with more data beside the others. */
  readonly role: "report" | "more data" | "search";
  readonly environment: Rung["environment"];
  readonly testSeed: number;
  readonly testStates: number;
}

/** What is to be known of the test states themselves. */
export interface Baselines {
  /** r2 of the best function of the episode's progress: what the steps left alone tell. */
  readonly progressR2: number;
  /** r2 of the best function of progress and the chain's last token: what a critic can read off a right chain's end. */
  readonly conclusionR2: number;
}

/** The values that follow a chain of thought which is right in every token. */
export interface AfterRightChains {
  /** How many there are. */
  readonly n: number;
  /** r2 over these states, their own variance taken; null if they are too few or all of one value. */
  readonly r2: number | null;
}

/** What a run says. */
export interface LadderMetrics extends SupervisedMetrics {
  readonly test: TestReport;
  readonly afterRightChains: AfterRightChains;
  readonly baselines: Baselines;
}

/** Trains a critic of one kind and size on the exact values of one rung, and judges it on held-out problems. */
export function runCell(
  { seed, config }: Cell<LadderCell>,
  context: CellContext,
): Promise<CellResult<LadderMetrics>> {
  const { batchSize, testSeed, testStates } = config;
  const { actor } = config.environment;
  const environment = environmentOf(config.environment);
  const data = { seed, purpose: "ladder/train", batchSize, actor };
  return supervisedCell({
    environment,
    seed,
    config,
    step: (critic, optimizer) => supervisedStep(critic, data, optimizer),
    async test(critic) {
      const key = { seed: testSeed, purpose: "ladder/test" };
      const labelled = heldOutStates(environment, key, testStates, { actor });
      const { report, predictions } = await testCritic(critic, labelled);
      return {
        test: report,
        afterRightChains: afterRightChains(environment, labelled, predictions),
        baselines: baselines(environment, labelled),
      };
    },
  }, context);
}

/** See `AfterRightChains`; none for critics that write no chain. */
export function afterRightChains<State>(
  environment: Environment<State, unknown>,
  labelled: readonly LabelledState<State>[],
  predictions: readonly Prediction[],
): AfterRightChains {
  const right = labelled.flatMap(({ state, value: exact }, i) => {
    const { responses, value } = predictions[i]!;
    const wrong = firstWrongToken(environment.reasoningTrace(state), responses?.[0]);
    return wrong === null ? [{ value, exact }] : [];
  });
  if (right.length === 0) return { n: 0, r2: null };
  const { r2 } = valueReport(right.map(({ value }) => value), right.map(({ exact }) => exact));
  return { n: right.length, r2 };
}

/** See `Baselines`; fitted on the test states themselves, which flatters them a little. */
export function baselines<State>(
  environment: Environment<State, unknown>,
  labelled: readonly LabelledState<State>[],
): Baselines {
  const progress = ({ state }: LabelledState<State>) => environment.progress(state);
  const conclusion = ({ state }: LabelledState<State>) => environment.reasoningTrace(state).at(-1);
  return {
    progressR2: betweenGroups(labelled, progress),
    conclusionR2: betweenGroups(labelled, (l) => `${progress(l)}/${conclusion(l)}`),
  };
}

/** The share of the values' variance that lies between groups: r2 of the best function of the group. */
function betweenGroups<State>(
  labelled: readonly LabelledState<State>[],
  groupOf: (labelled: LabelledState<State>) => unknown,
): number {
  const mean = (of: readonly LabelledState<State>[]) =>
    of.reduce((sum, { value }) => sum + value, 0) / of.length;
  const centre = mean(labelled);
  let between = 0, all = 0;
  for (const members of Map.groupBy(labelled, groupOf).values()) {
    const offset = mean(members) - centre;
    between += members.length * offset * offset;
    for (const { value } of members) all += (value - centre) * (value - centre);
  }
  return between / all;
}
