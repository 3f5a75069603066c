import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { critics } from "../critic/registry.ts";
import { averaging, SAMPLES } from "../critic/testing.ts";
import { CircuitEnvironment, type CircuitState } from "../env/circuit.ts";
import { forwardFlops, prefillTokens } from "../nn/flops.ts";
import { RandomStream } from "../numeric/random.ts";
import { askCritic, type AskOptions } from "./ask_critic.ts";

const environment = new CircuitEnvironment({ modulus: 5, minGates: 3, maxGates: 3 });
const states = [0, 1].map((row) =>
  environment.problem(new RandomStream({ seed: 1, purpose: "test/ask", row }), { split: "train" })
);
/** Two states, one of them twice. */
const rollouts = [{ states: [states[0]!, states[1]!] }, { states: [states[0]!] }];
const options: AskOptions = {
  positions: [[0, 1], [0]],
  context: {},
  fallback: 0.5,
  read: "emitted",
  fill: false,
  key: { seed: 1, purpose: "test", firstRow: 0 },
};

Deno.test("every token that a critic writes is counted, of all responses behind an answer", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    for (const definition of [...Object.values(critics), averaging]) {
      const { name, writesChain } = definition;
      const critic = new NeuralCritic<CircuitState>(
        engine,
        definition,
        environment,
        { dModel: 16, layers: 1 },
        1,
      );
      const { questions, tokens, flops } = await askCritic(critic, rollouts, options);
      assert.equal(questions, 2, name);
      const asked = states.map((state) => ({ state, context: {} }));
      const answers = await critic.values(asked, options.key);
      const written = answers.flatMap(({ responses = [] }) => responses);
      assert.equal(tokens, written.flat().length, name);
      if (definition === averaging) assert.equal(written.length, 2 * SAMPLES);
      if (writesChain) {
        assert.ok(answers.every(({ responses = [] }) => responses.flat().length > 0), name);
      }

      const prompts = states.map((state) => environment.criticPrompt(state, {}));
      const read = writesChain ? prefillTokens(prompts) : prompts.flat().length;
      assert.ok(prefillTokens(prompts) < prompts.flat().length, "the prompts share their start");
      assert.equal(flops, forwardFlops(critic.model.config, read + tokens, critic.sequenceLength));
    }
  } finally {
    engine.close();
  }
});

Deno.test("a critic that samples draws from the stream that it is given, a greedy one from none", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    for (const definition of [averaging, critics.cot!]) {
      const critic = new NeuralCritic<CircuitState>(
        engine,
        definition,
        environment,
        { dModel: 16, layers: 1 },
        1,
      );
      const asked = states.map((state) => ({ state, context: {} }));
      const answer = async (change: Partial<AskOptions["key"]>) =>
        JSON.stringify(await critic.values(asked, { ...options.key, ...change }));
      const first = await answer({});
      assert.equal(await answer({}), first);
      for (const change of [{ seed: 2 }, { purpose: "other" }, { firstRow: 2 }]) {
        assert.equal(await answer(change) === first, definition !== averaging, definition.name);
      }
    }
  } finally {
    engine.close();
  }
});
