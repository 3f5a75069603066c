/** The benchmark's tables, as Markdown that also reads well in a terminal. */
import type { BenchWork } from "./bench_worker.ts";

/** What one side did. */
export interface Side {
  /** Every run, in order. */
  readonly milliseconds: readonly number[];
  readonly peakBytes: number;
  /** Before there was a model. */
  readonly baselineBytes: number;
}

/** One row: the same work by the kit and, if there is one, by the peer. */
export interface Comparison {
  readonly work: BenchWork;
  readonly ours: Side;
  readonly peer?: Side & { readonly note: string };
}

/** The calls of one kernel on one shape. */
export interface KernelTiming {
  readonly kernel: string;
  readonly shape: string;
  /** Calls in the program. */
  readonly calls: number;
  /** Median of one call. */
  readonly microseconds: number;
  /** Floating-point operations, for products and attention; else bytes that must be read and written, of one call. */
  readonly flops?: number;
  readonly bytes?: number;
}

/** What the kit is meant to reach against PyTorch at equal threads. */
export const TARGETS = {
  /** Our time of a training step over PyTorch's, at most. */
  time: 0.65,
  /** Our peak memory over PyTorch's, at most. */
  memory: 1,
  /** Our generated tokens per second over PyTorch's, at least. */
  tokens: 2,
  /** Speed of two threads over one, at least. */
  speedUp: 1.8,
} as const;

/** A Markdown table whose columns are padded; the first is aligned to the left. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((title, i) =>
    Math.max(3, ...[title, ...rows.map((r) => r[i]!)].map((t) => t.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((t, i) => i === 0 ? t.padEnd(widths[i]!) : t.padStart(widths[i]!)).join(" | ")
    } |`;
  const rule = widths.map((n, i) => i === 0 ? "-".repeat(n) : `${"-".repeat(n - 1)}:`);
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** The middle value (the upper one of two). */
export function median(x: readonly number[]): number {
  return x.toSorted((a, b) => a - b)[x.length >> 1]!;
}

/** A number with three digits or so. */
export const digits = (x: number) =>
  x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
/** Bytes in MiB. */
export const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
const size = ({ d, layers }: BenchWork) => `d ${d}, ${layers} layer${layers === 1 ? "" : "s"}`;

/** Whether a target is met, with it. */
export function verdict(value: number, target: number, atMost: boolean): string {
  const isMet = atMost ? value <= target : value >= target;
  return `${atMost ? "<=" : ">="} ${target}: ${isMet ? "met" : "missed"}`;
}

/** Training steps or generation, a row per size and number of threads. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const isTraining = comparisons[0]!.work.work === "training";
  const tokens = ({ sequences, length, prompt }: BenchWork) =>
    sequences * (isTraining ? length : length - prompt);
  const unit = isTraining ? "ms" : "tokens/s";
  const value = (c: Comparison, milliseconds: number) =>
    isTraining ? milliseconds : 1000 * tokens(c.work) / milliseconds;
  const both = (c: Comparison, side: Side) =>
    `${digits(value(c, median(side.milliseconds)))} (${
      digits(value(c, Math.min(...side.milliseconds)))
    })`;
  const hasPeer = comparisons.some((c) => c.peer);
  const head = ["size", "threads", `ours, ${unit}`];
  if (hasPeer) head.push(`PyTorch, ${unit}`, "ratio", "target");
  head.push("ours, MiB");
  if (hasPeer) head.push("PyTorch, MiB", "ratio", "target");
  const rows = comparisons.map((c) => {
    const { ours, peer, work } = c;
    const cells = [size(work), `${work.threads}`, both(c, ours)];
    if (peer) {
      const ratioOf = (pick: (x: readonly number[]) => number) =>
        value(c, pick(ours.milliseconds)) / value(c, pick(peer.milliseconds));
      const ratio = ratioOf(median), best = ratioOf((x) => Math.min(...x));
      const target = isTraining ? TARGETS.time : TARGETS.tokens;
      cells.push(
        both(c, peer),
        `${digits(ratio)} (${digits(best)})`,
        verdict(ratio, target, isTraining),
      );
    }
    cells.push(mebibytes(ours.peakBytes));
    if (peer) {
      const ratio = ours.peakBytes / peer.peakBytes;
      cells.push(mebibytes(peer.peakBytes), digits(ratio), verdict(ratio, TARGETS.memory, true));
    }
    return cells;
  });
  return markdownTable(head, rows);
}

/** How much faster more threads are than one; undefined if only one number of threads was measured. */
export function speedUpTable(comparisons: readonly Comparison[]): string | undefined {
  const key = ({ work }: Comparison) => `${work.work}, ${size(work)}`;
  const single = new Map(comparisons.filter((c) => c.work.threads === 1).map((c) => [key(c), c]));
  const rows = comparisons.flatMap((c) => {
    const one = single.get(key(c)), { threads } = c.work;
    if (threads === 1 || !one) return [];
    const faster = (side: (c: Comparison) => Side | undefined) => {
      const [a, b] = [side(one), side(c)];
      return a && b ? median(a.milliseconds) / median(b.milliseconds) : undefined;
    };
    const ours = faster((c) => c.ours)!, peer = faster((c) => c.peer);
    const target = threads === 2 ? verdict(ours, TARGETS.speedUp, false) : "";
    return [[key(c), `${threads}`, digits(ours), target, peer === undefined ? "" : digits(peer)]];
  });
  if (rows.length === 0) return undefined;
  return markdownTable(["work", "threads", "ours, times 1 thread", "target", "PyTorch"], rows);
}

/** Kernels by their share of the program's time. */
export function kernelTable(timings: readonly KernelTiming[]): string {
  const total = timings.reduce((sum, t) => sum + t.calls * t.microseconds, 0);
  const sorted = timings.toSorted((a, b) => b.calls * b.microseconds - a.calls * a.microseconds);
  const rows = sorted.map((t) => [
    t.kernel,
    t.shape,
    `${t.calls}`,
    digits(t.microseconds),
    t.flops ? digits(t.flops / t.microseconds / 1e3) : "",
    t.bytes ? digits(t.bytes / t.microseconds / 1e3) : "",
    `${(100 * t.calls * t.microseconds / total).toFixed(1)}%`,
  ]);
  const table = markdownTable(
    ["kernel", "shape", "calls", "us a call", "GFLOPS", "GB/s", "share"],
    rows,
  );
  return `${table}\n\nSum: ${digits(total / 1000)} ms.`;
}
