import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { checkMemory, noSuchCell, planRun, planRuns, selectCells, shardOf } from "./plan.ts";
import { makeSandbox } from "./testdata/sandbox.ts";

const cells = ["cot/d16-L2/seed1", "cot/d16-L2/seed101", "cot-scalar/d16-L2/seed1"].map((id) => ({
  id,
}));
const ids = (...patterns: string[]) => selectCells(cells, patterns).map(({ id }) => id);

Deno.test("a pattern without a star matches anywhere, one with a star the whole id", () => {
  assert.deepEqual(ids("cot"), cells.map(({ id }) => id));
  assert.deepEqual(ids("cot/*seed1"), ["cot/d16-L2/seed1"]);
  assert.deepEqual(ids("cot*seed1"), ["cot/d16-L2/seed1", "cot-scalar/d16-L2/seed1"]);
  assert.deepEqual(ids("*"), cells.map(({ id }) => id));
  assert.deepEqual(ids("seed9"), []);
});

Deno.test("patterns add up, in the cells' order; nothing but the star is special", () => {
  assert.deepEqual(ids("scalar", "seed101"), ["cot/d16-L2/seed101", "cot-scalar/d16-L2/seed1"]);
  for (const pattern of [".*seed1", "c.t", "cot/d16?L2/seed1", "(*", "[c]ot*"]) {
    assert.deepEqual(ids(pattern), [], pattern);
  }
});

Deno.test("the error for no match shows what ids look like", () => {
  assert.equal(
    noSuchCell("seed9", cells.slice(0, 2)).message,
    '--cells: "seed9": no cell has such an id; ids are like cot/d16-L2/seed1, cot/d16-L2/seed101',
  );
});

Deno.test("a plan has the chosen cells and their cost; experiments without any have no plan", async () => {
  using box = await makeSandbox();
  const fake = box.experiment;
  const cells = (config: unknown) =>
    fake.cells(config).map((cell) => ({ ...cell, id: `other/${cell.id}` }));
  const other = { ...fake, name: "other", cells };
  const options = { profile: "quick", threads: 1, out: `${box.folder}/runs` } as const;

  const whole = planRun(fake, options);
  assert.equal(whole.cells.length, 6);
  assert.deepEqual(whole.selected, whole.cells);
  assert.equal(whole.cost, 3 * 20 * (2 + 5), "seeds x steps x sizes");
  assert.equal(whole.pins, undefined);

  const all = planRuns([fake, other], options);
  assert.deepEqual(all.map(({ experiment }) => experiment.name), ["fake", "other"]);
  const [one, ...rest] = planRuns([fake, other], { ...options, cells: ["other/*", "n5/seed2"] });
  assert.deepEqual(one!.selected.map(({ id }) => id), ["sum/n5/seed2"]);
  assert.equal(one!.cost, 20 * 5);
  assert.equal(rest[0]!.selected.length, 6);
  const few = planRuns([fake, other], { ...options, cells: ["other/sum/n2/seed1"] });
  assert.deepEqual(few.map(({ experiment }) => experiment.name), ["other"]);
  for (const patterns of [["sum", "none"], []]) {
    assert.throws(() => planRuns([fake, other], { ...options, cells: patterns }), UsageError);
  }
  assert.throws(() => Deno.statSync(options.out), Deno.errors.NotFound, "nothing is written");
});

Deno.test("parts of the cells are about equal, disjoint and all there is; those beyond the cells are empty", () => {
  const cells = [5, 1, 1, 8, 3, 2].map((cost, i) => ({ id: `cell${i}`, cost }));
  const parts = [1, 2, 3].map((index) => shardOf(cells, { index, of: 3 }));
  const costs = parts.map((part) => part.reduce((sum, { cost }) => sum + cost, 0));
  assert.deepEqual(costs, [8, 6, 6]);
  assert.deepEqual(parts.flat().map(({ id }) => id).sort(), cells.map(({ id }) => id));
  for (const [index, length] of [[6, 1], [7, 0], [1e12, 0]]) {
    assert.equal(shardOf(cells, { index: index!, of: 1e12 }).length, length);
  }
});

Deno.test("the largest cells, one a thread, must fit into what the job may use", () => {
  const cells = [1, 3, 2].map((gib) => ({ memory: gib * 2 ** 30 }));
  checkMemory("fake", cells, 2, 5 * 2 ** 30);
  checkMemory("fake", [{}], 64, 0);
  assert.throws(
    () => checkMemory("fake", cells, 64, 5 * 2 ** 30),
    /^UsageError: memory: "5\.0 GiB available": fake needs 6\.0 GiB with --threads 64: use --threads 2 or/,
  );
  assert.throws(
    () => checkMemory("fake", cells, 1, 2 ** 30),
    /fake needs 3\.0 GiB with --threads 1: use a smaller profile or a larger machine/,
  );
});

Deno.test("where a machine lacks what a profile needs, another runs in its place and is held against its own pins", async () => {
  using box = await makeSandbox();
  const out = `${box.folder}/runs`;
  const lacks = (profile: "smoke" | "quick", quick: unknown) => ({
    ...box.experiment,
    standIn: (config: unknown) =>
      JSON.stringify(config) === JSON.stringify(quick)
        ? { profile, because: "the weights are missing: get them" }
        : undefined,
  });
  const { config: quick } = planRun(box.experiment, { profile: "quick", threads: 1, out });
  const smoke = planRun(box.experiment, { profile: "smoke", threads: 1, out });
  const fake = lacks("smoke", quick);
  const plan = planRun(fake, { profile: "quick", threads: 1, out });
  assert.deepEqual(plan.config, smoke.config);
  assert.deepEqual(plan.selected, smoke.selected);
  assert.equal(plan.pinsFile, smoke.pinsFile);
  assert.ok(!plan.overridden);
  assert.ok(planRun(fake, { profile: "quick", threads: 1, out, seeds: [9] }).overridden);
  assert.equal(
    plan.standIn,
    "fake: the weights are missing: get them. In its place runs profile smoke, which needs nothing.",
  );
  assert.equal(planRun(fake, { profile: "smoke", threads: 1, out }).standIn, undefined);
  const update = { profile: "quick", threads: 1, out, updatePins: true } as const;
  assert.throws(() => planRun(fake, update), {
    name: "UsageError",
    message: /^--update-pins: "with --profile quick": fake: the weights are missing/,
  });
});
