/**
 * A folder of its own for a test: the fake experiment with pins beside it and runs below it, and
 * the `reproduce` command on them, as a process or in this one.
 */
import { pathToFileURL } from "node:url";
import { ROOT } from "../../root.ts";
import type { AnyExperiment } from "../experiment.ts";

const HERE = new URL(".", import.meta.url).href;

/** A digest that stands for a kernel bundle. */
export const KERNELS = "0".repeat(64);

export interface Sandbox {
  readonly folder: string;
  readonly experiment: AnyExperiment;
  /** `reproduce` with these flags in a process of its own; --out is set. */
  command(...flags: string[]): Deno.Command;
  [Symbol.dispose](): void;
}

export interface SandboxOptions {
  /** The standard profile's configuration, where it differs from the fake's own. */
  readonly standard?: Record<string, unknown>;
  /** The kernel bundle's digest for `command`. */
  readonly kernels?: string;
  /** Where `command` puts its runs; default: below the sandbox's folder. */
  readonly runs?: string;
}

export async function makeSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const folder = Deno.makeTempDirSync({ prefix: "genac-" });
  const standard = JSON.stringify(options.standard ?? {}), runs = options.runs ?? `${folder}/runs`;
  Deno.writeTextFileSync(
    `${folder}/mod.ts`,
    `import { fakeExperiment } from "${HERE}fake_experiment.ts";
     export default fakeExperiment(import.meta.url, ${standard});`,
  );
  Deno.writeTextFileSync(
    `${folder}/cell.ts`,
    `export { runCell } from "${HERE}fake_cell.ts";`,
  );
  Deno.writeTextFileSync(
    `${folder}/main.ts`,
    `import { runCommand } from "${HERE}../../cli/command.ts";
     import { makeReproduceCommand } from "${HERE}../../cli/reproduce.ts";
     await runCommand(makeReproduceCommand({
       registry: { fake: () => import("./mod.ts") },
       identify: () => Promise.resolve({ kernels: ${
      JSON.stringify(options.kernels ?? KERNELS)
    }, adapter: null }),
       notebooks: () => Promise.resolve({ executed: [], reports: [] }),
       writeIndex: () => Promise.resolve("no such page"),
     }));`,
  );
  const { default: experiment } = await import(pathToFileURL(`${folder}/mod.ts`).href);
  return {
    folder,
    experiment,
    command: (...flags) =>
      new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-prompt",
          "--allow-read",
          `--allow-write=${folder},${runs}`,
          "--allow-run=git",
          "--allow-sys",
          "--allow-env",
          `--config=${ROOT}deno.json`,
          `${folder}/main.ts`,
          `--out=${runs}`,
          ...flags,
        ],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }),
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

/** Makes a symbolic link, for which Deno itself would need to be allowed to write anywhere. */
export function link(target: string, path: string): void {
  const { success } = new Deno.Command("ln", { args: ["-s", target, path] }).outputSync();
  if (!success) throw new Error(`no link at ${path}`);
}

/** The paths of all files below a folder, which another process may be changing. */
export function* walk(folder: string): Generator<string> {
  let entries: Deno.DirEntry[] = [];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const { name, isDirectory } of entries) {
    if (isDirectory) yield* walk(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

/** A test in a folder that is gone after it. */
export function inFolder(test: (folder: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}
