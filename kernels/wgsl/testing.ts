/**
 * What the tests of the WGSL kernels share: one instruction of the tape, lowered and run on given operands. Test code
 * only. Where the machine has no adapter, `gpuTest` says in the name of the test that it is skipped, and why.
 */
import { STORED_BITS, STORED_BYTES } from "../../lib/backend/stored_bits.ts";
import {
  type Buffer,
  type Instruction,
  padded,
  type WeightStorage,
} from "../../lib/tensor/tape.ts";
import { WebGpuDevice } from "../../lib/backend/webgpu/device.ts";
import type { Dispatch, Float, Operand } from "../../lib/backend/webgpu/dispatch.ts";
import type { GemmTuning } from "../../lib/backend/webgpu/gemm.ts";
import { Lowering } from "../../lib/backend/webgpu/lower.ts";
import { Pool, Program } from "../../lib/backend/webgpu/program.ts";
import type { Constants } from "../../lib/backend/webgpu/source.ts";

/** Rows of `cols` numbers as a device stores frozen weights: rounded, each padded by zeros to a multiple of 16. */
export function packed(
  values: Float32Array,
  cols: number,
  storage: WeightStorage,
): Uint32Array<ArrayBuffer> {
  const rows = values.length / cols, stride = padded(cols);
  const words = new Uint32Array(rows * stride * STORED_BYTES[storage] / 4);
  const out = storage === "float32" ? words : new Uint16Array(words.buffer);
  for (let row = 0; row < rows; row++) {
    out.set(STORED_BITS[storage](values.subarray(row * cols, (row + 1) * cols)), row * stride);
  }
  return words;
}

let device: WebGpuDevice | undefined, reason = "";
try {
  device = await WebGpuDevice.create();
} catch (error) {
  reason = (error as Error).message;
}

// A software adapter's threads that still run while the process ends can take it down with them.
addEventListener("unload", () => device?.close());

/** The device of the tests. */
export function testDevice(): WebGpuDevice {
  if (!device) throw new Error(reason);
  return device;
}

/** A test that needs an adapter. */
export function gpuTest(name: string, run: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({
    name: device ? name : `${name} (skipped: ${reason})`,
    ignore: !device,
    fn: run,
    // The device lives as long as the test file.
    sanitizeResources: false,
    sanitizeOps: false,
  });
}

/** An operand: its shape, and its contents before the run (absent: not written yet). */
export interface TestOperand {
  readonly rows: number;
  readonly cols: number;
  readonly data?: Float32Array | Int32Array | Uint32Array;
  /** Where the tape would keep it; "batch" unless told. */
  readonly space?: Buffer["space"];
  /** Of frozen weights, whose space is "frozen"; they come back as they are stored. */
  readonly storage?: WeightStorage | undefined;
}

/** What a run is given besides operands. */
export interface RunOptions {
  readonly scalars?: ArrayLike<number>;
  readonly sampling?: Uint32Array;
  /** In place of the kernels' own. */
  readonly constants?: Constants;
  readonly step?: number;
  readonly tuning?: GemmTuning;
  /** How matrix products are run, see `Lowering`. */
  readonly products?: "any" | "rows" | "few rows";
  /** Names of the operands that are kept in float16; they come back as float32. */
  readonly half?: readonly string[];
  /** Operands that are one: name -> the name whose memory it has. */
  readonly same?: Readonly<Record<string, string>>;
}

/** Words that no kernel has a reason to touch, behind every operand, and what is in an operand before it is written. */
const UNTOUCHED = 0x7fabcdef;
const GUARD = 64;

