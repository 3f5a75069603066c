import assert from "node:assert/strict";
import { identifyBackend } from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { AnyExperiment } from "./experiment.ts";
import { openRun } from "./open_run.ts";
import { type Pins, pinsPath } from "./pins.ts";
import { planRun, type RunOptions } from "./plan.ts";
import { reproduce, type ReproduceOptions } from "./reproduce.ts";
import { loadRun, readCellFile } from "./run.ts";
import { DamagedError, readSealed, writeSealed } from "./sealed.ts";
import { openStore } from "./store.ts";
import { readSafetensors } from "./safetensors.ts";
import { KERNELS, makeSandbox, type Sandbox, walk } from "./testdata/sandbox.ts";

type Options = Partial<RunOptions & ReproduceOptions> & { experiment?: AnyExperiment };

// As a promise, which what the plan refuses rejects.
// deno-lint-ignore require-await
async function reproduceBox({ folder, experiment }: Sandbox, options: Options = {}) {
  const given = { profile: "quick", threads: 2, out: `${folder}/runs`, ...options } as const;
  return reproduce(planRun(options.experiment ?? experiment, given), {
    kernels: KERNELS,
    ...options,
  });
}

/** A sandbox with pins for the quick profile. */
async function pinned() {
  const box = await makeSandbox();
  await reproduceBox(box, { updatePins: true });
  return box;
}

/** Changes the quick profile's pins. */
function editPins({ experiment }: Sandbox, edit: (pins: Pins) => void): void {
  const path = pinsPath(experiment, "quick");
  const pins = JSON.parse(Deno.readTextFileSync(path));
  edit(pins);
  Deno.writeTextFileSync(path, JSON.stringify(pins));
}

Deno.test("without pins a run is not pinned, which is no failure and no match", async () => {
  using box = await makeSandbox();
  const { run, failures } = await reproduceBox(box);
  assert.deepEqual(failures, []);
  assert.equal(run?.pins.state, "not pinned");
  assert.deepEqual(run.pins.notPinned, ["any cell", "the summary", "the verdicts"]);
});

Deno.test("pins are matched by every later run, with any number of threads", async () => {
  using box = await pinned();
  for (const threads of [1, 4]) {
    const { run, failures } = await reproduceBox(box, { threads });
    assert.deepEqual(failures, []);
    assert.equal(run?.pins.state, "matched");
    assert.equal(run.provenance.threads, threads);
    assert.equal(run.provenance.cellsTakenUp, 0, "a finished run is computed again");
  }
});

Deno.test("whatever changes in the pins is found and named", async () => {
  using box = await pinned();
  const id = "sum/n2/seed3";
  const edits: [string, (pins: Pins) => void][] = [
    [`cells: ${id}: metrics: mean`, ({ cells }) => (cells[id]!.metrics["mean"] = 0.5)],
    [`cells: ${id}: digests: parameters`, ({ cells }) => (cells[id]!.digests["parameters"] = "x")],
    [`cells: ${id}`, ({ cells }) => delete cells[id]],
    ["configHash", (pins) => (pins.configHash = "0".repeat(64))],
    ["kernels", (pins) => (pins.kernels = "1".repeat(64))],
    ["verdicts: C0", ({ verdicts }) => (verdicts["C0"] = "undecided")],
    ["summary: means: 2", ({ summary }) => ((summary as { means: object }).means = {})],
  ];
  const path = pinsPath(box.experiment, "quick");
  const original = Deno.readTextFileSync(path);
  for (const [where, edit] of edits) {
    editPins(box, edit);
    const { run, failures } = await reproduceBox(box);
    assert.equal(run?.pins.state, "mismatched");
    assert(failures[0]!.where.endsWith(`pins/quick.json: ${where}`), failures[0]!.where);
    Deno.writeTextFileSync(path, original);
  }
});

