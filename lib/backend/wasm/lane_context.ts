import type { Scalar } from "../../tensor/tape.ts";
import { ARENAS, CONTROL, SCALAR_BLOCK, type ScalarName, SCALARS, Word } from "./control.ts";
import type { Argument, Call, Plan } from "./plan.ts";
import { partsOf } from "./sharing.ts";

/** Kernel exports by name. */
export type Kernels = Readonly<Record<string, (...args: number[]) => number>>;

/** The kernels of all modules. */
export function kernelsOf(instances: readonly WebAssembly.Instance[]): Kernels {
  return Object.assign({}, ...instances.map(({ exports }) => exports));
}

/** Kernel calls whose arguments follow from chunk and step. */
export type Bound = (chunk: number, step: number) => void;

/** What ends a lane's part of a job that another lane cannot finish. */
export class LaneStopped extends Error {}

/** How often a lane looks whether the others have come before it sleeps: longer takes time from others on a busy machine. */
const SPINS = 2_000;

/** What a lane computes with. */
export class LaneContext {
  constructor(
    readonly kernels: Kernels,
    readonly memory: WebAssembly.Memory,
    readonly index: number,
    /** Lanes in all. */
    readonly count: number,
  ) {}

  /** Address of this lane's working memory. */
  get arena(): number {
    return this.#arenaOf(this.index);
  }

  /** Address of the working memory of all lanes together. */
  get sharedArena(): number {
    return this.#arenaOf(0);
  }

  #arenaOf(lane: number): number {
    return new Float64Array(this.memory.buffer, ARENAS, this.count)[lane]!;
  }

  /** Waits until all lanes are here. Throws LaneStopped if one of them will not come. */
  meet(): void {
    const control = new Int32Array(this.memory.buffer, CONTROL, 16);
    const meeting = Atomics.load(control, Word.meetings);
    // After `meetings` is read: a lane that stops later counts on from there.
    if (Atomics.load(control, Word.stopped) === 0) {
      if (Atomics.add(control, Word.arrived, 1) === this.count - 1) {
        Atomics.store(control, Word.arrived, 0);
        Atomics.add(control, Word.meetings, 1);
        Atomics.notify(control, Word.meetings);
        return;
      }
      for (let i = 0; i < SPINS && Atomics.load(control, Word.meetings) === meeting; i++);
      while (Atomics.load(control, Word.meetings) === meeting) {
        Atomics.wait(control, Word.meetings, meeting);
      }
    }
    if (Atomics.load(control, Word.stopped) === 1) throw new LaneStopped("another lane failed");
  }

  /** Tells lanes that wait for this one that it will not come. */
  stop(): void {
    if (this.count === 1) return;
    const control = new Int32Array(this.memory.buffer, CONTROL, 16);
    Atomics.store(control, Word.stopped, 1);
    Atomics.add(control, Word.meetings, 1);
    Atomics.notify(control, Word.meetings);
  }

  /** The numbers that a run was given. */
  scalars(): Record<ScalarName, number> {
    const block = new Float64Array(this.memory.buffer, SCALAR_BLOCK, SCALARS.length);
    return Object.fromEntries(SCALARS.map((name, i) => [name, block[i]!])) as never;
  }

  /**
   * Calls with every base filled in, for the length of a run.
   *
   * @param shard Address of the shard's gradients.
   */
  bind(planned: readonly Call[], shard = 0): Bound {
    const value = this.#values({ lane: this.arena, own: this.arena, shard });
    const calls = planned.map(({ kernel, args }) => ({
      kernel: this.kernels[kernel]!,
      fixed: args.map(value),
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

  /**
   * This lane's part of a program that all lanes share. All of them must run it: it begins and ends with a meeting.
   *
   * @param planned Calls of the plan, in their order.
   */
  bindShared({ ownBytes }: Plan, planned: readonly Call[], chunk: number): (step: number) => void {
    const lane = this.sharedArena, own = lane + this.index * ownBytes!;
    const value = this.#values({ lane, own, shard: 0 });
    const calls = planned.map(({ kernel, args, waits }) => ({
      waits,
      kernel: this.kernels[kernel]!,
      parts: partsOf(kernel, args.map((a) => value(a) + chunk * a.perChunk), this),
      perStep: args.map((a) => a.perStep),
      isMoving: args.some((a) => a.perStep !== 0),
    }));
    return (step) => {
      this.meet();
      for (const { waits, kernel, parts, perStep, isMoving } of calls) {
        if (waits) this.meet();
        for (const args of parts) {
          if (isMoving) kernel(...args.map((value, i) => value + step * perStep[i]!));
          else kernel(...args);
        }
      }
      this.meet();
    };
  }

  /** What arguments are before chunk and step are added. */
  #values(bases: { lane: number; own: number; shard: number }): (argument: Argument) => number {
    const scalars = this.scalars() as Record<Scalar, number>;
    return ({ base, value }) => {
      if (base === "scalar") return scalars[value as Scalar];
      const offset = value as number;
      return base === "constant" || base === "step" ? offset : bases[base] + offset;
    };
  }
}
