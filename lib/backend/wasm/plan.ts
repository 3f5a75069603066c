/**
 * From tape to kernel calls. A plan is plain data: every argument of every call is a base, resolved per lane
 * and shard, plus a multiple of the chunk or step index. Lanes receive it as JSON through shared memory.
 */
import {
  type Buffer,
  buffersOf,
  elements,
  type Instruction,
  type Scalar,
  type Tape,
} from "../../tensor/tape.ts";
import type { LogitsPlace } from "./logits.ts";
import { lower } from "./lower.ts";
import { canShare, waits } from "./sharing.ts";

/** What an argument's value is relative to; "own" is as "lane", but each lane's own in a program that they share, too. */
export type Base = "constant" | "lane" | "own" | "shard" | "scalar" | "step";

/** One argument: `value`, plus the lane's or shard's base, plus chunk * perChunk + step * perStep. */
export interface Argument {
  readonly base: Base;
  readonly value: number | Scalar;
  readonly perChunk: number;
  readonly perStep: number;
}

/** One kernel call. */
export interface Call {
  readonly kernel: string;
  readonly args: readonly Argument[];
  /** Whether lanes that share the program must have done all calls before. */
  readonly waits?: boolean;
}

/** A program ready to run. */
export interface Plan {
  readonly calls: readonly Call[];
  /** Bytes of working memory that each lane needs. */
  readonly laneBytes: number;
  /** Those at the end of them that each lane needs for itself when all share the program; absent where they cannot. */
  readonly ownBytes?: number;
  /** Key/value caches in that memory: row after row. */
  readonly caches: readonly { readonly offset: number; readonly rowBytes: number }[];
  /** Where a decoding step's logits stand there when its token is drawn. */
  readonly logits: LogitsPlace | undefined;
}

/** Where shared buffers live; every address in bytes. */
export interface Layout {
  /** Address of a parameter's weights. */
  parameter(label: string): number;
  /** Offset of a parameter inside a shard's gradient block (weights have the same layout). */
  gradient(label: string): number;
  transposed(label: string): number;
  constant(label: string): number;
  /** Address of a frozen weight. */
  frozen(label: string): number;
  collected(label: string): number;
  /** Address of a batch record, and bytes from one chunk to the next if it is not the chunk's own size. */
  batch(label: string): { address: number; perChunk?: number };
}

/**
 * Assigns working memory by liveness and lowers every instruction.
 *
 * @param cacheRows Rows that the caches have room for: plans for fewer rows then find them in the same place.
 * @param lanes Lanes that may share the program, if it is one that can be shared.
 */
export function makePlan(
  tape: Tape,
  layout: Layout,
  cacheRows = tape.rows,
  lanes = 1,
): Plan {
  const isShared = lanes > 1 && canShare(tape.instructions);
  const { offsets, bytes, own, ownBytes } = allocateActivations(tape, cacheRows, isShared);
  const resolve = (b: Buffer, op: Instruction["op"]): Argument => {
    const at = (
      value: number,
      base: Base = "constant",
      perChunk = 0,
      perStep = 0,
    ): Argument => ({ base, value, perChunk, perStep });
    switch (b.space) {
      case "parameter":
        return at(layout.parameter(b.label));
      case "gradient":
        return at(layout.gradient(b.label), "shard");
      case "transposed":
        return at(layout.transposed(b.label));
      case "constant":
        return at(layout.constant(b.label));
      case "frozen":
        return at(layout.frozen(b.label));
      case "collected":
        return at(layout.collected(b.label));
      case "activation":
        return at(offsets.get(b)!, own.has(b) ? "own" : "lane");
      case "cache":
        // A prompt is read into the cache of one row, which the step names.
        return at(offsets.get(b)!, "lane", 0, op === "gqa_prefill" ? b.cols * 4 : 0);
      case "batch": {
        const { address, perChunk = b.rows * b.cols * 4 } = layout.batch(b.label);
        return at(address, "constant", perChunk);
      }
    }
  };
  const number = (value: number | Scalar): Argument =>
    typeof value === "number"
      ? { base: "constant", value, perChunk: 0, perStep: 0 }
      : value === "step"
      ? { base: "step", value: 0, perChunk: 0, perStep: 1 }
      : { base: "scalar", value, perChunk: 0, perStep: 0 };
  const waiting = isShared ? waits(tape.instructions, placesOf(offsets, own, cacheRows)) : [];
  const calls = tape.instructions.map((instruction, i) => {
    const { kernel, args } = lower(instruction);
    return {
      kernel,
      ...waiting[i] && { waits: true },
      args: args.map((a) =>
        a === undefined ? number(0) : typeof a === "object" ? resolve(a, instruction.op) : number(a)
      ),
    };
  });
  const caches = tape.buffers.filter(({ space }) => space === "cache")
    .map((b) => ({ offset: offsets.get(b)!, rowBytes: b.cols * 4 }));
  const sample = tape.instructions.find((i) => i.op === "sample" || i.op === "sample_at");
  const logits = sample && {
    offset: offsets.get(sample.x)!,
    stride: (sample.x.rows + 1) * 64,
    classes: sample.classes,
  };
  return { calls, laneBytes: bytes, ...isShared && { ownBytes }, caches, logits };
}

