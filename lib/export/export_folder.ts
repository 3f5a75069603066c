import { resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { exists, remove, writeFolderAtomically } from "../run/files.ts";

/** Throws UsageError for a folder that exists. */
export function checkIsNew(folder: string): void {
  if (!exists(resolve(folder))) return;
  throw new UsageError("folder", folder, "it exists: name a new one, or remove it first");
}

/** Creates the folder with these files, all or none, by way of FOLDER.tmp. Throws UsageError for one that exists. */
export function writeExport(folder: string, files: Readonly<Record<string, Uint8Array>>): void {
  const path = resolve(folder), temporary = `${path}.tmp`;
  // What a process left that was killed.
  remove(temporary);
  if (!writeFolderAtomically(path, files, temporary)) checkIsNew(folder);
}

/** A text file's bytes. */
export function textFile(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

/** A JSON file's bytes, for people to read. */
export function jsonFile(content: object): Uint8Array {
  return textFile(`${JSON.stringify(content, null, 2)}\n`);
}
