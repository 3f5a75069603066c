/**
 * Where the time of a program goes: runs its kernel calls in order, as a lane does, with a clock around each.
 */
import { CHUNK, SHARDS } from "../backend/wasm/control.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { type Argument, bytesOf, makePlan } from "../backend/wasm/plan.ts";
import { recordDecoding, recordTraining, type TransformerConfig } from "../nn/transformer.ts";
import { RandomStream } from "../numeric/random.ts";
import { type Buffer, elements, type Instruction, Tape } from "../tensor/tape.ts";

/** The calls of one kernel on one shape. */
export interface KernelTiming {
  readonly kernel: string;
  readonly shape: string;
  /** Calls in the program. */
  readonly calls: number;
  /** Median of one call. */
  readonly microseconds: number;
  /** Floating-point operations, for products and attention; else bytes that must be read and written, of one call. */
  readonly flops?: number;
  readonly bytes?: number;
}

/** A kernel call with what is known of its size. */
interface Step {
  readonly kernel: string;
  readonly shape: string;
  readonly args: readonly Argument[];
  readonly flops?: number;
  readonly bytes?: number;
}

/** How often a kernel must touch its operands: reads and writes. */
const TRAFFIC: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  embedding_forward: { x: 2 },
  embedding_backward: { dx: 3 },
  rmsnorm_forward: { x: 1, y: 1 },
  rmsnorm_backward: { x: 1, dy: 1, dx: 1, init: 1 },
  gelu_forward: { u: 2, y: 1 },
  gelu_backward: { dy: 2, slope: 1 },
  rope: { x: 4 / 3 },
  cross_entropy: { x: 2 },
  sample: { x: 1 },
};

function describe({ op, buffers, numbers }: Instruction): Omit<Step, "args"> {
  const b = (name: string) => buffers[name]!;
  const shape = (...sizes: unknown[]) => sizes.join(" x ");
  if (op === "gemm_nn") {
    const { rows, cols } = b("c"), k = b("a").cols;
    return { kernel: op, shape: shape(rows, k, cols), flops: 2 * rows * k * cols };
  }
  if (op === "gemm_tn") {
    const { rows, cols } = b("a"), n = b("b").cols;
    return { kernel: op, shape: shape(cols, rows, n), flops: 2 * rows * cols * n };
  }
  if (op === "attention_decode") {
    const { rows, capacity, heads, headDim } = numbers;
    return { kernel: op, shape: shape(rows, heads, capacity, headDim) };
  }
  if (op.startsWith("attention")) {
    const [s, l, h, d] = ["sequences", "length", "heads", "headDim"].map((n) =>
      numbers[n] as number
    );
    // Two products forward and five backward, each over the causal blocks of 16 queries.
    const pairs = s! * h! * l! * (l! + 16) / 2;
    const products = op === "attention_forward" ? 2 : 5;
    return { kernel: op, shape: shape(s, h, l, d), flops: 2 * products * pairs * d! };
  }
  const traffic = Object.entries(TRAFFIC[op] ?? {});
  const bytes = traffic.reduce((sum, [name, times]) => {
    const x = buffers[name];
    return sum + (x ? x.rows * x.cols * 4 * times : 0);
  }, 0);
  const first = Object.values(buffers).find((x) => x?.layout === "panel")!;
  return { kernel: op, shape: shape(first.rows, first.cols), ...bytes > 0 && { bytes } };
}

/** Runs the calls `rounds` times in order, then groups by kernel and shape; `calls` is for one program. */
function time(
  engine: WasmEngine,
  steps: readonly Step[],
  { rounds, lane, repeats }: { rounds: number; lane: number; repeats: number },
  index: (round: number) => { chunk: number; step: number },
): KernelTiming[] {
  const samples = steps.map(() => new Float64Array(rounds));
  for (let round = -Math.ceil(rounds / 2); round < rounds; round++) {
    const { chunk, step } = index(Math.max(0, round));
    steps.forEach(({ kernel, args }, i) => {
      const values = args.map(({ base, value, perChunk, perStep }) =>
        (base === "lane" ? lane : 0) + (typeof value === "number" ? value : 0) + chunk * perChunk +
        step * perStep
      );
      const start = performance.now();
      engine.kernels[kernel]!(...values);
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
    microseconds: 1000 * milliseconds.toSorted((a, b) => a - b)[milliseconds.length >> 1]!,
  }));
}

