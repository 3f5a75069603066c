/**
 * Whole programs, call by call, each buffer in memory of its own between guard zones and full of NaN before it is
 * written: what operations.ts reserves must be what the kernels use.
 */
import assert from "node:assert/strict";
import { Bench } from "../../kernels/wasm/testing.ts";
import { lower } from "../backend/wasm/lower.ts";
import { RandomStream } from "../numeric/random.ts";
import { type Buffer, elements, type Scalar, Tape } from "../tensor/tape.ts";
import { smallConfig } from "./testing.ts";
import {
  recordDecoding,
  recordForward,
  recordTraining,
  type TransformerConfig,
} from "./transformer.ts";

const bench = await Bench.create();

const CONFIGS: TransformerConfig[] = [
  smallConfig(),
  smallConfig({
    dModel: 96,
    headDim: 48,
    rotaryDim: 32,
    layers: 1,
    mlpRatio: 1,
    valueHead: { loss: "soft_cross_entropy", outputs: 19 },
  }),
  smallConfig({
    dModel: 64,
    headDim: 32,
    languageHead: false,
    valueHead: { loss: "squared_error", outputs: 1 },
  }),
  smallConfig({
    mixer: "gru",
    loops: 2,
    languageHead: false,
    valueHead: { loss: "squared_error", outputs: 1 },
  }),
  smallConfig({ layers: 1, loops: 2 }),
];

const SCALARS: Record<Exclude<Scalar, "step">, number> = {
  lossScale: 0.1,
  valueLossScale: 0.1,
  inverseTemperature: 1,
  seed: 1,
  purpose: 2,
};

/** Allocates what a tape names: inputs filled, outputs and working memory left unwritten. */
function allocate(tape: Tape, c: TransformerConfig): Map<Buffer, number> {
  bench.reset();
  const random = new RandomStream({ seed: 1, purpose: "operands" });
  const integers: Record<string, number> = {
    tokens: c.vocabularySize,
    targets: c.vocabularySize,
    positions: c.maxPosition,
    rowIds: 1000,
  };
  return new Map(tape.buffers.map((b) => {
    const size = b.space === "collected" ? tape.rows * b.cols : elements(b);
    const list = (make: () => number) => Array.from({ length: size }, make);
    const bound = integers[b.label];
    if (b.space === "batch" && bound !== undefined) {
      return [
        b,
        bench.integers(list(() => random.integer(bound))),
      ];
    }
    if (b.label.endsWith(" slots")) {
      return [
        b,
        bench.integers(Array.from({ length: size }, (_, i) => i)),
      ];
    }
    if (b.label === "forced") return [b, bench.integers(new Int32Array(size).fill(-1))];
    if (b.space === "gradient") return [b, bench.floats(new Float32Array(size))];
    const isInput = b.space === "parameter" || b.space === "transposed" || b.space === "constant" ||
      ["weights", "valueTargets", "valueWeights"].includes(b.label);
    return [b, bench.floats(isInput ? list(() => 0.2 + 0.1 * random.normal()) : size)];
  }));
}

function run(tape: Tape, at: ReadonlyMap<Buffer, number>, step = 0): void {
  for (const [i, instruction] of tape.instructions.entries()) {
    const { kernel, args } = lower(instruction);
    bench.kernels[kernel]!(...args.map((a) => {
      if (typeof a === "object") return at.get(a)!;
      return a === undefined ? 0 : a === "step" ? step : typeof a === "string" ? SCALARS[a] : a;
    }));
    bench.check(`instruction ${i}, ${kernel}`);
  }
}

/** Fails where a result is not a finite number: something was read that nothing had written. */
function checkFinite(tape: Tape, at: ReadonlyMap<Buffer, number>): void {
  for (const b of tape.buffers) {
    const isResult = b.space === "gradient" || b.space === "collected" || b.label === "loss" ||
      b.label === "valueLoss";
    if (!isResult) continue;
    const size = b.space === "collected" ? tape.rows * b.cols : elements(b);
    assert.ok(bench.read(at.get(b)!, size).every(Number.isFinite), `${b.space} ${b.label}`);
  }
}

Deno.test("training and forward programs stay inside their operands and read nothing unwritten", () => {
  for (const config of CONFIGS) {
    for (const length of [4, 20, 36]) {
      for (const record of [recordTraining, recordForward]) {
        const tape = new Tape(2, length, record === recordTraining);
        record(tape, config);
        const at = allocate(tape, config);
        run(tape, at);
        checkFinite(tape, at);
      }
    }
  }
});

Deno.test("decoding programs stay inside their operands", () => {
  for (const config of CONFIGS.filter((c) => c.languageHead)) {
    const tape = new Tape(4, 1, false), capacity = 8;
    recordDecoding(tape, config, capacity);
    const at = allocate(tape, config);
    for (let step = 0; step < capacity; step++) {
      run(tape, at, step);
      const next = tape.buffers.find((b) => b.label === "next")!;
      const tokens = bench.readIntegers(at.get(next)!, 4);
      assert.ok(
        tokens.every((t) => t >= 0 && t < config.vocabularySize),
        `step ${step}: ${tokens}`,
      );
    }
  }
});