Deno.test("another backend has runs of its own, compared with the pins within a tolerance", async () => {
  using box = await pinned();
  const gpu = { backend: "webgpu", kernels: "2".repeat(64), adapter: "test adapter" } as const;
  const experiment = { ...box.experiment, compared: { names: ["mean"] } };
  const { run, failures, directory } = await reproduceBox(box, { ...gpu, experiment });
  assert.deepEqual(failures, []);
  assert.match(directory, /-webgpu$/);
  assert.equal(run?.pins.state, "within tolerance");
  assert.ok(run.pins.tolerance!.compared > 0);
  assert.ok(run.pins.notPinned.includes("any digest"));
  assert.equal(run.provenance.backend, "webgpu");
  assert.equal(run.provenance.adapter, "test adapter");
  assert.match(run.provenance.command, /--backend webgpu$/);
  const plain = await reproduceBox(box, gpu);
  assert.equal(plain.run?.pins.state, "not pinned", "an experiment that names no metric");
  await assert.rejects(
    reproduceBox(box, { ...gpu, updatePins: true }),
    /--update-pins: "with --backend webgpu": pins are WASM's results/,
  );
});

Deno.test("changed kernels fail at the pins", async () => {
  using box = await pinned();
  const { failures } = await reproduceBox(box, { kernels: "1".repeat(64) });
  assert.equal(failures.length, 1);
  assert.match(failures[0]!.where, /pins\/quick\.json: kernels$/);
  assert.equal(failures[0]!.got, `"${"1".repeat(64)}"`);
});

Deno.test("updated pins say what they changed", async () => {
  using box = await pinned();
  editPins(box, ({ verdicts }) => (verdicts["C0"] = "undecided"));
  const { run, failures, pinChanges } = await reproduceBox(box, { updatePins: true });
  assert.deepEqual(failures, []);
  assert.equal(run?.pins.state, "updated");
  assert.deepEqual(pinChanges.map(({ expected, got }) => [expected, got]), [
    ['"undecided"', '"see standard"'],
  ]);
  assert.equal((await reproduceBox(box)).run?.pins.state, "matched");
});

Deno.test("with seeds of one's own, what the pins know is compared and the rest is named", async () => {
  using box = await pinned();
  const some = await reproduceBox(box, { seeds: [1, 7] });
  assert.equal(some.run?.pins.state, "partly pinned");
  assert.deepEqual(some.run.pins.notPinned, [
    "sum/n2/seed7",
    "sum/n5/seed7",
    "the summary",
    "the verdicts",
  ]);
  assert.equal((await reproduceBox(box, { seeds: [7] })).run?.pins.state, "not pinned");
  assert.equal((await reproduceBox(box, { seeds: [1, 2, 3] })).run?.pins.state, "matched");
  editPins(box, ({ cells }) => (cells["sum/n2/seed1"]!.metrics["mean"] = 0.5));
  const { failures } = await reproduceBox(box, { seeds: [1, 7] });
  assert.deepEqual(failures.map(({ expected }) => expected), ["0.5"]);
  await assert.rejects(reproduceBox(box, { seeds: [7], updatePins: true }), UsageError);
});

Deno.test("some cells are compared, stored and never taken for a run; the others complete it", async () => {
  using box = await pinned();
  const out = `${box.folder}/runs`;
  const cells = ["sum/n2/*"];
  const { run, partial, failures, directory } = await reproduceBox(box, { cells, fresh: true });
  assert.deepEqual(failures, []);
  assert.equal(run, undefined);
  assert.deepEqual(partial?.cells.map(({ id }) => id), [1, 2, 3].map((n) => `sum/n2/seed${n}`));
  assert.deepEqual(partial.missing, [1, 2, 3].map((n) => `sum/n5/seed${n}`));
  assert.equal(partial.pins.state, "partly pinned");
  assert.deepEqual(partial.pins.notPinned, ["the summary", "the verdicts"]);
  assert.match(partial.provenance.command, / --cells 'sum\/n2\/\*'/);
  assert.equal("summary" in partial || "claims" in partial, false);
  assert.deepEqual(readSealed(`${directory}/partial.json`), { format: 1, ...partial });
  assert.throws(() => loadRun(box.experiment, "quick", { out }), /compute it first/);

  const more = await reproduceBox(box, { cells: ["n5/seed2"] });
  assert.equal(more.partial?.cells.length, 4, "all that stands of the run");
  const whole = await reproduceBox(box);
  assert.equal(whole.run?.pins.state, "matched");
  assert.equal(whole.run.provenance.cellsTakenUp, 4);
  assert.throws(() => Deno.statSync(`${directory}/partial.json`), Deno.errors.NotFound);
});

