import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import type { Cell, CellResult } from "./experiment.ts";
import type { Run } from "./run.ts";
import { DamagedError } from "./sealed.ts";
import { RunStore } from "./store.ts";
import { walk } from "./testdata/sandbox.ts";

const CODE = { experiment: "fake", kernels: "k1", engine: "e1" };
const cell: Cell = { id: "sum/n2 α/seed1", seed: 1, config: { size: 2 }, cost: 1 };
const other: Cell = { ...cell, id: "sum/n3/seed1" };
const result: CellResult = {
  metrics: { mean: 0.25 },
  digests: { parameters: "ab" },
  files: { "model.safetensors": Uint8Array.of(1, 2, 3) },
};
const spent = { threads: 1, seconds: 2 };

function inFolder(test: (folder: string) => void) {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

/** Opens, uses and closes a store. */
function withStore<T>(folder: string, use: (store: RunStore) => T, code = CODE, fresh = false): T {
  using store = new RunStore(folder, code, fresh);
  return use(store);
}

function finish(store: RunStore): void {
  const cells = [store.load(cell) ?? store.save(cell, result, spent)];
  store.finish({ experiment: "fake", cells } as Partial<Run> as Run);
}

const paths = (folder: string): string[] =>
  [...walk(folder)].map((path) => path.slice(folder.length + 1)).sort();

Deno.test(
  "a saved cell is loaded by the next process",
  inFolder((folder) => {
    const saved = withStore(folder, (store) => store.save(cell, result, spent));
    assert.deepEqual(saved.metrics, { mean: 0.25 });
    assert.match(saved.folder, /^cells-1\/sum-n2-seed1-[0-9a-f]{12}$/);
    withStore(folder, (store) => {
      assert.deepEqual(store.load(cell), saved);
      assert.equal(store.load(other), undefined);
    });
  }),
);

Deno.test(
  "a cell of other code, kernels, seed or configuration is another cell",
  inFolder((folder) => {
    withStore(folder, (store) => store.save(cell, result, spent));
    assert.equal(withStore(folder, (store) => store.countOthers([cell])), 0);
    for (const code of [{ ...CODE, kernels: "k2" }, { ...CODE, engine: "e2" }]) {
      assert.equal(withStore(folder, (store) => store.load(cell), code), undefined);
      assert.equal(withStore(folder, (store) => store.countOthers([cell]), code), 1);
    }
    for (const changed of [{ ...cell, seed: 2 }, { ...cell, config: { size: 3 } }]) {
      assert.equal(withStore(folder, (store) => store.load(changed)), undefined);
    }
    const dearer = { ...cell, cost: 9 };
    assert(withStore(folder, (store) => store.load(dearer)), "the cost decides no result");
  }),
);

Deno.test(
  "a finished run is computed again, and kept until the next one finishes",
  inFolder((folder) => {
    withStore(folder, finish);
    withStore(folder, (store) => {
      store.verifyFinished();
      assert.equal(store.load(cell), undefined, "recomputed");
      store.save(cell, result, spent);
      const model = /^cells-[12]\/.*\/model\.safetensors$/;
      assert.equal(paths(folder).filter((path) => model.test(path)).length, 2);
    });
    withStore(folder, (store) => {
      assert(store.load(cell), "taken up");
      finish(store);
    });
    const left = paths(folder).map((path) => path.replace(/-[0-9a-f]{12}/, ""));
    assert.deepEqual(left, [
      "cells-2/sum-n2-seed1/model.safetensors",
      "cells-2/sum-n2-seed1/result.json",
      "lock",
      "run.json",
    ]);
  }),
);

Deno.test(
  "fresh forgets everything",
  inFolder((folder) => {
    withStore(folder, finish);
    withStore(folder, (store) => store.save(cell, result, spent));
    withStore(folder, (store) => assert.equal(store.load(cell), undefined), CODE, true);
    assert.deepEqual(paths(folder), ["lock"]);
  }),
);

Deno.test(
  "a saved cell's checkpoint is gone",
  inFolder((folder) => {
    withStore(folder, (store) => {
      Deno.mkdirSync(store.checkpointDirectory(cell), { recursive: true });
      store.save(cell, result, spent);
      assert.throws(() => Deno.statSync(store.checkpointDirectory(cell)), Deno.errors.NotFound);
    });
  }),
);

for (const name of ["result.json", "model.safetensors"]) {
  Deno.test(
    `a changed byte in ${name} is found, in an interrupted and in a finished run`,
    inFolder((folder) => {
      const flip = () => {
        const path = `${folder}/${paths(folder).findLast((path) => path.endsWith(name))}`;
        const bytes = Deno.readFileSync(path);
        bytes[Math.floor(bytes.length / 2)]! ^= 1;
        Deno.writeFileSync(path, bytes);
      };
      const isNamed = (error: unknown) =>
        error instanceof DamagedError && error.where.endsWith(name);
      withStore(folder, (store) => store.save(cell, result, spent));
      flip();
      withStore(folder, (store) => assert.throws(() => store.load(cell), isNamed));
      flip();
      withStore(folder, finish);
      flip();
      withStore(folder, (store) => assert.throws(() => store.verifyFinished(), isNamed));
    }),
  );
}

Deno.test(
  "a truncated file of a cell is a UsageError",
  inFolder((folder) => {
    const { folder: inside } = withStore(folder, (store) => store.save(cell, result, spent));
    Deno.truncateSync(`${folder}/${inside}/model.safetensors`, 1);
    withStore(folder, (store) => assert.throws(() => store.load(cell), UsageError));
  }),
);

Deno.test(
  "a cell's folder under another cell's name is damage",
  inFolder((folder) => {
    withStore(folder, (store) => {
      const from = store.save(cell, result, spent).folder;
      const to = store.save(other, result, spent).folder;
      Deno.removeSync(`${folder}/${to}`, { recursive: true });
      Deno.renameSync(`${folder}/${from}`, `${folder}/${to}`);
      assert.throws(() => store.load(other), DamagedError);
    });
  }),
);

Deno.test(
  "two processes do not compute in one folder",
  inFolder((folder) => {
    withStore(folder, () => assert.throws(() => new RunStore(folder, CODE), /another process/));
    withStore(folder, () => {});
  }),
);

Deno.test(
  "a result that JSON cannot hold, or a file by a bad name, is refused by name and not stored",
  inFolder((folder) => {
    withStore(folder, (store) => {
      const nan = { ...result, metrics: { mean: NaN } };
      assert.throws(() => store.save(cell, nan, spent), /\$\.metrics\.mean: NaN/);
      for (const name of ["../x", "result.json", ".hidden", ""]) {
        const named = { ...result, files: { [name]: Uint8Array.of(1) } };
        assert.throws(() => store.save(cell, named, spent), /no name for a file/);
      }
      assert.equal(store.load(cell), undefined);
    });
  }),
);
