/**
 * The ladder: critics of the same sizes, given the same amount of data, learn value functions from families of rising
 * complexity, from a local check (AC0) over word problems of groups (ACC0, NC1) to circuits (P) and 3-SAT (NP-hard).
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { runCell } from "./cell.ts";
import { ladderCells } from "./cells.ts";
import { ladderClaims } from "./claims.ts";
import { ladderConfig, profiles } from "./config.ts";
import { ladderTable, summarizeLadder } from "./summary.ts";

export default defineExperiment({
  name: "ladder",
  title: "Do critics follow the complexity of the value function?",
  module: import.meta.url,
  schema: ladderConfig,
  profiles,
  cells: ladderCells,
  runCell,
  summarize: summarizeLadder,
  claims: ladderClaims,
  table: ladderTable,
  compared: { names: ["rmse", "mae", "rankingAccuracy", "parseRate"], lossCurve: "curve" },
  notebook: "05-ladder",
});
