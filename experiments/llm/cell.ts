import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import type { LlmCell, LlmMetrics } from "./cell_types.ts";
import { runCell as runConditioning } from "./conditioning_cell.ts";
import { runCell as runRl } from "./rl_cell.ts";
import { runCell as runValues } from "./value_cell.ts";

/** Runs one cell. Workers load the file of its part alone. */
export function runCell(
  { config, ...cell }: Cell<LlmCell>,
  context: CellContext,
): Promise<CellResult<LlmMetrics>> {
  switch (config.part) {
    case "values":
      return runValues({ ...cell, config }, context);
    case "conditioning":
      return runConditioning({ ...cell, config }, context);
    case "rl":
      return runRl({ ...cell, config }, context);
  }
}
