import assert from "node:assert/strict";
import type { Cell, CellResult } from "./experiment.ts";
import type { Run } from "./run.ts";
import { list } from "./files.ts";
import { isOneAndTheSame, RunStore } from "./store.ts";
import { inFolder } from "./testdata/sandbox.ts";

const CODE = { experiment: "fake", kernels: "k1", engine: "e1" };
const cell: Cell = { id: "sum/n2 α/seed1", seed: 1, config: { size: 2 }, cost: 1 };
const other: Cell = { ...cell, id: "sum/n3/seed1" };
const result: CellResult = {
  metrics: { mean: 0.25 },
  digests: { parameters: "ab" },
  files: { "model.safetensors": Uint8Array.of(1, 2, 3) },
};
const spent = { threads: 1, seconds: 2 };

/** As another process would see the folder. */
function withStore<T>(folder: string, use: (store: RunStore) => T, code = CODE): T {
  return use(new RunStore(folder, () => code));
}

function finish(store: RunStore): void {
  const cells = [store.load(cell) ?? store.save(cell, result, spent)];
  store.finish({ experiment: "fake", cells } as Partial<Run> as Run);
}

Deno.test(
  "a saved cell is loaded by the next process",
  inFolder((folder) => {
    const saved = withStore(folder, (store) => store.save(cell, result, spent));
    assert.deepEqual(saved.metrics, { mean: 0.25 });
    assert.match(saved.folder, /^cells\/sum-n2-seed1-[0-9a-f]{12}$/);
    withStore(folder, (store) => {
      assert.deepEqual(store.load(cell), saved);
      assert.equal(store.load(other), undefined);
    });
  }),
);

