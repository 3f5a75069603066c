/**
 * The work of `bench --language-model` in a process of its own, so that its peak memory is its own; its peers are
 * bench_language_model.py and bench_llama_cpp.py. A line in is a JSON command, a line out its JSON answer; ends with its
 * standard input.
 */
import process from "node:process";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { lines } from "../cli/child_output.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { adamW } from "../nn/optimizer.ts";
import { loadPretrainedWeights } from "../pretrained/load_weights.ts";
import { readPretrained } from "../pretrained/read_pretrained.ts";
import type { WeightStorage } from "../tensor/tape.ts";

/** What to measure with a language model. */
export interface LanguageModelWork {
  /**
   * A training step of LoRA's adapters on all sequences, of which the prompts are not learned; reading of all sequences up to
   * the last token's logits; greedy generation of all tokens after the prompts.
   */
  readonly work: "training" | "prefill" | "generation";
  /** Folder or GGUF file. */
  readonly model: string;
  /** How the weights are kept. */
  readonly dtype: WeightStorage;
  readonly threads: number;
  readonly rank: number;
  readonly alpha: number;
  /** Equally long; prompts included. */
  readonly tokens: readonly (readonly number[])[];
  /** Tokens of a sequence that are its prompt. */
  readonly prompt: number;
  /** Parameters of the model, for peers that do not count them. */
  readonly parameters: number;
}

/** A command line. */
export type LanguageModelCommand =
  | { readonly op: "prepare" } & LanguageModelWork
  | { readonly op: "measure"; readonly runs: number };

function workOf(c: LanguageModelWork, model: CausalLanguageModel): () => Promise<unknown> {
  const length = c.tokens[0]!.length;
  switch (c.work) {
    case "training": {
      const sequences = c.tokens.map((tokens) => ({
        tokens,
        targets: tokens.map((_, t) => tokens[t + 1] ?? 0),
        weights: tokens.map((_, t) => t + 1 >= c.prompt && t + 1 < length ? 1 : 0),
      }));
      const optimizer = adamW(1e-4, 1e6);
      return () => model.train(sequences, length, optimizer);
    }
    case "prefill": {
      const sequences = c.tokens.map((tokens) => ({ tokens, targets: tokens }));
      const rows = c.tokens.map((_, sequence) => ({ sequence, token: length - 1 }));
      return () => model.forward(sequences, rows, ["logProbs"]);
    }
    case "generation": {
      const prompts = c.tokens.map((tokens, row) => ({ tokens: tokens.slice(0, c.prompt), row }));
      const maxTokens = length - c.prompt;
      const options = { maxTokens, temperature: 0, stop: [], seed: 0, purpose: "bench" };
      return () => model.generate(prompts, options);
    }
  }
}

async function main(): Promise<void> {
  const memory = () => process.resourceUsage().maxRSS * 1024;
  const baselineBytes = memory();
  let engine: WasmEngine | undefined, work: () => Promise<unknown> = () => Promise.resolve();
  for await (const line of lines(Deno.stdin.readable)) {
    const command: LanguageModelCommand = JSON.parse(line);
    if (command.op === "prepare") {
      engine = await WasmEngine.create({ threads: command.threads });
      const pretrained = readPretrained(command.model), { rank, alpha } = command;
      const weights = loadPretrainedWeights(engine, pretrained, { storage: command.dtype });
      const model = new CausalLanguageModel(weights, {
        maxLength: command.tokens[0]!.length,
        languageHead: true,
        ...command.work === "training" && { lora: { rank, alpha } },
      }).initialize(0);
      work = workOf(command, model);
      // V8 optimizes the kernels while they run.
      for (let run = 0; run < 2; run++) await work();
      console.log(JSON.stringify({ parameters: pretrained.parameters }));
    } else {
      const milliseconds: number[] = [];
      for (let run = 0; run < command.runs; run++) {
        const start = performance.now();
        await work();
        milliseconds.push(performance.now() - start);
      }
      console.log(JSON.stringify({ milliseconds, peakBytes: memory(), baselineBytes }));
    }
  }
  engine?.close();
}

if (import.meta.main) await main();
