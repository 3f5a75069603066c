import assert from "node:assert/strict";
import { link } from "./run/testdata/sandbox.ts";
import { sourceFiles } from "./source_files.ts";

Deno.test("sources are the visible files by their ending, in order; what editors and systems leave is none", () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const name of ["b", "a.ts", ".idea"]) Deno.mkdirSync(`${folder}/${name}`);
    for (
      const name of [
        ...["z.ts", "B.ts", "b/c.ts", "a.ts/d.ts", "b.ts", "b/e.wgsl", "link-target.ts"],
        ...["._z.ts", ".z.ts.swp", ".z.ts", "z.ts~", "#z.ts#", "4913", ".DS_Store", "Thumbs.db"],
        ".idea/x.ts",
      ]
    ) Deno.writeTextFileSync(`${folder}/${name}`, name);
    link("someone@host.1234", `${folder}/.#z.ts`);
    link("nowhere.ts", `${folder}/dangling.ts`);
    link("nowhere.ts", `${folder}/b/.#c.ts`);
    link("loop.ts", `${folder}/loop.ts`);
    link("link-target.ts", `${folder}/link.ts`);
    assert.deepEqual(sourceFiles(folder, ".ts"), [
      ...["B.ts", "a.ts/d.ts", "b/c.ts", "b.ts", "link-target.ts", "link.ts", "z.ts"],
    ]);
    assert.deepEqual(sourceFiles(folder, ".wgsl"), ["b/e.wgsl"]);
    assert.throws(() => sourceFiles(`${folder}/none`, ".ts"), Deno.errors.NotFound);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
