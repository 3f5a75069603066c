/**
 * The WebGPU half of `bench`: single kernels by the adapter's own clock, training steps by size, and what dispatching
 * costs; on request against PyTorch on the same card. Also runs as a script of its own, for a bare machine: no network,
 * no npm package, nothing but Deno, the checkout, and for the peer a Python that has torch.
 *
 *     deno run --no-config --no-lock --no-remote --no-npm --no-prompt --import-map=lib/bench/bare_imports.json \
 *       --allow-read=. --allow-write=.cache --allow-run lib/bench/bench_webgpu.ts --peer torch [--python PATH] [--peak-gflops N] [--tiny]
 */
import { parseArgs } from "node:util";
import { gemmProgram, GpuTimer, variantsFor } from "../backend/webgpu/autotune.ts";
import { WebGpuEngine } from "../backend/webgpu/engine.ts";
import {
  gemmKind,
  type GemmPlan,
  type GemmShape,
  planGemm,
  planVariant,
} from "../backend/webgpu/gemm.ts";
import type { WebGpuDevice } from "../backend/webgpu/device.ts";
import type { Dispatch, Operand, RowsOf } from "../backend/webgpu/dispatch.ts";
import { Lowering } from "../backend/webgpu/lower.ts";
import { Pool, Program } from "../backend/webgpu/program.ts";
import { parameterCount, trainingFlops } from "../nn/flops.ts";
import { Model } from "../nn/model.ts";
import { recordTraining } from "../nn/transformer.ts";
import { type Buffer, Tape } from "../tensor/tape.ts";
import { UsageError } from "../errors.ts";
import { findTorch } from "./bench_process.ts";
import { markdownTable, median } from "./bench_report.ts";
import { languageModels } from "./bench_webgpu_language.ts";
import { PeerTurns, type TorchPeer } from "./bench_webgpu_peer.ts";
import {
  digits,
  parsePeer,
  peerUnfit,
  type WebGpuComparison,
  type WebGpuSetting,
  webGpuTable,
} from "./bench_webgpu_targets.ts";
import { benchConfig, type BenchWork, trainingStep } from "./bench_worker.ts";

/** A training step of some size. */
interface Size extends BenchWork {
  readonly name: string;
}

function sizeOf(
  name: string,
  [d, layers, headDim]: readonly [number, number, number],
  [sequences, length]: readonly [number, number],
): Size {
  const vocabulary = 192, mlpRatio = 4, prompt = 0, threads = navigator.hardwareConcurrency;
  const shape = { d, layers, headDim, sequences, length, vocabulary, mlpRatio };
  return { name, work: "training", threads, prompt, ...shape };
}

/** About 1, 10 and 100 million parameters. */
const SIZES = [
  sizeOf("1M", [128, 5, 16], [128, 64]),
  sizeOf("10M", [384, 6, 64], [64, 128]),
  sizeOf("100M", [768, 14, 64], [32, 256]),
];
/** For software adapters. */
const TINY = [sizeOf("tiny", [32, 2, 16], [4, 16])];

/** Options of `benchWebGpu`. */
export interface WebGpuBenchOptions {
  /** Sizes that a software adapter can do in seconds. */
  readonly tiny?: boolean;
  /** Gets a line now and then: what is being done. */
  readonly say?: (line: string) => void;
  /** Measures PyTorch too, by this Python; "" for that of `.venv`, where PyTorch is installed if need be. */
  readonly python?: string;
  /** The card's float32 rate, if known. */
  readonly peakGflops?: number | undefined;
}

