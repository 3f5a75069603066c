/**
 * The WebGPU half of `bench`: single kernels by the adapter's own clock, training steps by size, and what dispatching
 * costs. Also runs as a script of its own, for a bare machine: no network, no npm package, nothing but Deno and the
 * checkout.
 *
 *     deno run --no-config --no-lock --no-remote --no-npm --no-prompt --allow-read=. --allow-write=.cache \
 *       lib/cli/bench_webgpu.ts [--tiny]
 */
import { GpuTimer, variantsFor } from "../backend/webgpu/autotune.ts";
import { WebGpuEngine } from "../backend/webgpu/engine.ts";
import { gemmKind, type GemmShape, planVariant } from "../backend/webgpu/gemm.ts";
import type { Dispatch, Operand } from "../backend/webgpu/dispatch.ts";
import { Lowering } from "../backend/webgpu/lower.ts";
import { Pool, Program } from "../backend/webgpu/program.ts";
import { parameterCount, trainingFlops } from "../nn/flops.ts";
import { Model } from "../nn/model.ts";
import { adamW } from "../nn/optimizer.ts";
import { recordTraining, type TransformerConfig } from "../nn/transformer.ts";
import { type Buffer, Tape } from "../tensor/tape.ts";
import { markdownTable, median } from "./bench_report.ts";

/** A training size: about 1, 10 and 100 million parameters, and a tiny one for software adapters. */
interface Size {
  readonly name: string;
  readonly d: number;
  readonly layers: number;
  readonly headDim: number;
  readonly sequences: number;
  readonly length: number;
}

const SIZES: readonly Size[] = [
  { name: "1M", d: 128, layers: 5, headDim: 16, sequences: 128, length: 64 },
  { name: "10M", d: 384, layers: 6, headDim: 64, sequences: 64, length: 128 },
  { name: "100M", d: 768, layers: 14, headDim: 64, sequences: 32, length: 256 },
];
const TINY: readonly Size[] = [
  { name: "tiny", d: 32, layers: 2, headDim: 16, sequences: 4, length: 16 },
];

function configOf({ d, layers, headDim, length }: Size): TransformerConfig {
  return {
    vocabularySize: 192,
    dModel: d,
    layers,
    headDim,
    rotaryDim: headDim,
    ropeBase: 1000,
    maxPosition: length,
    mlpRatio: 4,
    languageHead: true,
  };
}

/** The whole report, as Markdown. `tiny` takes sizes that a software adapter can do in seconds. */
export async function benchWebGpu(
  { tiny = false, say = () => {} }: { tiny?: boolean; say?: (line: string) => void } = {},
): Promise<string> {
  const engine = await WebGpuEngine.create();
  try {
    const small = tiny || engine.adapter.software;
    const sizes = small ? TINY : SIZES;
    const { vendor, architecture, description, software } = engine.adapter;
    const lines = [
      "# WebGPU benchmark\n",
      `- Adapter: ${[description, vendor, architecture].filter(Boolean).join(", ")}` +
      (software ? " (software: tiny sizes, no figure means anything)" : ""),
      `- Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`,
      `- Chosen matrix products: ${JSON.stringify(engine.tuning)}`,
    ];
    if (engine.device.device.features.has("timestamp-query")) {
      say("matrix products");
      lines.push("\n## Matrix products (float32)\n", await products(engine, small));
      for (const size of sizes) {
        say(`kernels: ${size.name}`);
        lines.push(`\n## Kernels of a training step: ${size.name}\n`, await kernels(engine, size));
      }
    } else lines.push("\nThis adapter has no timestamps: single kernels are not measured.");
    lines.push("\n## Training steps\n", await steps(engine, sizes, say, small));
    return lines.join("\n");
  } finally {
    engine.close();
  }
}

const digits = (x: number) => x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toPrecision(3);

