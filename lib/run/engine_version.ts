import { fileURLToPath, pathToFileURL } from "node:url";
import { importsOf } from "../imports.ts";
import { sha256 } from "../numeric/digest.ts";
import { ROOT } from "../root.ts";
import { configHash } from "./config.ts";
import { readBytes } from "./files.ts";

/**
 * SHA-256 over the code that computes a cell: the modules that its Worker loads. It keeps an interrupted run from being
 * finished by other code than it was begun with, and lets a claim, a figure, a profile or a summary change meanwhile.
 * What a cell is asked for is in its own key; the kernels have a digest of their own.
 *
 * @param cellModule URL of the module that exports `runCell`.
 * @throws UsageError for a module that is missing.
 */
export function engineVersion(cellModule: string): string {
  const modules = loadedModules([cellModule, import.meta.resolve("./cell_worker.ts")]);
  return configHash(modules.map(({ name, content }) => content ? sha256(content) : name));
}

/** A module that is loaded. */
export interface LoadedModule {
  /** URL of a file; what a package's name resolves to, with its version, relative to the checkout. */
  readonly name: string;
  /** Of a file. */
  readonly content?: Uint8Array;
}

/**
 * What the files at the URLs `entries` import or start Workers of, themselves included, in the order met. Imports of types
 * are not loaded; of packages nothing is known but their names.
 */
export function loadedModules(entries: readonly string[]): LoadedModule[] {
  const modules = new Map<string, LoadedModule>();
  const visit = (url: string) => {
    if (modules.has(url)) return;
    if (!url.startsWith("file:") || url.includes("/node_modules/")) {
      modules.set(url, { name: url.replace(pathToFileURL(ROOT).href, "") });
      return;
    }
    const content = readBytes(fileURLToPath(url), "cells need this module: restore it");
    modules.set(url, { name: url, content });
    for (const { specifier, kind } of importsOf(new TextDecoder().decode(content))) {
      // URLs name Workers, and the folders of kernels and caches.
      if (kind === "type" || (kind === "url" && !specifier.endsWith(".ts"))) continue;
      const isRelative = kind === "url" || specifier.startsWith(".");
      visit(isRelative ? new URL(specifier, url).href : import.meta.resolve(specifier));
    }
  };
  entries.forEach(visit);
  return [...modules.values()];
}
