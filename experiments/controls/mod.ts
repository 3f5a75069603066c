/**
 * The sceptic's controls of the claim that the chain of thought makes the difference (C1 and C2 of the GenAC paper): each
 * changes one thing about the discriminative or the CoT critic, and is placed between the two.
 */
import type { Experiment } from "../../lib/run/experiment.ts";
import { type ControlsCell, type ControlsMetrics, runCell } from "./cell.ts";
import { controlsCells } from "./cells.ts";
import { controlsClaims } from "./claims.ts";
import { type ControlsConfig, controlsConfig, type ControlsInput, profiles } from "./config.ts";
import { controlsRows, type ControlsSummary, summarizeControls } from "./summary.ts";

const controls: Experiment<
  ControlsConfig,
  ControlsCell,
  ControlsMetrics,
  ControlsSummary,
  ControlsInput
> = {
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
};

export default controls;