/** The whole report, as Markdown. If it fails midway, what there is of it goes to `say`. */
export async function benchWebGpu(
  { tiny = false, say = () => {}, python, peakGflops }: WebGpuBenchOptions = {},
): Promise<string> {
  let peer: TorchPeer | undefined;
  if (python !== undefined) {
    const found = await findTorch(python, "gpu", say);
    peer = { python: found.python, ...parsePeer(found.answer) };
  }
  const engine = await WebGpuEngine.create();
  const lines: string[] = [];
  try {
    const small = tiny || engine.adapter.software;
    const sizes = small ? TINY : SIZES;
    const { vendor, architecture, description, software } = engine.adapter;
    const setting: WebGpuSetting = {
      peakGflops,
      adapterUnfit: software ? "software adapter" : undefined,
      peerUnfit: peer && peerUnfit(peer, description),
    };
    lines.push(
      "# WebGPU benchmark\n",
      `- Adapter: ${[description, vendor, architecture].filter(Boolean).join(", ")}` +
        (software ? " (software: tiny sizes, no figure means anything)" : ""),
      `- Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`,
      `- Chosen matrix products: ${JSON.stringify(engine.tuning)}`,
      ...peer ? [describePeer(peer, setting)] : [],
    );
    const comparisons: WebGpuComparison[] = [];
    if (engine.device.device.features.has("timestamp-query")) {
      comparisons.push(...await compareProducts(engine, peer, say, small));
    }
    const training = await steps(engine, sizes, peer, say, small);
    comparisons.push(...training.comparisons);
    lines.push("\n## Targets\n", webGpuTable(comparisons, setting), `\n${NOTES}`);
    lines.push("\n## Training steps\n", training.table);
    const pretrained = await languageModels(engine, small, say);
    lines.push(
      "\n## Pretrained models' shapes (random weights in bfloat16, LoRA of rank 16, checkpointing)\n",
      pretrained,
    );
    if (engine.device.device.features.has("timestamp-query")) {
      say("matrix products");
      lines.push("\n## Matrix products (float32)\n", await products(engine, small));
      for (const size of sizes) {
        say(`kernels: ${size.name}`);
        lines.push(`\n## Kernels of a training step: ${size.name}\n`, await kernels(engine, size));
      }
    } else lines.push("\nThis adapter has no timestamps: single kernels are not measured.");
    return lines.join("\n");
  } catch (error) {
    say(lines.join("\n"));
    throw error;
  } finally {
    engine.close();
  }
}

const NOTES =
  "Medians. Ratio: our time over PyTorch's; the two take turns. Our products are timed by the " +
  "adapter's clock, all else by the host's, many in a row before one wait.";

function describePeer({ version, kind, device }: TorchPeer, { peerUnfit }: WebGpuSetting): string {
  const line = `- Peer: PyTorch ${version}, eager, float32 (TF32 off), on ${device}`;
  if (kind === "cpu") {
    return `${line}: **the peer is a CPU**, the ratios say nothing of a card; --python with a PyTorch for the card`;
  }
  return peerUnfit === undefined ? line : `${line}: **${peerUnfit}** than the adapter`;
}

/** The square products of a size: forward, backward to inputs, backward to weights. */
function squareProducts(n: number): GemmShape[] {
  return [[false, false], [false, true], [true, false]].map(([transposeA, transposeB]) => ({
    ...{ m: n, n, k: n, transposeA: transposeA!, transposeB: transposeB! },
  }));
}

/** Times of a square product, in nanoseconds; `beside` runs `repeats` of it elsewhere after each of the five. */
async function timeProduct(
  device: WebGpuDevice,
  shape: GemmShape,
  plan: GemmPlan,
  small: boolean,
  beside: (repeats: number) => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const timer = new GpuTimer(device), { n } = shape;
  const [a, b] = [device.buffer("a", 4 * n * n), device.buffer("b", 4 * n * n)];
  const c = device.buffer("c", 4 * n * n * plan.splits);
  const program = gemmProgram(device, shape, plan, { a, b, c });
  await timer.time(program, small ? 1 : 3);
  const repeats = small ? 1 : Math.max(3, Math.min(200, Math.round(1e11 / n ** 3)));
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    times.push(await timer.time(program, repeats) / repeats);
    await beside(repeats);
  }
  for (const buffer of [a, b, c]) buffer.destroy();
  timer.close();
  return median(times);
}

/** The largest square products as training would run them, beside PyTorch's. */
async function compareProducts(
  { device, tuning }: WebGpuEngine,
  peer: TorchPeer | undefined,
  say: (line: string) => void,
  small: boolean,
): Promise<WebGpuComparison[]> {
  const n = small ? 128 : 4096, comparisons: WebGpuComparison[] = [];
  for (const shape of squareProducts(n)) {
    const work = `product ${gemmKind(shape)} ${n}^3`;
    say(work);
    const turns = await PeerTurns.product(peer, { op: "product", ...shape });
    const beside = (repeats: number) => turns.turn(repeats);
    const time = await timeProduct(device, shape, planGemm(shape, tuning), small, beside);
    comparisons.push({ work, flops: 2 * n ** 3, ours: time / 1e6, ...await turns.end() });
  }
  return comparisons;
}

