import { supervisedStep } from "../../lib/critic/supervised.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import {
  supervisedCell,
  type SupervisedConfig,
  type SupervisedMetrics,
} from "../shared/supervised_cell.ts";
import { heldOutStates, testCritic, type TestReport, testReport } from "../shared/test_report.ts";
import type { ScalingConfig } from "./config.ts";
import { outcomeLabels } from "./outcomes.ts";
import { type SamplesReport, samplesReport } from "./samples.ts";

/** What a critic learns from: a state's exact value, or the outcome, 0 or 1, of one rollout. */
export type Labels = "exact" | "outcomes";

/** Everything a run depends on besides its seed. */
export interface ScalingCell extends
  SupervisedConfig,
  Pick<
    ScalingConfig,
    "environment" | "actor" | "testSeed" | "testStates" | "difficulties"
  > {
  readonly labels: Labels;
  /** How its chains of thought are sampled and averaged; null: not at all. */
  readonly samples: Pick<NonNullable<ScalingConfig["samples"]>, "states" | "counts"> | null;
  /** Learning rate over the chosen one; 1 for reported runs. */
  readonly factor: number;
  /** A run of the search ("sweep") is not reported. */
  readonly role: "report" | "sweep";
}

/** What a run says; tests by difficulty. */
export interface ScalingMetrics extends SupervisedMetrics {
  readonly tests: Readonly<Record<string, TestReport>>;
  /** The same answers read as the mean over value tokens in place of the emitted one; left out for critics with a value head. */
  readonly expectations?: Readonly<Record<string, Omit<TestReport, "calibration">>>;
  /** Left out where nothing was sampled. */
  readonly samples?: Readonly<Record<string, SamplesReport>>;
}

/**
 * Trains a critic of one kind and size on exact values or sampled outcomes, and tests it against exact values on held-out
 * words of every difficulty.
 */
export function runCell(
  { seed, config }: Cell<ScalingCell>,
  context: CellContext,
): Promise<CellResult<ScalingMetrics>> {
  const { actor, batchSize, difficulties, labels, samples, testSeed, testStates } = config;
  const environment = createEnvironment("permutation", config.environment);
  const data = { seed, purpose: "scaling/train", batchSize, actor };
  return supervisedCell({
    environment,
    seed,
    config,
    step: (critic, optimizer) =>
      labels === "exact"
        ? supervisedStep(critic, data, optimizer)
        : critic.update(outcomeLabels(environment, data, critic.model.step), optimizer),
    async test(critic): Promise<Omit<ScalingMetrics, keyof SupervisedMetrics>> {
      const tests: Record<string, TestReport> = {};
      const expectations: Record<string, Omit<TestReport, "calibration">> = {};
      const sampled: Record<string, SamplesReport> = {};
      const emitsValues = !critic.definition.valueHead;
      for (const { name, min, max } of difficulties) {
        const testKey = { seed: testSeed, purpose: `scaling/test/${name}` };
        const options = { actor, difficulty: { min, max } };
        const labelled = heldOutStates(environment, testKey, testStates, options);
        const { report, predictions } = await testCritic(critic, labelled);
        tests[name] = report;
        if (emitsValues) {
          const read = predictions.map((p) => ({ ...p, value: p.expectation }));
          const { calibration: _, ...expected } = testReport(environment, labelled, read);
          expectations[name] = expected;
        }
        if (samples) {
          const { counts, states } = samples;
          const key = { seed, purpose: `scaling/samples/${name}`, firstRow: 0 };
          sampled[name] = await samplesReport(
            critic,
            labelled.slice(0, states),
            predictions.slice(0, states),
            counts,
            key,
          );
        }
      }
      return {
        tests,
        ...emitsValues ? { expectations } : {},
        ...samples ? { samples: sampled } : {},
      };
    },
  }, context);
}
