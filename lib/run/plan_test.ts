import assert from "node:assert/strict";
import { noSuchCell, selectCells } from "./plan.ts";

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
