import type { Buffer } from "../../tensor/tape.ts";
import { type Dispatch, type Operand, type RowsOf, type Temporary, wholeOf } from "./dispatch.ts";
import type { WebGpuDevice } from "./device.ts";

/** A part of a GPU buffer. */
export interface View {
  readonly buffer: GPUBuffer;
  /** Bytes; multiples of 256 for the offset. */
  readonly offset?: number;
  readonly size?: number;
}

/** Gives memory to whatever is not working memory. */
export type Resolve = (operand: Exclude<Operand, Temporary>) => View;

/** The first memory that one of the sources knows for an operand. Throws Error where none does. */
export function found(operand: Operand, ...views: (View | undefined)[]): View {
  const view = views.find((v) => v !== undefined);
  if (!view) {
    throw new Error(`${typeof operand === "string" ? operand : operand.label} has no memory`);
  }
  return view;
}

/** Buffers that programs of one model share: none keeps data there between runs. */
export class Pool {
  readonly #buffers: GPUBuffer[] = [];

  constructor(private readonly device: WebGpuDevice) {}

  /** Buffers of at least these sizes (bytes, descending), the same ones at every call as far as they suffice. */
  take(sizes: readonly number[]): GPUBuffer[] {
    return sizes.map((size, i) => {
      const old = this.#buffers[i];
      if (old && old.size >= size) return old;
      // The old buffer stays alive in the programs that were built on it.
      return this.#buffers[i] = this.device.buffer("activations", size);
    });
  }
}

/**
 * A lowered program on a device: memory planned by liveness, bind groups built once, encoded as often as needed, in parts
 * that are submitted apart.
 */
export class Program {
  /** Where each part begins, and the end. */
  readonly #bounds: readonly number[];
  readonly #memory: ReadonlyMap<Operand, GPUBuffer>;
  readonly #calls: {
    readonly pipeline: GPUComputePipeline;
    readonly group: GPUBindGroup;
    readonly groups: readonly [number, number, number];
  }[];

  constructor(
    private readonly device: WebGpuDevice,
    dispatches: readonly Dispatch[],
    { resolve, pool, sizes = new Map() }: {
      resolve: Resolve;
      pool: Pool;
      /** Floats of buffers whose size is not what the tape says. */
      sizes?: ReadonlyMap<Buffer, number>;
    },
  ) {
    this.#bounds = partBounds(dispatches);
    const { slots, slotBytes } = planMemory(dispatches, sizes);
    const memory = pool.take(slotBytes);
    this.#memory = new Map([...slots].map(([operand, slot]) => [operand, memory[slot]!]));
    const dims = packDims(device, dispatches);
    this.#calls = dispatches.map(({ kernel: name, constants, operands, groups, half }, i) => {
      const kernel = device.kernel(name, constants, half);
      const entries = kernel.bindings.map(({ index, name: binding, type }) => {
        if (type === "uniform") {
          return {
            binding: index,
            resource: { buffer: dims, offset: i * DIMS_BYTES, size: DIMS_BYTES },
          };
        }
        const bound = operands[binding];
        if (bound === undefined) throw new Error(`${name}: operand ${binding} is missing`);
        const operand = wholeOf(bound), buffer = this.#memory.get(operand);
        const view = buffer ? { buffer } : resolve(operand as Exclude<Operand, Temporary>);
        return { binding: index, resource: partOf(view, bound) };
      });
      const group = device.device.createBindGroup({ label: name, layout: kernel.layout, entries });
      return { pipeline: kernel.pipeline, group, groups };
    });
  }

  /** Where an operand lies that is working memory, until the next dispatch that may use the place for another. */
  workingMemory(operand: Operand): GPUBuffer | undefined {
    return this.#memory.get(operand);
  }

  /** How many parts there are. */
  get parts(): number {
    return this.#bounds.length - 1;
  }

  /** Records the dispatches of some parts in a pass; of all, unless told. */
  encode(pass: GPUComputePassEncoder, from = 0, to = this.parts): void {
    for (let i = this.#bounds[from]!; i < this.#bounds[to]!; i++) {
      const { pipeline, group, groups } = this.#calls[i]!;
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...groups);
    }
  }

  /** Submits the first parts, each by itself; all, unless told. */
  submit(to = this.parts): void {
    for (let part = 0; part < to; part++) {
      this.device.submit((pass) => this.encode(pass, part, part + 1));
    }
  }
}

