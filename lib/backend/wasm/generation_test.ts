import assert from "node:assert/strict";
import type { Architecture } from "../../language_model/architecture.ts";
import { CausalLanguageModel } from "../../language_model/causal_language_model.ts";
import { frozenWeights } from "../../language_model/config.ts";
import { recordPrefill, recordStep } from "../../language_model/decoder.ts";
import { PretrainedWeights, randomWeights } from "../../language_model/pretrained_weights.ts";
import { ropeFrequencies, rotaryAngles } from "../../language_model/rope.ts";
import { tinyArchitecture } from "../../language_model/tiny_architecture.ts";
import { keptTokens } from "../../nn/testing.ts";
import { RandomStream } from "../../numeric/random.ts";
import type { GenerationProgram, GenerationRow, GenerationStop } from "../../tensor/backend.ts";
import type { WeightStorage } from "../../tensor/tape.ts";
import { NOT_FINITE } from "../generated_tokens.ts";
import type { WasmEngine } from "./engine.ts";
import { withEngine } from "./testing.ts";

const MAX_LENGTH = 128;

const LLAMA3 = {
  type: "llama3",
  ...{ factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 16 },
} as const;

/** A tiny pretrained model on an engine. */
class Fixture {
  readonly weights: PretrainedWeights;

  constructor(
    readonly engine: WasmEngine,
    storage: WeightStorage,
    readonly architecture: Architecture = tinyArchitecture(),
  ) {
    this.weights = new PretrainedWeights(engine, architecture, storage)
      .write(randomWeights(architecture, 1));
  }

  program(shape: { rows: number; capacity: number }): GenerationProgram {
    const { architecture, weights: { storage } } = this;
    const config = { architecture, storage, maxLength: MAX_LENGTH, languageHead: true };
    const positions = Array.from({ length: MAX_LENGTH }, (_, position) => position);
    const rope = rotaryAngles(ropeFrequencies(architecture, MAX_LENGTH), positions);
    return this.engine.session([], { rope }, this.weights.device).generation(shape, {
      prefill: (tape, capacity) => recordPrefill(tape, config, capacity),
      step: (tape, capacity) => recordStep(tape, config, capacity),
    });
  }

  /** The logits from which each token of a response is drawn, out of one pass over the whole text. */
  async logits(prompt: readonly number[], response: readonly number[]): Promise<Float32Array[]> {
    const model = new CausalLanguageModel(this.weights, {
      maxLength: MAX_LENGTH,
      languageHead: true,
    });
    const rows = response.map((_, t) => ({ sequence: 0, token: prompt.length - 1 + t }));
    const { logits } = await model.forward([{ tokens: [...prompt, ...response] }], rows, [
      "logits",
    ]);
    const classes = this.architecture.vocabularySize;
    return response.map((_, t) => logits.subarray(t * classes, (t + 1) * classes));
  }
}

const OPTIONS = { temperature: 1, seed: 5, purpose: 9, stop: { tokens: [2] } };

/** Prompts of 1 to 60 tokens: equal ones, some with a long or short start in common, some with none. */
function oddRows(): GenerationRow[] {
  const random = new RandomStream({ seed: 1, purpose: "prompts" });
  const words = (length: number) => Array.from({ length }, () => 3 + random.integer(34));
  const start = words(40);
  const prompts = [
    ...[words(1), words(2), words(16), words(17), words(33), words(60), start, start],
    ...[[...start, ...words(5)], [...start, ...words(20)], [...start.slice(0, 7), ...words(30)]],
    ...[start.slice(0, 21), start.slice(0, 1), words(1)],
  ];
  return prompts.map((prompt, i) => ({
    prompt,
    maxTokens: i === 3 ? 1 : 8 + i,
    row: i === 7 ? 4_000_000_000 : i,
  }));
}

Deno.test("greedy generation takes what a pass over the whole text finds largest, to the bit", async () => {
  const wide = { heads: 6, kvHeads: 2, headDim: 32, tiedEmbeddings: false };
  const cases = [
    ["float32", tinyArchitecture()],
    ["float16", tinyArchitecture({ ...wide, family: "qwen2", qkvBias: true })],
    ["bfloat16", tinyArchitecture({ heads: 9, kvHeads: 1, ropeScaling: LLAMA3 })],
  ] as const;
  for (const [storage, architecture] of cases) {
    await withEngine(2, async (engine) => {
      const fixture = new Fixture(engine, storage, architecture), rows = oddRows();
      const program = fixture.program({ rows: 16, capacity: 100 });
      const responses = await program.run(rows, { ...OPTIONS, temperature: 0 });
      for (const [i, response] of responses.entries()) {
        const { prompt, maxTokens } = rows[i]!;
        const end = response.indexOf(2);
        assert.equal(response.length, end < 0 ? maxTokens : end + 1);
        (await fixture.logits(prompt, response)).forEach((logits, t) => {
          assert.equal(response[t], logits.indexOf(Math.max(...logits)), `row ${i}, token ${t}`);
        });
      }
    });
  }
});

