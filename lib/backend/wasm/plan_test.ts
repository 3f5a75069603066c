import assert from "node:assert/strict";
import { RandomStream } from "../../numeric/random.ts";
import { type Buffer, type Instruction, Tape } from "../../tensor/tape.ts";
import { lower } from "./lower.ts";
import { makePlan } from "./plan.ts";
import { checkPlan, NOWHERE } from "./testing.ts";

/** A program of random products, gains and copies over random earlier results. */
function randomTape(seed: number): Tape {
  const random = new RandomStream({ seed, purpose: "tape" });
  const tape = new Tape(1 + random.integer(4), 4 * (1 + random.integer(5)), true);
  const width = () => 16 * (1 + random.integer(6));
  const results: Buffer[] = [];
  const fresh = (cols: number) => {
    const b = tape.activation(`result ${results.length}`, cols);
    results.push(b);
    return b;
  };
  tape.emit({
    op: "embedding_forward",
    x: fresh(width()),
    w: tape.parameter({ name: "w", rows: 5, cols: 16, init: 1, decay: true }),
    tokens: tape.batch("tokens"),
  });
  const instructions = 5 + random.integer(60);
  while (tape.instructions.length < instructions) {
    // Mostly young results, now and then an old one: short lives and long ones.
    const pick = () =>
      results[random.integer(3) > 0 ? results.length - 1 : random.integer(results.length)]!;
    const a = pick();
    switch (random.integer(5)) {
      case 0:
        tape.emit({ op: "gelu_forward", y: fresh(a.cols), u: a });
        break;
      case 1: {
        const g = tape.parameter({
          name: `g${a.cols}`,
          rows: 1,
          cols: a.cols,
          init: "ones",
          decay: false,
        });
        tape.emit({
          op: "rmsnorm_forward",
          y: fresh(a.cols),
          rstd: tape.scratch("rstd", tape.rows),
          x: a,
          g,
          eps: 1,
        });
        break;
      }
      case 2: {
        const cache = tape.cache(`cache ${random.integer(3)}`, 1000);
        tape.emit({
          op: "attention_decode",
          o: fresh(a.cols),
          cache,
          qkv: a,
          scratch: tape.scratch("s", 7),
          rows: tape.rows,
          capacity: 4,
          heads: 1,
          headDim: 16,
        });
        break;
      }
      default: {
        const c = fresh(width()), same = results.filter((b) => b.cols === c.cols && b !== c);
        const init = random.integer(2) === 0 ? random.choice([undefined, ...same]) : undefined;
        tape.emit({ op: "gemm_nn", c, a, b: pick(), init });
      }
    }
  }
  return tape;
}

Deno.test("no two buffers that are in use at the same time overlap, in random programs", () => {
  let saved = 0;
  for (let seed = 0; seed < 200; seed++) {
    const { planned, sum, peak } = checkPlan(randomTape(seed));
    assert.ok(
      planned >= peak && planned <= sum,
      `seed ${seed}: ${planned} of ${sum}, at least ${peak}`,
    );
    saved += sum - planned;
  }
  assert.ok(saved > 0, "no memory is ever used again");
});

Deno.test("memory of a dead buffer is used again", () => {
  const tape = new Tape(4, 16, true),
    chain = (n: number) => {
      let x = tape.activation("x", 64);
      for (let i = 0; i < n; i++) {
        const y = tape.activation("y", 64);
        tape.emit({ op: "gelu_forward", y, u: x });
        x = y;
      }
    };
  chain(50);
  const { planned, sum } = checkPlan(tape);
  assert.equal(planned, sum / 51 * 2);
});

Deno.test("arguments: where each buffer and number of an instruction goes", () => {
  const tape = new Tape(4, 8, false);
  const w = tape.parameter({ name: "w", rows: 5, cols: 30, init: 1, decay: true });
  const x = tape.activation("x", w.cols);
  tape.emit({ op: "embedding_forward", x, w, tokens: tape.batch("tokens") });
  tape.emit({
    op: "sample",
    next: tape.batch("next"),
    x,
    forced: tape.batch("forced"),
    rowIds: tape.batch("rowIds"),
    scratch: tape.scratch("scratch", 4),
    classes: 30,
  });
  const { calls } = makePlan(tape, {
    ...NOWHERE,
    parameter: () => 640,
    batch: (label) => ({
      address: label.length * 1000,
      ...(label === "rowIds" ? { perChunk: 256 } : {}),
    }),
  });
  const constant = (value: number, perChunk = 0) => ({
    base: "constant",
    value,
    perChunk,
    perStep: 0,
  });
  const lane = (value: number) => ({ base: "lane", value, perChunk: 0, perStep: 0 });
  const scalar = (value: string) => ({ base: "scalar", value, perChunk: 0, perStep: 0 });
  assert.deepEqual(calls[0], {
    kernel: "embedding_forward",
    // Panels of 32 rows and 5 rows, each padded by one.
    args: [
      lane(0),
      constant(33 * 64),
      constant(640),
      constant(6 * 64),
      constant(6000, 128),
      constant(32),
      constant(32),
    ],
  });
  const [step] = calls[1]!.args.slice(9, 10);
  assert.deepEqual(calls[1]!.args.slice(0, 2), [constant(4000, 128), lane(0)]);
  assert.deepEqual(calls[1]!.args[4], constant(6000, 256));
  assert.deepEqual(step, { base: "step", value: 0, perChunk: 0, perStep: 1 });
  assert.deepEqual(calls[1]!.args.slice(8, 9), [scalar("inverseTemperature")]);
});

Deno.test("plans for fewer rows find the caches of those for more in the same place", () => {
  const plan = (rows: number, cacheRows?: number) => {
    const tape = new Tape(rows, 1, false);
    const x = tape.activation("x", 16);
    for (const label of ["first", "second"]) {
      const scratch = tape.scratch("s", 4), cache = tape.cache(label, 32);
      const shape = { rows, capacity: 1, heads: 1, headDim: 16 } as const;
      tape.emit({ op: "attention_decode", o: x, cache, qkv: x, scratch, ...shape });
    }
    return makePlan(tape, NOWHERE, cacheRows);
  };
  const caches = [{ offset: 0, rowBytes: 128 }, { offset: 8 * 128, rowBytes: 128 }];
  assert.deepEqual(plan(8).caches, caches);
  assert.deepEqual(plan(4, 8).caches, caches);
  assert.ok(plan(4, 8).laneBytes > plan(4).laneBytes);
});

Deno.test("an operation without a kernel is refused by name; one that lacks an operand does not compile", () => {
  // @ts-expect-error: there is no such operation.
  assert.throws(() => lower({ op: "fft" }), /the WASM backend has no kernel for fft/);
  const x = new Tape(1, 4, false).activation("x", 16);
  // @ts-expect-error: y is missing.
  const gelu: Instruction = { op: "gelu_forward", u: x };
  // @ts-expect-error: eps is missing.
  const norm: Instruction = { op: "rmsnorm_forward", x, y: x, rstd: x, g: x };
  // @ts-expect-error: the operand is y.
  const misspelt: Instruction = { op: "gelu_forward", Y: x, u: x };
  assert.equal(new Set([gelu.op, norm.op, misspelt.op]).size, 2);
});
