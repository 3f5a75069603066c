import type { ForwardProgram } from "../../tensor/backend.ts";
import type { Tape } from "../../tensor/tape.ts";
import type { Lowering } from "./lower.ts";
import { found, Program } from "./program.ts";
import { Records } from "./records.ts";
import type { WebGpuState } from "./state.ts";

/** Compiles a forward pass that collects at most `slots` rows. */
export function forwardProgram(
  state: WebGpuState,
  tape: Tape,
  lowering: Lowering,
  slots: number,
): ForwardProgram {
  const { device, pool } = state;
  const records = new Records(device, tape.buffers, lowering.dispatches, new Set());
  const outputs = tape.buffers.filter((b) => b.space === "collected")
    .map(({ label, cols }) => ({ label, cols, buffer: device.buffer(label, slots * cols * 4) }));
  const step = device.buffer("step", 16);
  const program = new Program(device, lowering.dispatches, {
    sizes: lowering.sizes,
    pool,
    resolve: (operand) => {
      if (typeof operand === "string") {
        return found(operand, operand === "step" ? { buffer: step } : undefined);
      }
      const output = outputs.find((o) => o.label === operand.label);
      return operand.space === "collected"
        ? found(operand, output && { buffer: output.buffer })
        : found(operand, state.resolve(operand), records.view(operand.label));
    },
  });
  return {
    run: async (batch, used) => {
      if (used > slots) {
        throw new RangeError(`${used} slots are asked for, the program has ${slots}`);
      }
      device.check();
      records.write(batch, tape.rows);
      records.upload();
      program.submit();
      const parts = outputs.map(({ buffer, cols }) => ({ buffer, bytes: used * cols * 4 }));
      const results = await device.read(parts);
      return Object.fromEntries(
        outputs.map(({ label }, i) => [label, new Float32Array(results[i]!)]),
      );
    },
  };
}
