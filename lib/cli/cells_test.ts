import assert from "node:assert/strict";
import { planRun } from "../run/plan.ts";
import { reproduce } from "../run/reproduce.ts";
import { KERNELS, makeSandbox, type Sandbox } from "../run/testdata/sandbox.ts";
import { skip } from "../testing.ts";
import { makeCellsCommand } from "./cells.ts";
import { execute } from "./command.ts";
import { makeProgressCommand } from "./progress.ts";
import type { RunParts } from "./run_flags.ts";

/** The sandbox's experiment, whose cells of five numbers state their memory. */
function partsOf({ experiment: fake }: Sandbox): RunParts {
  const cells: typeof fake.cells = (config) =>
    fake.cells(config).map((cell) =>
      cell.id.includes("n5") ? { ...cell, memory: 150.5 * 2 ** 20 } : cell
    );
  return {
    registry: { fake: () => Promise.resolve({ default: { ...fake, cells } }) },
    identify: () => Promise.resolve({ kernels: KERNELS, adapter: null }),
  };
}

/** Runs a command in this process; what it prints. */
async function printed(
  make: typeof makeCellsCommand | typeof makeProgressCommand,
  box: Sandbox,
  ...flags: string[]
) {
  const { log, error } = console, out: string[] = [], errors: string[] = [];
  console.log = (text: string) => out.push(text);
  console.error = (text: string) => errors.push(text);
  try {
    const code = await execute(make(partsOf(box)), [`--out=${box.folder}/runs`, ...flags]);
    return { code, stdout: out.join("\n"), stderr: errors.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

/** A sandbox in which one cell is computed. */
async function begunBox() {
  const box = await makeSandbox();
  const out = `${box.folder}/runs`, cells = ["=sum/n5/seed2"];
  const plan = planRun(box.experiment, { profile: "quick", threads: 1, out, cells });
  await reproduce(plan, { kernels: KERNELS });
  return { box, plan };
}

Deno.test("cells are listed with cost, memory and what is done", async () => {
  const { box: sandbox, plan } = await begunBox();
  using box = sandbox;
  const { code, stdout } = await printed(makeCellsCommand, box);
  assert.equal(code, 0);
  const rows = stdout.split("\n").map((line) => line.trimEnd().split(/ {2,}/));
  assert.deepEqual(rows.slice(2, 3), [["cell", "GFLOP", "memory", "done"]]);
  assert.deepEqual(rows.slice(-6), [
    ...[1, 2, 3].map((seed) => [`sum/n2/seed${seed}`, "4.00e−8", "?"]),
    ["sum/n5/seed1", "1.00e−7", "151 MiB"],
    ["sum/n5/seed2", "1.00e−7", "151 MiB", "yes"],
    ["sum/n5/seed3", "1.00e−7", "151 MiB"],
  ]);
  assert.equal(
    stdout.split("\n")[0],
    `fake: 1 of 6 cells are done, in ${plan.directory}/cells`,
  );
});

Deno.test("as JSON they have everything that a scheduler needs", async () => {
  const { box: sandbox, plan } = await begunBox();
  using box = sandbox;
  const { code, stdout } = await printed(makeCellsCommand, box, "--json", "--cells=seed2");
  assert.equal(code, 0);
  const [{ cells, ...run }, ...rest] = JSON.parse(stdout);
  assert.deepEqual(rest, []);
  assert.deepEqual(run, {
    experiment: "fake",
    profile: "quick",
    configHash: plan.configHash,
    directory: plan.directory,
  });
  const [n2, n5] = cells;
  assert.match(n2.path, /\/cells\/sum-n2-seed2-[0-9a-f]{12}$/);
  assert.deepEqual(n2, {
    ...{ id: "sum/n2/seed2", seed: 2, cost: 40, memory: null, path: n2.path, done: false },
  });
  assert.deepEqual([n5.id, n5.memory, n5.done], ["sum/n5/seed2", 150.5 * 2 ** 20, true]);
  Deno.statSync(`${n5.path}/result.json`);
  assert.equal(cells.length, 2);
});

Deno.test("what cannot be listed is bad usage", async () => {
  using box = await makeSandbox();
  for (const make of [makeCellsCommand, makeProgressCommand]) {
    for (
      const [flag, message] of [
        ["--cells==sum/n2", /^error: --cells: "=sum\/n2": no cell has such an id/],
        ["--experiment=fakr", /^error: --experiment: "fakr": did you mean fake\?$/],
        ["--shard=1/2", /^error: flag: "--shard": unknown/],
      ] as const
    ) {
      const { code, stderr } = await printed(make, box, flag);
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
  }
});

/** Makes a folder read-only while `use` runs; false where this machine does not let a test do so. */
async function readOnly(folder: string, use: () => Promise<void>): Promise<boolean> {
  const run = (name: string, ...args: string[]) => new Deno.Command(name, { args }).outputSync();
  // Modes do not bind root.
  const [make, undo] = Deno.uid() === 0
    ? [
      () =>
        run("mount", "--bind", folder, folder).success &&
        run("mount", "-o", "remount,bind,ro", folder).success,
      () => run("umount", folder),
    ]
    : [() => run("chmod", "-R", "a-w", folder).success, () => run("chmod", "-R", "u+w", folder)];
  try {
    if (!make()) return false;
    await use();
    return true;
  } finally {
    undo();
  }
}

Deno.test({
  name: "on a read-only disk runs can be looked at; what would be computed there is refused",
  ignore: Deno.build.os === "windows",
  async fn(t) {
    const { box: sandbox, plan } = await begunBox();
    using box = sandbox;
    // A heartbeat, whose age is told by a file that cannot be written here.
    Deno.mkdirSync(`${plan.directory}/running`, { recursive: true });
    const beat = { cell: "sum/n2/seed1", name: "x", host: "node7", pid: 1, session: "other" };
    Deno.writeTextFileSync(`${plan.directory}/running/x.json`, JSON.stringify(beat));
    const wasDone = await readOnly(`${box.folder}/runs`, async () => {
      const cells = await printed(makeCellsCommand, box);
      assert.match(cells.stdout, /^fake: 1 of 6 cells are done/);
      const progress = await printed(makeProgressCommand, box);
      assert.match(progress.stdout, /^fake quick: 1 of 6 cells done/);
      for (const flags of [[], ["--cells-only", "--cells=n2"]]) {
        const { code, stdout, stderr } = await box.command("--no-notebooks", ...flags).output();
        const text = new TextDecoder().decode(stderr);
        assert.equal(code, 2, text + new TextDecoder().decode(stdout));
        assert.match(
          text,
          /error: .*(is read-only: |no permission: ).*, or, for runs, give another --out/,
        );
      }
    });
    if (!wasDone) await skip(t, "this machine does not let a test mount a file system");
    const { stdout } = await printed(makeCellsCommand, box);
    assert.match(stdout, /^fake: 1 of 6 cells are done/, "nothing is lost");
  },
});
