/**
 * Where the time of a program goes: runs its kernel calls in order, as a lane does, with a clock around each.
 */
import { type KernelTiming, median } from "./bench_report.ts";
import { CHUNK, SHARDS } from "../backend/wasm/control.ts";
import { WasmDevice } from "../backend/wasm/device.ts";
import { bytesOf, makePlan } from "../backend/wasm/plan.ts";
import { recordDecoding, recordTraining, type TransformerConfig } from "../nn/transformer.ts";
import { RandomStream } from "../numeric/random.ts";
import {
  type Buffer,
  elements,
  type Instruction,
  type InstructionOf,
  type Scalar,
  Tape,
} from "../tensor/tape.ts";

/** A kernel call with what is known of its size. */
interface Step {
  readonly kernel: string;
  readonly shape: string;
  readonly args: (chunk: number, step: number) => readonly number[];
  readonly flops?: number;
  readonly bytes?: number;
}

function describe(i: Instruction): Omit<Step, "args"> {
  const shape = (...sizes: number[]) => ({ kernel: i.op, shape: sizes.join(" x ") });
  /** A kernel on the rows of x that reads and writes the whole of x so many times in all. */
  const rows = (x: Buffer, times?: number) => ({
    ...shape(x.rows, x.cols),
    ...times !== undefined && { bytes: x.rows * x.cols * 4 * times },
  });
  const attention = (
    { sequences, length, heads, headDim }: InstructionOf<
      "attention_forward" | "attention_backward"
    >,
    products: number,
  ) => {
    // Over the causal blocks of 16 queries.
    const pairs = sequences * heads * length * (length + 16) / 2;
    return { ...shape(sequences, heads, length, headDim), flops: 2 * products * pairs * headDim };
  };
  switch (i.op) {
    case "gemm_nn": {
      const { rows, cols } = i.c, k = i.a.cols;
      return { ...shape(rows, k, cols), flops: 2 * rows * k * cols };
    }
    case "gemm_tn": {
      const { rows, cols } = i.a, n = i.b.cols;
      return { ...shape(cols, rows, n), flops: 2 * rows * cols * n };
    }
    case "attention_forward":
      return attention(i, 2);
    case "attention_backward":
      return attention(i, 5);
    case "attention_decode":
      return shape(i.rows, i.heads, i.capacity, i.headDim);
    case "embedding_forward":
      return rows(i.x, 2);
    case "embedding_backward":
      return { ...rows(i.dx, 3), ...shape(i.dw.rows, i.dw.cols) };
    case "rmsnorm_forward":
      return rows(i.x, 2);
    case "rmsnorm_backward":
      return rows(i.x, i.init ? 4 : 3);
    case "gelu_forward":
      return rows(i.y, 3);
    case "gelu_backward":
      return rows(i.dy, 3);
    case "gru_forward":
      return rows(i.h);
    case "gru_backward":
      return rows(i.x);
    case "rope":
      return rows(i.x, 4 / 3);
    case "cross_entropy":
      return rows(i.x, 2);
    case "soft_cross_entropy":
    case "squared_error":
    case "gather_rows":
      return rows(i.x);
    case "sample":
      return rows(i.x, 1);
    default:
      throw new Error(`${i.op} is none of a transformer's instructions`);
  }
}

/** Runs the calls `rounds` times in order, then groups by kernel and shape; `calls` is for one program. */
function time(
  device: WasmDevice,
  steps: readonly Step[],
  { rounds, repeats, chunks = 1, decodingSteps = 1 }: {
    rounds: number;
    /** How often the program does the calls. */
    repeats: number;
    chunks?: number;
    decodingSteps?: number;
  },
): KernelTiming[] {
  const samples = steps.map(() => new Float64Array(rounds));
  for (let round = -Math.ceil(rounds / 2); round < rounds; round++) {
    const at = Math.max(0, round);
    steps.forEach(({ kernel, args }, i) => {
      const values = args(at % chunks, at % decodingSteps);
      const start = performance.now();
      device.kernels[kernel]!(...values);
      // The first rounds warm up.
      if (round >= 0) samples[i]![round] = performance.now() - start;
    });
  }
  const groups = new Map<string, { step: Step; calls: number; milliseconds: number[] }>();
  steps.forEach((step, i) => {
    const key = `${step.kernel} ${step.shape}`;
    const group = groups.get(key) ?? { step, calls: 0, milliseconds: [] };
    groups.set(key, group);
    group.calls += repeats;
    group.milliseconds.push(...samples[i]!);
  });
  return [...groups.values()].map(({ step: { args: _, ...step }, calls, milliseconds }) => ({
    ...step,
    calls,
    microseconds: 1000 * median(milliseconds),
  }));
}

