/** A tiny deterministic experiment for the tests: sums of random numbers. */
import { z } from "zod";
import type { Experiment } from "../experiment.ts";
import { type FakeCell, runCell } from "./fake_cell.ts";

const schema = z.strictObject({
  seeds: z.array(z.int().min(0)).min(1),
  sizes: z.array(z.int().min(1).max(64)).default([2, 5]),
  steps: z.int().min(1).default(20),
  pause: z.int().min(0).default(0),
  fault: z.enum(["none", "throw", "die", "reject", "memory", "nan"]).default("none"),
});
type FakeConfig = z.output<typeof schema>;
interface FakeSummary {
  readonly means: { readonly [size: string]: number };
}

/** The experiment as the module at `module`, beside which its `cell.ts` and its pins lie. */
export function fakeExperiment(
  module: string,
  standard: Partial<z.input<typeof schema>> = {},
): Experiment<FakeConfig, FakeCell, { readonly mean: number }, FakeSummary, z.input<typeof schema>> {
  return {
    name: "fake",
    title: "Sums of random numbers",
    module,
    schema,
    profiles: {
      smoke: { seeds: [1], steps: 5 },
      quick: { seeds: [1, 2, 3] },
      standard: { seeds: [1, 2, 3], ...standard },
    },
    cells: ({ seeds, sizes, ...rest }) =>
      sizes.flatMap((size) =>
        seeds.map((seed) => ({
          id: `sum/n${size}/seed${seed}`,
          seed,
          config: { size, ...rest },
          cost: size * rest.steps,
        }))
      ),
    runCell,
    summarize({ sizes }, cells) {
      const meanOf = (size: number) => {
        const means = cells.filter(({ cell }) => cell.config.size === size)
          .map(({ result }) => result.metrics.mean);
        return means.reduce((total, mean) => total + mean, 0) / means.length;
      };
      return { means: Object.fromEntries(sizes.map((size) => [String(size), meanOf(size)])) };
    },
    claims: [{
      id: "C0",
      statement: "The mean is about a half.",
      family: "confirmatory",
      evaluate({ means }) {
        const farthest = Object.values(means).reduce(
          (far, m) => Math.max(far, Math.abs(m - 0.5)),
          0,
        );
        return {
          verdict: farthest < 0.2 ? "supported" : "contradicted",
          reading: `No mean is farther from 0.5 than ${farthest.toFixed(3)}.`,
          evidence: { farthest },
        };
      },
    }],
  };
}
