import { NOT_FINITE } from "../generated_tokens.ts";
import { type GenerateJob, Generating, type PrefillJob, type StepsJob } from "./generating.ts";
import { Logits } from "./logits.ts";
import type { Plan } from "./plan.ts";
import { BLOCK, SHARDS } from "./control.ts";
import type { Bound, LaneContext } from "./lane_context.ts";

/** Plain calls, any lane in any order (weight transposes). */
export interface CallsJob {
  readonly kind: "calls";
  readonly calls: readonly { kernel: string; args: readonly number[] }[];
}

/** A plan that a job over chunks names. */
export interface PlanJob {
  readonly kind: "plan";
  readonly plan: Plan;
}

/** Plans over the chunks of a batch. */
export interface ChunksJob {
  readonly kind: "chunks";
  readonly chunks: number;
  /** Address of (chunks) int32: the job that has the chunk's plan. */
  readonly plans: number;
  /** Gradient blocks of the shards, zeroed first; absent for a forward pass. */
  readonly gradients?: { readonly address: number; readonly bytes: number };
}

/** A program that lanes can share, over the chunks of a batch. */
export interface ForwardJob {
  readonly kind: "forward";
  readonly chunks: number;
  readonly plan: Plan;
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

/** What a decoding step reads of each row. */
type Fed = "tokens" | "forced" | "positions" | "rowIds";

/**
 * Generation: groups of rows, each run to its end by one lane. Rows come in an order in which those that share the start
 * of their prompts are neighbours; as long as they do, the first stands for all, and its cache is copied where they part.
 */
export interface DecodeJob {
  readonly kind: "decode";
  /** By the number of rows that they compute, ascending to `groupRows`. Their caches stand in the same place. */
  readonly plans: readonly { readonly rows: number; readonly plan: Plan }[];
  readonly rows: number;
  readonly groupRows: number;
  /** Addresses of (capacity, rows) int32, `rowIds` (rows). Tokens hold the prompts before the first step. */
  readonly records: Readonly<Record<Fed, number>>;
  /** (rows) int32: steps that a row shares with the one before it, 0 for the first of a group. */
  readonly shared: number;
  /** Where a step reads and writes: (lanes, groupRows) int32. */
  readonly staging: Readonly<Record<Fed | "next", number>>;
  /** (vocabulary) int32: 1 for a stop token. */
  readonly stop: number;
}

/** A job that lanes can run. */
export type Job =
  | CallsJob
  | PlanJob
  | ChunksJob
  | ForwardJob
  | ReduceJob
  | UpdateJob
  | DecodeJob
  | StepsJob
  | PrefillJob
  | GenerateJob;

/** A decoding step in two parts: up to the logits, and the choice of tokens. */
interface DecodingStep {
  readonly forward: Bound;
  readonly draw: Bound;
  readonly logits: Logits;
}

/**
 * One lane: runs its part of a job. The engine's own thread is lane 0; the others live in workers. Which lane
 * does a piece of work never changes what is computed: pieces (shards, blocks, groups) write disjoint memory.
 */
export class Lane {
  readonly #jobs = new Map<number, Job>();

  constructor(private readonly context: LaneContext) {}

  /** Remembers a job. */
  load(id: number, job: Job): void {
    this.#jobs.set(id, job);
  }

  /** Does this lane's part of a job. */
  run(id: number): void {
    try {
      this.#run(this.#jobs.get(id)!);
    } catch (error) {
      this.context.stop();
      throw error;
    }
  }

  #run(job: Job): void {
    switch (job.kind) {
      case "calls":
        return this.#calls(job);
      case "chunks":
        return this.#chunks(job);
      case "forward":
        return this.#forward(job);
      case "reduce":
        return this.#reduce(job);
      case "update":
        return this.#update(job);
      case "decode":
        return this.#decode(job);
      case "generate":
        return this.#generate(job);
      case "plan":
      case "steps":
      case "prefill":
        throw new Error(`a job of kind ${job.kind} is a part of others`);
    }
  }

