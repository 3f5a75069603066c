/**
 * Many processes at once in one run's folder: some killed at any moment, on a slow disk, on a full one. What is held: no
 * finished cell is lost or computed wrong, and what is gathered in the end has the digests of one process alone.
 */
import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { skip } from "../testing.ts";
import { list } from "./files.ts";
import type { Run } from "./run.ts";
import { readSealed } from "./sealed.ts";
import { makeSandbox, type Sandbox, walk } from "./testdata/sandbox.ts";

const PROCESSES = 8;
const CELLS = { seeds: Array.from({ length: 100 }, (_, i) => i + 1), sizes: [2, 3] };
const FLAGS = ["--profile", "standard", "--threads", "1", "--no-notebooks", "--json"];

/** What each cell comes to, by id. */
function resultsOf(directory: string): Record<string, unknown> {
  const { cells } = readSealed<Run>(`${directory}/run.json`);
  return Object.fromEntries(cells.map(({ id, metrics, digests }) => [id, { metrics, digests }]));
}

function runFolder({ folder }: Sandbox): string {
  const [name] = list(`${folder}/runs/fake`);
  return `${folder}/runs/fake/${name}`;
}

async function alone(standard: object): Promise<Record<string, unknown>> {
  using box = await makeSandbox({ standard: { ...standard } });
  const { code, stderr } = await box.command(...FLAGS, "--threads", "2").output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return resultsOf(runFolder(box));
}

/** A sandbox whose disk is slow: every rename takes a while, and so does every look into a folder. */
function slowDown({ folder }: Sandbox): void {
  const main = Deno.readTextFileSync(`${folder}/main.ts`);
  Deno.writeTextFileSync(`${folder}/command.ts`, main);
  Deno.writeTextFileSync(
    `${folder}/main.ts`,
    `const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
     const { renameSync, readDirSync } = Deno;
     Deno.renameSync = (...paths) => (wait(100), renameSync(...paths));
     Deno.readDirSync = (path) => (wait(5), readDirSync(path));
     await import("./command.ts");`,
  );
}

Deno.test({
  name:
    "eight processes share 200 cells on a slow disk while some are killed: nothing is lost, all is equal",
  ignore: Deno.build.os === "windows", // No SIGKILL there.
  async fn() {
    const standard = { ...CELLS, pause: 2 };
    const expected = await alone(CELLS);
    using box = await makeSandbox({ standard });
    slowDown(box);
    const random = new RandomStream({ seed: 1, purpose: "many-writers" });
    let kills = 0;
    const work = async (): Promise<void> => {
      while (true) {
        const child = box.command(...FLAGS, "--cells-only").spawn();
        const isDoomed = kills < PROCESSES;
        if (isDoomed) {
          kills++;
          setTimeout(() => {
            try {
              child.kill("SIGKILL");
            } catch { /* It has ended. */ }
          }, 2000 + 6000 * random.uniform());
        }
        const { code, stderr } = await child.output();
        if (code === 0) return;
        assert(isDoomed, new TextDecoder().decode(stderr));
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: PROCESSES }, work));
    assert.deepEqual(ends.flatMap((end) => end.status === "rejected" ? [end.reason] : []), []);
    assert.equal(kills, PROCESSES);
    const { code, stdout, stderr } = await box.command(...FLAGS).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    const { experiments: [{ damaged, provenance }] } = JSON.parse(lines.at(-1)!);
    assert.deepEqual(damaged, []);
    assert.equal(provenance.cellsTakenUp, 200, "none is computed by the one that gathers");
    const results = resultsOf(runFolder(box));
    // The pause is part of the configuration, and of no number.
    assert.deepEqual(results, expected);
  },
});

Deno.test({
  name:
    "on a full disk processes end with the reason, and go on where they were once there is space",
  // A file system of its own takes root.
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn(t) {
    const standard = { seeds: CELLS.seeds.slice(0, 20), sizes: [64], pause: 1 };
    const expected = await alone({ ...standard, pause: 0 });
    using box = await makeSandbox({ standard });
    const runs = `${box.folder}/runs`;
    Deno.mkdirSync(runs);
    const mount = (options: string) =>
      new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", options, "tmpfs", runs] })
        .outputSync();
    if (!mount("size=96k").success) {
      return await skip(t, "this machine does not let a test mount a file system");
    }
    try {
      const outputs = await Promise.all(
        Array.from({ length: 2 }, () => box.command(...FLAGS, "--cells-only").output()),
      );
      for (const { code, stderr } of outputs) {
        const text = new TextDecoder().decode(stderr);
        assert.equal(code, 2, text);
        assert.match(text, /the disk is full: free some space/);
      }
      const [stored] = [walk(runs).filter((path) => path.endsWith("result.json")).toArray()];
      assert(stored.length > 0 && stored.length < 20, `${stored.length} of 20 fitted`);
      assert(mount("remount,size=4m").success);
      const { code, stdout, stderr } = await box.command(...FLAGS).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      const { experiments: [{ provenance }] } = JSON.parse(
        new TextDecoder().decode(stdout).trim().split("\n").at(-1)!,
      );
      assert.equal(provenance.cellsTakenUp, stored.length, "finished work is kept");
      assert.deepEqual(resultsOf(runFolder(box)), expected);
    } finally {
      new Deno.Command("umount", { args: [runs] }).outputSync();
    }
  },
});
