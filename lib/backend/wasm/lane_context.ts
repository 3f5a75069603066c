import type { Scalar } from "../../tensor/tape.ts";
import { ARENAS, SCALAR_BLOCK, type ScalarName, SCALARS } from "./control.ts";
import type { Call } from "./plan.ts";

/** Kernel exports by name. */
export type Kernels = Readonly<Record<string, (...args: number[]) => number>>;

/** The kernels of all modules. */
export function kernelsOf(instances: readonly WebAssembly.Instance[]): Kernels {
  return Object.assign({}, ...instances.map(({ exports }) => exports));
}

/** Kernel calls whose arguments follow from chunk and step. */
export type Bound = (chunk: number, step: number) => void;

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
    return new Float64Array(this.memory.buffer, ARENAS, this.count)[this.index]!;
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
    const lane = this.arena, scalars = this.scalars() as Record<Scalar, number>;
    const calls = planned.map(({ kernel, args }) => ({
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
}
