import assert from "node:assert/strict";
import { gpuTest } from "../../../kernels/wgsl/testing.ts";
import { frozenWeights, type LanguageModelConfig } from "../../language_model/config.ts";
import { recordPrefill, recordStep } from "../../language_model/decoder.ts";
import { ropeFrequencies, rotaryAngles } from "../../language_model/rope.ts";
import { tinyArchitecture } from "../../language_model/tiny_architecture.ts";
import { RandomStream } from "../../numeric/random.ts";
import type { GenerationRecorder } from "../../tensor/backend.ts";
import { WebGpuEngine } from "./engine.ts";
import { generationTapes } from "./generation.ts";

const config: LanguageModelConfig = {
  architecture: tinyArchitecture(),
  ...{ storage: "float32", maxLength: 40, languageHead: true },
};
const recorder: GenerationRecorder = {
  prefill: (tape, capacity) => recordPrefill(tape, config, capacity),
  step: (tape, capacity) => recordStep(tape, config, capacity),
};

Deno.test("caches that would be too large have fewer rows", () => {
  const rows = (rows: number, capacity: number) =>
    generationTapes({ rows, capacity }, recorder).rows;
  // A layer's cache has 2 x 2 heads of 16 float32 a token: 2^24 bytes for 2^16 tokens of a row, of at most 2^27.
  assert.equal(rows(256, 2 ** 16), 8);
  assert.equal(rows(3, 2 ** 16), 3);
  assert.equal(rows(256, 2 ** 20), 1);
});

gpuTest("rows that do not fit side by side come in groups, and programs share caches", async () => {
  const engine = await WebGpuEngine.create();
  try {
    const { architecture, maxLength } = config;
    const frozen = engine.frozen(frozenWeights(config));
    const random = new RandomStream({ seed: 1, purpose: "test" });
    for (const { name, rows, cols } of frozenWeights(config)) {
      frozen.write(name, Float32Array.from({ length: rows * cols }, () => random.normal() / 4));
    }
    const positions = Array.from({ length: maxLength }, (_, position) => position);
    const rope = rotaryAngles(ropeFrequencies(architecture, maxLength), positions);
    const session = engine.session([], { rope }, frozen);
    // The longest prompt's program is longer than the table of positions.
    const rows = Array.from({ length: 11 }, (_, row) => ({
      prompt: Array.from({ length: [1, 5, 36][row % 3]! }, (_, i) => (row + 3 * i) % 37),
      ...{ maxTokens: row % 5, row },
    }));
    const shape = { rows: 11, capacity: 64 };
    const settings = { temperature: 1, seed: 3, purpose: 4, stop: { tokens: [7] } };
    const whole = await session.generation(shape, recorder).run(rows, settings);
    const four = generationTapes({ ...shape, rows: 4 }, recorder);
    const program = session.generationOf(shape, four);
    assert.deepEqual(await program.run(rows, settings), whole);
    // Programs share caches, which the larger one's make void; both have work that waits.
    const small = session.generation({ rows: 4, capacity: 64 }, recorder);
    const few = [3, 4, 5].map((row) => rows[row]!), beside = () => small.run(few, settings);
    const mixed = [beside(), program.run(rows, settings), beside()];
    const large = session.generation({ rows: 11, capacity: 80 }, recorder);
    mixed.push(large.run(rows, settings), beside(), large.run(rows, settings));
    const three = whole.slice(3, 6);
    assert.deepEqual(await Promise.all(mixed), [three, whole, three, whole, three, whole]);
    assert.deepEqual(whole.map(({ length }, row) => length <= row % 5), rows.map(() => true));
    assert.ok(whole.filter(({ length }, row) => length === row % 5).length > 6);
    assert.deepEqual(await program.run([], settings), []);
    const run = (change: object) => program.run([{ ...rows[1]!, ...change }], settings);
    await assert.rejects(run({ prompt: [] }), /^RangeError: row 0 has 0 tokens/);
    await assert.rejects(run({ maxTokens: 60 }), /row 0 has 5 tokens and asks for 60.*may have 64/);
    await assert.rejects(program.run([...rows, ...rows], settings), /22 rows do not fit .* 11/);
    const stop = { tokens: [], texts: [new Uint8Array()], bytes: [] };
    await assert.rejects(program.run(rows, { ...settings, stop }), /a stop text is empty/);
  } finally {
    engine.close();
  }
});
