/**
 * The data behind the reference values in this folder's tests. In Python:
 *
 *     p = [((7*i*i + 3*i) % 11) / 10 for i in range(60)]                          # predictions
 *     e = [floor((0.6*p[i] + ((29*i) % 50) / 125) * 20) / 20 for i in range(60)]  # exact, with ties
 *     o = [1 if e[i] * 50 > (i*17) % 50 else 0 for i in range(60)]                # outcomes
 *     q = [((13*i*i + 5*i) % 64) / 64 + 1/128 for i in range(60)]                 # uncalibrated
 *
 * References were computed with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1 and rliable 1.2.0.
 */
import assert from "node:assert/strict";

const states = Array.from({ length: 60 }, (_, i) => i);
export const predictions = states.map((i) => ((7 * i * i + 3 * i) % 11) / 10);
export const exact = states.map((i) =>
  Math.floor((0.6 * predictions[i]! + ((29 * i) % 50) / 125) * 20) / 20
);
export const outcomes = states.map((i) => exact[i]! * 50 > (i * 17) % 50 ? 1 : 0);
export const uncalibrated = states.map((i) => ((13 * i * i + 5 * i) % 64) / 64 + 1 / 128);
/** Every sixth prediction unparsed, by turns as null and NaN. */
export const someUnparsed = states.map((i) =>
  i % 6 !== 5 ? predictions[i]! : i % 12 < 6 ? null : NaN
);

/** Asserts that `actual` is within `tolerance` of `expected`. */
export function near(actual: number | null | undefined, expected: number, tolerance = 1e-13): void {
  assert.ok(
    typeof actual === "number" && Math.abs(actual - expected) <= tolerance,
    `${actual} is not within ${tolerance} of ${expected}`,
  );
}
