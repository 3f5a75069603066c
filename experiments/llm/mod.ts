/**
 * A real language model inside: the claims about critics (C2 to C4) and RL (C5) with a pretrained model, its adapters and words
 * in the place of small transformers and tokens of their own.
 */
import { defineExperiment } from "../../lib/run/experiment.ts";
import { runCell } from "./cell.ts";
import { llmCells } from "./cells.ts";
import { llmClaims } from "./claims.ts";
import { llmConfig, profiles } from "./config.ts";
import { lacking } from "./base_models.ts";
import { llmRows, summarizeLlm } from "./summary.ts";

export default defineExperiment({
  name: "llm",
  title: "Does it hold for a pretrained language model?",
  module: import.meta.url,
  schema: llmConfig,
  profiles,
  cells: llmCells,
  runCell,
  summarize: summarizeLlm,
  claims: llmClaims,
  table: llmRows,
  compared: { names: ["rmse", "mae", "rankingAccuracy", "parseRate"], lossCurve: "curve" },
  notebook: "11-llm",
  standIn: ({ models, sizes }) => {
    const missing = [...models, ...sizes?.models ?? []].flatMap((model) => lacking(model) ?? []);
    return missing.length > 0 ? { profile: "smoke", because: missing.join("; ") } : undefined;
  },
});
