import assert from "node:assert/strict";
import { RandomStream } from "../../numeric/random.ts";
import type { Parameter, Tape } from "../../tensor/tape.ts";
import { WasmEngine } from "./engine.ts";

const engine = await WasmEngine.create();

const parameter = (name: string, rows: number, cols: number, decay = true): Parameter => ({
  name,
  rows,
  cols,
  init: 1,
  decay,
});
const normal = (purpose: string, size: number) => {
  const random = new RandomStream({ seed: 1, purpose });
  return Float32Array.from({ length: size }, () => random.normal());
};

Deno.test("tensors of any width come back as they were written, each state on its own", async () => {
  const shapes = [["a", 5, 1], ["b", 3, 16], ["c", 7, 21], ["d", 1, 50]] as const;
  const session = engine.session(
    shapes.map(([name, rows, cols]) => parameter(name, rows, cols)),
    {},
  );
  const values = (state: string, name: string, size: number) => normal(`${state} ${name}`, size);
  for (const state of ["weights", "m", "v"] as const) {
    for (const [name, rows, cols] of shapes) {
      session.write(state, name, values(state, name, rows * cols));
    }
  }
  for (const state of ["weights", "m", "v"] as const) {
    for (const [name, rows, cols] of shapes) {
      assert.deepEqual(
        await session.read(state, name),
        values(state, name, rows * cols),
        `${state} ${name}`,
      );
    }
  }
});

Deno.test("tensors that are not there or have another size are refused by name", () => {
  const session = engine.session([parameter("a", 5, 3)], {});
  assert.throws(() => session.read("weights", "b"), /no parameter "b" in this model/);
  assert.throws(
    () => session.write("weights", "a", new Float32Array(14)),
    /a has 14 values, needs 5 x 3/,
  );
  const order = [parameter("gain", 1, 16, false), parameter("matrix", 4, 16)];
  assert.throws(
    () => engine.session(order, {}),
    /matrix: parameters with weight decay must come first/,
  );
});

const TABLE = parameter("table", 11, 20);

/** Looks tokens up and collects the rows. */
function lookUp(tape: Tape): void {
  const w = tape.parameter(TABLE), x = tape.activation("x", w.cols);
  tape.emit({ op: "embedding_forward", x, w, tokens: tape.batch("tokens") });
  tape.emit({
    op: "gather_rows",
    out: tape.collected("rows", 20),
    x,
    slots: tape.batch("rows slots"),
    width: 20,
  });
}

Deno.test("a forward program collects rows of any number of sequences, and nothing of the padding", async () => {
  const session = engine.session([TABLE], {}), table = normal("table", 11 * 20);
  session.write("weights", "table", table);
  for (const sequences of [1, 4, 5, 18]) {
    const rows = sequences * 8,
      program = session.forward({ sequences, length: 8, slots: rows }, lookUp);
    for (let run = 0; run < 2; run++) {
      const tokens = Int32Array.from({ length: rows }, (_, i) => (i * 7 + run) % 11);
      const slots = Int32Array.from(
        { length: rows },
        (_, i) => i % 3 === run ? Math.floor(i / 3) : -1,
      );
      const used = slots.filter((s) => s >= 0).length;
      const out = (await program.run({ tokens, "rows slots": slots }, used)).rows!;
      const expected = [...tokens].filter((_, i) => slots[i]! >= 0).flatMap((
        t,
      ) => [...table.subarray(20 * t, 20 * t + 20)]);
      assert.deepEqual([...out], expected, `${sequences} sequences, run ${run}`);
    }
  }
});

Deno.test("an absent record is zero, whatever an earlier batch had there", async () => {
  const session = engine.session([TABLE], {}), table = normal("table", 11 * 20);
  session.write("weights", "table", table);
  const program = session.forward({ sequences: 1, length: 4, slots: 1 }, lookUp);
  const slots = Int32Array.of(0, -1, -1, -1);
  const row = async (tokens: Record<string, Int32Array>) =>
    (await program.run({ ...tokens, "rows slots": slots }, 1)).rows;
  assert.deepEqual(await row({ tokens: Int32Array.of(3, 3, 3, 3) }), table.slice(60, 80));
  assert.deepEqual(await row({}), table.slice(0, 20));
});

Deno.test("records that do not fit a program are refused by name", () => {
  const session = engine.session([TABLE], {});
  const program = session.forward({ sequences: 2, length: 4, slots: 3 }, lookUp);
  const slots = new Int32Array(8).fill(-1);
  assert.throws(
    () => program.run({ tokens: new Int32Array(8) }, 4),
    /4 slots are asked for, the program has 3/,
  );
  assert.throws(
    () => program.run({ tokens: new Int32Array(7), "rows slots": slots }, 1),
    /tokens has 7 elements, the program works on 8 rows of 1/,
  );
  assert.throws(
    () => program.run({ tokens: new Int32Array(16) }, 1),
    /tokens has 16 elements/,
  );
  assert.throws(
    () => program.run({ token: new Int32Array(8) }, 1),
    /no use for token: it knows tokens, rows slots/,
  );
});

Deno.test("a generation program refuses more rows or tokens than it has room for", async () => {
  const session = engine.session([TABLE], {});
  const program = session.decoding({ rows: 4, capacity: 6 }, (tape) => {
    const w = tape.parameter(TABLE), x = tape.activation("x", w.cols);
    tape.emit({ op: "embedding_forward", x, w, tokens: tape.batch("tokens") });
    tape.emit({
      op: "sample",
      next: tape.batch("next"),
      x,
      forced: tape.batch("forced"),
      rowIds: tape.batch("rowIds"),
      scratch: tape.scratch("scratch", 4),
      classes: 20,
    });
  });
  // Token k is followed by the largest entry of row k: k + 1.
  session.write(
    "weights",
    "table",
    Float32Array.from({ length: 220 }, (_, i) => i % 20 === Math.floor(i / 20) + 1 ? 1 : 0),
  );
  const options = { temperature: 0, seed: 0, purpose: 0, stop: [9] };
  const run = async (rows: number, length: number, elements = rows * length) => {
    const forced = new Int32Array(elements).fill(-1);
    for (let row = 0; row < rows; row++) forced[row] = 2 * row + 1;
    return [...await program.run(forced, new Int32Array(elements), new Int32Array(rows), options)];
  };
  assert.deepEqual(
    await run(4, 5),
    [[1, 3, 5, 7], [2, 4, 6, 8], [3, 5, 7, 9], [4, 6, 8, -1], [5, 7, 9, -1]].flat(),
  );
  assert.deepEqual(await run(1, 6), [1, 2, 3, 4, 5, 6]);
  await assert.rejects(run(5, 3), /\(3, 5\) tokens do not fit a program for \(6, 4\)/);
  await assert.rejects(run(1, 7), /\(7, 1\) tokens do not fit/);
  await assert.rejects(run(2, 3, 5), /\(2.5, 2\) tokens do not fit/);
});
