import assert from "node:assert/strict";
import { list } from "./files.ts";
import { claimCell, heartbeats } from "./heartbeats.ts";
import { inFolder } from "./testdata/sandbox.ts";

/** What another process would have written. */
function write(folder: string, session: string, secondsAgo: number): string {
  const path = `${folder}/running/${session}.json`;
  const beat = { cell: "a/b", name: "a-b-0", host: "node7", pid: 12, session, threads: 2 };
  Deno.mkdirSync(`${folder}/running`, { recursive: true });
  Deno.writeTextFileSync(path, JSON.stringify({ ...beat, seconds: 5, fraction: 0.5, info: "" }));
  const then = Date.now() / 1000 - secondsAgo;
  Deno.utimeSync(path, then, then);
  return path;
}

Deno.test(
  "a cell that another process computes is left to it until it falls silent",
  inFolder((folder) => {
    assert.deepEqual(heartbeats(folder), []);
    write(folder, "other", 1);
    assert.equal(claimCell(folder, "a/b", "a-b-0", 1), undefined);
    const elsewhere = claimCell(folder, "a/c", "a-c-0", 1)!;
    elsewhere.report(0.25, "step 3");
    elsewhere.stop();
    write(folder, "other", 1000);
    const own = claimCell(folder, "a/b", "a-b-0", 1)!;
    const seen = heartbeats(folder);
    assert.deepEqual(
      seen.map(({ pid, isOwn, isAlive }) => ({ pid, isOwn, isAlive })).sort((a) =>
        a.isOwn ? -1 : 1
      ),
      [{ pid: Deno.pid, isOwn: true, isAlive: true }, { pid: 12, isOwn: false, isAlive: false }],
    );
    own.stop();
    assert.deepEqual(list(`${folder}/running`), ["other.json"]);
  }),
);

Deno.test(
  "of two processes that begin a cell at the same time one gives way",
  inFolder((folder) => {
    const { writeTextFileSync, renameSync } = Deno;
    for (const [session, yields] of [["0000", true], ["zzzz", false]] as const) {
      // The other one's heartbeat appears just before this one's.
      Object.assign(Deno, {
        renameSync(from: string, to: string) {
          Object.assign(Deno, { renameSync });
          write(folder, session, 0);
          renameSync(from, to);
        },
      });
      try {
        const own = claimCell(folder, "a/b", "a-b-0", 1);
        assert.equal(own === undefined, yields);
        own?.stop();
      } finally {
        Object.assign(Deno, { renameSync, writeTextFileSync });
      }
      Deno.removeSync(`${folder}/running/${session}.json`);
      assert.deepEqual(list(`${folder}/running`), []);
    }
  }),
);

Deno.test(
  "a heartbeat that is half written, or gone, is none",
  inFolder((folder) => {
    Deno.truncateSync(write(folder, "other", 0), 10);
    assert.deepEqual(heartbeats(folder), []);
  }),
);

Deno.test(
  "silence is measured by the clock of the file system, not by this machine's",
  inFolder((folder) => {
    write(folder, "other", 0);
    const { now } = Date;
    Date.now = () => now() + 3600_000;
    try {
      assert(heartbeats(folder)[0]!.isAlive);
    } finally {
      Date.now = now;
    }
  }),
);

Deno.test(
  "a date to come holds up nobody",
  inFolder((folder) => {
    write(folder, "ahead", -10);
    assert(heartbeats(folder)[0]!.isAlive, "clocks differ a little");
    write(folder, "ahead", -3600);
    assert(!heartbeats(folder)[0]!.isAlive);
    claimCell(folder, "a/b", "a-b-0", 1)!.stop();
  }),
);

Deno.test(
  "a heartbeat that a network file system has replaced under the reader is none",
  inFolder((folder) => {
    write(folder, "other", 0);
    const { readTextFileSync } = Deno;
    for (const [code, message] of [["ESTALE", undefined], ["EACCES", /no permission/]] as const) {
      Object.assign(Deno, {
        readTextFileSync() {
          throw Object.assign(new Error("from the system"), { code });
        },
      });
      try {
        if (message) assert.throws(() => heartbeats(folder), message);
        else assert.deepEqual(heartbeats(folder), []);
      } finally {
        Object.assign(Deno, { readTextFileSync });
      }
    }
  }),
);

Deno.test("a process of this machine that was killed is known to be dead at once", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const module = new URL("./heartbeats.ts", import.meta.url).href;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["eval", "--quiet"],
        `import { claimCell } from "${module}";
         claimCell(${JSON.stringify(folder)}, "a/b", "a-b-0", 1);
         console.log("claimed");
         setInterval(() => {}, 1000);`,
      ],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    assert.equal(claimCell(folder, "a/b", "a-b-0", 1), undefined);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    const own = claimCell(folder, "a/b", "a-b-0", 1);
    assert(own, "its lock is free");
    own.stop();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
