import { assertClose, assertSameBits, Bench, f32, normalMatrix, sumLanes } from "./testing.ts";

const bench = await Bench.create();
const { reduce_gradients, adamw } = bench.kernels;

const COUNTS = [16, 48, 272, 4112];

Deno.test("reduce_gradients adds four shards as (0 + 1) + (2 + 3), to the bit", () => {
  for (const count of COUNTS) {
    for (const gap of [0, 16, 80]) {
      const what = `reduce_gradients ${count} gap ${gap}`;
      bench.reset();
      const shards = normalMatrix(1, what, 4, count + gap).data;
      const g = bench.floats(shards);
      const shard = (s: number) => shards.subarray(s * (count + gap)).subarray(0, count);
      const squares = reduce_gradients!(g, (count + gap) * 4, count);
      bench.check(what);
      const expected = shard(0).map((v, i) =>
        f32(v + shard(1)[i]!) + f32(shard(2)[i]! + shard(3)[i]!)
      );
      const after = bench.read(g, shards.length);
      assertSameBits(after.subarray(0, count), expected, what);
      assertSameBits(after.subarray(count), shards.subarray(count), `${what}: other shards`);
      const lanes = new Float32Array(16);
      expected.forEach((v, i) => lanes[i & 15] = lanes[i & 15]! + f32(v * v));
      assertSameBits([squares], [sumLanes(lanes)], `${what}: sum of squares`);
    }
  }
});

const OPTIONS = [
  { clip: 1, decay: 1, b1: 0.9, b2: 0.98, step: 1e-2, root: 7.0710678, eps: 1e-8 },
  { clip: 0.37, decay: 0.99999, b1: 0.9, b2: 0.98, step: 3e-3, root: 2.3, eps: 1e-8 },
  { clip: 0.01, decay: 0.999, b1: 0, b2: 0.5, step: 0.1, root: 1, eps: 1e-3 },
];

Deno.test("adamw follows the documented order, to the bit, and PyTorch's formula in float64", () => {
  for (const count of COUNTS) {
    for (const o of OPTIONS) {
      const what = `adamw ${count} ${JSON.stringify(o)}`;
      bench.reset();
      const p = normalMatrix(1, what, 1, count).data, g = normalMatrix(2, what, 1, count).data;
      const m = normalMatrix(3, what, 1, count, 0.1).data;
      const v = normalMatrix(4, what, 1, count, 0.1).data.map((x) => x * x);
      // The first steps start from moments of zero.
      m.fill(0, 0, 5);
      v.fill(0, 0, 5);
      g[3] = 0;
      const at = [p, g, m, v].map((values) => bench.floats(values));
      adamw!(...at, count, o.clip, o.decay, o.b1, o.b2, o.step, o.root, o.eps);
      bench.check(what);
      const b1 = f32(o.b1),
        b2 = f32(o.b2),
        exact = { m: [] as number[], v: [] as number[], p: [] as number[] };
      const expected = {
        m: new Float32Array(count),
        v: new Float32Array(count),
        p: new Float32Array(count),
      };
      for (let i = 0; i < count; i++) {
        const gc = f32(g[i]! * f32(o.clip));
        expected.m[i] = f32(m[i]! * b1) + f32(gc * f32(1 - b1));
        expected.v[i] = f32(v[i]! * b2) + f32(f32(gc * gc) * f32(1 - b2));
        const below = f32(f32(f32(Math.sqrt(expected.v[i]!)) * f32(o.root)) + f32(o.eps));
        const update = f32(f32(expected.m[i]! * f32(o.step)) / below);
        expected.p[i] = f32(p[i]! * f32(o.decay)) - update;
        const g1 = g[i]! * o.clip;
        exact.m.push(o.b1 * m[i]! + (1 - o.b1) * g1);
        exact.v.push(o.b2 * v[i]! + (1 - o.b2) * g1 * g1);
        exact.p.push(
          p[i]! * o.decay - o.step * exact.m[i]! / (Math.sqrt(exact.v[i]!) * o.root + o.eps),
        );
      }
      const [ap, ag, am, av] = at.map((a) => bench.read(a, count));
      assertSameBits(am!, expected.m, `${what}: m`);
      assertSameBits(av!, expected.v, `${what}: v`);
      assertSameBits(ap!, expected.p, `${what}: p`);
      assertSameBits(ag!, g, `${what}: g`);
      const tolerance = { relative: 1e-5, absolute: 1e-6 };
      assertClose(am!, exact.m, tolerance, `${what}: m against float64`);
      assertClose(av!, exact.v, tolerance, `${what}: v against float64`);
      assertClose(ap!, exact.p, tolerance, `${what}: p against float64`);
    }
  }
});
