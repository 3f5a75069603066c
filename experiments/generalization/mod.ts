/**
 * Generalization of discriminative and generative critics (claim C3 of the GenAC paper): trained on short words and one
 * actor in the permutation puzzle, judged on longer words, actors of other skill, and other start states.
 */
import type { Experiment } from "../../lib/run/experiment.ts";
import { type GeneralizationCell, type GeneralizationMetrics, runCell } from "./cell.ts";
import { generalizationCells } from "./cells.ts";
import { generalizationClaims } from "./claims.ts";
import {
  type GeneralizationConfig,
  generalizationConfig,
  type GeneralizationInput,
  profiles,
} from "./config.ts";
import {
  type GeneralizationSummary,
  generalizationTable,
  summarizeGeneralization,
} from "./summary.ts";

const generalization: Experiment<
  GeneralizationConfig,
  GeneralizationCell,
  GeneralizationMetrics,
  GeneralizationSummary,
  GeneralizationInput
> = {
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
};

export default generalization;