/** Every variant on square products, the largest 4096^3. */
async function products(engine: WebGpuEngine, small: boolean): Promise<string> {
  const { device } = engine, timer = new GpuTimer(device);
  const rows: string[][] = [];
  for (const n of small ? [64, 128] : [512, 1024, 2048, 4096]) {
    const a = device.buffer("a", 4 * n * n), b = device.buffer("b", 4 * n * n);
    for (
      const [transposeA, transposeB] of [[false, false], [false, true], [true, false]] as const
    ) {
      const shape: GemmShape = { m: n, n, k: n, transposeA, transposeB };
      for (const variant of variantsFor(device)) {
        const { constants, groups, kSplit, splits } = planVariant(shape, variant);
        const c = device.buffer("c", 4 * n * n * splits);
        const operands = { a: "weights", b: "m", start: "weights", c: "gradient" } as const;
        const program = new Program(
          device,
          [{ kernel: "gemm", constants, groups, dims: [n, n, n, kSplit], operands }],
          {
            sizes: new Map(),
            pool: new Pool(device),
            resolve: (x) => ({ buffer: x === "weights" ? a : x === "m" ? b : c }),
          },
        );
        const flops = 2 * n ** 3;
        await timer.time(program, small ? 1 : 3);
        const repeats = small ? 1 : Math.max(3, Math.min(200, Math.round(2e11 / flops)));
        const times: number[] = [];
        for (let i = 0; i < 5; i++) times.push(await timer.time(program, repeats) / repeats);
        const time = median(times);
        rows.push([
          `${gemmKind(shape)} ${n}^3`,
          variant.name,
          String(splits),
          digits(time / 1e3),
          digits(flops / time),
        ]);
        c.destroy();
      }
    }
    a.destroy();
    b.destroy();
  }
  timer.close();
  return markdownTable(["product", "tile", "splits of k", "us", "GFLOPS"], rows);
}

/** Bytes that a dispatch's operands hold: what must be read or written once. */
function bytesOf(dispatch: Dispatch, sizes: Lowering["sizes"]): number {
  const bytes = (operand: Operand) => {
    if (typeof operand === "string") return 0;
    if (operand.space === "temporary") return 4 * operand.elements;
    return 4 * (sizes.get(operand) ?? operand.rows * operand.cols);
  };
  return [...new Set(Object.values(dispatch.operands))].reduce((sum, x) => sum + bytes(x), 0);
}

/** Contents of the records whose values decide how much a kernel does: every row counts, tokens come equally often. */
function standIn({ label, rows, cols }: Buffer, { sequences, length }: Size) {
  const n = rows * cols;
  switch (label) {
    case "weights":
      return new Float32Array(n).fill(1);
    case "tokens order":
      return Uint32Array.from({ length: n }, (_, i) => i);
    case "tokens starts":
      return Uint32Array.from(
        { length: n },
        (_, t) => Math.floor(t * sequences * length / (n - 1)),
      );
    default:
      return undefined;
  }
}

