/**
 * Does the benchmark's work in a process of its own, so that its peak memory is its own; bench_torch.py is its
 * peer. A line in is a JSON command, a line out its JSON answer; ends with its standard input.
 */
import process from "node:process";
import { lines } from "../cli/child_output.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { Model } from "../nn/model.ts";
import { parameterCount } from "../nn/flops.ts";
import { adamW } from "../nn/optimizer.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import { RandomStream } from "../numeric/random.ts";

/** What to measure. */
export interface BenchWork {
  /** A training step on all sequences, or greedy generation of all tokens after the prompts. */
  readonly work: "training" | "generation";
  readonly threads: number;
  readonly d: number;
  readonly layers: number;
  readonly vocabulary: number;
  readonly headDim: number;
  readonly mlpRatio: number;
  /** Tokens in a sequence, prompt included. */
  readonly length: number;
  readonly sequences: number;
  readonly prompt: number;
}

/** A command line. */
export type BenchCommand =
  | BenchWork & { readonly op: "choose" }
  | BenchWork & {
    readonly op: "prepare";
    readonly fused?: boolean;
    /** Of PyTorch alone: works before any is measured. Default 5. */
    readonly warmUp?: number;
  }
  | {
    readonly op: "measure";
    readonly runs: number;
    /** Of PyTorch alone: works in a row that one timing covers, for a card that is not waited for. Default 1. */
    readonly together?: number;
  }
  /** Of PyTorch alone: what it is and computes on. */
  | { readonly op: "describe" }
  /** Of PyTorch alone: prepares a product of (n, n) matrices. */
  | {
    readonly op: "product";
    readonly n: number;
    readonly transposeA: boolean;
    readonly transposeB: boolean;
  };

/** Answers to the commands. */
export interface BenchAnswers {
  /** Of PyTorch alone: whether its fused attention is the faster way. */
  choose: { readonly fused: boolean };
  prepare: { readonly parameters: number };
  measure: {
    readonly milliseconds: readonly number[];
    /** Largest resident memory of the process so far, and before there was a model. */
    readonly peakBytes: number;
    readonly baselineBytes: number;
  };
  /** To be checked: see parsePeer. */
  describe: unknown;
  product: Readonly<Record<string, never>>;
}

/** The architecture of the work. */
export function benchConfig(c: BenchWork): TransformerConfig {
  return {
    vocabularySize: c.vocabulary,
    dModel: c.d,
    layers: c.layers,
    headDim: c.headDim,
    rotaryDim: c.headDim,
    ropeBase: 1000,
    maxPosition: c.length,
    mlpRatio: c.mlpRatio,
    languageHead: true,
  };
}

function integers(purpose: string, size: number, bound: number): Int32Array {
  const random = new RandomStream({ seed: 0, purpose });
  return Int32Array.from({ length: size }, () => random.integer(bound));
}

/** A training step on a batch of random tokens. */
export function trainingStep(c: BenchWork, model: Model): () => Promise<unknown> {
  const n = c.sequences * c.length;
  const batch = {
    tokens: integers("tokens", n, c.vocabulary),
    targets: integers("targets", n, c.vocabulary),
    positions: Int32Array.from({ length: n }, (_, i) => i % c.length),
    weights: new Float32Array(n).fill(1),
  };
  const optimizer = adamW(1e-3, 1e6);
  return () => model.trainPacked(batch, c.sequences, c.length, optimizer);
}

function generation(c: BenchWork, model: Model): () => Promise<unknown> {
  const tokens = integers("prompts", c.sequences * c.prompt, c.vocabulary);
  const prompts = Array.from({ length: c.sequences }, (_, row) => ({
    tokens: [...tokens.subarray(row * c.prompt, (row + 1) * c.prompt)],
    position: (i: number) => i,
    row,
  }));
  const maxTokens = c.length - c.prompt;
  const options = { maxTokens, temperature: 0, stop: [], seed: 0, purpose: "bench" };
  return () => model.generate(prompts, options);
}

async function main(): Promise<void> {
  const memory = () => process.resourceUsage().maxRSS * 1024;
  const baselineBytes = memory();
  let engine: WasmEngine | undefined, work: () => Promise<unknown> = () => Promise.resolve();
  const answer = async (command: BenchCommand) => {
    if (command.op === "prepare") {
      engine = await WasmEngine.create({ threads: command.threads });
      const config = benchConfig(command), model = new Model(engine, config).initialize(0);
      work = (command.work === "training" ? trainingStep : generation)(command, model);
      // V8 optimizes the kernels while they run.
      const end = performance.now() + 500;
      for (let run = 0; run < 5 || performance.now() < end; run++) await work();
      return { parameters: parameterCount(config) };
    }
    if (command.op !== "measure") throw new Error(`${command.op}: there is nothing to choose here`);
    const milliseconds: number[] = [];
    for (let run = 0; run < command.runs; run++) {
      const start = performance.now();
      await work();
      milliseconds.push(performance.now() - start);
    }
    return { milliseconds, peakBytes: memory(), baselineBytes };
  };
  for await (const line of lines(Deno.stdin.readable)) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
  engine?.close();
}

if (import.meta.main) await main();