Deno.test("a finished run stays while some of its cells are computed again", async () => {
  using box = await pinned();
  const { partial, directory } = await reproduceBox(box, { cells: ["seed1"] });
  assert.equal(partial?.cells.length, 2);
  const old = loadRun(box.experiment, "quick", { out: `${box.folder}/runs` });
  assert.equal(old.cells.length, 6);
  readCellFile(old, "sum/n5/seed2", "model.safetensors");
  assert.match(directory, /quick-/);
});

Deno.test("the cells left out at last make the run whole", async () => {
  using box = await pinned();
  const first = await reproduceBox(box, { cells: ["n2"], fresh: true });
  assert.equal(first.run, undefined);
  const { run } = await reproduceBox(box, { cells: ["n5"] });
  assert.equal(run?.pins.state, "matched");
  assert.equal(run.provenance.cellsTakenUp, 3);
  assert.doesNotMatch(run.provenance.command, /--cells/);
});

Deno.test("cells stay while the code around them changes, and are computed again where their own does", async () => {
  using box = await makeSandbox();
  const change = (name: string) =>
    Deno.writeTextFileSync(`${box.folder}/${name}`, "\n// changed", { append: true });
  await reproduceBox(box, { cells: ["n2"] });
  for (const name of ["mod.ts", "claims.ts", "config.ts", "summary.ts", "README.md"]) change(name);
  const { run } = await reproduceBox(box);
  assert.equal(run?.provenance.cellsTakenUp, 3);

  await reproduceBox(box, { cells: ["n2"], fresh: true });
  change("cell.ts");
  const notes: string[] = [];
  const again = await reproduceBox(box, { progress: ({ note }) => note && notes.push(note) });
  assert.equal(again.run?.provenance.cellsTakenUp, 0);
  assert.deepEqual(notes, [
    "3 cells left aside: other code or kernels computed them (--prune removes them)",
  ]);
});

Deno.test("cells with a module of their own are computed again where that changes, the others stay", async () => {
  using box = await makeSandbox();
  const own = `${box.folder}/five.ts`;
  Deno.copyFileSync(`${box.folder}/cell.ts`, own);
  const experiment: AnyExperiment = {
    ...box.experiment,
    cells: (config) =>
      box.experiment.cells(config).map((cell) =>
        cell.id.includes("n5") ? { ...cell, module: "five.ts" } : cell
      ),
  };
  const takenUp = async () => {
    const { run } = await reproduceBox(box, { experiment });
    assert(run, "all cells are there");
    return run.provenance.cellsTakenUp;
  };
  await reproduceBox(box, { experiment, cells: ["n2"] });
  assert.equal(await takenUp(), 3);
  // A finished run would be computed again.
  Deno.writeTextFileSync(own, "\n// changed", { append: true });
  assert.equal(await takenUp(), 3);
  Deno.writeTextFileSync(`${box.folder}/cell.ts`, "\n// changed", { append: true });
  assert.equal(await takenUp(), 3);
});