Deno.test("a drawn token is the one that the kernel of whole batches draws from what is kept", async () => {
  await withEngine(1, async (engine) => {
    const fixture = new Fixture(engine, "bfloat16"), rows = oddRows();
    const program = fixture.program({ rows: 16, capacity: 100 }), { device } = engine;
    const at = device.allocate(1024), own = device.f32(at, 256), ints = device.i32(at, 256);
    const classes = fixture.architecture.vocabularySize;
    for (const filter of [{}, { topK: 5 }, { topP: 0.7 }, { topK: 9, topP: 0.8 }]) {
      const options = { ...OPTIONS, ...filter, temperature: 1.3 };
      const responses = await program.run(rows, options);
      for (const [i, response] of responses.entries()) {
        const { prompt, row } = rows[i]!;
        (await fixture.logits(prompt, response)).forEach((logits, t) => {
          const kept = new Set(keptTokens(logits, options));
          // One row of logits in panels 2 rows apart, then: forced, rowIds, next, scratch.
          logits.forEach((x, token) => {
            own[(token >> 4) * 32 + token % 16] = kept.has(token) ? x : -Infinity;
          });
          ints.set([-1, row, 0], 128);
          const step = prompt.length + t - 1, k = 1 / options.temperature;
          device.kernels.sample!(
            ...[at + 520, at, 128, at + 512, at + 516, at + 528, 1, classes, k, step],
            ...[OPTIONS.seed, OPTIONS.purpose],
          );
          assert.equal(response[t], ints[130], `row ${i}, token ${t}`);
        });
      }
    }
  });
});

Deno.test("a response depends on its own prompt and row alone: not on threads, neighbours or order", async () => {
  const run = (threads: number, many: boolean) =>
    withEngine(threads, async (engine) => {
      const fixture = new Fixture(engine, "bfloat16"), rows = oddRows();
      if (!many) {
        const program = fixture.program({ rows: 1, capacity: 90 });
        const alone: number[][] = [];
        for (const row of rows) alone.push(...await program.run([row], OPTIONS));
        return alone;
      }
      // More than all lanes step at a time; the ones that are looked at come last, the other way round.
      const others = Array.from({ length: 270 }, (_, i) => ({
        ...rows[i % rows.length]!,
        row: 1000 + i,
        maxTokens: 1 + i % 5,
      }));
      const program = fixture.program({ rows: 300, capacity: 90 });
      const responses = await program.run([...others, ...rows.toReversed()], OPTIONS);
      return responses.slice(-rows.length).reverse();
    });
  const expected = await run(1, false);
  assert.equal(new Set(expected.map(String)).size, expected.length);
  for (const threads of [1, 2, 4]) assert.deepEqual(await run(threads, true), expected);
});

Deno.test("a response ends with its stop token, the token that completes a stop text, or after maxTokens", async () => {
  await withEngine(1, async (engine) => {
    const fixture = new Fixture(engine, "float32");
    const program = fixture.program({ rows: 8, capacity: 100 });
    const rows = [3, 4, 5].map((token, i) => ({ prompt: [token], maxTokens: 40, row: i }));
    const run = (stop: GenerationStop) => program.run(rows, { ...OPTIONS, stop });
    const whole = await run({ tokens: [] });
    assert.deepEqual(whole.map(({ length }) => length), [40, 40, 40]);
    const firsts = (isEnd: (response: number[], t: number) => boolean) =>
      whole.map((response) => {
        const t = response.findIndex((_, t) => isEnd(response, t));
        return t < 0 ? response : response.slice(0, t + 1);
      });
    assert.deepEqual(
      await run({ tokens: [7, 11] }),
      firsts((response, t) => [7, 11].includes(response[t]!)),
    );
    // Tokens are "", "b", "cc", "ddd", ...: texts start and end within them, and over several of them.
    const bytes = Array.from(
      { length: 37 },
      (_, token) => new Uint8Array(token % 6).fill(97 + token % 26),
    );
    const text = (tokens: readonly number[]) =>
      tokens.map((token) => new TextDecoder().decode(bytes[token])).join("");
    const full = text(whole[0]!);
    for (const [from, to] of [[0, 1], [9, 11], [14, 22], [30, 31]] as const) {
      const stop = full.slice(from, to);
      const texts = ["not there", stop].map((text) => new TextEncoder().encode(text));
      assert.deepEqual(
        await run({ tokens: [], texts, bytes }),
        firsts((response, t) => text(response.slice(0, t + 1)).includes(stop)),
        stop,
      );
    }
  });
});

