/**
 * Downstream RL (C5): actors trained by value-free methods, by PPO and its kin with a discriminative critic, and by
 * GenAC with a generative one, all from the same checkpoint; beside them an oracle critic and a process reward.
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { runCell } from "./cell.ts";
import { creditCells } from "./cells.ts";
import { creditClaims } from "./claims.ts";
import { creditConfig } from "./config.ts";
import { profiles } from "./profiles.ts";
import { creditTable, summarizeCredit } from "./summary.ts";

export default defineExperiment({
  name: "credit",
  title: "Does a better critic train a better actor?",
  module: import.meta.url,
  schema: creditConfig,
  profiles,
  cells: creditCells,
  runCell,
  summarize: summarizeCredit,
  claims: creditClaims,
  table: creditTable,
  compared: { names: ["success", "rmse"], lossCurve: "curve" },
  notebook: "08-credit",
});
