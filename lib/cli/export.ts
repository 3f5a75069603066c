/** `deno task export`: a trained model of the kit for other tools. */
import { z } from "zod";
import { registry } from "../../experiments/registry.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { UsageError } from "../errors.ts";
import type { Origin } from "../export/exported_model.ts";
import { exportHuggingFace } from "../export/hugging_face.ts";
import { loadSavedModel } from "../export/load_saved_model.ts";
import { exportOnnx } from "../export/onnx.ts";
import { resolveConfig } from "../run/config.ts";
import { type ProfileName, PROFILES, type Registry } from "../run/experiment.ts";
import { exists, list, readBytes } from "../run/files.ts";
import {
  type PartialRun,
  readCellFile,
  reproduceCommand,
  type Run,
  type StoredCell,
} from "../run/run.ts";
import { readSealed } from "../run/sealed.ts";
import { chooseFrom } from "../suggest.ts";
import { type Command, runCommand } from "./command.ts";

const flags = z.object({
  to: z.enum(["hf", "onnx"]).optional().describe(
    "a folder that Hugging Face's transformers loads, or one with model.onnx",
  ),
  from: z.string().optional().describe(
    "a cell of a finished experiment, such as scaling/cot/d32-L2/seed1, or a .safetensors file of " +
      "saveTraining or saveModels",
  ),
  profile: z.enum(PROFILES).default("quick").describe("the run that the cell is of"),
  model: z.string().optional().describe("which model of a file of several"),
  cache: z.boolean().default(false).describe(
    "ONNX: keys and values of earlier tokens go in and out",
  ),
  out: z.string().optional().describe("the folder to create"),
});

/** The command, of these experiments and the runs in that folder. */
export function makeExportCommand(
  known: Registry = registry,
  runs = "runs",
): Command<typeof flags.shape> {
  return {
    name: "export",
    summary: "Writes a trained critic or actor as a Hugging Face folder or as ONNX.",
    flags,
    async run({ to, from, profile, model, cache, out }) {
      if (to === undefined) throw new UsageError("--to", to, "give hf or onnx");
      if (from === undefined) throw new UsageError("--from", from, "give a cell or a file");
      if (out === undefined) throw new UsageError("--out", out, "give a folder to create");
      if (cache && to !== "onnx") throw new UsageError("--cache", cache, "only with --to onnx");
      const { bytes, path, origin } = exists(from)
        ? { bytes: readBytes(from, "give a file"), path: from, origin: undefined }
        : await readCell(from, { known, runs, profile });
      const engine = await WasmEngine.create({ threads: 1 });
      try {
        const loaded = loadSavedModel(engine, bytes, path, model);
        if (to === "hf") await exportHuggingFace(loaded, out, origin);
        else await exportOnnx(loaded, out, { cache, ...origin && { origin } });
      } finally {
        engine.close();
      }
      console.log(`${out}: ${list(out).join(", ")}; README.md says how to ask it`);
      return 0;
    },
  };
}

/** The file of a cell that holds its model. Throws a UsageError where there is none, with what computes it. */
async function readCell(
  from: string,
  { known, runs, profile }: { known: Registry; runs: string; profile: ProfileName },
) {
  if (from.endsWith(".safetensors")) throw new UsageError("--from", from, "no such file");
  const [name, ...rest] = from.split("/"), id = rest.join("/");
  if (!Object.hasOwn(known, name!)) {
    const choices = chooseFrom(name!, Object.keys(known));
    throw new UsageError("--from", from, `no such file, and no experiment ${name}; ${choices}`);
  }
  const { default: experiment } = await known[name!]!();
  const { directory } = resolveConfig(experiment, profile, { out: runs });
  // A result of the pins has no model.
  const isAsked = (cell: StoredCell) => cell.id === id && cell.computedBy !== null;
  // The second stands while some cells of a run are there and others not.
  const run = ["run.json", "partial.json"].map((file) => `${directory}/${file}`).filter(exists)
    .map((path) => readSealed<Run | PartialRun>(path)).find(({ cells }) => cells.some(isAsked));
  const cell = run?.cells.find(isAsked);
  if (!run || !cell) {
    const command = reproduceCommand(name!, profile, { cells: [id] });
    const remedy = `no such cell in ${directory}: compute it by ${command}`;
    throw new UsageError("--from", from, remedy);
  }
  const file = Object.keys(cell.files).find((file) => file.endsWith(".safetensors"));
  if (file === undefined) {
    throw new UsageError("--from", from, `cells of ${name} keep no model: choose another's`);
  }
  const { commit, dirty } = run.provenance;
  const origin: Origin = { experiment: name!, profile, cell: id, seed: cell.seed, commit, dirty };
  const bytes = readCellFile({ directory, cells: run.cells }, id, file);
  return { bytes, path: `${directory}/${cell.folder}/${file}`, origin };
}

if (import.meta.main) await runCommand(makeExportCommand());
