import assert from "node:assert/strict";
import { MAX_THREADS } from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import type { Cell, CellResult } from "./experiment.ts";
import { type PoolOptions, runCells, shareOf } from "./pool.ts";
import { makeSandbox } from "./testdata/sandbox.ts";

interface Observed {
  readonly finished: Map<string, CellResult>;
  readonly threads: Record<string, number>;
  readonly order: string[];
}

/** Runs the fake experiment's cells for these seeds; what `options` leaves out is observed. */
async function run(
  config: Record<string, unknown>,
  threads: number,
  options: Partial<PoolOptions> = {},
) {
  using box = await makeSandbox();
  const cells = box.experiment.cells(box.experiment.schema.parse(config));
  const observed: Observed = { finished: new Map(), threads: {}, order: [] };
  const failures = await runCells(cells, {
    cellModule: () => `file://${box.folder}/cell.ts`,
    threads,
    checkpointDirectory: ({ id }: Cell) => `${box.folder}/${id}.checkpoint`,
    take({ id }) {
      observed.order.push(id);
      return "now";
    },
    onFinish(cell, result, spent) {
      observed.finished.set(cell.id, result);
      observed.threads[cell.id] = spent.threads;
    },
    ...options,
  });
  return { ...observed, failures };
}

const results = ({ finished }: Observed) =>
  [...finished].map(([id, { metrics, digests }]) => [id, metrics, digests]).sort();

Deno.test("results do not depend on the number of threads", async () => {
  const serial = await run({ seeds: [1, 2, 3] }, 1);
  const parallel = await run({ seeds: [1, 2, 3] }, 4);
  assert.equal(serial.finished.size, 6);
  assert.deepEqual(results(parallel), results(serial));
});

Deno.test("the costliest cell starts first", async () => {
  const { order } = await run({ seeds: [1], sizes: [3, 9, 6] }, 1);
  assert.deepEqual(order, ["sum/n9/seed1", "sum/n6/seed1", "sum/n3/seed1"]);
});

Deno.test("threads that no cell waits for go to the cells that start", async () => {
  assert.deepEqual((await run({ seeds: [1], sizes: [2] }, 4)).threads, { "sum/n2/seed1": 4 });
  assert.deepEqual((await run({ seeds: [1], sizes: [2, 5] }, 5)).threads, {
    "sum/n5/seed1": 2,
    "sum/n2/seed1": 3,
  });
  const many = await run({ seeds: [1, 2, 3], sizes: [2] }, 3);
  assert.deepEqual(Object.values(many.threads), [1, 1, 1]);
});

Deno.test("a cell gets no more threads than a backend works with, and the others get the rest", async () => {
  for (const threads of [1, 3, 5, 8, 16, 64, 256]) {
    for (let cells = 1; cells <= 80; cells++) {
      const given: number[] = [];
      for (let free = threads; free > 0 && given.length < cells; free -= given.at(-1)!) {
        given.push(shareOf(free, cells - given.length));
      }
      assert(given.every((count) => count >= 1 && count <= MAX_THREADS), `${threads}: ${given}`);
      const used = given.reduce((sum, count) => sum + count);
      assert.equal(used, Math.min(threads, cells * MAX_THREADS), `${threads}, ${cells} cells`);
    }
  }
  assert.deepEqual((await run({ seeds: [1], sizes: [2] }, 64)).threads, { "sum/n2/seed1": 4 });
});

for (
  const [fault, message] of [
    ["throw", /the cell's own fault/],
    ["die", /out of the blue/],
    ["reject", /a forgotten promise/],
  ] as const
) {
  Deno.test(`a cell that ends by "${fault}" is named and stops no other`, async () => {
    const { failures, finished } = await run({ seeds: [1, 2, 3], sizes: [2], fault }, 2);
    assert.deepEqual(failures.map(({ cell }) => cell.id), ["sum/n2/seed2"]);
    assert.match(failures[0]!.message, message);
    assert.deepEqual([...finished.keys()].sort(), ["sum/n2/seed1", "sum/n2/seed3"]);
  });
}

Deno.test("a module that cannot be loaded fails the cells that need it", async () => {
  const { failures } = await run({ seeds: [1], sizes: [2] }, 1, {
    cellModule: () => "file:///no/such.ts",
  });
  assert.match(failures[0]!.message, /Module not found/);
});

Deno.test("too little memory is a UsageError with a remedy", async () => {
  await assert.rejects(run({ seeds: [2, 3], sizes: [2], fault: "memory" }, 2), (error) => {
    assert(error instanceof UsageError);
    assert.match(error.message, /^memory: .*use fewer --threads/);
    return true;
  });
});

Deno.test("a result that cannot be stored is its cell's failure", async () => {
  const { failures } = await run({ seeds: [1], sizes: [2] }, 1, {
    onFinish() {
      throw new TypeError("not to be stored");
    },
  });
  assert.deepEqual(failures.map(({ cell, message }) => [cell.id, message]), [
    ["sum/n2/seed1", "not to be stored"],
  ]);
});

Deno.test("a full disk ends the run at once", async () => {
  const begun: string[] = [];
  const full = run({ seeds: [1, 2, 3], sizes: [2] }, 1, {
    take({ id }) {
      begun.push(id);
      return "now";
    },
    onFinish() {
      throw new UsageError("runs", "No space left", "the disk is full");
    },
  });
  await assert.rejects(full, UsageError);
  assert.equal(begun.length, 1);
});
