/**
 * A digest of the code that computes results, so that an interrupted run is never finished by
 * other code than it was begun with.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { sourceFiles, sourceFolders } from "../source_files.ts";
import { sha256 } from "../numeric/digest.ts";
import { configHash } from "./config.ts";
import { guarded, readBytes } from "./files.ts";
import { ROOT } from "../root.ts";

/** The folders of lib that compute no result; the kernels have a digest of their own. */
const OTHERS = ["run", "report", "cli", "bench"];
/** The files of an experiment that compute no cell's result: what cells are asked for is in their own keys. */
const AROUND = ["claims.ts", "figures.ts", "profiles.ts"];

/** SHA-256 over the TypeScript sources of the engine, of what experiments share and of the experiment at `module`, without tests and benchmarks. */
export function engineVersion(module: string): string {
  const experiment = dirname(fileURLToPath(module));
  const layers = guarded(`${ROOT}lib`, () => sourceFolders(`${ROOT}lib`))
    .filter((name) => !OTHERS.includes(name)).map((name) => `${ROOT}lib/${name}`);
  const folders = [...layers, `${ROOT}experiments/shared`, experiment];
  const around = AROUND.map((name) => `${experiment}/${name}`);
  const paths = folders.flatMap(sources).filter((path) => !around.includes(path));
  return configHash(paths.map((path) => sha256(readBytes(path, ""))));
}

function sources(folder: string): string[] {
  return guarded(folder, () => sourceFiles(folder, ".ts"))
    .filter((path) => !/_(test|bench)\.ts$/.test(path)).map((path) => `${folder}/${path}`);
}
