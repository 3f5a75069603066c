import { importsOf } from "../imports.ts";
import { readBytes } from "../run/files.ts";
import { ROOT } from "../root.ts";

/** Where the library begins, relative to the checkout. */
const ENTRY = "lib/mod.ts";

/**
 * The library as files that can be imported from any address, by path from the checkout: `lib/mod.ts`, and what it imports,
 * types and Workers included. Packages are named as in deno.json, with versions, since whoever imports the library has
 * another one; those that are imported when they are needed are fetched then.
 *
 * @throws UsageError for a module that is missing.
 */
export function packLibrary(): Map<string, string> {
  const packages = packageSpecifiers();
  const files = new Map<string, string>();
  const visit = (path: string) => {
    if (files.has(path)) return;
    let text = new TextDecoder().decode(readBytes(ROOT + path, "restore it from git"));
    const imports = importsOf(text);
    for (const { specifier, kind } of imports) {
      if (kind === "url" || specifier.startsWith(".")) continue;
      const package_ = packages(specifier);
      text = text
        // Not as a literal, which Deno would fetch with the library: one of these packages has 250 MB.
        .replaceAll(`await import("${specifier}")`, `await import(["${package_}"][0]!)`)
        .replaceAll(`"${specifier}"`, `"${package_}"`);
    }
    files.set(path, text);
    for (const { specifier, kind } of imports) {
      // URLs name Workers, and folders that only a checkout has.
      const isModule = kind === "url" ? specifier.endsWith(".ts") : specifier.startsWith(".");
      if (isModule) visit(new URL(specifier, `file:///${path}`).pathname.slice(1));
    }
  };
  visit(ENTRY);
  return files;
}

/** What deno.json makes of a package's name, e.g. "zod" -> "npm:zod@4.6.7". */
function packageSpecifiers(): (specifier: string) => string {
  const { imports }: { readonly imports: Readonly<Record<string, string>> } = JSON.parse(
    new TextDecoder().decode(readBytes(`${ROOT}deno.json`, "restore it from git")),
  );
  return (specifier) => {
    const name = Object.keys(imports).find((name) =>
      name === specifier || (name.endsWith("/") && specifier.startsWith(name))
    );
    if (name === undefined) return specifier; // "node:path"
    // Within a package an import map has "npm:/", an import "npm:".
    return (imports[name]! + specifier.slice(name.length)).replace(/^npm:\//, "npm:");
  };
}
