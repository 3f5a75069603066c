/** One cell of the smoke profile on the graphics adapter, from the command's own code to the comparison with the pins. */
import assert from "node:assert/strict";
import { gpuTest } from "../../kernels/wgsl/testing.ts";
import { identifyBackend } from "../../lib/backend/create.ts";
import type { AnyExperiment } from "../../lib/run/experiment.ts";
import { planRun } from "../../lib/run/plan.ts";
import { reproduce } from "../../lib/run/reproduce.ts";
import scaling from "./mod.ts";

// The cheapest cell; one with a chain of thought takes 40 s on a software adapter.
const CELL = "discriminative-mse/d16-L2/seed1";

gpuTest("a whole cell's metrics lie within the tolerance of its pins", async () => {
  const out = Deno.makeTempDirSync({ prefix: "genac-" });
  try {
    const options = {
      profile: "smoke",
      threads: 1,
      backend: "webgpu",
      cells: [CELL],
      out,
    } as const;
    const plan = planRun(scaling as AnyExperiment, options);
    const { partial, failures } = await reproduce(plan, await identifyBackend("webgpu"));
    assert.deepEqual(failures, []);
    const { state, tolerance } = partial!.pins;
    assert.equal(state, "within tolerance");
    assert.equal(tolerance!.compared, 8, "four metrics on two test sets");
    assert.notEqual(tolerance!.cells[0]!.start, null, "the loss of the first steps");
  } finally {
    Deno.removeSync(out, { recursive: true });
  }
});
