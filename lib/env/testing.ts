/** What the tests of single environments share. */
import { mean } from "../numeric/sums.ts";
import type { Environment, Split } from "./environment.ts";
import { sampleStates } from "./sampling.ts";

/** States of an environment by a programmatic actor that errs with probability epsilon. */
export function sampler<State>(
  environment: Environment<State, { epsilon: number }>,
  usual: { readonly epsilon: number; readonly purpose: string },
) {
  return (
    count: number,
    { split = "train", epsilon = usual.epsilon, purpose = usual.purpose }: {
      split?: Split;
      epsilon?: number;
      purpose?: string;
    } = {},
    from = environment,
  ): State[] => sampleStates(from, { seed: 1, purpose }, count, { actor: { epsilon }, split });
}

/** Mean and variance. */
export function moments(values: readonly number[]): { mean: number; variance: number } {
  const m = mean(values);
  return { mean: m, variance: mean(values.map((v) => (v - m) ** 2)) };
}
