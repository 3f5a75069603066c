/**
 * How lanes share one program: each does its part of every call, in a call of the same kernel on fewer rows, panels or heads.
 * No element of a result is computed in another way than by the whole call.
 */
import type { Buffer, Instruction, InstructionOf } from "../../tensor/tape.ts";

/** A lane out of `count` that share a program, and the memory that they share. */
export interface Sharer {
  readonly index: number;
  readonly count: number;
  readonly memory: WebAssembly.Memory;
}

/** How a buffer is parted: the same way is the same parts, whichever call it is. */
type Way =
  | "fours of rows"
  | "panels"
  | "heads in turns"
  | "heads of keys"
  | "heads of rows in turns"
  | "rows in turns"
  | "chosen rows";

interface Sharing<I extends Instruction> {
  readonly way: Way;
  /** Operands of which a lane touches its part alone. Of others it may read all, and it writes none. */
  readonly own: readonly (keyof I)[];
  /** The arguments of a lane's calls, given those of the whole call in the order of lower.ts. */
  readonly parts: (args: readonly number[], lane: Sharer) => number[][];
}

/** Arguments that are there. */
type Numbers = [number, number, number, number, number];

/** Rows that stay together: those of a product's tiles. */
const ROWS = 4;
/** Bytes of a row in a panel. */
const ROW = 64;

/** The lane's share of `units`: the first, and the one after the last. */
function shareOf(units: number, { index, count }: Sharer): readonly [number, number] {
  return [Math.floor(index * units / count), Math.floor((index + 1) * units / count)];
}

/** A copy of arguments, those in `steps` moved by so many steps each; null pointers stay null. */
function moved(
  args: readonly number[],
  by: number,
  steps: Readonly<Record<number, number>>,
): number[] {
  return args.map((value, i) => value === 0 ? 0 : value + by * (steps[i] ?? 0));
}

/**
 * One call on consecutive units.
 *
 * @param counted The argument that counts them, `unit` for each.
 * @param steps What the others move by from one unit to the next.
 */
function consecutive(
  counted: number,
  unit: number,
  steps: (args: readonly number[]) => Readonly<Record<number, number>>,
): Sharing<Instruction>["parts"] {
  return (args, lane) => {
    const [first, end] = shareOf(args[counted]! / unit, lane);
    if (first === end) return [];
    return [moved(args, first, steps(args)).with(counted, (end - first) * unit)];
  };
}

/** One call on rows: `matrices` are in panels, `records` have a number for each row. */
function rows(
  counted: number,
  matrices: readonly number[],
  records: readonly number[] = [],
): Sharing<Instruction>["parts"] {
  const steps = Object.fromEntries([
    ...matrices.map((i) => [i, ROWS * ROW]),
    ...records.map((i) => [i, ROWS * 4]),
  ]);
  return consecutive(counted, ROWS, () => steps);
}

/** Every `count`-th of so many calls. */
function inTurns(calls: number, { index, count }: Sharer, args: (i: number) => number[]) {
  const own: number[][] = [];
  for (let i = index; i < calls; i += count) own.push(args(i));
  return own;
}

