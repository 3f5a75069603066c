import assert from "node:assert/strict";
import { RandomStream } from "../../numeric/random.ts";
import { sharedPrefixes } from "./shared_prefixes.ts";

/** (length, rows) from prompts. */
function packed(prompts: readonly (readonly number[])[], length: number): Int32Array {
  const rows = prompts.length, out = new Int32Array(length * rows).fill(-1);
  prompts.forEach((p, row) => p.forEach((token, t) => out[t * rows + row] = token));
  return out;
}

Deno.test("equal prompts share all steps but the one that writes; longer ones what they have in common", () => {
  const prompts = [[1, 2, 3], [4], [1, 2, 3], [1, 2, 5, 6], [1, 2]];
  const forced = packed(prompts, 6), positions = new Int32Array(forced.length);
  const { order, shared } = sharedPrefixes(forced, positions, prompts.length);
  // [1, 2], twice [1, 2, 3], [1, 2, 5, 6], [4]
  assert.deepEqual([...order], [4, 0, 2, 3, 1]);
  assert.deepEqual([...shared], [0, 1, 2, 2, 0]);
});

Deno.test("what is shared is what a comparison token by token finds", () => {
  for (let trial = 0; trial < 50; trial++) {
    const random = new RandomStream({ seed: 3, purpose: "prefixes", row: trial });
    const rows = 1 + random.integer(12), length = 1 + random.integer(7);
    const prompts = Array.from(
      { length: rows },
      () => Array.from({ length: 1 + random.integer(length) }, () => random.integer(2)),
    );
    const forced = packed(prompts, length);
    const positions = Int32Array.from(
      { length: forced.length },
      () => random.integer(8) === 0 ? 1 : 0,
    );
    const { order, shared } = sharedPrefixes(forced, positions, rows);
    assert.deepEqual([...order].sort((a, b) => a - b), prompts.map((_, i) => i));
    /** What a step computes for a row; its own where the model writes next. */
    const fed = (row: number, step: number) => {
      const p = prompts[row]!;
      const own = step >= p.length - 1 && (step < p.length || p.length < length) &&
        step + 1 < length;
      const at = p.slice(0, step + 1).map((token, t) => `${token}@${positions[t * rows + row]}`);
      return own || step >= p.length ? `row ${row}` : at.join(" ");
    };
    order.forEach((row, place) => {
      if (place === 0) return assert.equal(shared[place], 0);
      const before = order[place - 1]!;
      let steps = 0;
      while (steps < length && fed(row, steps) === fed(before, steps)) steps++;
      assert.equal(shared[place], steps, JSON.stringify({ prompts, row, before }));
    });
    // Neighbours share more than any two rows further apart: a shared start is computed once.
    const nodes = (all: readonly number[], step: number) =>
      new Set(all.map((r) => fed(r, step))).size;
    for (let step = 0; step < length; step++) {
      const computed = shared.filter((n, place) => place === 0 || n <= step).length;
      assert.equal(computed, nodes([...order], step), JSON.stringify({ prompts, step }));
    }
  }
});
