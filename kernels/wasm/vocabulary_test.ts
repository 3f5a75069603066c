import {
  assertClose,
  assertGradient,
  assertSameBits,
  Bench,
  centralDifferences,
  exp32,
  f32,
  log32,
  normalMatrix,
  randomIntegers,
  STORAGES,
  stored,
  sumLanes,
} from "./testing.ts";

const bench = await Bench.create("pretrained");
const { vocabulary_loss, vocabulary_log_probs } = bench.kernels;
const SCALE = f32(1 / 7.3);

// Rows, width, classes, rows of a block; how large the logits are.
const SHAPES = [
  [4, 16, 16, 4, 1],
  [12, 32, 21, 4, 3],
  [20, 48, 190, 8, 1],
  [36, 16, 1, 8, 1],
  [52, 32, 333, 64, 8],
  [12, 16, 2100, 8, 4],
] as const;
const SCRATCH = 16 * 2048;
/** Classes that are added up from 0. */
const SLICE = 1024;

/** Operands; of the rows every third is not asked for, in the middle six of them in a row. */
function operands(
  [m, d, classes, , spread]: typeof SHAPES[number],
  storage: typeof STORAGES[number],
) {
  const what = `vocabulary ${m}x${d} of ${classes} ${storage}`;
  const isAsked = Array.from(
    { length: m },
    (_, i) => i % 3 !== 1 && !(i >= m / 2 && i < m / 2 + 6),
  );
  const weight = normalMatrix(4, what, 1, m).data;
  return {
    what,
    h: normalMatrix(1, what, m, d),
    w: stored(normalMatrix(2, what, d, classes, spread / Math.sqrt(d)), storage),
    targets: randomIntegers(3, what, m, classes),
    isAsked,
    weights: weight.map((w, i) => isAsked[i] ? w : 0),
  };
}

const product = (
  h: ArrayLike<number>,
  w: ArrayLike<number>,
  d: number,
  classes: number,
  row: number,
  round: (x: number) => number,
) =>
  Float64Array.from({ length: classes }, (_, c) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum = round(sum + round(h[row * d + k]! * w[k * classes + c]!));
    return sum;
  });

/** The largest, exp(x - top), their sum and that of exp(x - top) (x - top), panel by panel in 16 lanes. */
function softmax(x: Float64Array) {
  const top = Math.max(...x), e = x.map((v) => exp32(f32(v - top)));
  const inLanes = (term: (c: number) => number) => {
    const total = new Float32Array(16);
    for (let from = 0; from < x.length; from += SLICE) {
      const slice = new Float32Array(16);
      for (let c = from; c < Math.min(from + SLICE, x.length); c++) slice[c & 15]! += term(c);
      slice.forEach((sum, lane) => total[lane]! += sum);
    }
    return sumLanes(total);
  };
  return {
    ...{ top, e, sum: inLanes((c) => e[c]!) },
    product: inLanes((c) => f32(e[c]! * f32(x[c]! - top))),
  };
}

const logSumExp = (x: ArrayLike<number>) => {
  const values = Array.from(x), top = Math.max(...values);
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
};