  #calls({ calls }: CallsJob): void {
    for (let i = this.context.index; i < calls.length; i += this.context.count) {
      const { kernel, args } = calls[i]!;
      this.context.kernels[kernel]!(...args);
    }
  }

  #chunks({ chunks, plans, gradients }: ChunksJob): void {
    const jobs = new Int32Array(this.context.memory.buffer, plans, chunks);
    // Contiguous shards per lane: with 2 lanes, shards 0 and 1 here and 2 and 3 there.
    const first = Math.floor(this.context.index * SHARDS / this.context.count);
    const last = Math.floor((this.context.index + 1) * SHARDS / this.context.count);
    for (let shard = first; shard < last; shard++) {
      let base = 0;
      if (gradients) {
        base = gradients.address + shard * gradients.bytes;
        new Uint8Array(this.context.memory.buffer, base, gradients.bytes).fill(0);
      }
      const programs = new Map<number, Bound>();
      const end = Math.floor((shard + 1) * chunks / SHARDS);
      for (let chunk = Math.floor(shard * chunks / SHARDS); chunk < end; chunk++) {
        const id = jobs[chunk]!;
        const { plan } = this.#jobs.get(id) as PlanJob;
        const program = programs.get(id) ?? this.context.bind(plan.calls, base);
        programs.set(id, program);
        program(chunk, 0);
      }
    }
  }

  /** As many chunks as there are for each lane to have its own; all share each of the rest. */
  #forward({ chunks, plan }: ForwardJob): void {
    const { context } = this, each = Math.floor(chunks / context.count);
    if (each > 0) {
      const alone = context.bind(plan.calls), first = context.index * each;
      for (let chunk = first; chunk < first + each; chunk++) alone(chunk, 0);
    }
    for (let chunk = each * context.count; chunk < chunks; chunk++) {
      context.bindShared(plan, plan.calls, chunk)(0);
    }
  }

  #reduce({ gradients, stride, count, squares }: ReduceJob): void {
    const out = new Float32Array(this.context.memory.buffer, squares, Math.ceil(count / BLOCK));
    for (let i = this.context.index; i < out.length; i += this.context.count) {
      const size = Math.min(BLOCK, count - i * BLOCK);
      out[i] = this.context.kernels.reduce_gradients!(gradients + i * BLOCK * 4, stride, size);
    }
  }

  #update({ weights, gradients, m, v, count, undecayed }: UpdateJob): void {
    const s = this.context.scalars();
    const step = s.learningRate / s.biasCorrection1;
    const root = 1 / Math.sqrt(s.biasCorrection2);
    const decay = 1 - s.learningRate * s.weightDecay;
    for (let i = this.context.index * BLOCK; i < count; i += this.context.count * BLOCK) {
      const end = Math.min(i + BLOCK, count);
      const middle = Math.max(i, Math.min(end, undecayed));
      for (const [from, to, factor] of [[i, middle, decay], [middle, end, 1]] as const) {
        if (from === to) continue;
        const at = from * 4;
        this.context.kernels.adamw!(
          ...[weights + at, gradients + at, m + at, v + at, to - from],
          ...[s.clip, factor, s.beta1, s.beta2, step, root, s.epsilon],
        );
      }
    }
  }

  #decode({ plans, rows, groupRows, records, shared, staging, stop }: DecodeJob): void {
    const { steps, active, inverseTemperature, topK, topP } = this.context.scalars();
    const isFiltered = inverseTemperature > 0 && (topK < Infinity || topP < 1);
    // Larger logits overflow as scores, or lie below -3.4e38, the score that the kernel starts with.
    const limit = 3e38 / Math.max(1, inverseTemperature);
    const { buffer } = this.context.memory;
    const record = (name: keyof typeof records, length = (steps + 1) * rows) =>
      new Int32Array(buffer, records[name], length);
    const [tokens, forced, positions] = [record("tokens"), record("forced"), record("positions")];
    const staged = (name: keyof typeof staging) =>
      new Int32Array(buffer, staging[name] + this.context.index * groupRows * 4, groupRows);
    const next = staged("next"), given = staged("tokens");
    // What a step reads, and where it stands: what is forced at a step is the token after it.
    const fed = [
      { to: given, values: tokens, first: 0, perStep: rows },
      { to: staged("forced"), values: forced, first: rows, perStep: rows },
      { to: staged("positions"), values: positions, first: 0, perStep: rows },
      { to: staged("rowIds"), values: record("rowIds", rows), first: 0, perStep: 0 },
    ];
    const common = new Int32Array(buffer, shared, rows);
    const stops = new Int32Array(buffer, stop);
    const programs: DecodingStep[] = [];
    const groups = Math.ceil(active / groupRows);
    for (let group = this.context.index; group < groups; group += this.context.count) {
      const start = group * groupRows, end = Math.min(start + groupRows, active);
      const parting = new Set(common.subarray(start, end));
      const finished = new Uint8Array(groupRows);
      let left = end - start, firsts: number[] = [], k = 0;
      for (let step = 0; step < steps && left > 0; step++) {
        if (parting.has(step)) {
          const before = firsts;
          firsts = [];
          for (let row = start; row < end; row++) if (common[row]! <= step) firsts.push(row);
          copyCaches(buffer, this.context.arena, plans[0]!.plan, before, firsts);
          k = plans.findIndex((p) => p.rows >= firsts.length);
          programs[k] ??= this.#bindStep(plans[k]!.plan);
          for (const { to } of fed) to.fill(0, firsts.length, plans[k]!.rows);
        }
        for (const { to, values, first, perStep } of fed) {
          const from = first + step * perStep;
          for (let i = 0; i < firsts.length; i++) to[i] = values[from + firsts[i]!]!;
        }
        // A row whose token could not be chosen goes on with any: what it does is thrown away.
        for (let i = 0; i < firsts.length; i++) if (given[i] === NOT_FINITE) given[i] = 0;
        const { forward, draw, logits } = programs[k]!;
        forward(this.context.index, step);
        const after = (step + 1) * rows;
        for (let i = 0; i < firsts.length; i++) {
          const at = after + firsts[i]!;
          if (forced[at]! >= 0) continue;
          // Weights that are not finite show in all logits, or at each step in the same ones: those that are never
          // chosen are looked at when a row chooses first.
          const isFirst = forced[at - rows]! >= 0;
          if (isFirst && !logits.areFinite(i, limit)) tokens[at] = NOT_FINITE;
          else if (isFiltered) logits.keepTop(i, topK, topP, inverseTemperature);
        }
        draw(this.context.index, step);
        for (let i = 0; i < firsts.length; i++) {
          const at = after + firsts[i]!, token = next[i]!;
          const isFine = forced[at]! >= 0 ||
            (tokens[at] !== NOT_FINITE && logits.isFinite(i, token, limit));
          tokens[at] = isFine ? token : NOT_FINITE;
        }
        for (let row = start; row < end; row++) {
          const at = after + row;
          if (finished[row - start] || forced[at]! >= 0) continue;
          if (tokens[at] === NOT_FINITE || stops[tokens[at]!] === 1) {
            finished[row - start] = 1;
            left--;
          }
        }
      }
    }
  }

  #generate(job: GenerateJob): void {
    const steps = this.#jobs.get(job.steps) as StepsJob;
    new Generating(this.context, job, steps, (id) => this.#jobs.get(id) as PrefillJob).run();
  }

  #bindStep({ calls, logits }: Plan): DecodingStep {
    const sample = calls.findIndex(({ kernel }) => kernel === "sample");
    return {
      forward: this.context.bind(calls.slice(0, sample)),
      draw: this.context.bind(calls.slice(sample)),
      logits: new Logits(this.context.memory.buffer, this.context.arena, logits!),
    };
  }
}

/** Gives every row in `after` the caches of the row in `before` that stood for it: the last one that is not behind it. */
function copyCaches(
  buffer: ArrayBufferLike,
  lane: number,
  { caches }: Plan,
  before: readonly number[],
  after: readonly number[],
): void {
  for (const { offset, rowBytes } of caches) {
    const bytes = new Uint8Array(buffer, lane + offset, after.length * rowBytes);
    // From the last on: a row never moves to the front, so none is overwritten before it is copied.
    for (let to = after.length - 1, from = before.length - 1; to >= 0 && from >= 0; to--) {
      while (before[from]! > after[to]!) from--;
      if (from < to) bytes.copyWithin(to * rowBytes, from * rowBytes, (from + 1) * rowBytes);
    }
  }
}