/** Runs one instruction; returns all operands as they are afterwards, as float32. */
export async function runInstruction(
  op: Instruction["op"],
  operands: Readonly<Record<string, TestOperand>>,
  numbers: Readonly<Record<string, number | string>> = {},
  options: RunOptions = {},
): Promise<Record<string, Float32Array>> {
  const buffers: Record<string, Buffer> = {};
  Object.entries(operands).forEach(([name, { rows, cols, storage, space = "batch" }], id) => {
    const shape = { rows, cols, layout: "plain" } as const;
    buffers[name] = storage
      ? { id, label: name, space: "frozen", ...shape, storage }
      : { id, label: name, space, ...shape };
  });
  for (const [name, other] of Object.entries(options.same ?? {})) buffers[name] = buffers[other]!;
  const half = new Set(options.half?.map((name) => buffers[name]!));
  const lowering = new Lowering(options.tuning ?? {}, half, options.products);
  // What the WGSL kernels have no use for, a test leaves out.
  lowering.add({ op, ...buffers, ...numbers } as unknown as Instruction);
  const dispatches = lowering.dispatches.map((dispatch) => ({
    ...dispatch,
    constants: { ...dispatch.constants, ...options.constants },
  }));
  return await runDispatches(dispatches, operands, options);
}

/** Runs dispatches on operands found by their labels (or, for special ones, their names). */
export async function runDispatches(
  dispatches: readonly Dispatch[],
  operands: Readonly<Record<string, TestOperand>>,
  { scalars = [1, 1], sampling = new Uint32Array(5), step = 0, half = [] }: RunOptions = {},
): Promise<Record<string, Float32Array>> {
  const gpu = testDevice();
  const { queue } = gpu.device;
  const make = (
    label: string,
    data: ArrayLike<number> & ArrayBufferView | undefined,
    n: number,
  ) => {
    const words = new Uint32Array(n + GUARD).fill(UNTOUCHED);
    if (data) words.set(new Uint32Array(data.buffer, data.byteOffset, data.length));
    const buffer = gpu.buffer(label, words.byteLength);
    queue.writeBuffer(buffer, 0, words);
    return buffer;
  };
  const memory = new Map<string, GPUBuffer>();
  const wordsOf = (name: string, n: number) =>
    half.includes(name) || (operands[name]!.storage ?? "float32") !== "float32" ? n / 2 : n;
  for (const [name, { rows, cols, data, storage }] of Object.entries(operands)) {
    const stored = storage
      ? packed(Float32Array.from(data!), cols, storage)
      : data && half.includes(name)
      ? new Uint32Array(Float16Array.from(data).buffer)
      : data;
    memory.set(name, make(name, stored, wordsOf(name, rows * cols)));
  }
  const special: Record<string, GPUBuffer> = {
    scalars: make("scalars", Float32Array.from(scalars), scalars.length),
    sampling: make("sampling", sampling, sampling.length),
    step: make("step", Uint32Array.of(step), 1),
  };
  const program = new Program(gpu, dispatches, {
    pool: new Pool(gpu),
    resolve: (operand: Operand) => {
      const name = typeof operand === "string" ? operand : operand.label;
      const buffer = memory.get(name) ?? special[name];
      if (!buffer) throw new Error(`the test has no operand ${name}`);
      return { buffer };
    },
  });
  gpu.submit((pass) => program.encode(pass));
  const names = Object.keys(operands);
  const results = await gpu.read(
    names.map((name) => ({ buffer: memory.get(name)!, bytes: memory.get(name)!.size })),
  );
  const out: Record<string, Float32Array> = {};
  names.forEach((name, i) => {
    const { rows, cols } = operands[name]!;
    const n = rows * cols;
    const guard = new Uint32Array(results[i]!, wordsOf(name, n) * 4, GUARD);
    if (guard.some((word) => word !== UNTOUCHED)) {
      throw new Error(`${dispatches[0]!.kernel}: wrote behind ${name}`);
    }
    out[name] = half.includes(name)
      ? Float32Array.from(new Float16Array(results[i]!, 0, n))
      : new Float32Array(results[i]!, 0, wordsOf(name, n));
  });
  for (const buffer of [...memory.values(), ...Object.values(special)]) buffer.destroy();
  return out;
}

/** Fails unless |actual - expected| <= relative * scale everywhere, scale being the largest |expected| of the operand. */
export function assertRelative(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  relative = 2e-5,
): void {
  let scale = 0;
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!));
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} elements, not ${expected.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= relative * Math.max(scale, 1e-30))) {
      throw new Error(
        `${what}: element ${i} of ${actual.length} is ${actual[i]}, not ${
          expected[i]
        } (largest ${scale})`,
      );
    }
  }
}

/** A float among a dispatch's numbers. */
export const float = (f32: number): Float => ({ f32 });
