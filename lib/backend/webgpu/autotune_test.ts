import assert from "node:assert/strict";
import { gpuTest, testDevice } from "../../../kernels/wgsl/testing.ts";
import { cachedTuning, measureGemm, variantsFor } from "./autotune.ts";
import { GEMM_VARIANTS, type GemmTuning } from "./gemm.ts";

gpuTest("measuring gives a variant that the device can run for every kind", async () => {
  if (!testDevice().device.features.has("timestamp-query")) return;
  const shape = { m: 32, n: 32, k: 32 };
  const tuning = await measureGemm(testDevice(), [
    { ...shape, transposeA: false, transposeB: false },
    { ...shape, k: 600, transposeA: true, transposeB: false },
  ]);
  assert.deepEqual(Object.keys(tuning), ["nn small", "tn small"]);
  const names = variantsFor(testDevice()).map((v) => v.name);
  for (const name of Object.values(tuning)) assert.ok(names.includes(name), name);
});

Deno.test("a tuning is measured once for an adapter, and again where the file is damaged", async () => {
  const folder = `${Deno.makeTempDirSync()}/`;
  const adapter = { vendor: "v", architecture: "a", description: "d", software: false };
  let count = 0;
  const measure = (): Promise<GemmTuning> => {
    count++;
    return Promise.resolve({ "nn small": GEMM_VARIANTS[1]!.name });
  };
  try {
    const first = await cachedTuning(folder, adapter, measure);
    assert.deepEqual(await cachedTuning(folder, adapter, measure), first);
    assert.equal(count, 1);
    await cachedTuning(folder, { ...adapter, description: "other" }, measure);
    assert.equal(count, 2);
    for (const { name } of Deno.readDirSync(folder)) {
      Deno.writeTextFileSync(folder + name, '{"nn small": "gone"}');
    }
    assert.deepEqual(await cachedTuning(folder, adapter, measure), first);
    assert.equal(count, 3);
    await cachedTuning("/proc/no/such/", adapter, measure);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
