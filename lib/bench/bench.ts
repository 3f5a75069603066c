/**
 * `deno task bench`: the speed of kernels, training steps and generation on this machine, on request against
 * PyTorch. The two sides take turns, so that a change of the machine's clock meets both.
 */
import os from "node:os";
import { z } from "zod";
import { BACKENDS, MAX_THREADS } from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import { writeAtomically } from "../run/files.ts";
import { WEIGHT_STORAGES } from "../tensor/tape.ts";
import { benchLanguageModel } from "./bench_language_model.ts";
import { profileDecoding, profileTraining } from "./bench_kernels.ts";
import { BenchProcess, findTorch } from "./bench_process.ts";
import {
  type Comparison,
  comparisonTable,
  kernelTable,
  median,
  type Side,
  speedUpTable,
} from "./bench_report.ts";
import { benchWebGpu } from "./bench_webgpu.ts";
import { benchConfig, type BenchWork } from "./bench_worker.ts";
import { type Command, runCommand } from "../cli/command.ts";

const flags = z.object({
  peer: z.enum(["none", "torch"]).default("none")
    .describe("measure this too; torch is installed into .venv if need be, see --python"),
  python: z.string().default("").describe(
    "for --peer torch: a Python that has torch, as it is; nothing is installed",
  ),
  peakGflops: z.number().min(0).default(0).describe(
    "with --backend webgpu: the card's float32 rate, 0 if not known",
  ),
  backend: z.enum(BACKENDS).default("wasm")
    .describe("what is measured; --threads is for wasm"),
  threads: z.array(z.int().min(1).max(MAX_THREADS)).default([1, 2]).describe("numbers of threads"),
  languageModel: z.string().optional().describe(
    "measure this pretrained model instead, a folder or a GGUF file; PyTorch as --peer needs --python with torch, " +
      "transformers and peft (gguf for a GGUF file)",
  ),
  storage: z.enum(WEIGHT_STORAGES).default("bfloat16")
    .describe("with --language-model: how its weights are kept"),
  quick: z.boolean().default(false).describe(
    "the smallest size and few runs: to see that it works",
  ),
  kernels: z.boolean().default(true).describe("leave out single kernels"),
  out: z.string().default("").describe(
    "also write the report to this file, as Markdown, in reports/ or .cache/",
  ),
});
type Flags = z.output<typeof flags>;

/** Width and layers. */
const SIZES = [[32, 2], [64, 4], [128, 4]] as const;
const COMMON = { vocabulary: 192, headDim: 16, mlpRatio: 4, length: 64, prompt: 16 } as const;
/** 8192 tokens a training step. */
const SEQUENCES = { training: 128, generation: 256 } as const;

/** The command. */
export const benchCommand: Command<typeof flags.shape> = {
  name: "bench",
  summary: "Measures kernels, training steps and generation, with --peer torch against PyTorch.",
  flags,
  async run(chosen) {
    const { quick, peer, python, peakGflops } = chosen;
    if (python !== "" && peer !== "torch") {
      throw new UsageError("--python", python, "only with --peer torch");
    }
    const report = chosen.languageModel !== undefined
      ? await languageModelReport(chosen, chosen.languageModel)
      : chosen.backend === "webgpu"
      ? await benchWebGpu({
        tiny: quick,
        say: (line) => console.error(line),
        peakGflops: peakGflops || undefined,
        ...peer === "torch" && { python },
      })
      : await bench(chosen);
    console.log(report);
    if (chosen.out !== "") write(chosen.out, report);
    return 0;
  },
};

async function languageModelReport(chosen: Flags, path: string): Promise<string> {
  const { storage, threads, peer, python, quick } = chosen;
  if (chosen.backend === "webgpu") {
    throw new UsageError("--backend", "webgpu", "a model's file is measured on wasm: leave it out");
  }
  if (peer === "torch" && python === "") {
    throw new UsageError("--python", "", "give one that has torch, transformers and peft");
  }
  const say = (line: string) => console.error(line);
  const options = { path, storage, threads, quick, say };
  const peers = { python: peer === "torch" ? python : undefined };
  const start = [`# Benchmark\n`, describeMachine(chosen)];
  return [...start, await benchLanguageModel({ ...options, ...peers })].join("\n");
}

async function bench(chosen: Flags): Promise<string> {
  const say = (line: string) => console.error(line);
  const python = chosen.peer === "torch"
    ? (await findTorch(chosen.python, "cpu", say)).python
    : undefined;
  const sizes = chosen.quick ? SIZES.slice(0, 1) : SIZES;
  const sections = [`# Benchmark\n`, describeMachine(chosen)];
  const comparisons: Comparison[] = [];
  for (const kind of ["training", "generation"] as const) {
    for (const [d, layers] of sizes) {
      for (const threads of chosen.threads) {
        say(`${kind}: d ${d}, ${layers} layers, ${threads} thread${threads === 1 ? "" : "s"}`);
        const work = { work: kind, threads, d, layers, sequences: SEQUENCES[kind], ...COMMON };
        comparisons.push(await compare(work, chosen.quick, python));
      }
    }
    const those = comparisons.filter(({ work }) => work.work === kind);
    sections.push(`\n## ${TITLES[kind]}\n`, comparisonTable(those));
  }
  const speedUps = speedUpTable(comparisons);
  if (speedUps) sections.push("\n## More threads\n", speedUps);
  if (chosen.peer === "torch") sections.push(`\n${notes(comparisons)}`);
  if (chosen.kernels) sections.push(...await kernelSections(chosen, say));
  return sections.join("\n");
}

