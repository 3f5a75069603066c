import { runCell } from "../../../experiments/scaling/cell.ts";
import { scalingCells } from "../../../experiments/scaling/cells.ts";
import { scalingConfig } from "../../../experiments/scaling/config.ts";
import scaling from "../../../experiments/scaling/mod.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../../../experiments/shared/kinds.ts";
import { MAX_THREADS } from "../../backend/create.ts";
import { WasmEngine } from "../../backend/wasm/engine.ts";
import { NeuralCritic } from "../../critic/neural_critic.ts";
import { criticDefinition } from "../../critic/registry.ts";
import { createEnvironment } from "../../env/registry.ts";
import type { Model } from "../../nn/model.ts";
import { ROOT } from "../../root.ts";
import { exists, readBytes, writeAtomically } from "../../run/files.ts";
import { pinsPath, readPins } from "../../run/pins.ts";
import { loadTraining } from "../../run/training_checkpoint.ts";
import { flatWeights, setFlatWeights } from "./flat_weights.ts";
import type { PlaygroundModel, PlaygroundSetup } from "./messages.ts";

/** The profile whose critics are asked: seconds to train, and the puzzle of the reports. */
export const PROFILE = "quick";
/** Where trained critics are kept, by their parameters' SHA-256. */
const KEPT = `${ROOT}.cache/playground`;

type Cell = ReturnType<typeof scalingCells>[number];

/**
 * The critics that playgrounds ask, of the experiment scaling's quick profile: discriminative and generative ones of all its
 * sizes and seeds, taught exact values. They are trained once and kept in `.cache/`.
 *
 * @throws Error where a critic's parameters are not the pinned ones.
 */
export async function playgroundModels(
  progress: (text: string) => void,
): Promise<{ readonly setup: PlaygroundSetup; readonly weights: Uint8Array<ArrayBuffer> }> {
  const config = scalingConfig.parse(scaling.profiles[PROFILE]);
  const pins = readPins(pinsPath(scaling, PROFILE))!;
  const cells = scalingCells(config).filter(({ config: { critic, labels, role } }) =>
    role === "report" && labels === "exact" && [DISCRIMINATIVE, GENERATIVE].includes(critic)
  );
  const models: PlaygroundModel[] = [], files: Uint8Array<ArrayBuffer>[] = [];
  for (const cell of cells) {
    const parameters = pins.cells[cell.id]!.digests["parameters"]!;
    const bytes = await weightsOf(cell, parameters, progress);
    const { critic, size } = cell.config;
    models.push({ critic, size, seed: cell.seed, parameters, bytes: bytes.length });
    files.push(bytes);
  }
  const weights = new Uint8Array(await new Blob(files).arrayBuffer());
  return { setup: { environment: config.environment, actor: config.actor, models }, weights };
}

/** A cell's trained weights, the kept ones where they are sound. */
async function weightsOf(
  cell: Cell,
  pinned: string,
  progress: (text: string) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = `${KEPT}/${pinned}.bin`;
  if (exists(path)) {
    const bytes = readBytes(path, "");
    if (await withModel(cell, (model) => digestOf(model, bytes)) === pinned) return bytes;
  }
  progress(`training ${cell.id} of scaling, profile ${PROFILE}, for the playground`);
  const { digests, files } = await runCell({
    ...cell,
    // Nothing is measured: training does not depend on these.
    config: { ...cell.config, samples: null, testStates: 1 },
  }, {
    threads: Math.min(MAX_THREADS, navigator.hardwareConcurrency),
    progress: () => {},
    checkpoint: { load: () => undefined, save: () => {} },
  });
  if (digests["parameters"] !== pinned) {
    throw new Error(
      `scaling, profile ${PROFILE}: ${cell.id} is not the pinned one when trained here`,
    );
  }
  const bytes = await withModel(cell, (model) => {
    loadTraining(model, files!["model.safetensors"]!);
    return flatWeights(model);
  });
  writeAtomically(path, bytes);
  return bytes;
}

/** SHA-256 of the parameters in a kept file; undefined for a damaged one. */
async function digestOf(model: Model, bytes: Uint8Array): Promise<string | undefined> {
  try {
    await setFlatWeights(model, bytes);
    return await model.digest();
  } catch {
    return undefined;
  }
}

/** What `use` makes of a cell's model before training. */
async function withModel<T>(
  { config, seed }: Cell,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const engine = await WasmEngine.create();
  try {
    const environment = createEnvironment("permutation", config.environment);
    const definition = criticDefinition(config.critic);
    return await use(new NeuralCritic(engine, definition, environment, config.size, seed).model);
  } finally {
    engine.close();
  }
}
