import assert from "node:assert/strict";
import { NeuralCritic } from "../../critic/neural_critic.ts";
import { criticDefinition } from "../../critic/registry.ts";
import { supervisedStep } from "../../critic/supervised.ts";
import { createEnvironment } from "../../env/registry.ts";
import { UsageError } from "../../errors.ts";
import { adamW } from "../../nn/optimizer.ts";
import { browserHost } from "./browser_host.ts";
import { denoHost } from "./deno_host.ts";
import { WasmEngine } from "./engine.ts";
import type { WasmHost } from "./host.ts";

/** The digest of a critic's parameters after three steps. */
async function train(host: WasmHost, threads: number): Promise<string> {
  const engine = await WasmEngine.create({ threads, host });
  try {
    const environment = createEnvironment("permutation");
    const size = { dModel: 16, layers: 1 };
    const critic = new NeuralCritic(engine, criticDefinition("cot"), environment, size, 1);
    const data = { seed: 1, purpose: "host", batchSize: 16, actor: { epsilon: 0.3 } };
    for (let step = 0; step < 3; step++) await supervisedStep(critic, data, adamW(6e-3, 3));
    return await critic.model.digest();
  } finally {
    engine.close();
  }
}

Deno.test("every host computes the same, with shared memory and without", async () => {
  const expected = await train(denoHost, 1);
  assert.equal(await train(denoHost, 2), expected);
  assert.equal(await train(browserHost(true), 1), expected);
  assert.equal(await train(browserHost(false), 1), expected);
});

Deno.test("a browser's memory is private where none can be shared, and ends at 1 GiB", async () => {
  const engine = await WasmEngine.create({ host: browserHost(false) });
  assert.ok(engine.device.memory.buffer instanceof ArrayBuffer);
  assert.throws(() => engine.device.allocate(2 ** 30), /\(1 GiB at most\)/);
  engine.close();
});

Deno.test("a browser has one thread, and says so", async () => {
  const isUsage = (e: Error) => e instanceof UsageError && /^threads: .*one thread/.test(e.message);
  await assert.rejects(WasmEngine.create({ threads: 2, host: browserHost() }), isUsage);
});
