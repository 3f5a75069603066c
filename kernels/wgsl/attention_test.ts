import { type Matrix, normalMatrix } from "../wasm/testing.ts";
import { assertRelative, gpuTest, runInstruction } from "./testing.ts";

interface Shape {
  readonly sequences: number;
  readonly length: number;
  readonly heads: number;
  readonly headDim: number;
}

const SHAPES: readonly Shape[] = [
  { sequences: 1, length: 4, heads: 1, headDim: 16 },
  { sequences: 3, length: 36, heads: 2, headDim: 16 },
  { sequences: 1, length: 132, heads: 1, headDim: 32 },
  { sequences: 2, length: 60, heads: 1, headDim: 48 },
  { sequences: 2, length: 68, heads: 2, headDim: 64 },
  { sequences: 1, length: 28, heads: 1, headDim: 128 },
];

/** Forward and backward in float64, from the textbook. */
function reference({ sequences, length, heads, headDim }: Shape, qkv: Matrix, dout: Matrix) {
  const width = heads * headDim, rows = sequences * length;
  const o = new Float64Array(rows * width), dqkv = new Float64Array(rows * 3 * width);
  const scale = 1 / Math.sqrt(headDim);
  for (let s = 0; s < sequences; s++) {
    for (let h = 0; h < heads; h++) {
      const at = (t: number, which: number, c: number) =>
        (s * length + t) * 3 * width + which * width + h * headDim + c;
      const ot = (t: number, c: number) => (s * length + t) * width + h * headDim + c;
      for (let i = 0; i < length; i++) {
        const scores = Array.from({ length: i + 1 }, (_, j) => {
          let sum = 0;
          for (let c = 0; c < headDim; c++) sum += qkv.data[at(i, 0, c)]! * qkv.data[at(j, 1, c)]!;
          return sum * scale;
        });
        const top = Math.max(...scores), e = scores.map((x) => Math.exp(x - top));
        const total = e.reduce((a, b) => a + b), p = e.map((x) => x / total);
        const dp = p.map((_, j) => {
          let sum = 0;
          for (let c = 0; c < headDim; c++) {
            o[ot(i, c)]! += p[j]! * qkv.data[at(j, 2, c)]!;
            sum += dout.data[ot(i, c)]! * qkv.data[at(j, 2, c)]!;
          }
          return sum;
        });
        const mean = dp.reduce((sum, x, j) => sum + x * p[j]!, 0);
        p.forEach((pj, j) => {
          const ds = pj * (dp[j]! - mean) * scale;
          for (let c = 0; c < headDim; c++) {
            dqkv[at(i, 0, c)]! += ds * qkv.data[at(j, 1, c)]!;
            dqkv[at(j, 1, c)]! += ds * qkv.data[at(i, 0, c)]!;
            dqkv[at(j, 2, c)]! += pj * dout.data[ot(i, c)]!;
          }
        });
      }
    }
  }
  return { o, dqkv };
}

for (const shape of SHAPES) {
  const { sequences, length, heads, headDim } = shape;
  const rows = sequences * length, width = heads * headDim;
  const name = `${sequences} x ${length} tokens, ${heads} heads of ${headDim}`;

  gpuTest(`attention and its backward pass, ${name}`, async () => {
    const qkv = normalMatrix(1, "qkv", rows, 3 * width, 1.5);
    const dout = normalMatrix(2, "do", rows, width);
    const expected = reference(shape, qkv, dout);
    const numbers = { sequences, length, heads, headDim };
    const p = { rows: sequences * heads, cols: length };
    const forward = await runInstruction(
      "attention_forward",
      { qkv, o: { rows, cols: width }, p },
      numbers,
    );
    assertRelative(forward.o!, expected.o, "o");
    const backward = await runInstruction("attention_backward", {
      qkv,
      p: { ...p, data: forward.p! },
      o: { rows, cols: width, data: forward.o! },
      do: dout,
      dqkv: { rows, cols: 3 * width },
    }, numbers);
    assertRelative(backward.dqkv!, expected.dqkv, "dqkv");
  });

  gpuTest(`decoding token by token equals the whole pass, ${name}`, async () => {
    const qkv = normalMatrix(1, "qkv", rows, 3 * width, 1.5);
    const { o } = reference(shape, qkv, {
      rows,
      cols: width,
      data: new Float32Array(rows * width),
    });
    let cache = new Float32Array(sequences * heads * 2 * length * headDim);
    for (let t = 0; t < length; t++) {
      const now = Float32Array.from({ length: sequences * 3 * width }, (_, i) => {
        const s = Math.floor(i / (3 * width));
        return qkv.data[(s * length + t) * 3 * width + i % (3 * width)]!;
      });
      const out = await runInstruction(
        "attention_decode",
        {
          qkv: { rows: sequences, cols: 3 * width, data: now },
          cache: { rows: 1, cols: cache.length, data: cache },
          o: { rows: sequences, cols: width },
        },
        { rows: sequences, capacity: length, heads, headDim },
        { step: t },
      );
      cache = out.cache! as Float32Array<ArrayBuffer>;
      const expected = Float64Array.from(
        { length: sequences * width },
        (_, i) => o[(Math.floor(i / width) * length + t) * width + i % width]!,
      );
      assertRelative(out.o!, expected, `step ${t}`);
    }
  });
}

gpuTest("scores far apart neither overflow nor vanish", async () => {
  const shape = { sequences: 1, length: 40, heads: 1, headDim: 16 };
  const qkv = normalMatrix(1, "far", 40, 48, 30);
  const dout = normalMatrix(2, "do", 40, 16);
  const expected = reference(shape, qkv, dout);
  const p = { rows: 1, cols: 40 };
  const { o, p: lse } = await runInstruction(
    "attention_forward",
    { qkv, o: { rows: 40, cols: 16 }, p },
    { ...shape },
  );
  // Scores of some thousand carry an error of their own: a float32's worth of them.
  assertRelative(o!, expected.o, "o", 2e-3);
  if (!lse!.every(Number.isFinite)) throw new Error("a sum is not finite");
});
