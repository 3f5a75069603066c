/**
 * One lane: runs its part of a job. The engine's own thread is lane 0; the others live in workers. Which lane
 * does a piece of work never changes what is computed: pieces (shards, blocks, groups) write disjoint memory.
 */
import type { Scalar } from "../../tensor/tape.ts";
import type { Plan } from "./plan.ts";
import { BLOCK, SCALAR_BLOCK, type ScalarName, SCALARS, SHARDS } from "./control.ts";

/** Kernel exports by name. */
export type Kernels = Readonly<Record<string, (...args: number[]) => number>>;

/** Plain calls, any lane in any order (weight transposes). */
export interface CallsJob {
  readonly kind: "calls";
  readonly calls: readonly { kernel: string; args: readonly number[] }[];
}

/** A plan over the chunks of a batch. */
export interface ChunksJob {
  readonly kind: "chunks";
  readonly plan: Plan;
  readonly chunks: number;
  readonly lanes: readonly number[];
  /** Gradient blocks of the shards, zeroed first; absent for a forward pass. */
  readonly gradients?: { readonly address: number; readonly bytes: number };
}

/** Sums the shards' gradients block by block; sums of squares go to `squares` (float32 each). */
export interface ReduceJob {
  readonly kind: "reduce";
  readonly gradients: number;
  readonly stride: number;
  readonly count: number;
  readonly squares: number;
}

/** AdamW block by block; weights from `undecayed` on have no weight decay. */
export interface UpdateJob {
  readonly kind: "update";
  readonly weights: number;
  readonly gradients: number;
  readonly m: number;
  readonly v: number;
  readonly count: number;
  readonly undecayed: number;
}

/** Generation: groups of rows, each run to its end by one lane. */
export interface DecodeJob {
  readonly kind: "decode";
  readonly plan: Plan;
  readonly lanes: readonly number[];
  readonly rows: number;
  readonly groupRows: number;
  /** (capacity + 1, rows) int32. */
  readonly tokens: number;
  readonly forced: number;
  /** (vocabulary) int32: 1 for a stop token. */
  readonly stop: number;
}

/** A job that lanes can run. */
export type Job = CallsJob | ChunksJob | ReduceJob | UpdateJob | DecodeJob;

/** Runs jobs for one lane. */
export class Lane {
  readonly #jobs = new Map<number, Job>();

  constructor(
    private readonly kernels: Kernels,
    private readonly memory: WebAssembly.Memory,
    private readonly index: number,
    private readonly count: number,
  ) {}

  /** Remembers a job. */
  load(id: number, job: Job): void {
    this.#jobs.set(id, job);
  }

  /** Does this lane's part of a job. */
  run(id: number): void {
    const job = this.#jobs.get(id)!;
    switch (job.kind) {
      case "calls":
        return this.#calls(job);
      case "chunks":
        return this.#chunks(job);
      case "reduce":
        return this.#reduce(job);
      case "update":
        return this.#update(job);
      case "decode":
        return this.#decode(job);
    }
  }

  #calls({ calls }: CallsJob): void {
    for (let i = this.index; i < calls.length; i += this.count) {
      const { kernel, args } = calls[i]!;
      this.kernels[kernel]!(...args);
    }
  }

  #chunks({ plan, chunks, lanes, gradients }: ChunksJob): void {
    // Contiguous shards per lane: with 2 lanes, shards 0 and 1 here and 2 and 3 there.
    const first = Math.floor(this.index * SHARDS / this.count);
    const last = Math.floor((this.index + 1) * SHARDS / this.count);
    for (let shard = first; shard < last; shard++) {
      let base = 0;
      if (gradients) {
        base = gradients.address + shard * gradients.bytes;
        new Uint8Array(this.memory.buffer, base, gradients.bytes).fill(0);
      }
      const program = this.#bind(plan, lanes[this.index]!, base);
      const end = Math.floor((shard + 1) * chunks / SHARDS);
      for (let chunk = Math.floor(shard * chunks / SHARDS); chunk < end; chunk++) program(chunk, 0);
    }
  }

  #reduce({ gradients, stride, count, squares }: ReduceJob): void {
    const out = new Float32Array(this.memory.buffer, squares, Math.ceil(count / BLOCK));
    for (let i = this.index; i < out.length; i += this.count) {
      const size = Math.min(BLOCK, count - i * BLOCK);
      out[i] = this.kernels.reduce_gradients!(gradients + i * BLOCK * 4, stride, size);
    }
  }

  #update({ weights, gradients, m, v, count, undecayed }: UpdateJob): void {
    const s = this.#scalars();
    const step = s.learningRate / s.biasCorrection1;
    const root = 1 / Math.sqrt(s.biasCorrection2);
    const decay = 1 - s.learningRate * s.weightDecay;
    for (let i = this.index * BLOCK; i < count; i += this.count * BLOCK) {
      const end = Math.min(i + BLOCK, count);
      const middle = Math.max(i, Math.min(end, undecayed));
      for (const [from, to, factor] of [[i, middle, decay], [middle, end, 1]] as const) {
        if (from === to) continue;
        const at = from * 4;
        this.kernels.adamw!(
          ...[weights + at, gradients + at, m + at, v + at, to - from],
          ...[s.clip, factor, s.beta1, s.beta2, step, root, s.epsilon],
        );
      }
    }
  }

  #decode({ plan, lanes, rows, groupRows, tokens, forced, stop }: DecodeJob): void {
    const { steps, active } = this.#scalars();
    const all = new Int32Array(this.memory.buffer, tokens, (steps + 1) * rows);
    const given = new Int32Array(this.memory.buffer, forced, (steps + 1) * rows);
    const stops = new Int32Array(this.memory.buffer, stop);
    const groups = Math.ceil(active / groupRows);
    for (let group = this.index; group < groups; group += this.count) {
      const program = this.#bind(plan, lanes[this.index]!, 0);
      const start = group * groupRows, end = Math.min(start + groupRows, active);
      const finished = new Uint8Array(groupRows);
      let left = end - start;
      for (let step = 0; step < steps && left > 0; step++) {
        program(group, step);
        for (let row = start; row < end; row++) {
          const at = (step + 1) * rows + row;
          if (!finished[row - start] && given[at]! < 0 && stops[all[at]!] === 1) {
            finished[row - start] = 1;
            left--;
          }
        }
      }
    }
  }

  /** The plan with every base filled in: call it with chunk and step. */
  #bind(plan: Plan, lane: number, shard: number): (chunk: number, step: number) => void {
    const scalars = this.#scalars() as Record<Scalar, number>;
    const calls = plan.calls.map(({ kernel, args }) => ({
      kernel: this.kernels[kernel]!,
      fixed: args.map(({ base, value }) => {
        if (base === "scalar") return scalars[value as Scalar];
        const offset = value as number;
        return base === "lane" ? lane + offset : base === "shard" ? shard + offset : offset;
      }),
      perChunk: args.map((a) => a.perChunk),
      perStep: args.map((a) => a.perStep),
      args: args.map(() => 0),
    }));
    return (chunk, step) => {
      for (const { kernel, fixed, perChunk, perStep, args } of calls) {
        for (let i = 0; i < args.length; i++) {
          args[i] = fixed[i]! + chunk * perChunk[i]! + step * perStep[i]!;
        }
        kernel(...args);
      }
    };
  }

  #scalars(): Record<ScalarName, number> {
    const block = new Float64Array(this.memory.buffer, SCALAR_BLOCK, SCALARS.length);
    return Object.fromEntries(SCALARS.map((name, i) => [name, block[i]!])) as never;
  }
}