/** The calls that can be shared: all of a pretrained model's without training. */
const SHARINGS: { readonly [Op in Instruction["op"]]?: Sharing<InstructionOf<Op>> } = {
  frozen_embedding: { way: "fours of rows", own: ["x"], parts: rows(6, [0], [5]) },
  rmsnorm_forward: { way: "fours of rows", own: ["y", "x"], parts: rows(6, [0, 2], [1]) },
  // The weights of adapters and value heads are small, and there may be one panel of them.
  gemm_nn: { way: "fours of rows", own: ["c", "a", "init"], parts: rows(8, [0, 2, 6]) },
  scale: { way: "fours of rows", own: ["x"], parts: rows(3, [0]) },
  rope_halves: { way: "fours of rows", own: ["x"], parts: rows(4, [0], [2]) },
  gather_rows: { way: "fours of rows", own: ["x"], parts: rows(5, [3], [2]) },
  // Each lane reads its own panels of weights alone.
  frozen_gemm_nn: {
    way: "panels",
    own: ["c", "init"],
    parts: consecutive(12, 16, (args) => ({ 0: args[1]!, 4: args[5]!, 7: args[8]! })),
  },
  add_bias: {
    way: "panels",
    own: ["y"],
    parts: consecutive(5, 16, (args) => ({ 0: args[1]!, 2: args[3]! })),
  },
  swiglu_forward: {
    way: "panels",
    own: ["y", "gate", "up"],
    parts: consecutive(5, 16, ([, , , stride]) => ({ 0: stride!, 1: stride!, 2: stride! })),
  },
  gqa_forward: {
    way: "heads in turns",
    own: ["o"],
    parts: (args, lane) => {
      const [heads, kvHeads, headDim] = args.slice(9) as Numbers;
      const bytes = headDim / 16 * args[5]!;
      return inTurns(heads, lane, (head) => {
        const own = [...args], shared = Math.floor(head * kvHeads / heads);
        own[0]! += head * bytes;
        own[2]! += head * bytes;
        own[3]! += shared * bytes;
        own[4]! += shared * bytes;
        return own.with(9, 1).with(10, 1);
      });
    },
  },
  gqa_decode: {
    way: "heads of rows in turns",
    own: ["o", "cache"],
    parts: (args, lane) => {
      const [count, capacity, heads, kvHeads, headDim] = args.slice(8) as Numbers;
      const bytes = headDim / 16 * args[5]!, group = heads / kvHeads;
      return inTurns(count * kvHeads, lane, (i) => {
        const row = Math.floor(i / kvHeads), head = i % kvHeads;
        const own = [...args];
        own[0]! += row * ROW + head * group * bytes;
        own[1]! += i * 2 * capacity * headDim * 4;
        own[2]! += row * ROW + head * group * bytes;
        own[3]! += row * ROW + head * bytes;
        own[4]! += row * ROW + head * bytes;
        own[6]! += row * 4;
        return own.with(8, 1).with(10, group).with(11, 1);
      });
    },
  },
  gqa_prefill: {
    way: "heads of keys",
    own: ["cache"],
    parts: consecutive(6, 1, ([, , , stride, , capacity, , headDim]) => {
      const bytes = headDim! / 16 * stride!;
      return { 0: 2 * capacity! * headDim! * 4, 1: bytes, 2: bytes };
    }),
  },
  vocabulary_log_probs: {
    way: "chosen rows",
    own: ["out"],
    parts: (args, lane) => {
      const slots = new Int32Array(lane.memory.buffer, args[7], args[9]);
      const chosen = [...slots.keys()].filter((row) => slots[row]! >= 0);
      const [first, end] = shareOf(chosen.length, lane);
      if (first === end) return [];
      const row = chosen[first]!;
      return [
        moved(args, row, { 0: ROW, 1: ROW, 6: 4, 7: 4 }).with(9, chosen[end - 1]! + 1 - row),
      ];
    },
  },
  sample_at: {
    way: "rows in turns",
    own: ["x"],
    parts: (args, lane) =>
      inTurns(
        args[5]!,
        lane,
        (row) => moved(args, row, { 0: 4, 1: ROW, 3: 4, 4: 4 }).with(5, 1),
      ),
  },
};

/** Whether lanes can share a program. */
export function canShare(instructions: readonly Instruction[]): boolean {
  return instructions.every(({ op }) => SHARINGS[op]);
}

/** The arguments of a lane's calls of a kernel, given those of the whole call. */
export function partsOf(kernel: string, args: readonly number[], lane: Sharer): number[][] {
  return SHARINGS[kernel as Instruction["op"]]!.parts(args, lane);
}

/** A buffer that an instruction touches. */
interface Touch {
  readonly buffer: Buffer;
  /** How lanes part it; undefined where all of them read all of it. */
  readonly way: Way | undefined;
}

/**
 * Which instructions of a program that is shared must wait until all lanes have done those before.
 *
 * @param places Where buffers are that lanes share; what is not there, each has to itself.
 */
export function waits(
  instructions: readonly Instruction[],
  places: ReadonlyMap<Buffer, { readonly start: number; readonly end: number }>,
): boolean[] {
  const collide = (a: Touch, b: Touch): boolean => {
    if (!a.way && !b.way) return false;
    if (a.buffer === b.buffer) return a.way !== b.way;
    const p = places.get(a.buffer)!, q = places.get(b.buffer)!;
    return p.start < q.end && q.start < p.end;
  };
  let before: Touch[] = [];
  return instructions.map((instruction) => {
    const { way, own } = SHARINGS[instruction.op]! as Sharing<Instruction>;
    const touched = Object.entries(instruction)
      .filter(([, operand]) => typeof operand === "object" && places.has(operand))
      .map(([name, buffer]): Touch => ({
        buffer,
        way: own.includes(name as never) ? way : undefined,
      }));
    const isWaiting = before.some((a) => touched.some((b) => collide(a, b)));
    before = isWaiting ? touched : [...before, ...touched];
    return isWaiting;
  });
}
