/**
 * Scaling of discriminative and generative critics (claims C1 and C2 of the GenAC paper): critics of several kinds and
 * sizes learn the values of a programmatic actor in the permutation puzzle, from exact values or from sampled outcomes.
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { DISPLAY } from "../../lib/report/mime.ts";
import { runCell } from "./cell.ts";
import { scalingCells } from "./cells.ts";
import { scalingClaims } from "./claims.ts";
import { errorFigure } from "./figures.ts";
import { profiles, scalingConfig } from "./config.ts";
import { scalingTable, summarizeScaling } from "./summary.ts";

export default defineExperiment({
  name: "scaling",
  title: "Do critics improve with scale?",
  module: import.meta.url,
  schema: scalingConfig,
  profiles,
  cells: scalingCells,
  runCell,
  summarize: summarizeScaling,
  claims: scalingClaims,
  table: scalingTable,
  figure: (summary) => errorFigure(summary, "parameters")[DISPLAY]()["image/svg+xml"]!,
  compared: { names: ["rmse", "mae", "rankingAccuracy", "parseRate"], lossCurve: "curve" },
  notebook: "01-scaling",
});
