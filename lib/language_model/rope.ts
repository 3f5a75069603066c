import { cos, PI, pow, sin } from "../numeric/math.ts";
import type { Architecture } from "./architecture.ts";

const float = Math.fround;

/**
 * Angles by which a position turns each pair of a head's dimensions (i and i + headDim / 2), in radians: headDim / 2 numbers.
 * The angle of position p is float32(p * frequency).
 *
 * Rounded to float32 at each step, as transformers (modeling_rope_utils.py) rounds them: at position 2,000 the rounding of a
 * frequency moves angles by 1e-4.
 *
 * @param length Tokens of the sequence, or its largest position + 1: only `dynamic` scaling depends on it. As in transformers
 *   all positions of a sequence then have the frequencies of its length, so that keys of a shorter prefix may not be kept.
 */
export function ropeFrequencies(
  { headDim, ropeTheta, ropeScaling: scaling, maxPositions }: Architecture,
  length: number,
): Float32Array<ArrayBuffer> {
  let base = ropeTheta;
  if (scaling.type === "dynamic") {
    const stretch = scaling.factor * Math.max(length, maxPositions) / maxPositions;
    base = float(base * pow(stretch - (scaling.factor - 1), headDim / (headDim - 2)));
  }
  const frequencies = Float32Array.from(
    { length: headDim / 2 },
    (_, i) => 1 / float(pow(base, float(2 * i / headDim))),
  );
  switch (scaling.type) {
    case "linear":
      return frequencies.map((frequency) => frequency / scaling.factor);
    case "divisors":
      return frequencies.map((frequency, i) => frequency / scaling.divisors[i]!);
    case "llama3": {
      const { factor, lowFreqFactor: low, highFreqFactor: high, originalMaxPositions } = scaling;
      return frequencies.map((frequency) => {
        const wavelength = float(float(2 * PI) / frequency);
        if (wavelength > originalMaxPositions / low) return frequency / factor;
        if (wavelength < originalMaxPositions / high) return frequency;
        const kept = (originalMaxPositions / wavelength - low) / (high - low);
        return float((1 - kept) * frequency / factor) + float(kept * frequency);
      });
    }
    default:
      return frequencies;
  }
}

/** What the kernels read: (positions, headDim / 2 pairs) of cosine and sine of each position's angles. */
export function rotaryAngles(
  frequencies: Float32Array,
  positions: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  const angles = new Float32Array(positions.length * 2 * frequencies.length);
  for (let t = 0, k = 0; t < positions.length; t++) {
    for (const frequency of frequencies) {
      const angle = float(positions[t]! * frequency);
      angles[k++] = cos(angle);
      angles[k++] = sin(angle);
    }
  }
  return angles;
}
