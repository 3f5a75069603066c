import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import type { LlmCell, LlmMetrics } from "./cell_types.ts";
import { runConditioning } from "./conditioning_cell.ts";
import { runRl } from "./rl_cell.ts";
import { runValues } from "./value_cell.ts";

/** Runs one cell. */
export function runCell(
  { seed, config }: Cell<LlmCell>,
  context: CellContext,
): Promise<CellResult<LlmMetrics>> {
  switch (config.part) {
    case "values":
      return runValues(config, seed, context);
    case "conditioning":
      return runConditioning(config, seed, context);
    case "rl":
      return runRl(config, seed, context);
  }
}
