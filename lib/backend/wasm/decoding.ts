import type { DecodingProgram, DecodingShape, GenerationOptions } from "../../tensor/backend.ts";
import { recorded, Tape } from "../../tensor/tape.ts";
import { withoutFinished } from "../generated_tokens.ts";
import { makePlan } from "./plan.ts";
import { sharedPrefixes } from "./shared_prefixes.ts";
import type { WasmState } from "./state.ts";

/** Tokens that may be stop tokens: those below. */
const STOP_TOKENS = 65536;

/**
 * Generation for at most `rows` sequences of at most `capacity` tokens. Rows are independent: they go to the lanes in
 * groups, each run to its end by one lane (lane.ts), so that the size of a group shows in speed alone.
 */
export class Decoding implements DecodingProgram {
  readonly #groupRows: number;
  /** int32 in `records`, whose rows are in the order of `sharedPrefixes`. */
  readonly #size: number;
  readonly #records: Readonly<Record<"tokens" | "forced" | "positions" | "rowIds", number>>;
  readonly #shared: number;
  readonly #stop: number;
  readonly #job: number;

  constructor(
    private readonly state: WasmState,
    private readonly shape: DecodingShape,
    record: (tape: Tape, capacity: number) => void,
  ) {
    const { device } = state, { rows } = shape;
    const groupRows = this.#groupRows = Math.min(64, Math.ceil(rows / device.threads / 4) * 4);
    const room = Math.ceil(shape.capacity / 4) * 4;
    const size = this.#size = room * rows;
    const records = this.#records = {
      tokens: device.allocate(size * 4),
      forced: device.allocate(size * 4),
      positions: device.allocate(size * 4),
      rowIds: device.allocate(rows * 4),
    };
    const shared = this.#shared = device.allocate(rows * 4);
    const stop = this.#stop = device.allocate(STOP_TOKENS * 4);
    const perChunk = groupRows * 4;
    const staged = () => device.allocate(device.threads * perChunk);
    const staging = {
      tokens: staged(),
      forced: staged(),
      positions: staged(),
      rowIds: staged(),
      next: staged(),
    };
    const layout = state.placed(
      new Map(Object.entries(staging).map(([label, address]) => [label, { address, perChunk }])),
    );
    // While rows share their prompts' start there are fewer to compute.
    const plans = [4, 8, 16, 32].filter((n) => n < groupRows).concat(groupRows).map((n) => {
      const tape = recorded(new Tape(n, 1, false), (t) => record(t, room));
      return { rows: n, plan: makePlan(tape, layout, groupRows) };
    });
    device.reserveArenas(Math.max(...plans.map(({ plan }) => plan.laneBytes)));
    const what = { plans, rows, groupRows, records, shared, staging, stop };
    this.#job = device.load({ kind: "decode", ...what });
  }

  run(
    forced: Int32Array,
    positions: Int32Array,
    rowIds: Int32Array,
    options: GenerationOptions,
  ): Promise<Int32Array> {
    const { device } = this.state, { rows, capacity } = this.shape;
    const used = rowIds.length, length = forced.length / used;
    if (used > rows || length > capacity || !Number.isInteger(length)) {
      throw new RangeError(
        `(${length}, ${used}) tokens do not fit a program for (${capacity}, ${rows})`,
      );
    }
    const order = this.#write(forced, positions, rowIds);
    const stops = device.i32(this.#stop, STOP_TOKENS).fill(0);
    for (const token of options.stop) stops[token] = 1;
    const { temperature, seed, purpose, topK = Infinity, topP = 1 } = options;
    const inverseTemperature = temperature === 0 ? 0 : 1 / temperature;
    const sampling = { inverseTemperature, seed, purpose, topK, topP };
    device.run(this.#job, { steps: length - 1, active: used, ...sampling });
    const result = device.i32(this.#records.tokens, this.#size);
    const tokens = new Int32Array(length * used);
    order.forEach((row, place) => {
      for (let t = 0; t < length; t++) tokens[t * used + row] = result[t * rows + place]!;
    });
    return Promise.resolve(withoutFinished(tokens, used, forced, used, options.stop));
  }

  /** Lays out a run's input; returns which row is at each place. */
  #write(forced: Int32Array, positions: Int32Array, rowIds: Int32Array): Int32Array {
    const { device } = this.state, { rows } = this.shape;
    const used = rowIds.length, length = forced.length / used;
    const { order, shared } = sharedPrefixes(forced, positions, used);
    const record = (name: "tokens" | "forced" | "positions") =>
      device.i32(this.#records[name], this.#size);
    const given = record("forced"), at = record("positions"), tokens = record("tokens");
    const ids = device.i32(this.#records.rowIds, rows), common = device.i32(this.#shared, rows);
    order.forEach((row, place) => {
      ids[place] = rowIds[row]!;
      common[place] = place % this.#groupRows === 0 ? 0 : shared[place]!;
      for (let t = 0; t < length; t++) {
        const from = t * used + row, to = t * rows + place;
        at[to] = positions[from]!;
        given[to] = tokens[to] = forced[from]!;
      }
    });
    return order;
  }
}
