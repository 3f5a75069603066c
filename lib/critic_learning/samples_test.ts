import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { createEnvironment } from "../env/registry.ts";
import { adamW } from "../nn/optimizer.ts";
import { sampleOutcomes } from "./samples.ts";

const environment = createEnvironment("permutation", { group: "S3", minLength: 2, maxLength: 4 });
const { vocabulary } = environment;
const data = { seed: 5, purpose: "test", actor: { epsilon: 0.5 } };

Deno.test("states are training states; the mean outcome tends to the exact value", () => {
  const states = sampleOutcomes(environment, data, 3, { prompts: 20, rollouts: 400 });
  for (const { state, outcomes } of states) {
    assert.equal(environment.splitOf(state.word), "train");
    const p = environment.exactValue(state, data.actor);
    const mean = outcomes.reduce((a: number, b) => a + b, 0) / 400;
    assert.ok(Math.abs(mean - p) < 4.5 * Math.sqrt(p * (1 - p) / 400) + 1e-9, `${mean} ${p}`);
  }
  const next = sampleOutcomes(environment, data, 4, { prompts: 20, rollouts: 400 });
  assert.notDeepEqual(next.map((s) => s.state), states.map((s) => s.state));
  assert.deepEqual(sampleOutcomes(environment, data, 3, { prompts: 20, rollouts: 400 }), states);
});

Deno.test("responses differ, end at a value token or their limit, and depend on nothing but their key", async () => {
  const engine = await WasmEngine.create();
  try {
    const definition = criticDefinition("cot");
    const critic = new NeuralCritic(engine, definition, environment, { dModel: 32, layers: 2 }, 1);
    const states = sampleOutcomes(environment, data, 0, { prompts: 6, rollouts: 1 });
    // Learned a little, so that some responses parse and some do not.
    const batch = states.map(({ state }, b) => ({ state, context: {}, value: b / 10 }));
    for (let i = 0; i < 15; i++) await critic.update(batch, adamW(3e-3, 15));
    const key = { ...data, firstRow: 42 }, options = { count: 5 };
    const groups = await critic.respond(states, key, options);
    const all = groups.flat();
    assert.equal(all.length, 30);
    assert.ok(new Set(all.map((r) => r.tokens.join())).size > 15);
    const parsed = all.filter((r) => r.value !== null).length;
    assert.ok(parsed > 0 && parsed < 30, `${parsed} parsed`);
    groups.forEach((group, b) => {
      for (const { prompt, tokens, value } of group) {
        const { state } = states[b]!;
        assert.deepEqual(prompt.tokens, [
          ...environment.criticPrompt(state, {}),
          vocabulary.think,
        ]);
        assert.equal(prompt.limit, environment.reasoningTrace(state).length + 1);
        assert.ok(tokens.length >= 1 && tokens.length <= prompt.limit);
        assert.equal(value, vocabulary.valueOf(tokens.at(-1)!) ?? null);
        assert.ok(tokens.slice(0, -1).every((token) => vocabulary.valueOf(token) === undefined));
        if (value === null) assert.equal(tokens.length, prompt.limit);
      }
    });
    assert.deepEqual(
      (await critic.respond(states, key, options)).map((g) => g.map((r) => r.tokens)),
      groups.map((g) => g.map((r) => r.tokens)),
    );
    const other = await critic.respond(states, { ...key, firstRow: 48 }, options);
    assert.notDeepEqual(
      other.map((g) => g.map((r) => r.tokens)),
      groups.map((g) => g.map((r) => r.tokens)),
    );
  } finally {
    engine.close();
  }
});

Deno.test("tokens are drawn with the policy's own probabilities", async () => {
  const engine = await WasmEngine.create();
  try {
    const critic = new NeuralCritic(
      engine,
      criticDefinition("cot"),
      environment,
      { dModel: 16, layers: 1 },
      1,
    );
    const [state] = sampleOutcomes(environment, data, 0, { prompts: 1, rollouts: 1 });
    const count = 3000;
    const [group] = await critic.respond([state!], { ...data, firstRow: 0 }, { count });
    const { tokens, position } = group![0]!.prompt;
    const row = { sequence: 0, token: tokens.length - 1 };
    const sequence = { tokens, positions: tokens.map((_, i) => position(i)) };
    const { logits } = await critic.model.forward([sequence], [row]);
    const e = Array.from(logits!, Math.exp), sum = e.reduce((a, b) => a + b);
    let chiSquare = 0;
    e.forEach((x, token) => {
      const expected = count * x / sum;
      const seen = group!.filter((r) => r.tokens[0] === token).length;
      chiSquare += (seen - expected) ** 2 / expected;
    });
    const freedom = e.length - 1;
    assert.ok(chiSquare < freedom + 4 * Math.sqrt(2 * freedom), `${chiSquare} at ${freedom}`);
  } finally {
    engine.close();
  }
});