/** Each dispatch of a training step alone, summed by kernel. */
async function kernels(engine: WebGpuEngine, size: Size): Promise<string> {
  const { device } = engine, timer = new GpuTimer(device);
  const tape = new Tape(size.sequences, size.length, true);
  recordTraining(tape, configOf(size));
  const lowering = new Lowering(engine.tuning);
  for (const instruction of tape.instructions) lowering.add(instruction);
  const memory = new Map<string, GPUBuffer>();
  const pool = new Pool(device);
  const totals = new Map<string, { count: number; time: number; flops: number; bytes: number }>();
  const seen = new Map<string, number>();
  for (const dispatch of lowering.dispatches) {
    const { kernel, dims, constants, groups } = dispatch;
    const key = JSON.stringify([kernel, dims, constants, groups]);
    let time = seen.get(key);
    if (time === undefined) {
      const program = new Program(device, [dispatch], {
        sizes: lowering.sizes,
        pool,
        resolve: (operand) => {
          const name = typeof operand === "string" ? operand : operand.label + operand.space;
          const needed = typeof operand === "string" ? 256 : 4 * operand.rows * operand.cols;
          let buffer = memory.get(name);
          if (!buffer || buffer.size < needed) {
            memory.set(name, buffer = device.buffer(name, needed));
            const data = typeof operand === "string" ? undefined : standIn(operand, size);
            if (data) device.device.queue.writeBuffer(buffer, 0, data);
          }
          return { buffer };
        },
      });
      await timer.time(program, 1);
      const times = [];
      for (let i = 0; i < 3; i++) times.push(await timer.time(program, 5) / 5);
      seen.set(key, time = median(times));
    }
    const total = totals.get(kernel) ?? { count: 0, time: 0, flops: 0, bytes: 0 };
    total.count++;
    total.time += time;
    total.bytes += bytesOf(dispatch, lowering.sizes);
    if (kernel === "gemm") {
      total.flops += 2 * dims.slice(0, 3).reduce<number>((p, x) => p * Number(x), 1);
    }
    totals.set(kernel, total);
  }
  for (const buffer of memory.values()) buffer.destroy();
  timer.close();
  const all = [...totals.values()].reduce((sum, t) => sum + t.time, 0);
  const rows = [...totals].sort((x, y) => y[1].time - x[1].time).map(([name, t]) => [
    name,
    String(t.count),
    digits(t.time / 1e3),
    `${(100 * t.time / all).toFixed(1)}%`,
    t.flops > 0 ? digits(t.flops / t.time) : "",
    digits(t.bytes / t.time),
  ]);
  return markdownTable(["kernel", "dispatches", "us", "share", "GFLOPS", "GB/s"], rows);
}

/** Whole training steps, many asked for before one is awaited. */
async function steps(
  engine: WebGpuEngine,
  sizes: readonly Size[],
  say: (line: string) => void,
  small: boolean,
): Promise<string> {
  const rows: string[][] = [];
  for (const size of sizes) {
    say(`training: ${size.name}`);
    const config = configOf(size), model = new Model(engine, config).initialize(0);
    const n = size.sequences * size.length, vocabulary = config.vocabularySize;
    const batch = {
      tokens: Int32Array.from({ length: n }, (_, i) => (i * 7 + (i >> 5)) % vocabulary),
      targets: Int32Array.from({ length: n }, (_, i) => (i * 7 + (i >> 5) + 7) % vocabulary),
      positions: Int32Array.from({ length: n }, (_, i) => i % size.length),
      weights: new Float32Array(n).fill(1),
    };
    const optimizer = adamW(1e-4, 1e6);
    const run = async (count: number) => {
      const start = performance.now();
      const reports = Array.from(
        { length: count },
        () => model.trainPacked(batch, size.sequences, size.length, optimizer),
      );
      const encoded = performance.now();
      await Promise.all(reports);
      return {
        whole: (performance.now() - start) / count,
        encoding: (encoded - start) / count,
      };
    };
    const count = small ? 3 : 50;
    await run(count);
    const runs = [];
    for (let i = 0; i < (small ? 2 : 5); i++) runs.push(await run(count));
    const whole = median(runs.map((r) => r.whole)), encoding = median(runs.map((r) => r.encoding));
    rows.push([
      size.name,
      String(parameterCount(config)),
      String(n),
      digits(whole),
      digits(n / whole * 1e3),
      digits(trainingFlops(config, size.sequences, size.length) / whole / 1e6),
      `${(100 * encoding / whole).toFixed(1)}%`,
    ]);
  }
  const head = [
    "size",
    "parameters",
    "tokens",
    "ms",
    "tokens/s",
    "GFLOPS",
    "CPU share: dispatching",
  ];
  return markdownTable(head, rows);
}

if (import.meta.main) {
  const say = (line: string) => console.error(line);
  console.log(await benchWebGpu({ tiny: Deno.args.includes("--tiny"), say }));
}