for (const storage of STORAGES) {
  Deno.test(`vocabulary_loss: documented order, to the bit, and near float64; ${storage}`, () => {
    for (const shape of SHAPES) {
      const [m, d, classes, block, spread] = shape;
      const { what, h, w, targets, weights } = operands(shape, storage);
      bench.reset();
      const ph = bench.matrix(h, 32), pdh = bench.space(m, d, 32), loss = bench.floats(m);
      // What pads the vocabulary must not count, whatever it is.
      const pw = bench.frozen(w, storage, 64, 8), padded = Math.ceil(classes / 16) * 16;
      vocabulary_loss!(
        ...[loss, pdh.at, ph.at, ph.stride, pw.at, pw.stride, STORAGES.indexOf(storage)],
        ...[bench.integers(targets), bench.floats(weights), SCALE],
        ...[bench.floats((block + 1) * (padded + 2 * d) + SCRATCH), m, d, block, classes],
      );
      bench.check(what);
      const expected = { loss: new Float32Array(m), dh: new Float32Array(m * d) };
      for (let i = 0; i < m; i++) {
        const weight = weights[i]!, target = targets[i]!;
        if (weight === 0) continue;
        const x = product(h.data, w.data, d, classes, i, f32), { top, e, sum } = softmax(x);
        expected.loss[i] = weight * f32(f32(top - x[target]!) + log32(sum));
        const k = f32(f32(weight * SCALE) / sum), gradient = e.map((v) => f32(v * k));
        gradient[target] = f32(gradient[target]! - f32(weight * SCALE));
        for (let c = 0; c < d; c++) {
          let dh = 0, slice = 0;
          gradient.forEach((g, j) => {
            slice = f32(slice + f32(g * w.data[c * classes + j]!));
            if ((j + 1) % SLICE > 0 && j + 1 < classes) return;
            dh = f32(dh + slice);
            slice = 0;
          });
          expected.dh[i * d + c] = dh;
        }
        const exact = product(h.data, w.data, d, classes, i, (x) => x);
        const actual = bench.read(loss + 4 * i, 1);
        const tolerance = { absolute: 1e-5 * spread };
        assertClose(actual, [weight * (logSumExp(exact) - exact[target]!)], tolerance, what);
      }
      assertSameBits(bench.read(loss, m), expected.loss, `${what}: loss`);
      // 0 and -0 both mean that there is none.
      const dh = bench.unpack(pdh).data.map((x) => x + 0);
      assertSameBits(dh, expected.dh.map((x) => x + 0), `${what}: gradient`);
      const total = (x: Float64Array) =>
        weights.reduce((sum, weight, i) => {
          if (weight === 0) return sum;
          const logits = product(x, w.data, d, classes, i, (x) => x);
          return sum + SCALE * weight * (logSumExp(logits) - logits[targets[i]!]!);
        }, 0);
      const every = Math.floor(m * d / 5) | 1;
      const differences = centralDifferences(total, h.data, { every, step: 1e-4 });
      assertGradient(dh, differences, { absolute: 1e-5, relative: 1e-4 }, `${what}: differences`);
    }
  });

  Deno.test(`vocabulary_log_probs: documented order, to the bit, and near float64; ${storage}`, () => {
    for (const shape of SHAPES) {
      const [m, d, classes, block, spread] = shape;
      const { what, h, w, targets, isAsked } = operands(shape, storage);
      bench.reset();
      const ph = bench.matrix(h, 32), out = bench.space(m, 16);
      const pw = bench.frozen(w, storage, 64, 8), padded = Math.ceil(classes / 16) * 16;
      const slots = Int32Array.from(isAsked, (asked, i) => asked ? i : -1);
      vocabulary_log_probs!(
        ...[out.at, ph.at, ph.stride, pw.at, pw.stride, STORAGES.indexOf(storage)],
        ...[bench.integers(targets), bench.integers(slots)],
        ...[bench.floats((block + 1) * (padded + 2 * d) + SCRATCH), m, d, block, classes],
      );
      bench.check(what);
      const actual = bench.unpack(out).data;
      for (let i = 0; i < m; i++) {
        if (!isAsked[i]) continue;
        const [logProb, entropy] = actual.subarray(16 * i);
        const x = product(h.data, w.data, d, classes, i, f32), s = softmax(x);
        const expected = [
          -f32(f32(s.top - x[targets[i]!]!) + log32(s.sum)),
          f32(log32(s.sum) - f32(s.product / s.sum)),
        ];
        assertSameBits([logProb!, entropy!], expected, `${what}: row ${i}`);
        const exact = product(h.data, w.data, d, classes, i, (x) => x), z = logSumExp(exact);
        const exactEntropy = exact.reduce((sum, v) => sum - Math.exp(v - z) * (v - z), 0);
        const tolerance = { absolute: 1e-5 * spread };
        assertClose([logProb!], [exact[targets[i]!]! - z], tolerance, `${what}: row ${i}`);
        assertClose([entropy!], [exactEntropy], tolerance, `${what}: entropy of row ${i}`);
      }
    }
  });
}
