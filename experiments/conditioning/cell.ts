import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import {
  supervisedCell,
  type SupervisedConfig,
  type SupervisedMetrics,
} from "../shared/supervised_cell.ts";
import { READOUTS } from "../shared/test_report.ts";
import type { ConditioningConfig } from "./config.ts";
import { conditionedEnvironment, type ContextName } from "./contexts.ts";
import { type CriticReport, criticReport } from "./critic_report.ts";
import { ActorStates, rateTelling } from "./states.ts";

/** Everything a run depends on besides its seed. */
export interface ConditioningCell extends
  SupervisedConfig,
  Omit<
    ConditioningConfig,
    "seeds" | "runs" | "sweep" | keyof SupervisedConfig
  > {
  readonly context: ContextName;
  /** Learning rate over the chosen one; 1 for reported runs. */
  readonly factor: number;
  /** A run of the search ("sweep") is not reported. */
  readonly role: "report" | "sweep";
}

/** What a run says. */
export interface ConditioningMetrics extends SupervisedMetrics, CriticReport {}

/** Trains a critic of one kind, size and context on a mixture of actors, then judges it. */
export function runCell(
  { seed, config }: Cell<ConditioningCell>,
  context: CellContext,
): Promise<CellResult<ConditioningMetrics>> {
  const { actors, batchSize, testSeed } = config;
  const environment = conditionedEnvironment(config.environment, config.context, config);
  const rates = rateTelling(config, config.context);
  const data = new ActorStates(environment, seed, rates);
  return supervisedCell({
    environment,
    seed,
    config,
    step: (critic, optimizer) =>
      critic.update(
        data.draw({
          purpose: "conditioning/train",
          step: critic.model.step,
          count: batchSize,
          split: "train",
          actor: (row) => ({ epsilon: actors.seen[row % actors.seen.length]! }),
        }),
        optimizer,
      ),
    test: (critic) =>
      criticReport(critic, new ActorStates(environment, testSeed, rates), config, {
        // Where the value is not an emitted token, the mean over value tokens is not what was trained.
        readouts: critic.definition.valueHead ? ["value"] : READOUTS,
        full: config.role === "report",
      }),
  }, context);
}
