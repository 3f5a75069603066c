import assert from "node:assert/strict";
import type { Cell, CellResult } from "./experiment.ts";
import type { Run } from "./run.ts";
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
      assert.deepEqual(store.damaged, []);
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
  "fresh forgets everything, damaged or not",
  inFolder((folder) => {
    withStore(folder, finish);
    const { folder: inside } = withStore(folder, (store) => store.save(cell, result, spent));
    Deno.removeSync(`${folder}/${inside}/result.json`);
    Deno.truncateSync(`${folder}/run.json`, 5);
    withStore(
      folder,
      (store) => {
        assert.equal(store.load(cell), undefined);
        assert.deepEqual(store.damaged, []);
      },
      CODE,
      true,
    );
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

/** What can happen to a stored file. */
const DAMAGE: Record<string, (path: string) => void> = {
  "a changed byte": (path) => {
    const bytes = Deno.readFileSync(path);
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    Deno.writeFileSync(path, bytes);
  },
  "a truncated file": (path) => Deno.truncateSync(path, 1),
  "an emptied file": (path) => Deno.truncateSync(path, 0),
  "a longer file": (path) => Deno.writeFileSync(path, Uint8Array.of(1), { append: true }),
  "a missing file": (path) => Deno.removeSync(path),
  "a folder in its place": (path) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
  },
};

for (const name of ["result.json", "model.safetensors"]) {
  for (const [what, damage] of Object.entries(DAMAGE)) {
    Deno.test(
      `${what}, ${name}, is noted and costs its cell alone, in an interrupted and in a finished run`,
      inFolder((folder) => {
        const open = () =>
          withStore(folder, (store) => {
            const loaded = [cell, other].map((one) => store.load(one));
            const noted = store.damaged.map(({ where }) => where.slice(folder.length + 1));
            return { loaded, noted };
          });
        const saved = withStore(
          folder,
          (store) => [cell, other].map((one) => store.save(one, result, spent)),
        );
        const path = `${saved[0]!.folder}/${name}`;
        damage(`${folder}/${path}`);
        assert.deepEqual(open(), { loaded: [undefined, saved[1]], noted: [path] });
        assert.deepEqual(open(), { loaded: [undefined, saved[1]], noted: [] });

        withStore(folder, (store) => {
          const cells = [store.save(cell, result, spent), store.load(other)!];
          store.finish({ experiment: "fake", cells } as Partial<Run> as Run);
        });
        assert.deepEqual(open(), { loaded: [undefined, undefined], noted: [] }, "all is sound");
        damage(`${folder}/${path}`);
        assert.deepEqual(open(), { loaded: [undefined, saved[1]], noted: [path] });

        // The cell set aside is gone from where the finished run has it, as long as that is the last one.
        withStore(folder, (store) => {
          const cells = [store.save(cell, result, spent), store.load(other)!];
          assert.deepEqual(cells.map((one) => one.folder.slice(0, 8)), ["cells-2/", "cells-1/"]);
          store.finish({ experiment: "fake", cells } as Partial<Run> as Run);
        });
        const left = paths(folder).map((path) => path.replace(/-[0-9a-f]{12}/, ""));
        assert.deepEqual(left, [
          "cells-1/sum-n3-seed1/model.safetensors",
          "cells-1/sum-n3-seed1/result.json",
          "cells-2/sum-n2-seed1/model.safetensors",
          "cells-2/sum-n2-seed1/result.json",
          "lock",
          "run.json",
        ]);
        assert.deepEqual(open(), { loaded: [undefined, undefined], noted: [] }, "sound again");
      }),
    );
  }
}

Deno.test(
  "a damaged or lost run.json costs no sound cell",
  inFolder((folder) => {
    for (const [what, damage] of Object.entries(DAMAGE)) {
      if (what === "a folder in its place") continue; // which is not replaced by a rename
      withStore(folder, finish);
      withStore(folder, finish); // a second generation
      damage(`${folder}/run.json`);
      withStore(folder, (store) => {
        const isNoted = what !== "a missing file";
        assert.deepEqual(store.damaged.map((d) => d.where), isNoted ? [`${folder}/run.json`] : []);
        assert(store.load(cell), what);
        finish(store);
      });
      withStore(folder, (store) => {
        assert.deepEqual(store.damaged, []);
        assert.equal(store.load(cell), undefined, "a finished run is computed again");
      });
    }
  }),
);

Deno.test(
  "cells copied to the run in progress count as its own, where they lie, and stay",
  inFolder((folder) => {
    withStore(folder, finish);
    const { success } = new Deno.Command("cp", {
      args: ["-r", `${folder}/cells-1`, `${folder}/cells-2`],
    }).outputSync();
    assert(success);
    withStore(folder, (store) => {
      assert.match(store.load(cell)!.folder, /^cells-2\//);
      finish(store);
    });
    withStore(folder, (store) => assert.deepEqual(store.damaged, []));
    assert.match(paths(folder)[0]!, /^cells-2\/.*\/model\.safetensors$/);
  }),
);

Deno.test(
  "what systems leave beside cells is neither another cell nor in the way",
  inFolder((folder) => {
    const { folder: inside } = withStore(folder, (store) => store.save(cell, result, spent));
    const beside = [".DS_Store", "Thumbs.db", "desktop.ini", ".nfs0000000000000001"];
    for (const name of [...beside, inside.replace("cells-1/", "._")]) {
      Deno.writeTextFileSync(`${folder}/cells-1/${name}`, "");
    }
    for (const name of [".DS_Store", "._cells-1", "._run.json"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    withStore(folder, (store) => {
      assert.equal(store.countOthers([cell]), 0);
      assert.equal(store.countOthers([other]), 1);
      finish(store);
    });
    withStore(folder, (store) => assert.deepEqual(store.damaged, []));
  }),
);

Deno.test(
  "a file that cannot be removed does not lose a finished run",
  inFolder((folder) => {
    const { removeSync } = Deno;
    withStore(folder, (store) => {
      store.save(other, result, spent);
      Object.assign(Deno, {
        removeSync() {
          throw Object.assign(new Error("Device or resource busy"), { code: "EBUSY" });
        },
      });
      try {
        finish(store);
      } finally {
        Object.assign(Deno, { removeSync });
      }
    });
    withStore(folder, (store) => {
      assert.deepEqual(store.damaged, []);
      assert.equal(store.countOthers([cell]), 0);
    });
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
      assert.equal(store.load(other), undefined);
      assert.match(store.damaged[0]!.message, /expected key/);
      assert(store.save(other, result, spent));
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
