/** `deno task lab`: JupyterLab on notebooks/, with this Deno as kernel. */
import { z } from "zod";
import { ROOT } from "../root.ts";
import { type Command, runCommand } from "./command.ts";
import { UsageError } from "../errors.ts";
import { lines } from "./child_output.ts";
import { shielded } from "./python.ts";
import { ensureVenv, VENV_PYTHON } from "./venv.ts";

const flags = z.object({
  port: z.int().min(1).max(65535).default(8888).describe(
    "port on this machine; the next free one if taken",
  ),
  browser: z.boolean().default(true).describe("only print the address, open no browser"),
  allowRoot: z.boolean().default(false).describe("run as root, which JupyterLab else refuses"),
});

/** The command. */
export const labCommand: Command<typeof flags.shape> = {
  name: "lab",
  summary: "Opens JupyterLab on the notebooks, with this Deno as their kernel.",
  flags,
  async run({ port, browser, allowRoot }) {
    await ensureVenv((line) => console.error(line));
    const args = [`--port=${port}`, `--notebook-dir=${ROOT}notebooks`];
    if (!browser) args.push("--no-browser");
    if (allowRoot) args.push("--allow-root");
    const child = new Deno.Command(VENV_PYTHON, {
      args: shielded("jupyterlab", ...args),
      cwd: `${ROOT}notebooks`,
      stderr: "piped",
    }).spawn();
    // Ctrl-C goes to JupyterLab too, which asks before it stops; this process waits for it.
    Deno.addSignalListener("SIGINT", () => {});
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
    let refusal: string | undefined;
    for await (const line of lines(child.stderr)) {
      console.error(line);
      refusal = refusalIn(line) ?? refusal;
    }
    const { code } = await child.status;
    if (code === 0 || code === 130) return 0;
    if (refusal !== undefined) throw refusalError(refusal);
    console.error(`error: JupyterLab ended with code ${code}: its messages above say why`);
    return 1;
  },
};

function refusalError(refusal: string): UsageError {
  const remedy = /root/.test(refusal)
    ? "deno task lab --allow-root"
    : /port/.test(refusal)
    ? "give another --port"
    : "JupyterLab's messages above say more";
  return new UsageError("JupyterLab", refusal, remedy);
}

/** What a line of JupyterLab's log says of its end: a critical message, without the time. */
export function refusalIn(line: string): string | undefined {
  return line.match(/^\[C [^\]]*\] (?:ERROR: )?(.+)/)?.[1];
}

if (import.meta.main) await runCommand(labCommand);
