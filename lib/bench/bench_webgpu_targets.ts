/** What the WebGPU backend is meant to reach on a graphics card, and the table that says whether it did. */
import { markdownTable } from "./bench_report.ts";

/** Square products of this size and training steps of these sizes have a target. */
export const WEBGPU_TARGETS = {
  /** Rate of the product over the card's float32 rate, at least. */
  share: 0.5,
  products: ["product nn 4096^3", "product nt 4096^3", "product tn 4096^3"],
  /** Our time of a training step over PyTorch's, at most. */
  ratio: 1,
  steps: ["training step 10M", "training step 100M"],
} as const;

/** One work as both sides did it. */
export interface WebGpuComparison {
  /** As in WEBGPU_TARGETS, if it is one of those. */
  readonly work: string;
  readonly flops: number;
  /** Median milliseconds. */
  readonly ours: number;
  /** PyTorch's median milliseconds, if it was measured. */
  readonly peer?: number;
  /** Why PyTorch did not come to an end. */
  readonly peerError?: string;
}

/** What decides whether a figure counts. */
export interface WebGpuSetting {
  /** The card's float32 rate, if known. */
  readonly peakGflops: number | undefined;
  /** Why no figure of this adapter counts. */
  readonly adapterUnfit: string | undefined;
  /** Why no figure of this peer counts. */
  readonly peerUnfit: string | undefined;
}

/** What bench_torch.py says of itself. */
export interface PeerDescription {
  readonly version: string;
  readonly kind: "cuda" | "cpu";
  /** The card's name, for a CPU "CPU". */
  readonly device: string;
}

/** Checks what bench_torch.py says of itself; throws Error if it is malformed or TF32 is on. */
export function parsePeer(answer: unknown): PeerDescription {
  const { version, kind, device, tf32 } = (answer ?? {}) as Record<string, unknown>;
  if (
    typeof version !== "string" || typeof device !== "string" || typeof tf32 !== "boolean" ||
    (kind !== "cuda" && kind !== "cpu")
  ) throw new Error(`PyTorch described itself as ${JSON.stringify(answer)}`);
  if (tf32) throw new Error("PyTorch computes in TF32, and cannot be kept from it");
  return { version, kind, device };
}

/** Why a peer does not count against an adapter of this name: it is a CPU, or another card. */
export function peerUnfit({ kind, device }: PeerDescription, adapter: string): string | undefined {
  if (kind === "cpu") return "the peer is a CPU";
  const [a, b] = [device.toLowerCase(), adapter.toLowerCase()];
  // Drivers append to the name: "AMD Radeon RX 7900 XTX (RADV NAVI31)".
  return b.includes(a) || (b !== "" && a.includes(b)) ? undefined : "the peer is another card";
}

/** Met, missed, or not measured and why; "" for what has no target. */
export function webGpuVerdict(
  work: string,
  row: WebGpuComparison | undefined,
  { peakGflops, adapterUnfit, peerUnfit }: WebGpuSetting,
): string {
  const { products, steps, share, ratio } = WEBGPU_TARGETS;
  const isProduct = (products as readonly string[]).includes(work);
  if (!isProduct && !(steps as readonly string[]).includes(work)) return "";
  const target = isProduct ? `>= ${100 * share}% of the card's rate` : `ratio <= ${ratio}`;
  const open = (why: string) => `${target}: not measured (${why})`;
  const judge = (isMet: boolean) => `${target}: ${isMet ? "met" : "missed"}`;
  if (adapterUnfit !== undefined) return open(adapterUnfit);
  if (!row) return open("not run");
  if (isProduct) {
    if (peakGflops === undefined) return open("no --peak-gflops");
    return judge(gflops(row.flops, row.ours) >= share * peakGflops);
  }
  if (peerUnfit !== undefined) return open(peerUnfit);
  if (row.peerError !== undefined) return open("PyTorch failed");
  if (row.peer === undefined) return open("no --peer");
  return judge(row.ours <= ratio * row.peer);
}

/** Every work that was measured, then the targets whose work was not; below it, why PyTorch failed. */
export function webGpuTable(rows: readonly WebGpuComparison[], setting: WebGpuSetting): string {
  const { peakGflops } = setting, { products, steps } = WEBGPU_TARGETS;
  const measured = rows.map((row) => [
    row.work,
    digits(row.ours),
    row.peer === undefined ? "" : digits(row.peer),
    row.peer === undefined ? "" : digits(row.ours / row.peer),
    digits(gflops(row.flops, row.ours)),
    row.peer === undefined ? "" : digits(gflops(row.flops, row.peer)),
    peakGflops === undefined
      ? ""
      : `${(100 * gflops(row.flops, row.ours) / peakGflops).toFixed(1)}%`,
    webGpuVerdict(row.work, row, setting),
  ]);
  const missing = [...products, ...steps].filter((work) => !rows.some((row) => row.work === work))
    .map((work) => [work, ...Array(6).fill(""), webGpuVerdict(work, undefined, setting)]);
  const head = [
    ...["work", "ours, ms", "PyTorch, ms", "ratio", "ours, GFLOPS", "PyTorch, GFLOPS"],
    ...["ours, of the card's rate", "target"],
  ];
  const failures = rows.filter((row) => row.peerError !== undefined)
    .map((row) => `- ${row.work}: PyTorch failed: ${row.peerError}`);
  const table = markdownTable(head, [...measured, ...missing]);
  return [table, ...failures.length > 0 ? ["", ...failures] : []].join("\n");
}

const gflops = (flops: number, milliseconds: number) => flops / milliseconds / 1e6;

/** Three digits, as far as they stand behind the point. */
export function digits(x: number): string {
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toPrecision(3);
}
