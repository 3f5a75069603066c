import assert from "node:assert/strict";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { criticTransformer } from "../../lib/critic/neural_critic.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { PROFILES } from "../../lib/run/experiment.ts";
import { resolveRuns } from "../../lib/run/plan.ts";
import { registry } from "../registry.ts";
import { cellMemory, modelMemory } from "./cell_memory.ts";

Deno.test("every cell of every profile states its memory: some, and less than a small machine has", async () => {
  const experiments = await Promise.all(
    Object.values(registry).map(async (load) => (await load()).default),
  );
  for (const profile of PROFILES) {
    for (const { cells, experiment } of resolveRuns(experiments, { profile, threads: 1 })) {
      for (const { id, memory = 0 } of cells) {
        const what = `${experiment.name} ${profile} ${id}: ${memory}`;
        assert(Number.isInteger(memory) && memory > 0 && memory < 4 * 2 ** 30, what);
      }
    }
  }
});

Deno.test("models add up; wider, deeper ones and longer sequences take more", () => {
  const bytes = (dModel: number, layers: number, length: number) => {
    const size = { dModel, layers }, environment = createEnvironment("permutation");
    return modelMemory(criticTransformer(criticDefinition("cot"), environment, size), length);
  };
  const small = bytes(16, 1, 24);
  for (const larger of [bytes(32, 1, 24), bytes(16, 2, 24), bytes(16, 1, 28)]) {
    assert(larger > small);
  }
  assert.equal(cellMemory([small, small]) - cellMemory([]), 2 * small);
  // A model whose weights are most of it: eight copies in float32.
  const [wide, wider] = [bytes(1024, 4, 4), bytes(1024, 5, 4)];
  const layer = 12 * 1024 * 1024 * 8 * 4;
  assert(wider - wide > layer && wider - wide < 1.1 * layer);
});
