/**
 * A tiny deterministic experiment for the tests: each cell adds up random numbers, step by step,
 * and saves a checkpoint at every fifth.
 */
import { z } from "zod";
import { sha256 } from "../../numeric/digest.ts";
import { RandomStream } from "../../numeric/random.ts";
import type { Experiment } from "../experiment.ts";
import { readSafetensors, writeSafetensors } from "../safetensors.ts";

const schema = z.strictObject({
  seeds: z.array(z.int().min(0)).min(1),
  sizes: z.array(z.int().min(1).max(64)).default([2, 5]),
  steps: z.int().min(1).default(20),
  /** Milliseconds that a step waits, to be interrupted in. */
  pause: z.int().min(0).default(0),
  /** What goes wrong in the cells of seed 2. */
  fault: z.enum(["none", "throw", "die", "reject", "memory", "nan"]).default("none"),
});
type FakeConfig = z.output<typeof schema>;
type FakeCell = Omit<FakeConfig, "seeds" | "sizes"> & { readonly size: number };
interface FakeSummary {
  readonly means: { readonly [size: string]: number };
}

/** The experiment as the module at `module`, beside which its pins lie. */
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
    async runCell({ seed, config: { size, steps, pause, fault } }, { progress, checkpoint }) {
      if (seed === 2) await goWrong(fault);
      const saved = checkpoint.load();
      const { tensors, metadata } = saved
        ? readSafetensors(saved, "checkpoint")
        : { tensors: new Map(), metadata: { step: "0" } };
      const sum: Float32Array = tensors.get("sum")?.data ?? new Float32Array(size);
      const save = (step: number) =>
        writeSafetensors([["sum", { shape: [size], data: sum }]], { step: String(step) });
      for (let step = Number(metadata["step"]); step < steps; step++) {
        const random = new RandomStream({ seed, purpose: "fake", step });
        for (let i = 0; i < size; i++) sum[i]! += random.uniform();
        if (pause > 0) await new Promise((done) => setTimeout(done, pause));
        if ((step + 1) % 5 === 0) checkpoint.save(save(step + 1));
        progress(step + 1, steps);
      }
      const mean = sum.reduce((total, x) => total + x, 0) / (size * steps);
      return {
        metrics: { mean: seed === 2 && fault === "nan" ? NaN : mean },
        digests: { parameters: sha256(new Uint8Array(sum.buffer)) },
        files: { "model.safetensors": save(steps) },
        unpinned: { tookUp: saved !== undefined },
      };
    },
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
      evaluate({ means }) {
        const farthest = Object.values(means).reduce(
          (far, m) => Math.max(far, Math.abs(m - 0.5)),
          0,
        );
        return {
          verdict: farthest < 0.2 ? "supported" : "not supported",
          reading: `No mean is farther from 0.5 than ${farthest.toFixed(3)}.`,
          evidence: { farthest },
        };
      },
    }],
  };
}

function goWrong(fault: FakeConfig["fault"]): Promise<void> {
  switch (fault) {
    case "throw":
      throw new Error("the cell's own fault");
    case "die":
      // Out of any try block, as an error in a callback is.
      setTimeout(() => {
        throw new Error("out of the blue");
      });
      return new Promise(() => {});
    case "reject":
      Promise.reject(new Error("a forgotten promise"));
      return new Promise(() => {});
    case "memory":
      new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true }).grow(1);
      return Promise.resolve();
    default:
      return Promise.resolve();
  }
}
