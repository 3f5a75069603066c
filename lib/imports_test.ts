import assert from "node:assert/strict";
import { importsOf } from "./imports.ts";
import { ROOT } from "./root.ts";
import { sourceFiles } from "./source_files.ts";

/** A folder or file may import only those before it in this list, and itself. */
const ORDER = [
  ...["lib/errors.ts", "lib/suggest.ts", "lib/root.ts", "lib/source_files.ts", "lib/imports.ts"],
  ...["lib/parse_config.ts", "kernels", "lib/numeric", "lib/tensor", "lib/backend", "lib/nn"],
  ...["lib/language_model"],
  ...["lib/env", "lib/critic", "lib/actor", "lib/eval", "lib/critic_learning", "lib/rl"],
  ...[
    "lib/run",
    "lib/pretrained",
    "lib/rollouts",
    "lib/llm",
    "lib/text_models",
    "lib/export",
    "lib/report",
    "lib/critic_evaluation",
  ],
  ...["lib/mod.ts", "experiments", "lib/verify", "lib/cli", "lib/bench"],
];

/** The house's files, each with those it imports, types included; paths from the root. */
function importGraph(): Map<string, string[]> {
  // Tests may look anywhere.
  const isHeld = (path: string) =>
    !/(^|\/)assembly\/|_test\.ts$|(^|\/)testing\.ts$|\/testdata\//.test(path);
  const paths = ["lib", "experiments", "kernels"].flatMap((folder) =>
    sourceFiles(ROOT + folder, ".ts").filter(isHeld).map((path) => `${folder}/${path}`)
  );
  return new Map(paths.map((path) => {
    const imports = importsOf(Deno.readTextFileSync(ROOT + path))
      .filter(({ specifier, kind }) => specifier.startsWith(".") && kind !== "url");
    const base = new URL(path, "file:///");
    return [path, imports.map(({ specifier }) => new URL(specifier, base).pathname.slice(1))];
  }));
}

/** The first circle that a depth-first search comes upon, its first node again at the end. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>(), trail: string[] = [];
  const visit = (node: string): string[] | undefined => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node];
    if (done.has(node)) return undefined;
    trail.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    trail.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node);
    if (cycle) return cycle;
  }
  return undefined;
}

Deno.test("imports point one way from folder to folder", () => {
  const layer = (path: string) =>
    ORDER.findIndex((name) => path === name || path.startsWith(`${name}/`));
  const wrong: string[] = [];
  for (const [path, targets] of importGraph()) {
    assert.notEqual(layer(path), -1, `${path}: say in lib/imports_test.ts where its folder stands`);
    for (const target of targets) {
      if (layer(target) > layer(path)) wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("no file imports itself over others", () => {
  assert.equal(findCycle(importGraph())?.join(" imports "), undefined);
});

Deno.test("a circle is found and written from its first file to itself", () => {
  const graph = new Map([["a", ["b", "c"]], ["b", ["d"]], ["c", ["d"]], ["d", []]]);
  assert.equal(findCycle(graph), undefined, "two ways to one file");
  assert.deepEqual(findCycle(graph.set("d", ["c"])), ["d", "c", "d"]);
  assert.deepEqual(findCycle(new Map([["a", ["a"]]])), ["a", "a"]);
});

Deno.test("imports are found in every form, and told from types, comments and text", () => {
  const source = `/**
 * import { x } from "./example.ts";
 */
import "./effect.ts";
import type { A } from "./type.ts";
import {
  type B,
  c,
} from "./long.ts";
import d, * as e from "bare";
import json from "./data.json" with { type: "json" };
export * from "./all.ts";
export type { F } from "./types.ts";
export type G =
  | "from";
export const h = "./text.ts";
// await import("./comment.ts");
const i = await import("./lazy.ts"), j = import(i), k = new URL("../up.ts", import.meta.url);
new Worker(
  new URL("./worker.ts", import.meta.url),
);
`;
  const named = (kind: string) =>
    importsOf(source).filter((one) => one.kind === kind).map(({ specifier }) => specifier);
  const values = ["./effect.ts", "./long.ts", "bare", "./data.json", "./all.ts", "./lazy.ts"];
  assert.deepEqual(named("value"), values);
  assert.deepEqual(named("type"), ["./type.ts", "./types.ts"]);
  assert.deepEqual(named("url"), ["../up.ts", "./worker.ts"]);
});