const TITLES = {
  training:
    `Training step: forward, backward, AdamW; ${SEQUENCES.training} sequences of ${COMMON.length} tokens`,
  generation: `Greedy generation with a KV cache: ${SEQUENCES.generation} rows, ` +
    `${COMMON.prompt} prompt tokens, ${COMMON.length - COMMON.prompt} generated`,
};

/** Measures both sides in turns, each in a new process. */
async function compare(
  work: BenchWork,
  quick: boolean,
  python: string | undefined,
): Promise<Comparison> {
  let fused = true;
  if (python !== undefined) {
    const scout = BenchProcess.torch(python);
    fused = (await scout.ask({ op: "choose", ...work })).fused;
    await scout.end();
  }
  const processes = [
    BenchProcess.ours(),
    ...(python !== undefined ? [BenchProcess.torch(python)] : []),
  ];
  try {
    const prepared = [];
    for (const p of processes) prepared.push(await p.ask({ op: "prepare", fused, ...work }));
    const [own, other] = prepared;
    if (other && other.parameters !== own!.parameters) {
      throw new Error(`the models differ: ${own!.parameters} and ${other.parameters} parameters`);
    }
    const sides = processes.map(() => ({
      milliseconds: [] as number[],
      peakBytes: 0,
      baselineBytes: 0,
    }));
    const rounds = quick ? 2 : 6;
    // As many runs a turn as take about this long.
    const turn = quick ? 50 : 300;
    for (let round = 0; round < rounds; round++) {
      for (const [i, p] of processes.entries()) {
        const side = sides[i]!,
          known = side.milliseconds.length > 0 ? median(side.milliseconds) : turn;
        const runs = Math.max(1, Math.min(50, Math.round(turn / known)));
        const { milliseconds, ...memory } = await p.ask({ op: "measure", runs });
        side.milliseconds.push(...milliseconds);
        Object.assign(side, memory);
      }
    }
    const [ours, theirs] = sides as Side[];
    const note = fused ? "scaled_dot_product_attention" : "two matrix products and a softmax";
    return { work, ours: ours!, ...theirs && { peer: { ...theirs, note } } };
  } finally {
    for (const p of processes) await p.end();
  }
}

async function kernelSections({ quick }: Flags, say: (line: string) => void): Promise<string[]> {
  const [d, layers] = quick ? SIZES[0] : SIZES[2], rounds = quick ? 10 : 100;
  say(`kernels: d ${d}, ${layers} layers`);
  const work = { threads: 1, d, layers, ...COMMON };
  const config = benchConfig({ ...work, work: "training", sequences: SEQUENCES.training });
  const { length } = COMMON, sequences = SEQUENCES.training, rows = 64;
  const training = await profileTraining(config, { sequences, length, rounds });
  const decoding = await profileDecoding(config, { rows, length, rounds: Math.ceil(rounds / 20) });
  return [
    `\n## Kernels of a training step: d ${d}, ${layers} layers, 1 thread\n`,
    "GB/s count what must be read and written once.\n",
    kernelTable(training),
    `\n## Kernels of generating ${length} tokens in each of ${rows} rows: d ${d}, ${layers} layers, 1 thread\n`,
    kernelTable(decoding),
  ];
}

function describeMachine({ peer, quick }: Flags): string {
  const load = Deno.loadavg()[0]!;
  const lines = [
    `CPU: ${
      os.cpus()[0]?.model ?? "unknown"
    }, ${navigator.hardwareConcurrency} threads, ${Deno.build.arch}`,
    `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, flags ${
      Deno.env.get("DENO_V8_FLAGS") ?? "none: slow"
    }`,
    `Load at the start: ${load.toFixed(2)}${
      load > 0.5 ? ": this machine was busy, the numbers are too low" : ""
    }`,
    "Times and rates: median, in brackets the best. Memory: the process's peak.",
  ];
  if (peer === "torch") {
    lines.push("Ratios: ours over PyTorch's; the two take turns, each in a process of its own.");
  }
  if (quick) lines.push("Quick: too few runs to judge by.");
  return lines.map((line) => `- ${line}`).join("\n");
}

function notes(comparisons: readonly Comparison[]): string {
  const baseline = (side: (c: Comparison) => Side | undefined) =>
    Math.max(...comparisons.map((c) => side(c)?.baselineBytes ?? 0)) / 2 ** 20;
  const ways = new Set(
    comparisons.map((c) => `${c.work.work} d ${c.work.d} (${c.work.threads}): ${c.peer!.note}`),
  );
  return [
    `- Memory before there is a model: ours ${baseline((c) => c.ours).toFixed(0)} MiB, ` +
    `PyTorch ${baseline((c) => c.peer).toFixed(0)} MiB.`,
    "- PyTorch runs eagerly, with fused AdamW, and attends in the way that was faster here:",
    ...[...ways].map((way) => `  - ${way}`),
  ].join("\n");
}

function write(path: string, report: string): void {
  try {
    writeAtomically(path, new TextEncoder().encode(report + "\n"));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
    throw new UsageError("--out", path, "this task writes in reports/ and .cache/ only", { cause });
  }
}

if (import.meta.main) await runCommand(benchCommand);
