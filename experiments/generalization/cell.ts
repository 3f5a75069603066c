import type { LabelledState } from "../../lib/critic/critic.ts";
import { supervisedStep } from "../../lib/critic/supervised.ts";
import type { PermutationEnvironment, PermutationState } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import { type ChainReport, chainReport, haveChains } from "../shared/chains.ts";
import {
  supervisedCell,
  type SupervisedConfig,
  type SupervisedMetrics,
} from "../shared/supervised_cell.ts";
import { testCritic, type TestReport } from "../shared/test_report.ts";
import type { TestSet } from "./config.ts";
import { labelledTestStates, type TestSource } from "./states.ts";

/** Everything a run depends on besides its seed. */
export interface GeneralizationCell extends SupervisedConfig, TestSource {
  readonly tests: readonly TestSet[];
}

/** A test set's numbers in a cell's metrics; without calibration, which nothing here reads. */
export interface GeneralizationReport extends Omit<TestReport, "calibration"> {
  /** Null for critics that write no chain of thought. */
  readonly chains: ChainReport | null;
  /** RMSE of the exact value for the actor of training: what a critic that learned it perfectly would have. */
  readonly trainedActorRmse: number;
}

/** What a run says. */
export interface GeneralizationMetrics extends SupervisedMetrics {
  /** By test set. */
  readonly tests: Readonly<Record<string, GeneralizationReport>>;
}

/** Trains a critic of one kind and size on short words, and judges it on every test set. */
export function runCell(
  { seed, config }: Cell<GeneralizationCell>,
  context: CellContext,
): Promise<CellResult<GeneralizationMetrics>> {
  const { actor, batchSize } = config;
  const environment = createEnvironment("permutation", config.environment);
  const data = { seed, purpose: "generalization/train", batchSize, actor };
  return supervisedCell({
    environment,
    seed,
    config,
    step: (critic, optimizer) => supervisedStep(critic, data, optimizer),
    async test(critic) {
      const tests: Record<string, GeneralizationReport> = {};
      for (const set of config.tests) {
        const labelled = labelledTestStates(set, config);
        const { report: { calibration: _, ...report }, predictions } = await testCritic(
          critic,
          labelled,
        );
        tests[set.name] = {
          ...report,
          chains: haveChains(predictions) ? chainReport(environment, labelled, predictions) : null,
          trainedActorRmse: rmseOfActor(environment, labelled, actor),
        };
      }
      return { tests };
    },
  }, context);
}

/** RMSE of the exact value for one actor against labels that another one may have. */
function rmseOfActor(
  environment: PermutationEnvironment,
  labelled: readonly LabelledState<PermutationState>[],
  actor: GeneralizationCell["actor"],
): number {
  let squares = 0;
  for (const { state, value } of labelled) {
    const error = environment.exactValue(state, actor) - value;
    squares += error * error;
  }
  return Math.sqrt(squares / labelled.length);
}
