/**
 * What samples of the same prompt save in generation: `deno bench --allow-read --allow-write=.cache --allow-env
 * lib/bench/generate_bench.ts`. Each group generates as many tokens.
 */
import { WasmEngine } from "../backend/wasm/engine.ts";
import { RandomStream } from "../numeric/random.ts";
import { Model, type Prompt } from "../nn/model.ts";

const VOCABULARY = 128, ROWS = 256;
const engine = await WasmEngine.create();
const model = new Model(engine, {
  vocabularySize: VOCABULARY,
  dModel: 64,
  layers: 2,
  headDim: 16,
  rotaryDim: 8,
  ropeBase: 1000,
  maxPosition: 256,
  mlpRatio: 4,
  languageHead: true,
}).initialize(1);

/** 256 prompts, of which each stands `samples` times. */
function prompts(length: number, samples: number): Prompt[] {
  return Array.from({ length: ROWS }, (_, row) => {
    const random = new RandomStream({
      seed: 1,
      purpose: "bench",
      row: Math.floor(row / samples),
    });
    const tokens = Array.from({ length }, () => random.integer(VOCABULARY));
    return { tokens, row, position: (i) => i };
  });
}

for (const [length, maxTokens] of [[40, 8], [100, 100]] as const) {
  for (const samples of [1, 4, 8]) {
    const batch = prompts(length, samples);
    Deno.bench({
      name: `${samples} samples of each prompt`,
      group: `${ROWS} responses of ${maxTokens} tokens to prompts of ${length}`,
      baseline: samples === 1,
      fn: async () => {
        await model.generate(batch, {
          maxTokens,
          temperature: 1,
          stop: [],
          seed: 1,
          purpose: "bench",
        });
      },
    });
  }
}
