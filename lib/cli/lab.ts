/** `deno task lab`: JupyterLab on notebooks/, with this Deno as kernel. */
import { z } from "zod";
import { ROOT } from "../run/provenance.ts";
import { type Command, runCommand } from "./command.ts";
import { ensureVenv, JUPYTER_ENV, VENV_PYTHON } from "./venv.ts";

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
    // Ctrl-C goes to JupyterLab too, which asks before it stops; this process waits for it.
    Deno.addSignalListener("SIGINT", () => {});
    const args = ["-m", "jupyterlab", `--port=${port}`, `--notebook-dir=${ROOT}notebooks`];
    if (!browser) args.push("--no-browser");
    if (allowRoot) args.push("--allow-root");
    const { code } = await new Deno.Command(VENV_PYTHON, {
      args,
      env: { ...JUPYTER_ENV },
      cwd: `${ROOT}notebooks`,
    }).spawn().status;
    return code === 0 || code === 130 ? 0 : 1;
  },
};

if (import.meta.main) await runCommand(labCommand);
