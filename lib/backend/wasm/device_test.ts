import assert from "node:assert/strict";
import { ROOT } from "../../root.ts";
import { UsageError } from "../../errors.ts";
import { kernelBundle } from "./bundle.ts";
import { ARENAS, CONTROL } from "./control.ts";
import { WasmDevice } from "./device.ts";

/** Runs a test on a device and ends its lanes. */
async function withDevice(threads: number, test: (device: WasmDevice) => void): Promise<void> {
  const device = await WasmDevice.create(threads);
  try {
    test(device);
  } finally {
    device.close();
  }
}

const usage = (pattern: RegExp) => (e: Error) => e instanceof UsageError && pattern.test(e.message);

Deno.test("threads must be a whole number from 1 to 4", async () => {
  for (const threads of [0, -1, 1.5, 5, NaN, "2" as unknown as number]) {
    const message = new RegExp(`^threads: "?${threads}"?: give a whole number from 1 to 4$`);
    await assert.rejects(WasmDevice.create(threads), usage(message));
  }
});

Deno.test("the kernels' constants stay below the control block", async () => {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
  await WebAssembly.instantiate((await kernelBundle()).bytes, { env: { memory } });
  const rest = new Uint8Array(memory.buffer, CONTROL);
  assert.equal(
    rest.findIndex((byte) => byte !== 0),
    -1,
    "the bundle's data reaches into the engine's memory",
  );
});

Deno.test("memory is zeroed and on whole 64-byte lines", async () => {
  await withDevice(1, (device) => {
    const first = device.allocate(100),
      second = device.allocate(5 * 65536),
      third = device.allocate(64);
    assert.deepEqual([first % 64, second - first, third - second], [0, 128, 5 * 65536]);
    assert.ok(device.f32(second, 5 * 16384).every((x) => x === 0));
  });
});

Deno.test("too much memory is a UsageError, after which the device still works", async () => {
  await withDevice(1, (device) => {
    assert.throws(
      () => device.allocate(2 ** 32),
      usage(/^memory: "\d+ MiB": .*4 GiB at most.*smaller/),
    );
    assert.throws(() => device.reserveArenas(2 ** 33), usage(/^memory/));
    device.reserveArenas(1000);
    const [arena] = arenasOf(device);
    device.f32(arena!, 250).fill(1);
    assert.equal(device.allocate(64) - arena!, 1024);
  });
});

/** Addresses of the lanes' working memory. */
function arenasOf({ memory, threads }: WasmDevice): number[] {
  return [...new Float64Array(memory.buffer, ARENAS, threads)];
}

Deno.test("working memory grows in its place, or leaves its place to others, zeroed", async () => {
  await withDevice(2, (device) => {
    device.reserveArenas(1000);
    const [first, second] = arenasOf(device);
    device.reserveArenas(100);
    assert.deepEqual(arenasOf(device), [first, second]);
    device.reserveArenas(5000);
    assert.deepEqual(arenasOf(device), [first, first! + 5056]);
    device.f32(first!, 5056 / 2).fill(1);
    const behind = device.allocate(64);
    assert.equal(behind, first! + 2 * 5056);
    device.reserveArenas(6000);
    assert.deepEqual(arenasOf(device), [behind + 64, behind + 64 + 6016]);
    assert.equal(device.allocate(10_000), first);
    assert.ok(device.f32(first!, 2500).every((x) => x === 0));
    assert.equal(device.allocate(64), first! + 10_048);
    assert.ok(device.allocate(64) > behind);
  });
});

Deno.test("released blocks side by side are one again", async () => {
  await withDevice(1, (device) => {
    const blocks = Array.from({ length: 4 }, () => device.allocate(100));
    const release = (i: number) => device.release({ address: blocks[i]!, bytes: 100 });
    [0, 2].forEach(release);
    assert.equal(device.allocate(129), blocks[3]! + 128, "each has 128 bytes");
    release(1);
    assert.equal(device.allocate(3 * 128), blocks[0]);
  });
});

/** The job of transposing one 16 x 16 block for each lane of two. */
function transposes(device: WasmDevice) {
  const x = device.allocate(2 * 1024), y = device.allocate(2 * 1024);
  device.f32(x, 512).set(Float32Array.from({ length: 512 }, (_, i) => i));
  const call = (i: number) => ({
    kernel: "transpose",
    args: [y + i * 1024, 1024, x + i * 1024, 1024, 16, 16],
  });
  return {
    job: { kind: "calls" as const, calls: [call(0), call(1)] },
    check: () =>
      device.f32(y, 512).forEach((v, i) => {
        const block = i >> 8 << 8, r = (i & 255) >> 4, c = i & 15;
        assert.equal(v, block + c * 16 + r);
      }),
  };
}

Deno.test("lanes work on one memory, above 2 GiB too", async () => {
  await withDevice(2, (device) => {
    // Untouched memory costs nothing.
    for (const below of [0, 2.1 * 2 ** 30]) {
      device.allocate(below);
      const { job, check } = transposes(device);
      device.run(device.load(job));
      check();
    }
  });
});

Deno.test("a lane's failure is reported with its message, whichever lane it is", async () => {
  const bad = { kernel: "no_such_kernel", args: [] },
    good = { kernel: "transpose", args: [65536, 64, 65536, 64, 0, 0] };
  await withDevice(2, (device) => {
    const job = device.load({ kind: "calls", calls: [good, bad] });
    assert.throws(() => device.run(job), /^Error: lane 1: TypeError/);
    assert.throws(() => device.run(device.load({ kind: "calls", calls: [] })), /lane 1: TypeError/);
  });
  await withDevice(2, (device) => {
    const job = device.load({ kind: "calls", calls: [bad, good] });
    assert.throws(() => device.run(job), TypeError);
    const { job: next, check } = transposes(device);
    device.run(device.load(next));
    check();
  });
});

Deno.test("a closed device refuses work; closing again does nothing", async () => {
  for (const threads of [1, 2]) {
    await withDevice(threads, (device) => {
      const { job } = transposes(device), id = device.load(job);
      device.close();
      assert.throws(() => device.run(id), /the engine is closed/);
      device.close();
    });
  }
});

Deno.test("close lets the process end", async () => {
  const script = `
    import { WasmEngine } from ${JSON.stringify(new URL("./engine.ts", import.meta.url).href)};
    const engine = await WasmEngine.create({ threads: 4 });
    engine.close();
    console.log("closed");`;
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/script.ts`, script);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--config",
        `${ROOT}deno.json`,
        "--allow-read",
        `${folder}/script.ts`,
      ],
      stderr: "inherit",
      signal: AbortSignal.timeout(20_000),
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "closed\n");
    assert.equal(code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
