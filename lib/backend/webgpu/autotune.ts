/**
 * Chooses the variants of the matrix product for an adapter by measuring them, once: the choice is kept under
 * `.cache/webgpu`, keyed by adapter and kernel source. Variants add up in the same order, so that the choice shows in
 * speed alone.
 */
import { sha256 } from "../../numeric/digest.ts";
import { fileURLToPath } from "node:url";
import type { AdapterDescription, WebGpuDevice } from "./device.ts";
import {
  GEMM_VARIANTS,
  gemmDims,
  type GemmPlan,
  type GemmShape,
  type GemmTuning,
  type GemmVariant,
  planVariant,
  tuningKey,
} from "./gemm.ts";
import { Pool, Program } from "./program.ts";
import { specialize } from "./source.ts";

/** One shape for each kind and class: forward, backward to inputs, backward to weights. 17 GFLOP at most. */
const SHAPES: readonly GemmShape[] = [
  { m: 512, n: 512, k: 512, transposeA: false, transposeB: false },
  { m: 512, n: 512, k: 512, transposeA: false, transposeB: true },
  { m: 512, n: 512, k: 4096, transposeA: true, transposeB: false },
  { m: 4096, n: 1024, k: 512, transposeA: false, transposeB: false },
  { m: 4096, n: 1024, k: 512, transposeA: false, transposeB: true },
  { m: 1024, n: 1024, k: 2048, transposeA: true, transposeB: false },
  { m: 4096, n: 2048, k: 512, transposeA: false, transposeB: false },
  { m: 4096, n: 2048, k: 512, transposeA: false, transposeB: true },
  { m: 4096, n: 2048, k: 1024, transposeA: true, transposeB: false },
];

/** Products in one measurement, as far as they take no longer than this in all: drivers end what takes seconds. */
const REPEATS = 8;
const NANOSECONDS = 5e7;

/** The tuning of the device's adapter: from the cache, or measured. Software adapters take the smallest tiles. */
export async function tunedGemm(device: WebGpuDevice): Promise<GemmTuning> {
  if (device.adapter.software) {
    return Object.fromEntries(SHAPES.map((s) => [tuningKey(s), GEMM_VARIANTS[0]!.name]));
  }
  if (!device.device.features.has("timestamp-query")) return {};
  const folder = fileURLToPath(new URL("../../../.cache/webgpu/", import.meta.url));
  return await cachedTuning(folder, device.adapter, () => measureGemm(device));
}

/** The tuning kept in `folder` (which ends in a slash) for this adapter and these kernels, or measured and kept now. */
export async function cachedTuning(
  folder: string,
  adapter: AdapterDescription,
  measure: () => Promise<GemmTuning>,
): Promise<GemmTuning> {
  const identity = JSON.stringify([adapter, specialize("gemm").code, GEMM_VARIANTS]);
  const path = `${folder}${sha256(new TextEncoder().encode(identity))}.json`;
  const cached = readTuning(path);
  if (cached) return cached;
  const tuning = await measure();
  try {
    Deno.mkdirSync(folder, { recursive: true });
    const temporary = `${path}.${crypto.randomUUID()}`;
    Deno.writeTextFileSync(temporary, JSON.stringify(tuning, undefined, 2));
    Deno.renameSync(temporary, path);
  } catch { /* the cache only saves a second or two */ }
  return tuning;
}

function readTuning(path: string): GemmTuning | undefined {
  try {
    const tuning: unknown = JSON.parse(Deno.readTextFileSync(path));
    const names = new Set(GEMM_VARIANTS.map((v) => v.name));
    const whole = typeof tuning === "object" && tuning !== null &&
      Object.values(tuning).every((v) => names.has(v as string));
    return whole ? tuning as GemmTuning : undefined;
  } catch {
    return undefined;
  }
}

/** The fastest variant for each shape, by the device's own clock. */
export async function measureGemm(
  device: WebGpuDevice,
  shapes: readonly GemmShape[] = SHAPES,
): Promise<GemmTuning> {
  const timer = new GpuTimer(device);
  const largest = (f: (s: GemmShape) => number) => Math.max(...shapes.map(f));
  const a = device.buffer("tuning a", 4 * largest((s) => s.m * s.k));
  const b = device.buffer("tuning b", 4 * largest((s) => s.k * s.n));
  const c = device.buffer("tuning c", 16 * largest((s) => s.m * s.n));
  const tuning: Record<string, string> = {};
  for (const shape of shapes) {
    let best = Infinity;
    for (const variant of variantsFor(device)) {
      const plan = planVariant(shape, variant);
      if (4 * plan.splits * shape.m * shape.n > c.size) continue;
      const program = gemmProgram(device, shape, plan, { a, b, c });
      await timer.time(program, 1); // compiles
      const once = await timer.time(program, 1);
      const repeats = Math.max(1, Math.min(REPEATS, Math.floor(NANOSECONDS / once)));
      const time = await timer.time(program, repeats) / repeats;
      if (time < best) {
        best = time;
        tuning[tuningKey(shape)] = variant.name;
      }
    }
  }
  for (const buffer of [a, b, c]) buffer.destroy();
  timer.close();
  return tuning;
}

/** Variants whose tiles and threads the device has room for. */
export function variantsFor({ device }: WebGpuDevice): readonly GemmVariant[] {
  const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } = device.limits;
  return GEMM_VARIANTS.filter(({ BM, BN, TM, TN }) =>
    (BM + BN) * 16 * 4 <= maxComputeWorkgroupStorageSize &&
    (BM / TM) * (BN / TN) <= maxComputeInvocationsPerWorkgroup
  );
}

/** One product in these buffers, without the sum over splits. */
export function gemmProgram(
  device: WebGpuDevice,
  shape: GemmShape,
  { constants, groups, kSplit }: GemmPlan,
  { a, b, c }: Readonly<Record<"a" | "b" | "c", GPUBuffer>>,
): Program {
  const operands = { a: "weights", b: "m", start: "weights", c: "gradient" } as const;
  const dispatch = { kernel: "gemm", constants, groups, dims: gemmDims(shape, kSplit), operands };
  return new Program(device, [dispatch], {
    pool: new Pool(device),
    resolve: (x) => ({ buffer: x === "weights" ? a : x === "m" ? b : c }),
  });
}

/** Times passes by the device's own clock. */
export class GpuTimer {
  readonly #queries: GPUQuerySet;
  readonly #result: GPUBuffer;

  constructor(private readonly device: WebGpuDevice) {
    this.#queries = device.device.createQuerySet({ type: "timestamp", count: 2 });
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    this.#result = device.buffer("timestamps", 16, { usage });
  }

  /** Nanoseconds of `repeats` rounds of a program in one pass. */
  async time(program: Program, repeats: number): Promise<number> {
    const { device } = this.device;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 0,
        endOfPassWriteIndex: 1,
      },
    });
    for (let i = 0; i < repeats; i++) program.encode(pass);
    pass.end();
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#result, 0);
    device.queue.submit([encoder.finish()]);
    const [bytes] = await this.device.read([{ buffer: this.#result, bytes: 16 }]);
    const [start, end] = new BigUint64Array(bytes!);
    return Number(end! - start!);
  }

  close(): void {
    this.#queries.destroy();
    this.#result.destroy();
  }
}