/** Working memory that a shared program takes of all lanes', in bytes for each of them. */
export function sharedBytes({ laneBytes, ownBytes = 0 }: Plan, lanes: number): number {
  return Math.ceil((laneBytes - ownBytes + lanes * ownBytes) / lanes);
}

/** Where the buffers are that lanes share. */
function placesOf(
  offsets: ReadonlyMap<Buffer, number>,
  own: ReadonlySet<Buffer>,
  cacheRows: number,
): Map<Buffer, { start: number; end: number }> {
  return new Map(
    [...offsets].filter(([b]) => !own.has(b)).map(([b, start]) => {
      const bytes = bytesOf(b.space === "cache" ? { ...b, rows: cacheRows } : b);
      return [b, { start, end: start + bytes }];
    }),
  );
}

/** Bytes of a buffer, kept on whole 64-byte lines. */
export function bytesOf(b: Pick<Buffer, "rows" | "cols" | "layout">): number {
  return Math.ceil(elements(b) * 4 / 64) * 64;
}

/**
 * First-fit placement of activations: a buffer occupies its bytes from the first to the last instruction that
 * names it. Caches live for ever.
 *
 * @param isShared Whether what only one instruction names stands apart, at the end: each lane has its own.
 */
function allocateActivations(tape: Tape, cacheRows: number, isShared: boolean) {
  const life = new Map<Buffer, Span>();
  const touch = (b: Buffer, i: number) => {
    if (b.space !== "activation") return;
    const span = life.get(b);
    if (span) span.last = i;
    else life.set(b, { first: i, last: i });
  };
  tape.instructions.forEach((instruction, i) => {
    for (const b of buffersOf(instruction)) touch(b, i);
  });
  const offsets = new Map<Buffer, number>();
  let caches = 0;
  for (const b of tape.buffers) {
    if (b.space !== "cache") continue;
    offsets.set(b, caches);
    caches += bytesOf({ ...b, rows: cacheRows });
  }
  const all = [...life], isOwn = ({ first, last }: Span) => isShared && first === last;
  const end = place(all.filter(([, span]) => !isOwn(span)), caches, offsets);
  const apart = all.filter(([, span]) => isOwn(span));
  const bytes = place(apart, end, offsets);
  return { offsets, bytes, own: new Set(apart.map(([b]) => b)), ownBytes: bytes - end };
}

/** The first and the last instruction that name a buffer. */
interface Span {
  first: number;
  last: number;
}

/** Places buffers from `from` on; returns where they end. */
function place(
  buffers: readonly (readonly [Buffer, Span])[],
  from: number,
  offsets: Map<Buffer, number>,
): number {
  let end = from;
  /** What is in use, by its place. */
  let placed: { start: number; end: number; last: number }[] = [];
  for (const [b, span] of buffers.toSorted((x, y) => x[1].first - y[1].first)) {
    const size = bytesOf(b);
    placed = placed.filter((p) => p.last >= span.first);
    let start = from, i = 0;
    for (; i < placed.length; i++) {
      const p = placed[i]!;
      if (p.start - start >= size) break;
      start = Math.max(start, p.end);
    }
    offsets.set(b, start);
    placed.splice(i, 0, { start, end: start + size, last: span.last });
    end = Math.max(end, start + size);
  }
  return end;
}
