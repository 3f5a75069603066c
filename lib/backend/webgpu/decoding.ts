/**
 * Token-by-token generation on a WebGPU device: all steps go out at once and the tokens come back at the end. A counter
 * on the device tells the kernels which step it is, so that one list of dispatches serves all.
 */
import { withoutFinished } from "../../tensor/finished.ts";
import type { DecodingProgram, DecodingShape } from "../../tensor/backend.ts";
import type { Tape } from "../../tensor/tape.ts";
import type { Lowering } from "./lower.ts";
import { Program, type View } from "./program.ts";
import { found, type WebGpuSession } from "./session.ts";

/** Compiles generation for at most `rows` sequences of at most `capacity` tokens. */
export function decodingProgram(
  session: WebGpuSession,
  { tape, lowering }: { tape: Tape; lowering: Lowering },
  { rows, capacity }: DecodingShape,
): DecodingProgram {
  const { device, pool } = session;
  const { queue } = device.device;
  lowering.emit("advance", [1, 1, 1], [1], { step: "step" });
  const size = (capacity + 1) * rows;
  const buffer = (label: string, words: number) => device.buffer(label, words * 4);
  const tokens = buffer("tokens", size), known = buffer("forced tokens", size);
  const places = buffer("positions", size), ids = buffer("row ids", rows);
  const step = buffer("step", 4), sampling = buffer("sampling", 4);
  const own: Partial<Record<string, View>> = {
    ...{ tokens: { buffer: tokens }, next: { buffer: tokens }, forced: { buffer: known } },
    ...{ positions: { buffer: places }, rowIds: { buffer: ids } },
    ...{ step: { buffer: step }, sampling: { buffer: sampling } },
  };
  const caches = new Map(
    tape.buffers.filter((b) => b.space === "cache").map((b) => [b, buffer(b.label, b.cols)]),
  );
  const program = new Program(device, lowering.dispatches, {
    sizes: lowering.sizes,
    pool,
    resolve: (operand) => {
      if (typeof operand === "string") return found(operand, own[operand]);
      const cache = caches.get(operand);
      return found(
        operand,
        session.resolve(operand),
        cache && { buffer: cache },
        operand.space === "batch" ? own[operand.label] : undefined,
      );
    },
  });
  return {
    run: async (forced, positions, rowIds, options) => {
      const used = rowIds.length, length = forced.length / used;
      if (used > rows || length > capacity || !Number.isInteger(length)) {
        throw new RangeError(
          `(${length}, ${used}) tokens do not fit a program for (${capacity}, ${rows})`,
        );
      }
      device.check();
      const given = new Int32Array(size), at = new Int32Array(size), fed = new Int32Array(size);
      for (let t = 0; t < length; t++) {
        given.set(forced.subarray(t * used, (t + 1) * used), t * rows);
        at.set(positions.subarray(t * used, (t + 1) * used), t * rows);
      }
      fed.set(forced.subarray(0, used));
      const allIds = new Int32Array(rows);
      allIds.set(rowIds);
      const { temperature, seed, purpose } = options;
      const numbers = new Uint32Array([seed, purpose, 0, 0]);
      new Float32Array(numbers.buffer)[2] = temperature === 0 ? 0 : 1 / temperature;
      queue.writeBuffer(tokens, 0, fed);
      queue.writeBuffer(known, 0, given);
      queue.writeBuffer(places, 0, at);
      queue.writeBuffer(ids, 0, allIds);
      queue.writeBuffer(sampling, 0, numbers);
      const encoder = device.device.createCommandEncoder();
      encoder.clearBuffer(step);
      const pass = encoder.beginComputePass();
      for (let t = 0; t < length - 1; t++) program.encode(pass);
      pass.end();
      queue.submit([encoder.finish()]);
      const [bytes] = await device.read([{ buffer: tokens, bytes: length * rows * 4 }]);
      return withoutFinished(new Int32Array(bytes!), rows, forced, used, options.stop);
    },
  };
}
