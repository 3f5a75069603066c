/**
 * Training a generative critic on outcomes: REINFORCE with the GenAC paper's reward, with baselines, KL penalties and
 * credit assignment, and supervised Monte Carlo as reference; from a calibrated, a stale and a weak critic.
 */
import type { Experiment } from "../../lib/run/experiment.ts";
import { type CriticTrainingMetrics, runCell } from "./cell.ts";
import { type CriticTrainingCell, criticTrainingCells } from "./cells.ts";
import { criticTrainingClaims } from "./claims.ts";
import {
  type CriticTrainingConfig,
  criticTrainingConfig,
  type CriticTrainingInput,
  profiles,
} from "./config.ts";
import {
  type CriticTrainingSummary,
  criticTrainingTable,
  summarizeCriticTraining,
} from "./summary.ts";

const criticTraining: Experiment<
  CriticTrainingConfig,
  CriticTrainingCell,
  CriticTrainingMetrics,
  CriticTrainingSummary,
  CriticTrainingInput
> = {
  name: "critic-training",
  title: "Which recipe trains a generative critic?",
  module: import.meta.url,
  schema: criticTrainingConfig,
  profiles,
  cells: criticTrainingCells,
  runCell,
  summarize: summarizeCriticTraining,
  claims: criticTrainingClaims,
  table: criticTrainingTable,
  compared: { names: ["rmse", "expectationRmse", "traceAccuracy", "reward"], lossCurve: "curve" },
  notebook: "07-critic-training",
};

export default criticTraining;
