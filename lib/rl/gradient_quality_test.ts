import assert from "node:assert/strict";
import { gradientQuality } from "./gradient_quality.ts";

Deno.test("gradients are compared with the reference's over the other batches, and among themselves", () => {
  const reference = [[1, 0], [0, 1], [1, 1]].map((g) => Float32Array.from(g));
  const gradients = [[1, 0], [2, 0], [0, 3]].map((g) => Float64Array.from(g));
  const { cosine, meanCosine, relativeVariance } = gradientQuality(gradients, reference);
  // The others' sums: (1, 2), (2, 1), (1, 1).
  const [a, b, c] = [1 / Math.sqrt(5), 2 / Math.sqrt(5), 1 / Math.sqrt(2)];
  assert.ok(Math.abs(cosine - (a! + b! + c!) / 3) < 1e-15);
  // Mean (1, 1), the reference's (2/3, 2/3); squared distances 1, 2, 5, over 2.
  assert.ok(Math.abs(meanCosine - 1) < 1e-15);
  assert.ok(Math.abs(relativeVariance! - 8 / 3 / 2) < 1e-15);
});

Deno.test("gradients that are all 0 are near to nothing, and have no variance", () => {
  const zero = [new Float32Array(2), new Float32Array(2)];
  assert.deepEqual(gradientQuality(zero, [Float32Array.of(1, 0), Float32Array.of(0, 1)]), {
    ...{ cosine: 0, meanCosine: 0, relativeVariance: null },
  });
});
