/**
 * The half of `bench` that is about pretrained language models: training of LoRA's adapters, reading of prompts and
 * generation; on request against transformers with PEFT, and generation against llama.cpp. The sides take turns.
 */
import { pythonOf } from "../cli/python.ts";
import { RandomStream } from "../numeric/random.ts";
import { readPretrained } from "../pretrained/read_pretrained.ts";
import { ROOT } from "../root.ts";
import type { WeightStorage } from "../tensor/tape.ts";
import type { LanguageModelWork } from "./bench_language_model_worker.ts";
import { BenchProcess } from "./bench_process.ts";
import { digits, markdownTable, mebibytes, median, type Side, verdict } from "./bench_report.ts";

/** What to measure, and against whom. */
export interface LanguageModelBench {
  /** Folder or GGUF file. */
  readonly path: string;
  readonly storage: WeightStorage;
  readonly threads: readonly number[];
  /** A Python with torch, transformers and peft (and gguf, for a GGUF file); undefined for no peer. */
  readonly python: string | undefined;
  /** Few and short works, to see that it works. */
  readonly quick: boolean;
  readonly say: (line: string) => void;
}

/** Ours over PyTorch's in float32, at equal threads. */
export const LANGUAGE_MODEL_TARGETS = {
  /** Time of a training step and of reading prompts, at most. */
  training: 0.9,
  prefill: 1,
  /** Tokens per second, at least. */
  generation: 2,
  /** Peak memory, at most. */
  memory: 0.5,
} as const;

/** Rank and alpha of the adapters of all seven projections. */
const LORA = { rank: 16, alpha: 32 } as const;

interface Size {
  readonly work: LanguageModelWork["work"];
  readonly rows: number;
  readonly length: number;
  readonly prompt: number;
}

const SIZES: readonly Size[] = [
  { work: "training", rows: 16, length: 128, prompt: 64 },
  { work: "prefill", rows: 4, length: 256, prompt: 256 },
  { work: "prefill", rows: 1, length: 512, prompt: 512 },
  { work: "generation", rows: 16, length: 128, prompt: 64 },
];
const QUICK: readonly Size[] = [
  { work: "training", rows: 4, length: 16, prompt: 8 },
  { work: "prefill", rows: 2, length: 16, prompt: 16 },
  { work: "generation", rows: 4, length: 16, prompt: 8 },
];

/** The peers of a work: a name, and how its process is told of the weights. */
interface Peer {
  readonly name: string;
  readonly dtype: WeightStorage;
  start(): BenchProcess;
}

/** What the sides did with one work. */
interface Measured {
  readonly size: Size;
  readonly threads: number;
  readonly ours: Side;
  readonly peers: ReadonlyMap<string, Side>;
}

const TORCH = "PyTorch", BFLOAT16 = "PyTorch bfloat16", LLAMA = "llama.cpp";

/** The report's sections, as Markdown. */
export async function benchLanguageModel(bench: LanguageModelBench): Promise<string> {
  const { path, storage, threads, python, quick, say } = bench;
  const { architecture: { vocabularySize }, parameters } = readPretrained(path);
  const measured: Measured[] = [];
  for (const size of quick ? QUICK : SIZES) {
    for (const count of threads) {
      const random = new RandomStream({ seed: 0, purpose: "bench" });
      const tokens = Array.from(
        { length: size.rows },
        () => Array.from({ length: size.length }, () => random.integer(vocabularySize)),
      );
      const work = { ...size, ...LORA, tokens, model: path, threads: count, parameters };
      say(`${describe(size)}, ${count} thread${count === 1 ? "" : "s"}`);
      measured.push({
        size,
        threads: count,
        ...await compare(work, storage, peersOf(size, bench)),
      });
    }
  }
  const millions = (parameters / 1e6).toFixed(0);
  return [
    `\n## A pretrained model of ${millions} million parameters, kept in ${storage}\n`,
    table(measured, python !== undefined),
    ...measured.some(({ peers }) => peers.has(LLAMA)) ? [`\n${llamaTable(measured)}`] : [],
  ].join("\n");
}

function describe({ work, rows, length, prompt }: Size): string {
  switch (work) {
    case "training":
      return `LoRA step, ${rows} x ${length} tokens`;
    case "prefill":
      return `reading, ${rows} x ${length} tokens`;
    case "generation":
      return `generation, ${rows} x ${length - prompt} tokens after ${prompt}`;
  }
}

