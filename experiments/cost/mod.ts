/**
 * What it costs (C6): tokens, FLOPs and seconds of an RL iteration by part, for GRPO, PPO, VinePPO and GenAC, over
 * response lengths and numbers of segments.
 */
import type { Experiment } from "../../lib/run/experiment.ts";
import { type CostMetrics, runCell } from "./cell.ts";
import { type CostCell, costCells } from "./cells.ts";
import { costClaims } from "./claims.ts";
import { type CostConfig, costConfig, type CostInput } from "./config.ts";
import { profiles } from "./profiles.ts";
import { type CostSummary, costTable, summarizeCost } from "./summary.ts";

const cost: Experiment<CostConfig, CostCell, CostMetrics, CostSummary, CostInput> = {
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
};

export default cost;
