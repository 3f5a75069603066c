/**
 * The sceptic's controls of the claim that the chain of thought makes the difference (C1 and C2 of the GenAC paper): each
 * changes one thing about the discriminative or the CoT critic, and is placed between the two.
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { runCell } from "./cell.ts";
import { controlsCells } from "./cells.ts";
import { controlsClaims } from "./claims.ts";
import { controlsConfig, profiles } from "./config.ts";
import { controlsRows, summarizeControls } from "./summary.ts";

export default defineExperiment({
  name: "controls",
  title: "Is it the chain of thought?",
  module: import.meta.url,
  schema: controlsConfig,
  profiles,
  cells: controlsCells,
  runCell,
  summarize: summarizeControls,
  claims: controlsClaims,
  table: controlsRows,
  compared: { names: ["rmse", "mae", "rankingAccuracy", "parseRate"], lossCurve: "curve" },
  notebook: "06-controls",
});
