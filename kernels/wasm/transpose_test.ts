import assert from "node:assert/strict";
import { assertSameBits, Bench, normalMatrix } from "./testing.ts";

const bench = await Bench.create();
const { transpose, gather_rows } = bench.kernels;

Deno.test("transpose swaps rows and columns", () => {
  for (const [m, n] of [[16, 16], [16, 48], [80, 32], [112, 64]] as const) {
    for (const gap of [0, 64, 208]) {
      const what = `transpose ${m}x${n} gap ${gap}`;
      bench.reset();
      const x = normalMatrix(1, what, m, n);
      const px = bench.matrix(x, gap), py = bench.space(n, m, 64);
      transpose!(py.at, py.stride, px.at, px.stride, m, n);
      bench.check(what);
      const expected = Float32Array.from(
        { length: m * n },
        (_, i) => x.data[i % m * n + Math.floor(i / m)]!,
      );
      assertSameBits(bench.unpack(py).data, expected, what);
    }
  }
});

Deno.test("gather_rows copies each row to its slot, and rows without one nowhere", () => {
  for (const [m, n, width] of [[4, 16, 1], [12, 32, 21], [20, 48, 48], [36, 64, 51]] as const) {
    const what = `gather_rows ${m}x${n} width ${width}`;
    bench.reset();
    const x = normalMatrix(1, what, m, n);
    // Every third row, last first.
    const slots = Int32Array.from({ length: m }, (_, i) => i % 3 === 1 ? (m - i) / 3 | 0 : -1);
    const used = Math.max(...slots) + 1;
    const px = bench.matrix(x), out = bench.floats(used * width);
    gather_rows!(out, width, bench.integers(slots), px.at, px.stride, m);
    bench.check(what);
    const actual = bench.read(out, used * width);
    const written = new Set<number>();
    slots.forEach((slot, i) => {
      if (slot < 0) return;
      written.add(slot);
      const row = actual.subarray(slot * width, (slot + 1) * width);
      assertSameBits(row, x.data.subarray(i * n, i * n + width), `${what}: row ${i}`);
    });
    // Slots that no row goes to keep what they held (the bench's NaN).
    for (let slot = 0; slot < used; slot++) {
      if (!written.has(slot)) {
        assert.ok(Number.isNaN(actual[slot * width]), `${what}: slot ${slot}`);
      }
    }
  }
});
