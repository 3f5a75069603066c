import type { LabelledState, Prediction } from "../../lib/critic/critic.ts";
import type { CriticSize } from "../../lib/critic/neural_critic.ts";
import type {
  PermutationActor,
  PermutationConfigInput,
  PermutationEnvironment,
  PermutationState,
} from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { clip01 } from "../../lib/numeric/clip01.ts";
import { sha256 } from "../../lib/numeric/digest.ts";
import { meanSquaredError, Moments, predict, ridge } from "../../lib/numeric/ridge.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import {
  supervisedCell,
  type SupervisedConfig,
  type SupervisedMetrics,
} from "../shared/supervised_cell.ts";
import { heldOutStates, type Readout, type TestReport, testReport } from "../shared/test_report.ts";
import type { ControlName, TraceLabels } from "./controls.ts";
import { handFeatures } from "./hand_features.ts";
import { rightTrace, trainingSequences, trainingStates } from "./sequences.ts";

/** Everything a run depends on besides its seed. */
export interface ControlsCell extends SupervisedConfig {
  readonly control: ControlName;
  /** Also "ridge". */
  readonly critic: string;
  /** Of the critics with which it is compared. */
  readonly base: CriticSize;
  /** Its own. */
  readonly size: CriticSize;
  /** Learning rate over the chosen one. */
  readonly factor: number;
  /** A run of the search ("tuning") is not reported. */
  readonly role: "report" | "tuning";
  readonly environment: PermutationConfigInput;
  readonly actor: PermutationActor;
  readonly traceLabels: TraceLabels;
  readonly denseValues: boolean;
  readonly rollouts: number | null;
  readonly testSeed: number;
  readonly testStates: number;
}

/** What a test says; without calibration, which nothing here reads. */
export type ControlReport = Omit<TestReport, "calibration">;

/** What a run says. */
export interface ControlsMetrics extends SupervisedMetrics {
  /** By the way in which answers are read: the value, and for critics that emit a value token the mean over tokens. */
  readonly tests: { readonly value: ControlReport; readonly expectation?: ControlReport };
  /** Mean tokens of an answer, the value's included; left out by critics that write no chain of thought. */
  readonly tokens?: number;
  /** The chosen one, of the linear model. */
  readonly penalty?: number;
}

/** Penalties that are tried. */
const PENALTIES = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1] as const;
/** The last of so many parts of the training data is held out to choose among them. */
const PARTS = 5;

/** Trains a control's critic at one size on its own data, and tests it on held-out states. */
export function runCell(
  cell: Cell<ControlsCell>,
  context: CellContext,
): Promise<CellResult<ControlsMetrics>> {
  const { seed, config } = cell;
  if (config.critic === "ridge") return Promise.resolve(runRidge(cell, context));
  const environment = createEnvironment("permutation", config.environment);
  const data = { ...config, environment, seed };
  return supervisedCell({
    environment,
    seed,
    config,
    step: (critic, optimizer) =>
      critic.train(trainingSequences(critic.definition, data, critic.model.step), optimizer),
    async test(critic) {
      const labelled = testSet(environment, config);
      const predictions = await critic.values(labelled);
      const emitsValues = !critic.definition.valueHead;
      return {
        tests: tests(environment, config, labelled, predictions, emitsValues),
        ...critic.definition.writesChain && { tokens: meanTokens(predictions) },
      };
    },
  }, context);
}

/** Held-out states: the same for all runs of a puzzle. */
function testSet(
  environment: PermutationEnvironment,
  { actor, testSeed, testStates }: ControlsCell,
): LabelledState<PermutationState>[] {
  return heldOutStates(environment, { seed: testSeed, purpose: "controls/test" }, testStates, {
    actor,
  });
}

/** A report for each way to read the answers. A chain of thought is right if it is the true one, less what is left out. */
function tests(
  environment: PermutationEnvironment,
  { traceLabels }: ControlsCell,
  labelled: readonly LabelledState<PermutationState>[],
  predictions: readonly Prediction[],
  emitsValues: boolean,
): ControlsMetrics["tests"] {
  const trace = (state: PermutationState) => rightTrace(environment, state, traceLabels);
  const read = (readOut: Readout) => {
    const read = predictions.map((p) => ({ ...p, value: p[readOut] }));
    const { calibration: _, ...report } = testReport(environment, labelled, read, trace);
    return report;
  };
  return emitsValues
    ? { value: read("value"), expectation: read("expectation") }
    : { value: read("value") };
}

/** Mean tokens of an answer. */
function meanTokens(predictions: readonly Prediction[]): number {
  const written = (one: Prediction) => one.responses![0]!.length;
  return predictions.reduce((sum, one) => sum + written(one), 0) / predictions.length;
}

/** The linear model: as many examples as a critic gets, the penalty chosen on the last part of them. */
function runRidge(
  { seed, config }: Cell<ControlsCell>,
  { progress }: CellContext,
): CellResult<ControlsMetrics> {
  const { actor, batchSize, steps } = config;
  const start = performance.now();
  const environment = createEnvironment("permutation", config.environment);
  const features = handFeatures(environment);
  const x = new Float64Array(features.count);
  const [fit, held] = [new Moments(features.count), new Moments(features.count)];
  const firstHeld = steps - Math.ceil(steps / PARTS);
  for (let step = 0; step < steps; step++) {
    for (const state of trainingStates({ environment, actor, batchSize, seed }, step)) {
      features.write(state, x);
      (step < firstHeld ? fit : held).add(x, environment.exactValue(state, actor));
    }
    progress(step + 1, steps);
  }
  const errors = PENALTIES.map((penalty) => meanSquaredError(ridge(fit, penalty), held));
  const penalty = PENALTIES[errors.indexOf(Math.min(...errors))]!;
  const model = ridge(fit.plus(held), penalty);
  const labelled = testSet(environment, config);
  const predictions = labelled.map(({ state }): Prediction => {
    features.write(state, x);
    return { value: clip01(predict(model, x)), expectation: null };
  });
  const weights = Float64Array.from([model.intercept, ...model.weights]);
  return {
    metrics: {
      parameters: weights.length,
      // A multiplication and an addition for each product of two features.
      trainingFlops: steps * batchSize * features.count * (features.count + 1),
      penalty,
      tests: tests(environment, config, labelled, predictions, false),
      curve: [],
    },
    digests: { parameters: sha256(new Uint8Array(weights.buffer)) },
    unpinned: { trainingSeconds: (performance.now() - start) / 1000, testSeconds: 0 },
  };
}
