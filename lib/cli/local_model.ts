/** `deno task local-model`: a real language model to try the kit with. */
import { z } from "zod";
import { ROOT } from "../root.ts";
import { type Command, runCommand } from "./command.ts";
import { KNOWN_MODEL_NAMES, KNOWN_MODELS, SMOLLM2 } from "../pretrained/known_models.ts";
import { installLocalModel, localTokenizer, startLocalModel } from "./local_model_server.ts";

const flags = z.object({
  model: z.enum(KNOWN_MODEL_NAMES).default(SMOLLM2).describe(
    `the model; transfers ${
      KNOWN_MODEL_NAMES.map((name) => `${KNOWN_MODELS[name].megabytes} MB`).join(" or ")
    } once`,
  ),
  port: z.int().min(1).max(65535).default(8080).describe(
    "port on this machine; the next free one if taken",
  ),
  installOnly: z.boolean().default(false).describe("install model and server, do not start it"),
});

/** The command. */
export const localModelCommand: Command<typeof flags.shape> = {
  name: "local-model",
  summary: "Serves a small language model with llama.cpp's server on this machine, " +
    "which it installs into .cache.",
  flags,
  async run({ installOnly, model, port }) {
    const onText = (line: string) => console.error(line);
    await installLocalModel(onText, model);
    if (installOnly) return 0;
    await using server = await startLocalModel({ port, model, onText });
    const { licence, title } = KNOWN_MODELS[model];
    console.log(`${title} (${licence}) at ${server.url}`);
    console.log(`its tokenizer: ${localTokenizer(model).slice(ROOT.length)}`);
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
