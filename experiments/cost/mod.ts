/**
 * What it costs (C6): tokens, FLOPs and seconds of an RL iteration by part, for GRPO, PPO, VinePPO and GenAC, over
 * response lengths and numbers of segments.
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { runCell } from "./cell.ts";
import { costCells } from "./cells.ts";
import { costClaims } from "./claims.ts";
import { costConfig } from "./config.ts";
import { profiles } from "./profiles.ts";
import { costTable, summarizeCost } from "./summary.ts";

export default defineExperiment({
  name: "cost",
  title: "What does a generative critic cost?",
  module: import.meta.url,
  schema: costConfig,
  profiles,
  cells: costCells,
  runCell,
  summarize: summarizeCost,
  claims: costClaims,
  table: costTable,
  notebook: "09-cost",
});