Deno.test("a partial run that differs from its pins fails", async () => {
  using box = await pinned();
  editPins(box, ({ cells }) => (cells["sum/n2/seed1"]!.metrics["mean"] = 0.5));
  const { partial, failures } = await reproduceBox(box, { cells: ["n2"] });
  assert.equal(partial?.pins.state, "mismatched");
  assert.deepEqual(failures.map(({ expected }) => expected), ["0.5"]);
  const other = await reproduceBox(box, { cells: ["n5"], fresh: true });
  assert.deepEqual(other.failures, []);
  editPins(box, ({ cells }) => {
    for (const { metrics } of Object.values(cells)) metrics["mean"] = Number(metrics["mean"]) + 1;
  });
  const gpu = { backend: "webgpu", adapter: "test adapter" } as const;
  const experiment = { ...box.experiment, compared: { names: ["mean"] } };
  const away = await reproduceBox(box, { ...gpu, experiment, cells: ["n2"] });
  assert.equal(away.partial?.pins.state, "out of tolerance");
});

Deno.test("pinned results stand in for cells that are not stored, are named as such and never keep", async () => {
  using box = await pinned();
  await reproduceBox(box, { cells: ["n5"], fresh: true });
  editPins(box, ({ cells }) => (cells["sum/n2/seed1"]!.digests["parameters"] = "x"));
  const { run, failures } = await reproduceBox(box, { fromPins: true });
  assert.deepEqual(failures, []);
  assert.equal(run?.pins.state, "from pins");
  assert.equal(run.provenance.cellsFromPins, 3);
  assert.equal(run.provenance.cellsTakenUp, 3);
  const [first] = run.cells;
  assert.deepEqual(first!.digests, { parameters: "x" }, "the pinned one");
  assert.equal(first!.computedBy, null);
  const loaded = loadRun(box.experiment, "quick", { out: `${box.folder}/runs` });
  assert.throws(
    () => readCellFile(loaded, "sum/n2/seed1", "model.safetensors"),
    /the pins hold no files: compute the cell, with --cells =sum\/n2\/seed1/,
  );
  assert.ok(readCellFile(loaded, "sum/n5/seed1", "model.safetensors").length > 0);
  const again = await reproduceBox(box, { fromPins: true });
  assert.equal(again.run?.provenance.cellsTakenUp, 3, "what is stored is not computed again");
  const computed = await reproduceBox(box);
  assert.equal(computed.run?.provenance.cellsFromPins, undefined);
  assert.deepEqual(computed.failures.map(({ expected }) => expected), ['"x"']);
});

Deno.test("a stored result goes before the pinned one, and is held against it", async () => {
  using box = await pinned();
  editPins(box, ({ cells }) => (cells["sum/n2/seed1"]!.metrics["mean"] = 0.5));
  await reproduceBox(box, { cells: ["=sum/n2/seed1"], fresh: true });
  const { run, failures } = await reproduceBox(box, { fromPins: true });
  assert.equal(run?.pins.state, "mismatched");
  assert.deepEqual(failures.map(({ where }) => where.replace(/.*json: /, "")), [
    "cells: sum/n2/seed1: metrics: mean",
  ]);
});

Deno.test("pins grow by the cells that they lack, and change in those that are stored", async () => {
  using box = await pinned();
  const whole = Deno.readTextFileSync(pinsPath(box.experiment, "quick"));
  editPins(box, ({ cells, summary }) => {
    delete cells["sum/n2/seed3"];
    cells["sum/n5/seed1"]!.metrics["mean"] = 0.25;
    (summary as { means: object }).means = {};
  });
  await reproduceBox(box, { cells: ["=sum/n5/seed1"], fresh: true });
  const options = { fromPins: true, updatePins: true };
  const { run, pinChanges } = await reproduceBox(box, options);
  assert.equal(run?.provenance.cellsFromPins, 4);
  assert.ok(pinChanges.length > 0);
  assert.equal(Deno.readTextFileSync(pinsPath(box.experiment, "quick")), whole);
});

