import { supervisedStep } from "../../lib/critic/supervised.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import {
  supervisedCell,
  type SupervisedConfig,
  type SupervisedMetrics,
} from "../shared/supervised_cell.ts";
import { heldOutStates, testCritic, type TestReport } from "../shared/test_report.ts";
import type { ScalingConfig } from "./config.ts";

/** Everything a run depends on besides its seed. */
export interface ScalingCell extends
  SupervisedConfig,
  Pick<
    ScalingConfig,
    "environment" | "actor" | "testSeed" | "testStates" | "difficulties"
  > {
  /** Learning rate over the chosen one; 1 for reported runs. */
  readonly factor: number;
  /** A run of the search ("sweep") is not reported. */
  readonly role: "report" | "sweep";
}

/** What a run says. */
export interface ScalingMetrics extends SupervisedMetrics {
  /** By difficulty. */
  readonly tests: Readonly<Record<string, TestReport>>;
}

/** Trains a critic of one kind and size on exact values, and tests it on held-out words of every difficulty. */
export function runCell(
  { seed, config }: Cell<ScalingCell>,
  context: CellContext,
): Promise<CellResult<ScalingMetrics>> {
  const { actor, batchSize, difficulties, testSeed, testStates } = config;
  const environment = createEnvironment("permutation", config.environment);
  const data = { seed, purpose: "scaling/train", batchSize, actor };
  return supervisedCell({
    environment,
    seed,
    config,
    step: (critic, optimizer) => supervisedStep(critic, data, optimizer),
    async test(critic) {
      const tests: Record<string, TestReport> = {};
      for (const { name, min, max } of difficulties) {
        const key = { seed: testSeed, purpose: `scaling/test/${name}` };
        const options = { actor, difficulty: { min, max } };
        const labelled = heldOutStates(environment, key, testStates, options);
        tests[name] = (await testCritic(critic, labelled)).report;
      }
      return { tests };
    },
  }, context);
}