Deno.test(
  "files in folders are kept, verified and taken over; names that lead elsewhere are refused",
  inFolder((folder) => {
    const files = {
      "actor/adapter.json": Uint8Array.of(1),
      "critic/adapter.json": new Uint8Array(3),
    };
    const [first, second] = [`${folder}/first`, `${folder}/second`];
    withStore(first, (store) => store.save(cell, { ...result, files }, spent));
    withStore(second, (store) => {
      assert.deepEqual(store.adopt([cell], first).adopted, [cell.id]);
      assert.deepEqual(Object.keys(store.load(cell)!.files), Object.keys(files));
      const path = `${store.pathOf(cell)}/actor/adapter.json`;
      assert.deepEqual(Deno.readFileSync(path), files["actor/adapter.json"]);
      Deno.writeFileSync(path, Uint8Array.of(2));
      assert.equal(store.load(cell), undefined);
      assert.equal(store.damaged.length, 1);
      for (const name of ["../x", "a/../x", "a/b/c", "/x", "result.json", ""]) {
        const bad = { ...result, files: { [name]: Uint8Array.of(1) } };
        assert.throws(() => store.save(cell, bad, spent), /no name for a file/);
      }
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
    const dearer = { ...cell, cost: 9, memory: 2 ** 30 };
    assert(withStore(folder, (store) => store.load(dearer)), "cost and memory decide no result");
  }),
);

Deno.test(
  "a result computed again takes the place of the finished run's; one of the same pass stays",
  inFolder((folder) => {
    withStore(folder, finish);
    const first = withStore(folder, (store) => store.load(cell)!);
    const again = withStore(folder, (store) => store.save(cell, result, { ...spent, seconds: 3 }));
    assert(!isOneAndTheSame(first, again));
    assert.equal(again.seconds, 3);
    const rival = withStore(folder, (store) => store.save(cell, result, { ...spent, seconds: 4 }));
    assert.deepEqual(rival, again, "another process was faster");
    assert.deepEqual(withStore(folder, (store) => store.damaged), []);
  }),
);

Deno.test(
  "another result of the same code sets the stored one aside and says so, but on a graphics adapter",
  inFolder((folder) => {
    for (const code of [CODE, { ...CODE, adapter: "gpu" }]) {
      const other = { ...result, metrics: { mean: 0.5 } };
      withStore(folder, (store) => store.save(cell, result, spent), code);
      withStore(folder, (store) => {
        assert.deepEqual(store.save(cell, other, spent).metrics, { mean: 0.5 });
        assert.equal(store.damaged.length, "adapter" in code ? 0 : 1);
        const name = store.nameOf(cell);
        const aside = list(`${folder}/cells`).filter((path) => path.startsWith(`${name}.aside-`));
        assert.equal(aside.length, 1, "nothing is lost");
        assert.equal(store.countOthers([cell]), "adapter" in code ? 1 : 0);
      }, code);
    }
  }),
);

Deno.test(
  "clear and prune remove what is asked for, and nothing while another process computes",
  inFolder((folder) => {
    withStore(folder, finish);
    withStore(folder, (store) => store.save(cell, result, spent), { ...CODE, engine: "e2" });
    withStore(folder, (store) => {
      const beat = { cell: "a/b", name: "x", host: "node7", pid: 12, session: "other" };
      Deno.mkdirSync(`${folder}/running`);
      Deno.writeTextFileSync(`${folder}/running/x.json`, JSON.stringify(beat));
      for (const remove of [() => store.clear(), () => store.prune(store.finished()!)]) {
        assert.throws(remove, /process 12 on node7 computes a\/b here.*: wait for it/);
      }
      Deno.removeSync(`${folder}/running/x.json`);
      assert.equal(store.prune(store.finished()!), 1);
      assert.deepEqual(list(folder), ["cells", "run.json"]);
      assert(store.load(cell));
      store.clear();
      assert.deepEqual(list(folder), []);
    });
  }),
);

Deno.test(
  "cells computed elsewhere are taken over with their seals and keys checked",
  inFolder((folder) => {
    const here = `${folder}/here`, there = `${folder}/there`;
    const [first, second] = withStore(
      there,
      (store) => [cell, other].map((one) => store.save(one, result, spent)),
    );
    const foreign = withStore(there, (store) => store.save(cell, result, spent), {
      ...CODE,
      engine: "e2",
    });
    withStore(here, (store) => {
      const cells = [cell, other];
      assert.deepEqual(store.adopt([cell], there), {
        adopted: [cell.id],
        present: [],
        // The second one may be of another run.
        others: [`${there}/${foreign.folder}`],
      });
      assert.deepEqual(store.load(cell), first);
      Deno.truncateSync(`${there}/${second!.folder}/model.safetensors`, 1);
      const { adopted, present } = store.adopt(cells, folder);
      assert.deepEqual({ adopted, present }, { adopted: [], present: [cell.id, cell.id] });
      assert.match(store.damaged[0]!.where, /there\/cells\/.*model\.safetensors$/);
      assert.throws(() => store.adopt(cells, `${folder}/none`), /--adopt: .*no such folder/);
      Deno.mkdirSync(`${folder}/empty/cells`, { recursive: true });
      assert.throws(
        () => store.adopt(cells, `${folder}/empty`),
        /--adopt: .*no stored cells in it/,
      );
    });
    assert.equal(list(`${there}/cells`).length, 3, "they stay where they were");
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
      `${what}, ${name}, is noted and costs its cell alone`,
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
        const again = withStore(folder, (store) => store.save(cell, result, spent));
        assert.deepEqual(open(), { loaded: [again, saved[1]], noted: [] }, "all is sound");
        assert.equal(list(`${folder}/cells`).length, 3, "what was damaged is set aside");
      }),
    );
  }
}

Deno.test(
  "a damaged or lost run.json costs no cell",
  inFolder((folder) => {
    for (const [what, damage] of Object.entries(DAMAGE)) {
      if (what === "a folder in its place") continue; // which is not replaced by a rename
      withStore(folder, finish);
      damage(`${folder}/run.json`);
      withStore(folder, (store) => {
        assert.equal(store.finished(), undefined);
        const isNoted = what !== "a missing file";
        assert.deepEqual(store.damaged.map((d) => d.where), isNoted ? [`${folder}/run.json`] : []);
        assert(store.load(cell), what);
      });
    }
  }),
);

Deno.test(
  "what systems leave beside cells is neither another cell nor in the way",
  inFolder((folder) => {
    const { folder: inside } = withStore(folder, (store) => store.save(cell, result, spent));
    const beside = [".DS_Store", "Thumbs.db", "desktop.ini", ".nfs0000000000000001"];
    for (const name of [...beside, inside.replace("cells/", "._")]) {
      Deno.writeTextFileSync(`${folder}/cells/${name}`, "");
    }
    for (const name of [".DS_Store", "._cells", "._run.json"]) {
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