Deno.test("logits that are not finite end a row, and no other", async () => {
  await withEngine(1, async (engine) => {
    const fixture = new Fixture(engine, "float32", tinyArchitecture({ tiedEmbeddings: false }));
    const { hiddenSize } = fixture.architecture;
    const embedding = randomWeights(fixture.architecture, 1)("model.embed_tokens.weight");
    const broken = embedding.slice().fill(NaN, 30 * hiddenSize, 31 * hiddenSize);
    const program = fixture.program({ rows: 4, capacity: 40 });
    const rows = [[3, 4, 5], [3, 30, 5], [30], [6, 7]]
      .map((prompt, row) => ({ prompt, maxTokens: 4, row }));
    for (const temperature of [0, 1]) {
      fixture.weights.device.write("model.embed_tokens.weight", embedding);
      const options = { ...OPTIONS, temperature, topK: 5, stop: { tokens: [30] } };
      const before = await program.run(rows, options);
      fixture.weights.device.write("model.embed_tokens.weight", broken);
      const [first, second, third, fourth] = await program.run(rows, options);
      assert.deepEqual([second, third], [[NOT_FINITE], [NOT_FINITE]]);
      assert.deepEqual([first, fourth], [before[0], before[3]]);
    }
  });
});

Deno.test("rows that do not fit, and stop texts without bytes, are refused", async () => {
  await withEngine(1, (engine) => {
    const program = new Fixture(engine, "float32").program({ rows: 2, capacity: 10 });
    const row = { prompt: [1, 2], maxTokens: 8, row: 0 };
    const refused = (rows: GenerationRow[], stop: GenerationStop, pattern: RegExp) =>
      assert.throws(() => program.run(rows, { ...OPTIONS, stop }), pattern);
    refused([row, row, row], { tokens: [] }, /RangeError: 3 rows do not fit a program for 2/);
    refused([row, { ...row, maxTokens: 9 }], { tokens: [] }, /row 1 has 2 tokens and asks for 9/);
    refused([{ ...row, prompt: [] }], { tokens: [] }, /RangeError: row 0 has 0 tokens/);
    refused([row], { tokens: [], texts: [new Uint8Array(0)], bytes: [] }, /a stop text is empty/);
    refused([row], { tokens: [], texts: [Uint8Array.of(1)] }, /stop texts need the bytes/);
    return program.run([{ ...row, maxTokens: 0 }], OPTIONS)
      .then((responses) => assert.deepEqual(responses, [[]]));
  });
});

Deno.test("caches take 1 GiB at most, however many rows are asked for", async () => {
  // The shape of SmolLM2-135M. Memory that nothing is written to costs nothing.
  const architecture = tinyArchitecture({
    ...{ vocabularySize: 49152, hiddenSize: 576, intermediateSize: 1536, layers: 30, heads: 9 },
    ...{ kvHeads: 3, headDim: 64 },
  });
  const config = { architecture, storage: "bfloat16" as const, maxLength: 1024 };
  for (const threads of [1, 4]) {
    await withEngine(threads, (engine) => {
      const frozen = engine.frozen(frozenWeights(config));
      const before = engine.device.memory.buffer.byteLength;
      const rope = new Float32Array(1024 * 64);
      engine.session([], { rope }, frozen).generation({ rows: 256, capacity: 1024 }, {
        prefill: (tape, capacity) =>
          recordPrefill(tape, { ...config, languageHead: true }, capacity),
        step: (tape, capacity) => recordStep(tape, { ...config, languageHead: true }, capacity),
      });
      const bytes = engine.device.memory.buffer.byteLength - before;
      assert.ok(bytes > 0.7 * 2 ** 30 && bytes < 1.1 * 2 ** 30, `${bytes}`);
      return Promise.resolve();
    });
  }
});
