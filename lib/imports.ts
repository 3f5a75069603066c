/** A module that another one names. */
export interface Import {
  /** As it is written, e.g. "./a.ts" or "zod". */
  readonly specifier: string;
  /** "type": `import type` and `export type`, which do not run; "url": `new URL("./a.ts", import.meta.url)`, as of a Worker. */
  readonly kind: "value" | "type" | "url";
}

/** `import` and `export` statements begin a line, as `deno fmt` has it: examples in comments do not. */
const STATIC = /^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"/g;
const URLS = /\bnew URL\(\s*"([^"]+)",\s*import\.meta\.url/g;
/** Lines of comments. */
const COMMENTS = /^\s*(?:\*|\/\/|\/\*).*$/gm;

/**
 * What a TypeScript module imports: static imports and exports, dynamic imports and URLs relative to it, of the last two
 * those whose specifier is a literal. `source` is its text in the style of `deno fmt`.
 */
export function importsOf(source: string): Import[] {
  const code = source.replace(COMMENTS, "");
  const found = (pattern: RegExp, kind: "value" | "url") =>
    [...code.matchAll(pattern)].map(([, specifier]) => ({ specifier: specifier!, kind }));
  return [
    ...[...code.matchAll(STATIC)].map(([, type, specifier]): Import => ({
      specifier: specifier!,
      kind: type ? "type" : "value",
    })),
    ...found(DYNAMIC, "value"),
    ...found(URLS, "url"),
  ];
}
