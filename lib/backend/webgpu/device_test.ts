import assert from "node:assert/strict";
import { gpuTest, testDevice } from "../../../kernels/wgsl/testing.ts";
import { UsageError } from "../../errors.ts";
import { adapterRemedy, WebGpuDevice } from "./device.ts";
import { specialize, wholeKernels } from "./source.ts";

Deno.test("without an adapter the error is the user's, with a remedy for each platform", async () => {
  const none = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
  await assert.rejects(WebGpuDevice.create({ gpu: none }), (error: Error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^--backend: "webgpu": no adapter: .*wasm/);
    return true;
  });
  assert.match(adapterRemedy("linux"), /mesa-vulkan-drivers/);
  assert.match(adapterRemedy("darwin"), /Metal/);
  assert.match(adapterRemedy("windows"), /Direct3D 12/);
  assert.match(adapterRemedy("freebsd"), /Vulkan/);
});

/** A device of its own, for tests that break it. */
async function withDevice(run: (device: WebGpuDevice) => Promise<void>): Promise<void> {
  const device = await WebGpuDevice.create();
  try {
    await run(device);
  } finally {
    device.close();
  }
}

gpuTest("every kernel compiles as it stands", async () => {
  for (const name of wholeKernels()) testDevice().kernel(name);
  await testDevice().settle();
});

gpuTest("a kernel that does not compile is named, and stays the device's error", async () => {
  await withDevice(async (device) => {
    device.kernel("attention_forward", { QUERIES: 4096 });
    await assert.rejects(
      device.settle(),
      /kernels\/wgsl\/attention_forward\.wgsl does not compile:\n/,
    );
    assert.throws(() => device.kernel("gemm"), /attention_forward\.wgsl does not compile/);
  });
});

gpuTest("a buffer larger than the device's limit is a UsageError that names it", async () => {
  await withDevice((device) => {
    assert.throws(
      () => device.buffer("weights of the model", 2 ** 50),
      (error: Error) =>
        error instanceof UsageError &&
        /^weights of the model: "1073741824 MiB": this device's buffers hold \d+ MiB: choose a smaller model/
          .test(error.message),
    );
    return Promise.resolve();
  });
});

gpuTest("a lost device is told from then on, and by reads under way", async () => {
  await withDevice(async (device) => {
    const buffer = device.buffer("x", 16);
    device.device.destroy();
    await device.device.lost;
    await assert.rejects(
      device.read([{ buffer, bytes: 16 }]),
      /the GPU device was lost .*Finished runs are kept/,
    );
  });
});

gpuTest("many parts are read at once, of any length", async () => {
  await withDevice(async (device) => {
    const buffers = [4, 8, 600].map((words) => {
      const buffer = device.buffer("x", words * 4);
      device.device.queue.writeBuffer(buffer, 0, Uint32Array.from({ length: words }, (_, i) => i));
      return { buffer, bytes: words * 4 };
    });
    const parts = await device.read([...buffers, { buffer: buffers[2]!.buffer, bytes: 0 }]);
    assert.deepEqual(parts.map((p) => p.byteLength), [16, 32, 2400, 0]);
    assert.deepEqual([...new Uint32Array(parts[1]!)], [0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

Deno.test("a constant that a kernel lacks is refused by name", () => {
  assert.throws(
    () => specialize("gelu_forward", { BM: 1 }),
    /gelu_forward\.wgsl has no constant BM/,
  );
});