Deno.test("pins are taken only where they are this code's and whole runs are asked for", async () => {
  using box = await makeSandbox();
  await assert.rejects(
    reproduceBox(box, { fromPins: true }),
    /--from-pins: ".*quick\.json": there are none: compute the run without --from-pins/,
  );
  await reproduceBox(box, { updatePins: true });
  await assert.rejects(
    reproduceBox(box, { fromPins: true, kernels: "1".repeat(64) }),
    /--from-pins: ".*quick\.json": other kernels computed these pins/,
  );
  const other = { fromPins: true, fresh: true, kernels: "1".repeat(64) };
  await assert.rejects(reproduceBox(box, other), /other kernels computed these pins/);
  const { cells } = loadRun(box.experiment, "quick", { out: `${box.folder}/runs` });
  assert.equal(cells.length, 6, "nothing was dropped before it was refused");
  await assert.rejects(reproduceBox(box, { fromPins: true, cells: ["n2"] }), /gives a whole run/);
  await assert.rejects(
    reproduceBox(box, { fromPins: true, backend: "webgpu" }),
    /--from-pins: "with --backend webgpu": pins are WASM's results/,
  );
});

Deno.test("the pinned run of a profile is there whatever the machine lacks, and is found by reports", async () => {
  using box = await pinned();
  const because = "the weights are missing: get them";
  const experiment: AnyExperiment = {
    ...box.experiment,
    standIn: (config) =>
      (config as { seeds: number[] }).seeds.length > 1 ? { profile: "smoke", because } : undefined,
  };
  const out = `${box.folder}/elsewhere`, asked = { experiment, out };
  const { run } = await reproduceBox(box, { ...asked, fromPins: true });
  assert.equal(run?.seeds.length, 3);
  assert.equal(loadRun(experiment, "quick", { out }).seeds.length, 3);
  assert.equal((await openRun(experiment, "quick", { out })).seeds.length, 3);
  assert.equal((await reproduceBox(box, asked)).run?.seeds.length, 1, "to compute it needs them");
  const { kernels } = await identifyBackend("wasm"), other = `${box.folder}/another`;
  editPins(box, (pins) => (pins.kernels = kernels));
  const opened = await openRun(experiment, "quick", { out: other, fromPins: true });
  assert.equal(opened.provenance.cellsFromPins, 6);
});

Deno.test("patterns that match no cell, and pins of a part, are refused", async () => {
  using box = await makeSandbox();
  await assert.rejects(
    reproduceBox(box, { cells: ["sum/n9"] }),
    /^UsageError: --cells: "sum\/n9": no cell has such an id; ids are like sum\/n2\/seed1, /,
  );
  await assert.rejects(
    reproduceBox(box, { cells: ["*"], updatePins: true }),
    /--update-pins: "with --cells": pins hold whole runs/,
  );
  assert.throws(() => Deno.statSync(`${box.folder}/runs`), Deno.errors.NotFound);
});

Deno.test("pins that cannot be written are refused before anything is computed", async () => {
  using box = await makeSandbox();
  const { makeTempFileSync } = Deno;
  Object.assign(Deno, {
    makeTempFileSync() {
      throw Object.assign(new Error("Permission denied"), { code: "EACCES" });
    },
  });
  try {
    await assert.rejects(
      reproduceBox(box, { updatePins: true }),
      /^UsageError: .*\/pins\/quick\.json: "Permission denied": no permission/,
    );
  } finally {
    Object.assign(Deno, { makeTempFileSync });
  }
  for (const name of ["runs", "pins"]) {
    assert.throws(() => Deno.statSync(`${box.folder}/${name}`), Deno.errors.NotFound);
  }
});

