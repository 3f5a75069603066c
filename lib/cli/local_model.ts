/** `deno task local-model`: a real language model to try the kit with. */
import { z } from "zod";
import { ROOT } from "../root.ts";
import { type Command, runCommand } from "./command.ts";
import { installLocalModel, LOCAL_TOKENIZER, startLocalModel } from "./local_model_server.ts";

const flags = z.object({
  port: z.int().min(1).max(65535).default(8080).describe(
    "port on this machine; the next free one if taken",
  ),
  installOnly: z.boolean().default(false).describe("install model and server, do not start it"),
});

/** The command. */
export const localModelCommand: Command<typeof flags.shape> = {
  name: "local-model",
  summary: "Serves SmolLM2-135M-Instruct (Apache-2.0) with llama.cpp's server on this machine, " +
    "which it installs into .cache.",
  flags,
  async run({ port, installOnly }) {
    await installLocalModel((line) => console.error(line));
    if (installOnly) return 0;
    await using server = await startLocalModel({ port, onText: (line) => console.error(line) });
    console.log(`SmolLM2-135M-Instruct (Apache-2.0) at ${server.url}`);
    console.log(`its tokenizer: ${LOCAL_TOKENIZER.slice(ROOT.length)}`);
    console.log("Ctrl-C stops it");
    const code = await Promise.race([server.ended, stopSignal()]);
    if (code === undefined) return 0;
    console.error(`error: the server ended with code ${code}: its messages above say why`);
    return 1;
  },
};

/** Resolves when the user wants it to stop. */
function stopSignal(): Promise<undefined> {
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  return new Promise((resolve) => {
    for (const signal of signals) Deno.addSignalListener(signal, () => resolve(undefined));
  });
}

if (import.meta.main) await runCommand(localModelCommand);