/** Memory for a tape's shared buffers, filled with what keeps activations in a usual range. */
function memoryFor(engine: WasmEngine, tape: Tape, c: TransformerConfig, copies: number) {
  const random = new RandomStream({ seed: 0, purpose: "bench" });
  const at = new Map<string, number>();
  for (const b of tape.buffers) {
    if (b.space === "activation" || b.space === "cache") continue;
    const size = elements(b) * (b.space === "batch" ? copies : 1),
      address = engine.allocate(size * 4);
    at.set(`${b.space} ${b.label}`, address);
    if (b.space === "batch" && b.label !== "weights") {
      const bound = b.label === "positions" ? c.maxPosition : c.vocabularySize;
      engine.i32(address, size).set(
        Int32Array.from({ length: size }, () => b.label === "forced" ? -1 : random.integer(bound)),
      );
    } else {
      const scale = b.rows === 1 || b.space === "batch" ? 0 : 1 / Math.sqrt(c.dModel);
      engine.f32(address, size).set(
        Float32Array.from({ length: size }, () => scale === 0 ? 1 : scale * random.normal()),
      );
    }
  }
  return (space: Buffer["space"]) => (label: string) => at.get(`${space} ${label}`)!;
}

function planned(engine: WasmEngine, tape: Tape, c: TransformerConfig, copies: number) {
  const address = memoryFor(engine, tape, c, copies);
  const plan = makePlan(tape, {
    parameter: address("parameter"),
    gradient: address("gradient"),
    transposed: address("transposed"),
    constant: address("constant"),
    collected: address("collected"),
    batch: (label) => ({ address: address("batch")(label), perStep: 0 }),
  });
  const steps = plan.calls.map(({ args }, i): Step => ({
    ...describe(tape.instructions[i]!),
    // Scalars of a run: what they are does not show in the time.
    args: args.map((a) =>
      typeof a.value === "string" ? { ...a, value: a.value === "lossScale" ? 1e-4 : 0 } : a
    ),
  }));
  return { steps, lane: engine.allocate(plan.laneBytes), address };
}

/** The kernel calls of one training step on `sequences` sequences, on one thread. */
export async function profileTraining(
  c: TransformerConfig,
  { sequences, length, rounds }: { sequences: number; length: number; rounds: number },
): Promise<KernelTiming[]> {
  const engine = await WasmEngine.create();
  const tape = new Tape(CHUNK, length, true), chunks = Math.ceil(sequences / CHUNK);
  recordTraining(tape, c);
  const { steps, lane, address } = planned(engine, tape, c, chunks);
  const argument = (value: number): Argument => ({
    base: "constant",
    value,
    perChunk: 0,
    perStep: 0,
  });
  const step = (kernel: string, shape: string, args: number[], bytes: number): Step => ({
    kernel,
    shape,
    args: args.map(argument),
    bytes,
  });
  const parameters = tape.buffers.filter((b) => b.space === "parameter");
  const transposes = tape.buffers.filter((b) => b.space === "transposed").map((b) => {
    const from = parameters.find((p) => p.label === b.label)!;
    const args = [
      address("transposed")(b.label),
      (b.rows + 1) * 64,
      address("parameter")(b.label),
      (from.rows + 1) * 64,
    ];
    return step(
      "transpose",
      `${from.rows} x ${from.cols}`,
      [...args, from.rows, from.cols],
      2 * bytesOf(b),
    );
  });
  const count = parameters.reduce((sum, p) => sum + elements(p), 0);
  const flat = engine.allocate(SHARDS * count * 4);
  const optimizer = [
    step("reduce_gradients", `${SHARDS} x ${count}`, [flat, count * 4, count], 5 * count * 4),
    step("adamw", `${count}`, [
      ...[flat, flat + count * 4, flat + 2 * count * 4, flat + 3 * count * 4, count],
      ...[1, 1, 0.9, 0.98, 1e-3, 1, 1e-8],
    ], 7 * count * 4),
  ];
  return [
    ...time(
      engine,
      steps,
      { rounds, lane, repeats: chunks },
      (round) => ({ chunk: round % chunks, step: 0 }),
    ),
    ...time(
      engine,
      [...transposes, ...optimizer],
      { rounds, lane, repeats: 1 },
      () => ({ chunk: 0, step: 0 }),
    ),
  ];
}

/** The kernel calls of generating `length` tokens in each of `rows` rows, on one thread. */
export async function profileDecoding(
  c: TransformerConfig,
  { rows, length, rounds }: { rows: number; length: number; rounds: number },
): Promise<KernelTiming[]> {
  const engine = await WasmEngine.create();
  const tape = new Tape(rows, 1, false), steps = length - 1;
  recordDecoding(tape, c, length);
  const program = planned(engine, tape, c, 1);
  return time(
    engine,
    program.steps,
    { ...program, rounds: rounds * steps, repeats: steps },
    (round) => ({
      chunk: 0,
      step: round % steps,
    }),
  );
}
