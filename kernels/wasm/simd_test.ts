import assert from "node:assert/strict";
import { compileKernels, kernelSources } from "./build.ts";
import { assertSameBits, Bench, exp32, log32, sigmoid32, tanh32 } from "./testing.ts";

const FUNCTIONS = ["exp", "log", "sigmoid", "tanh"] as const;
type Name = typeof FUNCTIONS[number];

// The bundle has no use for these functions on their own: a module that exports them is compiled here.
const loop = (name: Name) => `
  export function ${name}(p: usize, n: i32): void {
    for (const end = p + (<usize>n << 2); p < end; p += 16) v128.store(p, ${name}_f32x4(v128.load(p)));
  }`;
const bench = await Bench.create(
  await compileKernels({
    ...kernelSources("core"),
    "index.ts": `import { ${FUNCTIONS.map((name) => `${name}_f32x4`).join(", ")} } from "./simd";
      ${FUNCTIONS.map(loop).join("")}`,
  }),
);

function run(name: Name, x: Float32Array): Float32Array {
  bench.reset();
  const at = bench.floats(x);
  bench.kernels[name]!(at, x.length);
  bench.check(name);
  return bench.read(at, x.length).slice();
}

/** Floats from `from` to `to`, both of one sign, evenly spread over the bit patterns: dense near 0. */
function spread(from: number, to: number, size: number): Float32Array {
  const bits = (x: number) => new Uint32Array(Float32Array.of(x).buffer)[0]!;
  const first = bits(from), step = (bits(to) - first) / (size - 1);
  return new Float32Array(
    Uint32Array.from({ length: size }, (_, i) => first + Math.round(i * step)).buffer,
  );
}

/** Largest distance from `exact`, in units of the last place of the exact value. */
function worstUlp(actual: Float32Array, exact: (i: number) => number): number {
  let worst = 0;
  actual.forEach((value, i) => {
    const e = exact(i);
    const exponent = Math.max((new Uint32Array(Float32Array.of(e).buffer)[0]! >>> 23) & 255, 1);
    worst = Math.max(worst, Math.abs(value - e) / 2 ** (exponent - 150));
  });
  return worst;
}

const SIZE = 200_000;

Deno.test("exp is within 1 ulp from -87 to 88, and the same bits as in JavaScript", () => {
  const ranges = [
    spread(1e-30, 88, SIZE),
    spread(-1e-30, -87, SIZE),
    spread(1, 88, SIZE),
    spread(-1, -87, SIZE),
  ];
  for (const x of ranges) {
    const y = run("exp", x);
    const worst = worstUlp(y, (i) => Math.exp(x[i]!));
    assert.ok(worst < 1, `${worst} ulp between ${x[0]} and ${x.at(-1)}`);
    assertSameBits(y, x.map(exp32), "exp");
  }
});

Deno.test("exp at its ends", () => {
  const x = Float32Array.of(0, -0, 88, -87, -87.5, -1000, -3e38, -Infinity);
  const floor = Math.fround(Math.exp(-87));
  const y = run("exp", x);
  assertSameBits(y.subarray(0, 2), [1, 1], "exp(0)");
  for (const value of y.subarray(3)) {
    assert.ok(Math.abs(value - floor) <= 2 ** -149 * 4, `exp below -87 is ${value}, not ${floor}`);
    assertSameBits([value], [y[3]!], "exp below -87");
  }
});

Deno.test("log is within 1 ulp for normal numbers, and the same bits as in JavaScript", () => {
  for (
    const x of [spread(2 ** -126, 3.4e38, SIZE), spread(0.5, 2, SIZE), spread(0.99, 1.01, SIZE)]
  ) {
    const y = run("log", x);
    const worst = worstUlp(y, (i) => Math.log(x[i]!));
    assert.ok(worst < 1, `${worst} ulp between ${x[0]} and ${x.at(-1)}`);
    assertSameBits(y, x.map(log32), "log");
  }
  assertSameBits(run("log", Float32Array.of(1, 1, 1, 1)), [0, 0, 0, 0], "log(1)");
});

Deno.test("sigmoid and tanh are within 2 ulp, and the same bits as in JavaScript", () => {
  const functions = [
    ["sigmoid", sigmoid32, (x: number) => 1 / (1 + Math.exp(-x))],
    ["tanh", tanh32, Math.tanh],
  ] as const;
  for (const [name, bits, exact] of functions) {
    for (const [from, to] of [[1e-30, 87], [-1e-30, -87], [0.1, 10], [-0.1, -10]] as const) {
      const x = spread(from, to, SIZE), y = run(name, x);
      const worst = worstUlp(y, (i) => exact(x[i]!));
      assert.ok(worst < 2, `${name}: ${worst} ulp between ${from} and ${to}`);
      assertSameBits(y, x.map(bits), name);
    }
  }
});

Deno.test("sigmoid and tanh at their ends", () => {
  const x = Float32Array.of(0, -0, 1000, -1000, 3e38, -3e38, Infinity, -Infinity);
  assertSameBits(run("tanh", x), [0, 0, 1, -1, 1, -1, 1, -1], "tanh");
  const y = run("sigmoid", x);
  assertSameBits(y.filter((_, i) => i < 2 || i % 2 === 0), [0.5, 0.5, 1, 1, 1], "sigmoid");
  for (const i of [3, 5, 7]) assert.ok(y[i]! >= 0 && y[i]! < 2e-38, `sigmoid(${x[i]}): ${y[i]}`);
});
