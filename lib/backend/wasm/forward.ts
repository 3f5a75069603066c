import type { BatchShape, ForwardProgram } from "../../tensor/backend.ts";
import { recorded, Tape } from "../../tensor/tape.ts";
import { CHUNK } from "./control.ts";
import type { WasmDevice } from "./device.ts";
import { makePlan, type Plan } from "./plan.ts";
import { Records } from "./records.ts";
import type { WasmState } from "./state.ts";

/** Compiles a forward pass that collects at most `slots` rows. */
export function forwardProgram(
  state: WasmState,
  { sequences, length, slots, chunk = CHUNK }: BatchShape & { slots: number },
  record: (tape: Tape) => void,
): ForwardProgram {
  const { device } = state;
  const tape = recorded(new Tape(chunk, length, false), record);
  const chunks = Math.ceil(sequences / chunk);
  const records = new Records(device, tape, chunks);
  const outputs = tape.buffers.filter((b) => b.space === "collected");
  const collected = new Map(outputs.map((b) => [b.label, device.allocate(slots * b.cols * 4)]));
  const plan = makePlan(tape, state.placed(records.fields, collected), tape.rows, device.threads);
  device.reserveArenas(plan.laneBytes);
  const run = loadForward(device, plan, chunks);
  return {
    run(batch, used): Promise<Record<string, Float32Array>> {
      if (used > slots) {
        throw new RangeError(`${used} slots are asked for, the program has ${slots}`);
      }
      // Rows that pad the last chunk must not be collected.
      for (const b of outputs) records.fill(`${b.label} slots`, -1);
      records.write(batch, sequences * length);
      device.run(run);
      return Promise.resolve(Object.fromEntries(
        outputs.map(({ label, cols }) => [
          label,
          device.f32(collected.get(label)!, used * cols).slice(),
        ]),
      ));
    },
  };
}

function loadForward(device: WasmDevice, plan: Plan, chunks: number): number {
  if (plan.ownBytes !== undefined) return device.load({ kind: "forward", plan, chunks });
  const plans = device.allocate(chunks * 4);
  device.i32(plans, chunks).fill(device.load({ kind: "plan", plan }));
  return device.load({ kind: "chunks", chunks, plans });
}
