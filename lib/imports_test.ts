/** Imports point one way: a folder may import only folders before it in this list. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { sourceFiles } from "./source_files.ts";

const ORDER = [
  ...["lib/errors.ts", "lib/root.ts", "lib/source_files.ts", "lib/parse_config.ts"],
  ...["kernels", "lib/numeric", "lib/tensor", "lib/backend", "lib/nn", "lib/env", "lib/critic"],
  ...["lib/actor", "lib/eval", "lib/critic_learning", "lib/rl", "lib/run", "lib/report"],
  ...["lib/mod.ts", "experiments", "lib/cli", "lib/bench"],
];
const ROOT = new URL("../", import.meta.url);

function sources(folder: string): string[] {
  // Tests may look anywhere.
  const isHeld = (path: string) =>
    !/(^|\/)assembly\/|_test\.ts$|\/testing\.ts$|\/testdata\//.test(path);
  return sourceFiles(fileURLToPath(new URL(folder, ROOT)), ".ts").filter(isHeld)
    .map((path) => `${folder}/${path}`);
}

function layer(path: string): number {
  return ORDER.findIndex((name) => path === name || path.startsWith(`${name}/`));
}

Deno.test("imports point one way", () => {
  const wrong: string[] = [];
  for (const path of ["lib", "experiments", "kernels"].flatMap(sources)) {
    assert.notEqual(layer(path), -1, `${path}: say in lib/imports_test.ts where its folder stands`);
    const text = Deno.readTextFileSync(new URL(path, ROOT));
    for (const [, specifier] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      const target = new URL(specifier!, new URL(path, ROOT)).href.slice(ROOT.href.length);
      if (layer(target) > layer(path)) wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});
