import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { noSuchCell, planRun, planRuns, selectCells } from "./plan.ts";
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
