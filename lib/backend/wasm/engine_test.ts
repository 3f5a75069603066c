import assert from "node:assert/strict";
import { ROOT } from "../../root.ts";
import { UsageError } from "../../errors.ts";
import { kernelBundle } from "./bundle.ts";
import { CONTROL } from "./control.ts";
import { WasmEngine } from "./engine.ts";

/** Runs a test on an engine and ends its lanes. */
async function withEngine(threads: number, test: (engine: WasmEngine) => void): Promise<void> {
  const engine = await WasmEngine.create({ threads });
  try {
    test(engine);
  } finally {
    engine.close();
  }
}

const usage = (pattern: RegExp) => (e: Error) => e instanceof UsageError && pattern.test(e.message);

Deno.test("threads must be a whole number from 1 to 4", async () => {
  for (const threads of [0, -1, 1.5, 5, NaN, "2" as unknown as number]) {
    const message = new RegExp(`^threads: "?${threads}"?: give a whole number from 1 to 4$`);
    await assert.rejects(WasmEngine.create({ threads }), usage(message));
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
  await withEngine(1, (engine) => {
    const first = engine.allocate(100),
      second = engine.allocate(5 * 65536),
      third = engine.allocate(64);
    assert.deepEqual([first % 64, second - first, third - second], [0, 128, 5 * 65536]);
    assert.ok(engine.f32(second, 5 * 16384).every((x) => x === 0));
  });
});

Deno.test("too much memory is a UsageError, after which the engine still works", async () => {
  await withEngine(1, (engine) => {
    assert.throws(
      () => engine.allocate(2 ** 32),
      usage(/^memory: "\d+ MiB": .*4 GiB at most.*smaller/),
    );
    assert.throws(() => engine.arenas(2 ** 33), usage(/^memory/));
    const [arena] = engine.arenas(1000);
    engine.f32(arena!, 250).fill(1);
    assert.equal(engine.allocate(64) - arena!, 1024);
  });
});

/** The job of transposing one 16 x 16 block for each lane of two. */
function transposes(engine: WasmEngine) {
  const x = engine.allocate(2 * 1024), y = engine.allocate(2 * 1024);
  engine.f32(x, 512).set(Float32Array.from({ length: 512 }, (_, i) => i));
  const call = (i: number) => ({
    kernel: "transpose",
    args: [y + i * 1024, 1024, x + i * 1024, 1024, 16, 16],
  });
  return {
    job: { kind: "calls" as const, calls: [call(0), call(1)] },
    check: () =>
      engine.f32(y, 512).forEach((v, i) => {
        const block = i >> 8 << 8, r = (i & 255) >> 4, c = i & 15;
        assert.equal(v, block + c * 16 + r);
      }),
  };
}

Deno.test("lanes work on one memory, above 2 GiB too", async () => {
  await withEngine(2, (engine) => {
    // Untouched memory costs nothing.
    for (const below of [0, 2.1 * 2 ** 30]) {
      engine.allocate(below);
      const { job, check } = transposes(engine);
      engine.run(engine.load(job));
      check();
    }
  });
});

Deno.test("a lane's failure is reported with its message, whichever lane it is", async () => {
  const bad = { kernel: "no_such_kernel", args: [] },
    good = { kernel: "transpose", args: [65536, 64, 65536, 64, 0, 0] };
  await withEngine(2, (engine) => {
    const job = engine.load({ kind: "calls", calls: [good, bad] });
    assert.throws(() => engine.run(job), /^Error: lane 1: TypeError/);
    assert.throws(() => engine.run(engine.load({ kind: "calls", calls: [] })), /lane 1: TypeError/);
  });
  await withEngine(2, (engine) => {
    const job = engine.load({ kind: "calls", calls: [bad, good] });
    assert.throws(() => engine.run(job), TypeError);
    const { job: next, check } = transposes(engine);
    engine.run(engine.load(next));
    check();
  });
});

Deno.test("a closed engine refuses work; closing again does nothing", async () => {
  for (const threads of [1, 2]) {
    await withEngine(threads, (engine) => {
      const { job } = transposes(engine), id = engine.load(job);
      engine.close();
      assert.throws(() => engine.run(id), /the engine is closed/);
      engine.close();
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
