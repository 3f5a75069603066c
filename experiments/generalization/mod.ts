/**
 * Generalization of discriminative and generative critics (claim C3 of the GenAC paper): trained on short words and one
 * actor in the permutation puzzle, judged on longer words, actors of other skill, and other start states.
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { runCell } from "./cell.ts";
import { generalizationCells } from "./cells.ts";
import { generalizationClaims } from "./claims.ts";
import { generalizationConfig, profiles } from "./config.ts";
import { generalizationTable, summarizeGeneralization } from "./summary.ts";

export default defineExperiment({
  name: "generalization",
  title: "Do critics generalize out of distribution?",
  module: import.meta.url,
  schema: generalizationConfig,
  profiles,
  cells: generalizationCells,
  runCell,
  summarize: summarizeGeneralization,
  claims: generalizationClaims,
  table: generalizationTable,
  compared: { names: ["rmse", "mae", "rankingAccuracy", "parseRate"], lossCurve: "curve" },
  notebook: "03-generalization",
});