/** Every variant on square products, the largest 4096^3. */
async function products({ device }: WebGpuEngine, small: boolean): Promise<string> {
  const rows: string[][] = [];
  for (const n of small ? [64, 128] : [512, 1024, 2048, 4096]) {
    for (const shape of squareProducts(n)) {
      for (const variant of variantsFor(device)) {
        const plan = planVariant(shape, variant);
        const time = await timeProduct(device, shape, plan, small);
        rows.push([
          `${gemmKind(shape)} ${n}^3`,
          variant.name,
          String(plan.splits),
          digits(time / 1e3),
          digits(2 * n ** 3 / time),
        ]);
      }
    }
  }
  return markdownTable(["product", "tile", "splits of k", "us", "GFLOPS"], rows);
}

/** Bytes that a dispatch's operands hold: what must be read or written once. */
function bytesOf(dispatch: Dispatch, sizes: Lowering["sizes"]): number {
  const bytes = (operand: Operand | RowsOf) => {
    if (typeof operand === "string") return 0;
    if ("of" in operand) return 4 * operand.rows * operand.cols;
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
  recordTraining(tape, benchConfig(size));
  const lowering = Lowering.of(tape, engine.tuning);
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

/** Whole training steps, many asked for before one is awaited; PyTorch's in turns with ours. */
async function steps(
  engine: WebGpuEngine,
  sizes: readonly Size[],
  peer: TorchPeer | undefined,
  say: (line: string) => void,
  small: boolean,
): Promise<{ table: string; comparisons: WebGpuComparison[] }> {
  const rows: string[][] = [], comparisons: WebGpuComparison[] = [];
  for (const size of sizes) {
    say(`training: ${size.name}`);
    const config = benchConfig(size), model = new Model(engine, config).initialize(0);
    const n = size.sequences * size.length, step = trainingStep(size, model);
    const run = async (count: number) => {
      const start = performance.now();
      const reports = Array.from({ length: count }, step);
      const encoded = performance.now();
      await Promise.all(reports);
      return {
        whole: (performance.now() - start) / count,
        encoding: (encoded - start) / count,
      };
    };
    const count = small ? 3 : 50;
    await run(count);
    const turns = await PeerTurns.training(peer, size, parameterCount(config));
    const runs = [];
    for (let i = 0; i < (small ? 2 : 5); i++) {
      runs.push(await run(count));
      await turns.turn(peer?.kind === "cpu" && !small ? 1 : count);
    }
    const whole = median(runs.map((r) => r.whole)), encoding = median(runs.map((r) => r.encoding));
    const flops = trainingFlops(config, size.sequences, size.length);
    const work = `training step ${size.name}`;
    comparisons.push({ work, flops, ours: whole, ...await turns.end() });
    rows.push([
      size.name,
      String(parameterCount(config)),
      String(n),
      digits(whole),
      digits(n / whole * 1e3),
      digits(flops / whole / 1e6),
      `${(100 * encoding / whole).toFixed(1)}%`,
    ]);
  }
  const head = [
    ...["size", "parameters", "tokens", "ms", "tokens/s", "GFLOPS", "CPU share: dispatching"],
  ];
  return { table: markdownTable(head, rows), comparisons };
}

/** The script's flags; `bench` has its own, from zod, which a bare machine need not have. */
export function webGpuBenchOptions(args: string[]): WebGpuBenchOptions {
  const string = { type: "string" } as const;
  const options = {
    tiny: { type: "boolean" },
    ...{ peer: string, python: string, "peak-gflops": string },
  } as const;
  let values;
  try {
    values = parseArgs({ args, options }).values;
  } catch (cause) {
    throw new UsageError("flag", args.join(" "), (cause as Error).message, { cause });
  }
  const { tiny = false, peer, python, "peak-gflops": peak } = values;
  if (peer !== undefined && peer !== "torch") {
    throw new UsageError("--peer", peer, "torch, or none");
  }
  if (python !== undefined && peer === undefined) {
    throw new UsageError("--python", python, "only with --peer torch");
  }
  const peakGflops = peak === undefined ? undefined : Number(peak);
  if (peakGflops !== undefined && !(peakGflops > 0 && peakGflops < Infinity)) {
    throw new UsageError("--peak-gflops", peak, "a number above 0");
  }
  return { tiny, peakGflops, ...peer !== undefined && { python: python ?? "python3" } };
}

if (import.meta.main) {
  try {
    const say = (line: string) => console.error(line);
    console.log(await benchWebGpu({ ...webGpuBenchOptions(Deno.args), say }));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}