function peersOf({ work }: Size, { path, python }: LanguageModelBench): Peer[] {
  if (python === undefined) return [];
  const torch = () => BenchProcess.script(TORCH, python, "lib/bench/bench_language_model.py");
  const peers: Peer[] = [
    { name: TORCH, dtype: "float32", start: torch },
    { name: BFLOAT16, dtype: "bfloat16", start: torch },
  ];
  const llama = pythonOf(`${ROOT}.cache/local-model/venv`);
  if (work === "generation" && path.endsWith(".gguf") && isFile(llama)) {
    const start = () => BenchProcess.script(LLAMA, llama, "lib/bench/bench_llama_cpp.py");
    peers.push({ name: LLAMA, dtype: "float32", start });
  }
  return peers;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function compare(
  work: Omit<LanguageModelWork, "dtype">,
  storage: WeightStorage,
  peers: readonly Peer[],
): Promise<{ ours: Side; peers: ReadonlyMap<string, Side> }> {
  const rounds = work.tokens.length * work.tokens[0]!.length < 256 ? 2 : 4;
  const sides = [
    { name: "ours", dtype: storage, process: BenchProcess.languageModel(work.model) },
    ...peers.map(({ name, dtype, start }) => ({ name, dtype, process: start() })),
  ].map((side) => ({ ...side, milliseconds: [] as number[], peakBytes: 0, baselineBytes: 0 }));
  try {
    for (const { process, dtype } of sides) await process.ask({ op: "prepare", ...work, dtype });
    for (let round = 0; round < rounds; round++) {
      for (const side of sides) {
        const { milliseconds, ...memory } = await side.process.ask({ op: "measure", runs: 1 });
        side.milliseconds.push(...milliseconds);
        Object.assign(side, memory);
      }
    }
    const [ours, ...others] = sides;
    return { ours: ours!, peers: new Map(others.map((side) => [side.name, side])) };
  } finally {
    for (const { process } of sides) await process.end();
  }
}

/** A work's number: milliseconds, or tokens per second. */
function numberOf({ work, rows, length, prompt }: Size, milliseconds: number): number {
  return work === "generation" ? 1000 * rows * (length - prompt) / milliseconds : milliseconds;
}

function shown(size: Size, { milliseconds }: Side): string {
  const [middle, best] = [median(milliseconds), Math.min(...milliseconds)];
  const unit = size.work === "generation" ? "tokens/s" : "ms";
  return `${digits(numberOf(size, middle))} (${digits(numberOf(size, best))}) ${unit}`;
}

function ratio(size: Size, ours: Side, theirs: Side): number {
  return numberOf(size, median(ours.milliseconds)) / numberOf(size, median(theirs.milliseconds));
}

function table(measured: readonly Measured[], hasPeer: boolean): string {
  const head = ["work", "threads", "ours"];
  if (hasPeer) head.push("PyTorch float32", "ratio", "target", "PyTorch bfloat16");
  head.push("ours, MiB");
  if (hasPeer) head.push("PyTorch, MiB", "ratio", "target");
  return markdownTable(
    head,
    measured.map(({ size, threads, ours, peers }) => {
      const cells = [describe(size), `${threads}`, shown(size, ours)];
      const torch = peers.get(TORCH), half = peers.get(BFLOAT16);
      if (torch) {
        const value = ratio(size, ours, torch), isRate = size.work === "generation";
        const target = LANGUAGE_MODEL_TARGETS[size.work];
        cells.push(shown(size, torch), digits(value), verdict(value, target, !isRate));
        cells.push(half ? shown(size, half) : "");
      }
      cells.push(mebibytes(ours.peakBytes));
      if (torch) {
        const value = ours.peakBytes / torch.peakBytes;
        cells.push(mebibytes(torch.peakBytes), digits(value));
        cells.push(verdict(value, LANGUAGE_MODEL_TARGETS.memory, true));
      }
      return cells;
    }),
  );
}

function llamaTable(measured: readonly Measured[]): string {
  const rows = measured.flatMap(({ size, threads, ours, peers }) => {
    const llama = peers.get(LLAMA);
    if (!llama) return [];
    const memory = [mebibytes(ours.peakBytes), mebibytes(llama.peakBytes)];
    return [[
      ...[describe(size), `${threads}`, shown(size, ours), shown(size, llama)],
      ...[digits(ratio(size, ours, llama)), ...memory],
    ]];
  });
  const head = ["work", "threads", "ours", "llama.cpp, the file's quantization", "ratio"];
  return markdownTable([...head, "ours, MiB", "llama.cpp, MiB"], rows);
}
