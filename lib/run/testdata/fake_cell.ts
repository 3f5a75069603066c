import { sha256 } from "../../numeric/digest.ts";
import { RandomStream } from "../../numeric/random.ts";
import type { Cell, CellContext, CellResult } from "../experiment.ts";
import { readSafetensors, writeSafetensors } from "../safetensors.ts";

/** What a cell of the fake experiment is asked for. */
export interface FakeCell {
  /** How many sums. */
  readonly size: number;
  readonly steps: number;
  /** Milliseconds that a step waits, to be interrupted in. */
  readonly pause: number;
  /** What goes wrong in the cells of seed 2. */
  readonly fault: "none" | "throw" | "die" | "reject" | "memory" | "nan";
}

/** Adds up random numbers, step by step, and saves a checkpoint at every fifth. */
export async function runCell(
  { seed, config: { size, steps, pause, fault } }: Cell<FakeCell>,
  { progress, checkpoint }: CellContext,
): Promise<CellResult<{ readonly mean: number }>> {
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
}

function goWrong(fault: FakeCell["fault"]): Promise<void> {
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