/** Multiplications of matrix products in one submission: half a second at 0.5 TFLOPS. Drivers give up after some seconds. */
const PART = 2 ** 37;

/** Where each part of a program begins, and its end: most programs are one part. */
export function partBounds(dispatches: readonly Dispatch[]): number[] {
  const bounds = [0];
  let sum = 0;
  dispatches.forEach(({ kernel, dims }, i) => {
    const [m, n, k] = dims as number[];
    const product = /gemm/.test(kernel) ? m! * n! * k! : 0;
    if (sum > 0 && sum + product > PART) {
      bounds.push(i);
      sum = 0;
    }
    sum += product;
  });
  bounds.push(dispatches.length);
  return bounds;
}

/** The part of a whole operand's memory that is bound. */
function partOf(whole: View, bound: Operand | RowsOf): View {
  if (typeof bound === "string" || !("of" in bound)) return whole;
  const { buffer, offset = 0 } = whole, { first, rows, cols } = bound;
  return { buffer, offset: offset + first * cols * 4, size: rows * cols * 4 };
}

/** Bytes between the uniform blocks of two dispatches: WebGPU's alignment. */
const DIMS_BYTES = 256;

function packDims(device: WebGpuDevice, dispatches: readonly Dispatch[]): GPUBuffer {
  const bytes = new DataView(new ArrayBuffer(Math.max(1, dispatches.length) * DIMS_BYTES));
  dispatches.forEach(({ dims }, i) =>
    dims.forEach((x, k) => {
      const at = i * DIMS_BYTES + k * 4;
      if (typeof x === "number") bytes.setUint32(at, x, true);
      else bytes.setFloat32(at, x.f32, true);
    })
  );
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = device.buffer("dims", bytes.byteLength, { usage });
  device.device.queue.writeBuffer(buffer, 0, bytes.buffer);
  return buffer;
}

type Planned = Buffer | Temporary;

/** Whether this operand is working memory. */
function isPlanned(operand: Operand): operand is Planned {
  return typeof operand !== "string" &&
    (operand.space === "activation" || operand.space === "temporary");
}

/**
 * Slots of working memory: an operand holds a slot from the first to the last dispatch that names it. A slot is one
 * GPU buffer, because WebGPU tracks reading and writing by whole buffers. Best fit; slots come largest first.
 */
export function planMemory(
  dispatches: readonly Dispatch[],
  sizes: ReadonlyMap<Buffer, number>,
): { slots: Map<Operand, number>; slotBytes: number[] } {
  const life = new Map<Planned, { first: number; last: number }>();
  dispatches.forEach(({ operands }, i) => {
    for (const operand of Object.values(operands).map(wholeOf)) {
      if (!isPlanned(operand)) continue;
      const span = life.get(operand);
      if (span) span.last = i;
      else life.set(operand, { first: i, last: i });
    }
  });
  const half = new Set(dispatches.flatMap(({ half, operands }) => half?.map((n) => operands[n])));
  const bytesOf = (x: Planned) =>
    (half.has(x) ? 2 : 4) *
    (x.space === "temporary" ? x.elements : sizes.get(x) ?? x.rows * x.cols);
  const pool: { bytes: number; busy: number }[] = [];
  const found = new Map<Operand, number>();
  for (const [operand, { first, last }] of life) {
    const bytes = bytesOf(operand);
    const free = pool.map((slot, index) => ({ ...slot, index })).filter((s) => s.busy < first);
    const larger = free.filter((s) => s.bytes >= bytes).sort((a, b) => a.bytes - b.bytes)[0];
    // Where none is large enough, the largest grows: that costs less than a new one.
    const chosen = larger ?? free.sort((a, b) => b.bytes - a.bytes)[0];
    if (chosen) {
      const slot = pool[chosen.index]!;
      slot.bytes = Math.max(slot.bytes, bytes);
      slot.busy = last;
      found.set(operand, chosen.index);
    } else {
      found.set(operand, pool.length);
      pool.push({ bytes, busy: last });
    }
  }
  const order = pool.map((_, i) => i).sort((a, b) => pool[b]!.bytes - pool[a]!.bytes);
  const place = new Map(order.map((old, index) => [old, index]));
  return {
    slots: new Map([...found].map(([operand, slot]) => [operand, place.get(slot)!])),
    slotBytes: order.map((i) => pool[i]!.bytes),
  };
}
