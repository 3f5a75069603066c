import { mean, sum } from "../numeric/sums.ts";

/** How good policy gradients are, over batches of one frozen actor. */
export interface GradientQuality {
  /** Of one batch's gradient with the mean of the reference's over the other batches: mean of the cosines. */
  readonly cosine: number;
  /** Of the mean over all batches with the reference's mean: what remains of the angle without noise. */
  readonly meanCosine: number;
  /** Mean squared distance from the mean, over the squared norm of the mean; null where all gradients are 0. */
  readonly relativeVariance: number | null;
}

/** Gradients by parameter as one vector, in their order. */
export function gradientVector(gradients: Readonly<Record<string, Float32Array>>): Float32Array {
  const parts = Object.values(gradients);
  const out = new Float32Array(sum(parts.map(({ length }) => length)));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

type Vector = Float32Array | Float64Array;

/**
 * How near gradients are to those of a reference, such as an oracle's, and how noisy they are.
 *
 * @param gradients One for each batch, at least two, all of one length.
 * @param reference Those of the reference on the same batches.
 */
export function gradientQuality(
  gradients: readonly Vector[],
  reference: readonly Vector[],
): GradientQuality {
  const total = sumOf(reference), centre = sumOf(gradients).map((x) => x / gradients.length);
  const norm = dot(centre, centre);
  return {
    cosine: mean(gradients.map((g, b) => {
      const own = reference[b]!;
      return cosine(g, total.map((x, i) => x - own[i]!));
    })),
    meanCosine: cosine(centre, total),
    // Where all rollouts fail and a critic has said so, no advantage is left.
    relativeVariance: norm === 0 ? null : mean(gradients.map((g) => {
      const away = centre.map((x, i) => g[i]! - x);
      return dot(away, away) / norm;
    })),
  };
}

function sumOf(vectors: readonly Vector[]): Float64Array {
  const out = new Float64Array(vectors[0]!.length);
  for (const v of vectors) for (let i = 0; i < out.length; i++) out[i] = out[i]! + v[i]!;
  return out;
}

function dot(a: Vector, b: Vector): number {
  let product = 0;
  for (let i = 0; i < a.length; i++) product += a[i]! * b[i]!;
  return product;
}

function cosine(a: Vector, b: Vector): number {
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms === 0 ? 0 : dot(a, b) / norms;
}