Deno.test("pins that cannot be read are a UsageError that names them, and stay as they are", async () => {
  using box = await pinned();
  const path = pinsPath(box.experiment, "quick");
  const original = Deno.readTextFileSync(path);
  const broken: [string, RegExp][] = [
    [original.slice(0, 99), /quick\.json: .*restore the file from git/],
    [original.replace('"cells"', '"sells"'), /quick\.json/],
    ["{}", /quick\.json\.experiment/],
  ];
  for (const [text, message] of broken) {
    Deno.writeTextFileSync(path, text);
    await assert.rejects(reproduceBox(box, { updatePins: true }), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
    assert.equal(Deno.readTextFileSync(path), text);
  }
});

/** Changes a digit of the first stored result's mean, and returns the file's path. */
function changeDigit({ folder }: Sandbox, profile = "quick"): string {
  const path = walk(`${folder}/runs`).filter((path) =>
    path.includes(`/${profile}-`) && path.endsWith("result.json")
  ).toArray().sort()[0]!;
  const bytes = Deno.readFileSync(path);
  bytes[new TextDecoder().decode(bytes).indexOf('"mean": 0.') + 12]! ^= 1;
  Deno.writeFileSync(path, bytes);
  return path;
}

Deno.test("one cell by itself opens no other cell's files", async () => {
  using box = await pinned();
  const { directory } = await reproduceBox(box, { cells: ["n2"] });
  const results = walk(directory).filter((path) => path.endsWith("/result.json")).toArray();
  for (const path of results) Deno.truncateSync(path, 1);
  const opened: string[] = [];
  const { readFileSync, readTextFileSync, openSync } = Deno;
  const noting =
    <A extends unknown[], R>(open: (path: string | URL, ...rest: A) => R) =>
    (path: string | URL, ...rest: A) => {
      opened.push(String(path));
      return open(path, ...rest);
    };
  Object.assign(Deno, {
    readFileSync: noting(readFileSync),
    readTextFileSync: noting(readTextFileSync),
    openSync: noting(openSync),
  });
  try {
    const { partial, damaged } = await reproduceBox(box, {
      cells: ["=sum/n5/seed2"],
      cellsOnly: true,
    });
    assert.deepEqual(partial?.cells.map(({ id }) => id), ["sum/n5/seed2"]);
    assert.equal(damaged.length, 1, "its own");
  } finally {
    Object.assign(Deno, { readFileSync, readTextFileSync, openSync });
  }
  const inCells = opened.filter((path) => path.includes("/cells/") || path.endsWith("/run.json"));
  assert(inCells.length > 0);
  assert.deepEqual(inCells.filter((path) => !path.includes("sum-n5-seed2")), []);
  const left = results.filter((path) => Deno.statSync(path).size === 1);
  assert.equal(left.length, 5, "the others are as they were");
});

Deno.test("a changed digit in a stored result is told by name, and its cell alone is computed again", async () => {
  using box = await pinned();
  const path = changeDigit(box);
  const finished: string[] = [], notes: string[] = [];
  const progress: ReproduceOptions["progress"] = (snapshot) => {
    if (snapshot.finished) finished.push(snapshot.finished);
    if (snapshot.note) notes.push(snapshot.note);
  };
  const { run, failures, damaged } = await reproduceBox(box, { progress });
  assert.deepEqual(finished, ["sum/n2/seed1"]);
  assert.deepEqual(damaged.map(({ where }) => where), [path]);
  assert.match(damaged[0]!.got, /^sha256 [0-9a-f]{64}$/);
  assert.match(
    notes.join(),
    /^DAMAGED: cells\/sum-n2-seed1-[0-9a-f]{12}\/result\.json: only that is computed again, 5 cells taken up from/,
  );
  assert.deepEqual(failures, []);
  assert.equal(run?.pins.state, "matched");
  assert.equal(run.provenance.cellsTakenUp, 5);
  const again = await reproduceBox(box);
  assert.deepEqual(again.damaged, []);
  assert.equal(again.run?.provenance.cellsTakenUp, 0, "a finished run is computed again");
  const loaded = loadRun(box.experiment, "quick", { out: `${box.folder}/runs` });
  for (const { id } of loaded.cells) readCellFile(loaded, id, "model.safetensors");
});

Deno.test("a damaged result whose cell is left out stays missing until its turn", async () => {
  using box = await pinned();
  const path = changeDigit(box);
  const { partial, damaged } = await reproduceBox(box, { cells: ["n5"] });
  assert.deepEqual(damaged.map(({ where }) => where), [path]);
  assert.deepEqual(partial?.missing, ["sum/n2/seed1"]);
  const { run } = await reproduceBox(box, { cells: ["sum/n2/seed1"] });
  assert.equal(run?.pins.state, "matched");
  assert.equal(run.provenance.cellsTakenUp, 5);
});

Deno.test("a wrong digit that the seal does not show fails at the pins", async () => {
  using box = await pinned();
  await reproduceBox(box, { cells: ["n2"] });
  const path = walk(`${box.folder}/runs`).find((path) => /cells.*-n2-.*result\.json$/.test(path))!;
  const { sha256: _, ...content } = JSON.parse(Deno.readTextFileSync(path));
  content.metrics.mean += 1e-9;
  writeSealed(path, content);
  const { run, failures, damaged } = await reproduceBox(box);
  assert.deepEqual(damaged, []);
  assert.equal(run?.pins.state, "mismatched");
  assert.match(failures[0]!.where, /metrics: mean$/);
});

Deno.test("a damaged run.json is made anew from the cells", async () => {
  using box = await pinned();
  const out = `${box.folder}/runs`;
  const { directory } = loadRun(box.experiment, "quick", { out });
  const path = `${directory}/run.json`;
  const text = Deno.readTextFileSync(path);
  for (const damage of [text.slice(0, 100), text.replace('"see standard"', '"supported"'), ""]) {
    Deno.writeTextFileSync(path, damage);
    assert.throws(() => loadRun(box.experiment, "quick", { out }), DamagedError);
    const { run, damaged } = await reproduceBox(box);
    assert.deepEqual(damaged.map(({ where }) => where), [path]);
    assert.equal(run?.pins.state, "matched");
    assert.equal(run.provenance.cellsTakenUp, 6);
  }
});

Deno.test("a report computes what is damaged of its run", async () => {
  using box = await makeSandbox();
  const out = `${box.folder}/runs`;
  const first = await openRun(box.experiment, "quick", { out, threads: 64 });
  Deno.truncateSync(`${first.directory}/run.json`, 100);
  const second = await openRun(box.experiment, "quick", { out });
  assert.deepEqual(second.summary, first.summary);
  assert.equal(second.provenance.cellsTakenUp, 6);
  const third = await openRun(box.experiment, "quick", { out });
  assert.equal(third.provenance.finishedAt, second.provenance.finishedAt);
});

Deno.test("a damaged checkpoint costs what it held, not the run", async () => {
  using box = await pinned();
  await reproduceBox(box, { fresh: true, cells: ["n5"] });
  const plan = planRun(box.experiment, { profile: "quick", threads: 1, out: `${box.folder}/runs` });
  const store = openStore(plan, { kernels: KERNELS });
  const checkpoints = store.checkpointDirectory(plan.cells[0]!);
  openCheckpoint(checkpoints).save(Uint8Array.of(1, 2, 3));
  const [path] = walk(checkpoints).toArray();
  Deno.truncateSync(path!, 1);
  const { run, damaged } = await reproduceBox(box);
  assert.deepEqual(damaged.map(({ where }) => where), [path]);
  assert.equal(run?.pins.state, "matched");
});

Deno.test("cells that fail are named; the others are kept and taken up", async () => {
  using box = await makeSandbox({ standard: { fault: "throw" } });
  for (const run of ["first", "second"]) {
    const finished: (string | undefined)[] = [];
    const { failures } = await reproduceBox(box, {
      profile: "standard",
      progress: (snapshot) => finished.push(snapshot.finished),
    });
    assert.deepEqual(failures.map(({ where }) => where), [
      "fake: cell sum/n2/seed2",
      "fake: cell sum/n5/seed2",
    ]);
    assert.equal(finished.filter(Boolean).length, run === "first" ? 4 : 0);
  }
  assert.throws(
    () => loadRun(box.experiment, "standard", { out: `${box.folder}/runs` }),
    UsageError,
  );
});

Deno.test("a metric that is not a number fails its cell, by name", async () => {
  using box = await makeSandbox({ standard: { fault: "nan" } });
  const { failures } = await reproduceBox(box, { profile: "standard" });
  assert.match(failures[0]!.got, /\$\.metrics\.mean: NaN/);
});

Deno.test("a seed given twice is refused by name, before anything is written", async () => {
  using box = await makeSandbox({ standard: { seeds: [4, 5, 4] } });
  await assert.rejects(
    reproduceBox(box, { seeds: [1, 2, 3, 2] }),
    /^UsageError: --seeds: 2: given twice/,
  );
  await assert.rejects(
    reproduceBox(box, { profile: "standard" }),
    /^UsageError: fake standard\.seeds: 4: given twice/,
  );
  assert.throws(() => Deno.statSync(`${box.folder}/runs`), Deno.errors.NotFound);
});

Deno.test("no threads, or a part of one, are refused", async () => {
  using box = await makeSandbox();
  for (const threads of [0, -1, 1.5, NaN]) {
    await assert.rejects(
      reproduceBox(box, { threads }),
      /^UsageError: threads: .*: give a whole number/,
    );
  }
});

Deno.test("progress that cannot be shown fails no cell", async () => {
  using box = await pinned();
  const { error } = console;
  console.error = () => {};
  try {
    const progress = () => {
      throw new Error("No space left on device");
    };
    const { run, failures } = await reproduceBox(box, { progress });
    assert.deepEqual(failures, []);
    assert.equal(run?.pins.state, "matched");
  } finally {
    console.error = error;
  }
});

Deno.test("what would not fit into memory is refused before anything is written", async () => {
  using box = await makeSandbox();
  const cells = (config: unknown) =>
    box.experiment.cells(config).map((cell) => ({ ...cell, memory: 2 ** 60 }));
  const experiment = { ...box.experiment, cells };
  await assert.rejects(
    reproduceBox(box, { experiment }),
    /^UsageError: memory: .*a smaller profile/,
  );
  assert.throws(() => Deno.statSync(`${box.folder}/runs`), Deno.errors.NotFound);
});

Deno.test("a configuration out of range is a UsageError that names the field", async () => {
  using box = await makeSandbox({ standard: { steps: 0 } });
  await assert.rejects(reproduceBox(box, { profile: "standard" }), (error) => {
    assert(error instanceof UsageError);
    assert.match(error.message, /^fake standard\.steps: 0: Too small/);
    return true;
  });
});

Deno.test("a report loads the run, its provenance and its files", async () => {
  using box = await pinned();
  const out = `${box.folder}/runs`;
  const run = loadRun(box.experiment, "quick", { out });
  assert.deepEqual(run.seeds, [1, 2, 3]);
  assert.equal((run.config as { pause: number }).pause, 0, "defaults are resolved");
  assert.equal(run.claims[0]!.verdict, "see standard");
  assert.match(run.provenance.command, /^deno task reproduce --experiment fake --profile quick/);
  const bytes = readCellFile(run, "sum/n5/seed2", "model.safetensors");
  assert.deepEqual(readSafetensors(bytes, "model").tensors.get("sum")?.shape, [5]);
  assert.throws(() => readCellFile(run, "sum/n5/seed2", "x"), /has: model\.safetensors/);
  assert.throws(() => readCellFile(run, "sum/n9", "x"), /no such cell/);
  assert.throws(
    () => loadRun(box.experiment, "smoke", { out }),
    /compute it first: deno task reproduce --experiment fake --profile smoke/,
  );
});
