import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { registry } from "../../experiments/registry.ts";
import { ROOT } from "../root.ts";
import { sourceFiles } from "../source_files.ts";
import { engineVersion, loadedModules } from "./engine_version.ts";

const HOUSE = pathToFileURL(ROOT).href;
const cellOf = (experiment: string) => `${HOUSE}experiments/${experiment}/cell.ts`;
const experiments = Object.keys(registry);

/** Makes a folder with these files, and removes it afterwards. */
function inFolder(files: Record<string, string>, test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, text] of Object.entries(files)) {
      Deno.mkdirSync(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(`${folder}/${name}`, text);
    }
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("what a cell loads makes the version, all else beside it does not", () => {
  const files = {
    "cell.ts": 'import type { T } from "./types.ts";\nexport * from "./step.ts";',
    "step.ts": 'import { z } from "zod";\nconst late = await import("./late.ts");',
    "late.ts": 'new Worker(new URL("./worker.ts", import.meta.url));',
    "worker.ts": 'import "./cell.ts";',
  };
  inFolder(files, (folder) => {
    const version = () => engineVersion(pathToFileURL(`${folder}/cell.ts`).href);
    const first = version();
    const others = ["mod.ts", "types.ts", "claims.ts", "config.ts", "cell_test.ts", "README.md"];
    for (const name of others) {
      Deno.writeTextFileSync(`${folder}/${name}`, "export {};");
      assert.equal(version(), first, name);
    }
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${folder}/${name}`, `${text}\n// changed`);
      assert.notEqual(version(), first, name);
      Deno.writeTextFileSync(`${folder}/${name}`, text);
      assert.equal(version(), first, `${name} as it was`);
    }
    Deno.writeTextFileSync(`${folder}/types.ts`, "export type T = 1;");
    assert.equal(version(), first, "types do not run");
    Deno.removeSync(`${folder}/late.ts`);
    assert.throws(version, /late\.ts: "missing": cells need this module/);
  });
});

Deno.test("another version of a package is another version", () => {
  const modules = loadedModules([cellOf("scaling")]).filter(({ content }) => !content);
  const zod = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)).imports.zod.slice(4);
  assert.match(zod, /^zod@\d+\.\d+\.\d+$/);
  assert(modules.some(({ name }) => name.includes(zod)), modules.map(({ name }) => name).join());
});

Deno.test("a cell's modules are those that Deno says it loads", () => {
  // What Workers load is not in Deno's graph: here are their own modules.
  const workers = ["lib/backend/wasm/lane_worker.ts", "lib/backend/webgpu/engine_worker.ts"];
  const entries = [...experiments.map(cellOf), ...workers.map((path) => HOUSE + path)];
  const text = entries.map((url) => `import "${url}";`).join("\n");
  inFolder({ "entry.ts": text }, (folder) => {
    const { stdout } = new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", `--config=${ROOT}deno.json`, `${folder}/entry.ts`],
    }).outputSync();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: {
        specifier: string;
        dependencies?: { code?: { specifier: string }; maybeDynamic?: boolean }[];
      }[];
    };
    const graph = new Map(modules.map(({ specifier, dependencies = [] }) => [
      specifier,
      dependencies.flatMap(({ code }) => code?.specifier ?? []),
    ]));
    const expected = new Set<string>(), waiting = [...entries];
    for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
      if (expected.has(url) || !url.startsWith("file:")) continue;
      expected.add(url);
      waiting.push(...graph.get(url)!);
    }
    const loaded = loadedModules(experiments.map(cellOf));
    const files = loaded.filter(({ content }) => content).map(({ name }) => name);
    assert.deepEqual(files.sort(), [...expected].sort());
  });
});

Deno.test("a cell with a module of its own loads nothing that its experiment's cell.ts does not", async () => {
  let own = 0;
  for (const [name, load] of Object.entries(registry)) {
    const { default: { cells, profiles, schema } } = await load();
    const named = cells(schema.parse(profiles.smoke)).flatMap(({ module }) => module ?? []);
    const all = new Set(loadedModules([cellOf(name)]).map((loaded) => loaded.name));
    for (const module of new Set(named)) {
      const url = new URL(module, cellOf(name)).href;
      const { runCell } = await import(url);
      assert.equal(typeof runCell, "function", url);
      for (const loaded of loadedModules([url])) assert(all.has(loaded.name), loaded.name);
      own++;
    }
  }
  assert(own >= 3, "those of pretrained models");
});

for (const experiment of experiments) {
  Deno.test(`${experiment}: profiles, claims, figures and summary may change while a run is taken up`, async () => {
    const { runCell } = await import(cellOf(experiment));
    assert.equal((await registry[experiment]!()).default.runCell, runCell, "what Workers run");
    const loaded = new Set(loadedModules([cellOf(experiment)]).map(({ name }) => name));
    const folder = `experiments/${experiment}/`;
    const around = sourceFiles(ROOT + folder, ".ts").filter((name) =>
      /^(claims|figures|summary|mod)|_test/.test(name) ||
      /^export const profiles\b/m.test(Deno.readTextFileSync(ROOT + folder + name))
    );
    assert(around.length >= 5, around.join());
    for (const name of around) assert(!loaded.has(HOUSE + folder + name), name);
    for (
      const name of ["lib/backend/wasm/engine.ts", "lib/nn/optimizer.ts", "lib/env/circuit.ts"]
    ) {
      assert(loaded.has(HOUSE + name), name);
    }
  });
}
