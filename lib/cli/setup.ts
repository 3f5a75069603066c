/**
 * `deno task setup`: fetches and makes beforehand what the other tasks would at their first start: packages, Jupyter; for
 * machines that can reach no network, this Deno, too.
 */
import { dirname } from "node:path";
import { z } from "zod";
import { ROOT } from "../root.ts";
import { guarded, remove } from "../run/files.ts";
import { type Command, runCommand } from "./command.ts";
import { ensureVenv } from "./venv.ts";

/** Where the copy of Deno is, relative to the checkout. */
export const BUNDLED_DENO = `.cache/bin/deno${Deno.build.os === "windows" ? ".exe" : ""}`;

const flags = z.object({
  offlineBundle: z.boolean().default(false).describe(
    "for machines that share this folder and reach no network, as a cluster's nodes: keep this Deno in .cache/bin",
  ),
  jupyter: z.boolean().default(true).describe("leave out .venv, which reports and notebooks need"),
});

/** The command. */
export const setupCommand: Command<typeof flags.shape> = {
  name: "setup",
  summary: "Fetches and makes beforehand what the other tasks need.",
  flags,
  async run({ offlineBundle, jupyter }) {
    // That this runs means that the packages are in node_modules.
    console.log(`packages: node_modules`);
    if (jupyter) {
      await ensureVenv(console.error);
      console.log("Jupyter: .venv");
    }
    if (!offlineBundle) return 0;
    copyDeno(`${ROOT}${BUNDLED_DENO}`);
    console.log(
      `Deno ${Deno.version.deno}: ${BUNDLED_DENO}\n\nIn a job's script, before the first task:\n\n` +
        `  export PATH="${ROOT}${
          dirname(BUNDLED_DENO)
        }:$PATH" DENO_DIR="\${TMPDIR:-/tmp}/deno-$USER"`,
    );
    return 0;
  },
};

/** This Deno's program at `path`, whole or not at all. */
function copyDeno(path: string): void {
  guarded(path, () => {
    Deno.mkdirSync(dirname(path), { recursive: true });
    // One that runs cannot be written over, but replaced.
    const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
    try {
      Deno.copyFileSync(Deno.execPath(), temporary);
      if (Deno.build.os !== "windows") Deno.chmodSync(temporary, 0o755);
      Deno.renameSync(temporary, path);
    } catch (error) {
      remove(temporary);
      throw error;
    }
  });
}

if (import.meta.main) await runCommand(setupCommand);
