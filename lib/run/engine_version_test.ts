import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { link } from "./testdata/sandbox.ts";
import { engineVersion } from "./engine_version.ts";

Deno.test("what computes cells makes the version; figures, claims, profiles, tests and benchmarks do not", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const write = (name: string, text: string) => Deno.writeTextFileSync(`${folder}/${name}`, text);
    const version = () => engineVersion(pathToFileURL(`${folder}/mod.ts`).href);
    write("mod.ts", "export {};");
    write("cell.ts", "export const step = 1;");
    const first = version();
    for (
      const name of ["figures.ts", "claims.ts", "profiles.ts", "cell_test.ts", "cell_bench.ts"]
    ) {
      write(name, "export {};");
      assert.equal(version(), first, name);
    }
    for (const name of ["._cell.ts", ".cell.ts.swp", ".DS_Store", "4913", "cell.ts~"]) {
      write(name, "no source");
    }
    link("someone@host.1234", `${folder}/.#cell.ts`);
    assert.equal(version(), first, "what editors and file managers leave");
    write("cell.ts", "export const step = 2;");
    assert.notEqual(version(), first);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
