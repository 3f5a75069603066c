import type { RolloutFormat } from "../format.ts";
import { hasColumns } from "../row.ts";
import { jsonl } from "./jsonl.ts";

/** The kit's own: a `RolloutRecord` a line, as `writeRollouts` writes it. */
export const genac: RolloutFormat = {
  name: "genac",
  summary: "the kit's own records, one a line",
  isProvedBy: (row) =>
    hasColumns(row, "group", "prompt", "response", "outcome") &&
    [row.prompt, row.response].every((passage) =>
      typeof passage === "object" && passage !== null && !Array.isArray(passage)
    ),
  columns: jsonl.columns,
  needs: ["group"],
  outcomeRange: [0, 1],
};
