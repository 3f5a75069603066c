/**
 * In-Context Conditioning (claim C4 of the GenAC paper): critics of a mixture of actors, told of the actor in their
 * prompt or not, judge actors of seen and unseen skill, and one that gets better while it is judged.
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { runCell } from "./cell.ts";
import { conditioningCells } from "./cells.ts";
import { conditioningClaims } from "./claims.ts";
import { conditioningConfig, profiles } from "./config.ts";
import { conditioningTable, summarizeConditioning } from "./summary.ts";

export default defineExperiment({
  name: "conditioning",
  title: "Does telling a critic who acts keep it calibrated?",
  module: import.meta.url,
  schema: conditioningConfig,
  profiles,
  cells: conditioningCells,
  runCell,
  summarize: summarizeConditioning,
  claims: conditioningClaims,
  table: conditioningTable,
  compared: { names: ["rmse", "rankingAccuracy", "parseRate"], lossCurve: "curve" },
  notebook: "04-conditioning",
});
