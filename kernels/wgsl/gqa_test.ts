/** Tests of grouped-query attention: whole sequences, and the cache that generation keeps. */
import { type Matrix, normalMatrix } from "../wasm/testing.ts";
import { assertRelative, gpuTest, runInstruction } from "./testing.ts";

interface Shape {
  readonly sequences: number;
  readonly length: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

const SHAPES: readonly Shape[] = [
  { sequences: 1, length: 4, heads: 1, kvHeads: 1, headDim: 16 },
  { sequences: 3, length: 36, heads: 4, kvHeads: 2, headDim: 16 },
  { sequences: 1, length: 132, heads: 3, kvHeads: 1, headDim: 32 },
  // Heads of which a tile of keys has no power of two.
  { sequences: 2, length: 60, heads: 2, kvHeads: 2, headDim: 48 },
  { sequences: 2, length: 68, heads: 9, kvHeads: 3, headDim: 64 },
  { sequences: 1, length: 40, heads: 7, kvHeads: 1, headDim: 80 },
  { sequences: 1, length: 28, heads: 2, kvHeads: 1, headDim: 128 },
];

interface Operands {
  readonly q: Matrix;
  readonly k: Matrix;
  readonly v: Matrix;
}

/** Forward and backward in float64, from the textbook. */
function reference(
  { sequences, length, heads, kvHeads, headDim }: Shape,
  { q, k, v }: Operands,
  dout: Matrix,
) {
  const o = new Float64Array(q.data.length), dq = new Float64Array(q.data.length);
  const dk = new Float64Array(k.data.length), dv = new Float64Array(v.data.length);
  const scale = 1 / Math.sqrt(headDim);
  for (let s = 0; s < sequences; s++) {
    for (let h = 0; h < heads; h++) {
      const shared = Math.floor(h * kvHeads / heads);
      const at = (t: number, c: number) => ((s * length + t) * heads + h) * headDim + c;
      const kv = (t: number, c: number) => ((s * length + t) * kvHeads + shared) * headDim + c;
      for (let i = 0; i < length; i++) {
        const scores = Array.from({ length: i + 1 }, (_, j) => {
          let sum = 0;
          for (let c = 0; c < headDim; c++) sum += q.data[at(i, c)]! * k.data[kv(j, c)]!;
          return sum * scale;
        });
        const top = Math.max(...scores), e = scores.map((x) => Math.exp(x - top));
        const total = e.reduce((a, b) => a + b), p = e.map((x) => x / total);
        const dp = p.map((pj, j) => {
          let sum = 0;
          for (let c = 0; c < headDim; c++) {
            o[at(i, c)]! += pj * v.data[kv(j, c)]!;
            sum += dout.data[at(i, c)]! * v.data[kv(j, c)]!;
          }
          return sum;
        });
        const mean = dp.reduce((sum, x, j) => sum + x * p[j]!, 0);
        p.forEach((pj, j) => {
          const ds = pj * (dp[j]! - mean) * scale;
          for (let c = 0; c < headDim; c++) {
            dq[at(i, c)]! += ds * k.data[kv(j, c)]!;
            dk[kv(j, c)]! += ds * q.data[at(i, c)]!;
            dv[kv(j, c)]! += pj * dout.data[at(i, c)]!;
          }
        });
      }
    }
  }
  return { o, dq, dk, dv };
}

function operandsOf({ sequences, length, heads, kvHeads, headDim }: Shape): Operands {
  const rows = sequences * length;
  return {
    q: normalMatrix(1, "q", rows, heads * headDim, 1.5),
    k: normalMatrix(2, "k", rows, kvHeads * headDim, 1.5),
    v: normalMatrix(3, "v", rows, kvHeads * headDim),
  };
}

for (const shape of SHAPES) {
  const { sequences, length, heads, kvHeads, headDim } = shape;
  const rows = sequences * length, width = heads * headDim;
  const name = `${sequences} x ${length} tokens, ${heads} to ${kvHeads} heads of ${headDim}`;
  const { q, k, v } = operandsOf(shape), dout = normalMatrix(4, "do", rows, width);
  const expected = reference(shape, { q, k, v }, dout);

  gpuTest(`grouped-query attention and its backward pass, ${name}`, async () => {
    const numbers = { sequences, length, heads, kvHeads, headDim };
    const sums = { rows: sequences * heads, cols: length };
    const o = { rows, cols: width };
    const forward = await runInstruction("gqa_forward", { q, k, v, o, lse: sums }, numbers);
    assertRelative(forward.o!, expected.o, "o");
    const backward = await runInstruction("gqa_backward", {
      ...{ q, k, v, do: dout, o: { ...o, data: forward.o! } },
      lse: { ...sums, data: forward.lse! },
      ...{ dq: o, dk: { rows, cols: k.cols }, dv: { rows, cols: k.cols } },
    }, numbers);
    for (const gradient of ["dq", "dk", "dv"] as const) {
      assertRelative(backward[gradient]!, expected[gradient], gradient);
    }
  });

  gpuTest(`decoding from caches that are filled apart, ${name}`, async () => {
    // One place more than there are tokens; the rows of the cache are the sequences, last first.
    const capacity = length + 1,
      filled = Array.from(
        { length: sequences },
        (_, s) => Math.max(0, length - 1 - 2 * s),
      );
    let cache = new Float32Array(sequences * kvHeads * 2 * capacity * headDim).fill(NaN);
    const part = ({ cols, data }: Matrix, s: number, tokens: number): Matrix => (
      { rows: tokens, cols, data: data.slice(s * length * cols, (s * length + tokens) * cols) }
    );
    for (let s = 0; s < sequences; s++) {
      if (filled[s] === 0) continue;
      // Read into a second row, too, which is overwritten by its own.
      const chosen = Uint32Array.of(2, sequences - 1 - s, Math.max(0, sequences - 2 - s));
      const out = await runInstruction("gqa_prefill", {
        ...{ k: part(k, s, filled[s]!), v: part(v, s, filled[s]!) },
        cache: { rows: 1, cols: cache.length, data: cache },
        chosen: { rows: 3, cols: 1, data: chosen },
      }, { capacity, kvHeads, headDim });
      cache = out.cache! as Float32Array<ArrayBuffer>;
    }
    for (let step = 0; step < 2; step++) {
      const places = Int32Array.from(filled, (n) => Math.min(length - 1, n + step)).reverse();
      const now = ({ cols, data }: Matrix): Matrix => ({
        rows: sequences,
        cols,
        data: Float32Array.from({ length: sequences * cols }, (_, i) => {
          const row = Math.floor(i / cols), s = sequences - 1 - row;
          return data[(s * length + places[row]!) * cols + i % cols]!;
        }),
      });
      const out = await runInstruction("gqa_decode", {
        ...{ q: now(q), k: now(k), v: now(v), o: { rows: sequences, cols: width } },
        cache: { rows: 1, cols: cache.length, data: cache },
        filled: { rows: sequences, cols: 1, data: places },
      }, { rows: sequences, capacity, heads, kvHeads, headDim });
      cache = out.cache! as Float32Array<ArrayBuffer>;
      const wanted = Float64Array.from({ length: sequences * width }, (_, i) => {
        const row = Math.floor(i / width), s = sequences - 1 - row;
        return expected.o[(s * length + places[row]!) * width + i % width]!;
      });
      assertRelative(out.o!, wanted, `step ${step}`);
    }
  });
}

gpuTest("what a text has behind the cache's capacity is left out", async () => {
  const k = normalMatrix(1, "k", 12, 32), v = normalMatrix(2, "v", 12, 32);
  const [capacity, kvHeads, headDim] = [10, 2, 16], size = 2 * kvHeads * 2 * capacity * headDim;
  const { cache } = await runInstruction("gqa_prefill", {
    ...{ k, v, cache: { rows: 2, cols: size / 2, data: new Float32Array(size) } },
    chosen: { rows: 2, cols: 1, data: Uint32Array.of(1, 1) },
  }, { capacity, kvHeads, headDim });
  const expected = new Float32Array(size);
  [k, v].forEach(({ data }, which) => {
    for (let head = 0; head < kvHeads; head++) {
      for (let t = 0; t < capacity; t++) {
        const at = (((kvHeads + head) * 2 + which) * capacity + t) * headDim;
        expected.set(data.subarray(t * 32 + head * headDim, t * 32 + (head + 1) * headDim), at);
      }
    }
  });
  assertRelative(cache!, expected, "cache", 0);
});
