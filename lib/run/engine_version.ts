/**
 * A digest of the code that computes results, so that an interrupted run is never finished by
 * other code than it was begun with.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { configHash } from "./config.ts";
import { list, readBytes } from "./files.ts";
import { ROOT } from "./provenance.ts";
import { sha256 } from "../tensor/digest.ts";

/** The layers below lib/run; the kernels have a digest of their own. */
const LAYERS = ["tensor", "backend", "nn", "critic", "env", "actor", "eval", "rl"];

/** SHA-256 over the TypeScript sources of the engine, of what experiments share and of the experiment at `module`, without tests. */
export function engineVersion(module: string): string {
  const experiment = dirname(fileURLToPath(module));
  const folders = [
    ...LAYERS.map((layer) => `${ROOT}lib/${layer}`),
    `${ROOT}experiments/shared`,
    experiment,
  ];
  return configHash(folders.flatMap(sources).map((path) => sha256(readBytes(path, ""))));
}

function sources(folder: string): string[] {
  return list(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (Deno.statSync(path).isDirectory) return sources(path);
    return name.endsWith(".ts") && !name.endsWith("_test.ts") ? [path] : [];
  });
}
