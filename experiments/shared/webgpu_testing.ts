/** A cell of the smoke profile on the graphics adapter, from the command's own code to the comparison with the pins. */
import assert from "node:assert/strict";
import { gpuTest } from "../../kernels/wgsl/testing.ts";
import { identifyBackend } from "../../lib/backend/create.ts";
import type { AnyExperiment } from "../../lib/run/experiment.ts";
import { planRun } from "../../lib/run/plan.ts";
import { reproduce } from "../../lib/run/reproduce.ts";

/**
 * Tests that a cell's metrics lie within the tolerance of its pins.
 *
 * @param compared How many metrics are to be compared.
 * @param hasCurve Whether the loss of its first steps is, too.
 */
export function webgpuCellTest(
  experiment: AnyExperiment,
  cell: string,
  { compared, hasCurve }: { readonly compared: number; readonly hasCurve: boolean },
): void {
  gpuTest(`the metrics of ${cell} lie within the tolerance of its pins`, async () => {
    const out = Deno.makeTempDirSync({ prefix: "genac-" });
    try {
      const options = { profile: "smoke", threads: 1, backend: "webgpu", out } as const;
      const plan = planRun(experiment, { ...options, cells: [`=${cell}`] });
      const { partial, failures } = await reproduce(plan, await identifyBackend("webgpu"));
      assert.deepEqual(failures, []);
      const { state, tolerance } = partial!.pins;
      assert.equal(state, "within tolerance");
      assert.equal(tolerance!.compared, compared);
      assert.equal(tolerance!.cells[0]!.start !== null, hasCurve);
    } finally {
      Deno.removeSync(out, { recursive: true });
    }
  });
}
