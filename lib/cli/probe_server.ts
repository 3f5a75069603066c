/**
 * `deno task probe-server`: what an OpenAI-compatible server really does of what the kit asks for.
 */
import { z } from "zod";
import { abilityRows } from "../llm/probe_server_table.ts";
import { probeServer } from "../llm/probe_server.ts";
import { ServerConnection } from "../llm/server_connection.ts";
import { identifyServer } from "../llm/server_identity.ts";
import { plainTable } from "../report/plain_table.ts";
import { type Command, printJson, runCommand } from "./command.ts";
import { terminalProgress } from "./terminal_progress.ts";

const flags = z.object({
  server: z.array(z.string()).min(1, "give its address, such as http://127.0.0.1:8000")
    .max(1, "one at a time").prefault([])
    .describe("the server's address, with or without /v1"),
  model: z.string().optional().describe("the model to ask; default: the only one"),
  endpoint: z.enum(["completions", "chat"]).optional()
    .describe("what to try; default: completions, chat where there are none"),
  apiKeyVariable: z.string().optional()
    .describe("the environment variable with the server's key; default: OPENAI_API_KEY, if set"),
  timeout: z.number().positive().default(600).describe("seconds that one answer may take"),
  json: z.boolean().default(false).describe("print what was found as one line of JSON"),
});

/** The command. */
export const probeServerCommand: Command<typeof flags.shape> = {
  name: "probe-server",
  summary:
    "Finds out by short requests what a language model's server honours, and what the kit does about it.",
  flags,
  positional: "server",
  async run({ server, model, endpoint, apiKeyVariable, timeout, json }) {
    const url = server[0]!;
    const connection = new ServerConnection({ url, apiKeyVariable, timeoutSeconds: timeout });
    const progress = terminalProgress();
    try {
      const identity = await identifyServer(connection, model);
      const abilities = await probeServer(connection, identity, {
        endpoint,
        onStep: (what) => progress.line(`trying ${what}`, true),
      });
      progress.clear();
      if (json) printJson({ ok: true, abilities });
      else {
        console.log(
          plainTable(["", "it does", "the kit"], abilityRows(abilities), [false, false, false]),
        );
      }
    } finally {
      progress.clear();
    }
    return 0;
  },
};

if (import.meta.main) await runCommand(probeServerCommand);
