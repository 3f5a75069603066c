/**
 * Training a generative critic on outcomes: REINFORCE with the GenAC paper's reward, with baselines, KL penalties and
 * credit assignment, and supervised Monte Carlo as reference; from a calibrated, a stale and a weak critic.
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { runCell } from "./cell.ts";
import { criticTrainingCells } from "./cells.ts";
import { criticTrainingClaims } from "./claims.ts";
import { criticTrainingConfig, profiles } from "./config.ts";
import { criticTrainingTable, summarizeCriticTraining } from "./summary.ts";

export default defineExperiment({
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
});
