/**
 * HL-Gauss (Farebrother et al. 2024, arXiv 2403.03950, section 3.1): regression as classification, with the target
 * smeared over neighbouring bins of [0, 1] by a normal distribution of 0.75 bin widths.
 */
import { normalCdf } from "../numeric/math.ts";
import { softmax } from "../numeric/softmax.ts";

const SIGMA_BINS = 0.75;

/** p_k = (Phi((e_{k+1} - y) / s) - Phi((e_k - y) / s)), normalised over the bins. `y` in [0, 1]. */
export function hlGaussTarget(y: number, bins: number): number[] {
  const cdf = Array.from({ length: bins + 1 }, (_, k) => normalCdf((k - y * bins) / SIGMA_BINS));
  const mass = cdf[bins]! - cdf[0]!;
  return Array.from({ length: bins }, (_, k) => (cdf[k + 1]! - cdf[k]!) / mass);
}

/** Mean of the predicted distribution, sum_k p_k c_k with c_k the bins' centres. */
export function hlGaussMean(logits: ArrayLike<number>): number {
  const p = softmax(logits);
  let mean = 0;
  p.forEach((x, k) => mean += x * (k + 0.5) / p.length);
  return mean;
}