/** Memory for a tape's shared buffers, filled with what keeps activations in a usual range. */
function memoryFor(device: WasmDevice, tape: Tape, c: TransformerConfig, copies: number) {
  const random = new RandomStream({ seed: 0, purpose: "bench" });
  const at = new Map<string, number>();
  for (const b of tape.buffers) {
    if (b.space === "activation" || b.space === "cache") continue;
    const size = elements(b) * (b.space === "batch" ? copies : 1),
      address = device.allocate(size * 4);
    at.set(`${b.space} ${b.label}`, address);
    if (b.space === "batch" && b.label !== "weights") {
      const bound = b.label === "positions" ? c.maxPosition : c.vocabularySize;
      device.i32(address, size).set(
        Int32Array.from({ length: size }, () => b.label === "forced" ? -1 : random.integer(bound)),
      );
    } else {
      const scale = b.rows === 1 || b.space === "batch" ? 0 : 1 / Math.sqrt(c.dModel);
      device.f32(address, size).set(
        Float32Array.from({ length: size }, () => scale === 0 ? 1 : scale * random.normal()),
      );
    }
  }
  return (space: Buffer["space"]) => (label: string) => at.get(`${space} ${label}`)!;
}

function planned(device: WasmDevice, tape: Tape, c: TransformerConfig, copies: number) {
  const address = memoryFor(device, tape, c, copies);
  const plan = makePlan(tape, {
    parameter: address("parameter"),
    gradient: address("gradient"),
    transposed: address("transposed"),
    constant: address("constant"),
    frozen: address("frozen"),
    collected: address("collected"),
    batch: (label) => ({ address: address("batch")(label), perStep: 0 }),
  });
  const lane = device.allocate(plan.laneBytes);
  // Scalars of a run: what they are does not show in the time.
  const known = (value: number | Scalar) =>
    typeof value === "number" ? value : value === "lossScale" ? 1e-4 : 0;
  const steps = plan.calls.map(({ args }, i): Step => ({
    ...describe(tape.instructions[i]!),
    args: (chunk, step) =>
      args.map(({ base, value, perChunk, perStep }) =>
        (base === "lane" ? lane : 0) + known(value) + chunk * perChunk + step * perStep
      ),
  }));
  return { steps, address };
}

/** The kernel calls of one training step on `sequences` sequences, on one thread. */
export async function profileTraining(
  c: TransformerConfig,
  { sequences, length, rounds }: { sequences: number; length: number; rounds: number },
): Promise<KernelTiming[]> {
  const device = await WasmDevice.create(1);
  const tape = new Tape(CHUNK, length, true), chunks = Math.ceil(sequences / CHUNK);
  recordTraining(tape, c);
  const { steps, address } = planned(device, tape, c, chunks);
  const parameters = tape.buffers.filter((b) => b.space === "parameter");
  const transposes = tape.buffers.filter((b) => b.space === "transposed").map((b): Step => {
    const { rows, cols } = parameters.find((p) => p.label === b.label)!;
    const to = [address("transposed")(b.label), (b.rows + 1) * 64];
    const from = [address("parameter")(b.label), (rows + 1) * 64];
    const args = [...to, ...from, rows, cols];
    const shape = `${rows} x ${cols}`, bytes = 2 * bytesOf(b);
    return { kernel: "transpose", shape, args: () => args, bytes };
  });
  const count = parameters.reduce((sum, p) => sum + elements(p), 0), bytes = count * 4;
  const flat = device.allocate(SHARDS * bytes);
  const optimizer: Step[] = [{
    kernel: "reduce_gradients",
    shape: `${SHARDS} x ${count}`,
    args: () => [flat, bytes, count],
    bytes: 5 * bytes,
  }, {
    kernel: "adamw",
    shape: `${count}`,
    args: () => [
      ...[flat, flat + bytes, flat + 2 * bytes, flat + 3 * bytes, count],
      ...[1, 1, 0.9, 0.98, 1e-3, 1, 1e-8],
    ],
    bytes: 7 * bytes,
  }];
  return [
    ...time(device, steps, { rounds, repeats: chunks, chunks }),
    ...time(device, [...transposes, ...optimizer], { rounds, repeats: 1 }),
  ];
}

/** The kernel calls of generating `length` tokens in each of `rows` rows, on one thread. */
export async function profileDecoding(
  c: TransformerConfig,
  { rows, length, rounds }: { rows: number; length: number; rounds: number },
): Promise<KernelTiming[]> {
  const device = await WasmDevice.create(1);
  const tape = new Tape(rows, 1, false), steps = length - 1;
  recordDecoding(tape, c, length);
  const program = planned(device, tape, c, 1);
  return time(device, program.steps, {
    rounds: rounds * steps,
    repeats: steps,
    decodingSteps: steps,
  });
}
