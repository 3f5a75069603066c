/** One model in the engine's memory: weights, optimizer state, and the programs compiled for it. */
import type {
  AdamWStep,
  BatchRecords,
  BatchShape,
  DecodingProgram,
  DecodingShape,
  ForwardProgram,
  GenerationOptions,
  Session,
  StateName,
  StepReport,
  TrainingProgram,
} from "../../tensor/backend.ts";
import { type Buffer, elements, padded, type Parameter, Tape } from "../../tensor/tape.ts";
import { BLOCK, CHUNK, SHARDS } from "./control.ts";
import type { WasmEngine } from "./engine.ts";
import { withoutFinished } from "../generated_tokens.ts";
import { lossScale as scaleOf } from "../../tensor/loss_scale.ts";
import { bytesOf, type Layout, makePlan } from "./plan.ts";
import { sharedPrefixes } from "./shared_prefixes.ts";

interface Slot {
  readonly rows: number;
  readonly cols: number;
  readonly offset: number;
}

/** See the file's header. */
export class WasmSession implements Session {
  readonly #slots = new Map<string, Slot>();
  readonly #constants = new Map<string, number>();
  readonly #transposed = new Map<string, number>();
  readonly #states: Partial<Record<StateName, number>> = {};
  /** Floats in the flat parameter buffer, and of those the leading ones with weight decay. */
  readonly #count: number;
  readonly #decayed: number;
  #training: { gradients: number; reduce: number; update: number; squares: number } | undefined;

  constructor(
    private readonly engine: WasmEngine,
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
  ) {
    let offset = 0, decayed = 0;
    for (const { name, rows, cols, decay } of parameters) {
      if (decay && decayed < offset) {
        throw new Error(`${name}: parameters with weight decay must come first`);
      }
      this.#slots.set(name, { rows, cols, offset });
      offset += elements({ rows, cols: padded(cols), layout: "panel" });
      if (decay) decayed = offset;
    }
    this.#count = offset;
    this.#decayed = decayed;
    for (const [name, values] of Object.entries(constants)) {
      const address = engine.allocate(values.byteLength);
      engine.f32(address, values.length).set(values);
      this.#constants.set(name, address);
    }
  }

  /** Address of a state's flat buffer, allocated on first use: a model that never trains has no moments. */
  #state(name: StateName): number {
    return this.#states[name] ??= this.engine.allocate(this.#count * 4);
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (!slot) throw new Error(`no parameter ${JSON.stringify(name)} in this model`);
    return slot;
  }

  read(state: StateName, name: string): Promise<Float32Array> {
    return Promise.resolve(this.#readPanels(this.#state(state), this.#slot(name)));
  }

  #readPanels(base: number, { rows, cols, offset }: Slot): Float32Array {
    const panels = this.engine.f32(base, this.#count).subarray(offset);
    const out = new Float32Array(rows * cols);
    for (let r = 0, i = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        out[i++] = panels[(c >> 4) * (rows + 1) * 16 + r * 16 + (c & 15)]!;
      }
    }
    return out;
  }

  write(state: StateName, name: string, values: Float32Array): void {
    const { rows, cols, offset } = this.#slot(name);
    if (values.length !== rows * cols) {
      throw new RangeError(`${name} has ${values.length} values, needs ${rows} x ${cols}`);
    }
    const panels = this.engine.f32(this.#state(state), this.#count).subarray(offset);
    for (let r = 0, i = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        panels[(c >> 4) * (rows + 1) * 16 + r * 16 + (c & 15)] = values[i++]!;
      }
    }
  }

  #layout(
    batch: ReadonlyMap<string, { address: number; perChunk?: number }>,
    collected: ReadonlyMap<string, number> = new Map(),
  ): Layout {
    const known = (map: ReadonlyMap<string, number>, label: string) => {
      const address = map.get(label);
      if (address === undefined) throw new Error(`${label} has no memory`);
      return address;
    };
    return {
      parameter: (label) => this.#state("weights") + this.#slot(label).offset * 4,
      gradient: (label) => this.#slot(label).offset * 4,
      transposed: (label) => known(this.#transposed, label),
      constant: (label) => known(this.#constants, label),
      collected: (label) => known(collected, label),
      batch: (label) => batch.get(label)!,
    };
  }

  /** Batch records for all rows of all chunks. */
  #records(tape: Tape, chunks: number): Records {
    const records = new Records(this.engine, new Map());
    for (const b of tape.buffers) {
      if (b.space === "batch") {
        const length = chunks * b.rows * b.cols;
        records.fields.set(b.label, {
          address: this.engine.allocate(length * 4),
          length,
          cols: b.cols,
        });
      }
    }
    return records;
  }

  #prepareTraining() {
    return this.#training ??= (() => {
      const { engine } = this;
      const bytes = this.#count * 4;
      const gradients = engine.allocate(SHARDS * bytes);
      const squares = engine.allocate(Math.ceil(this.#count / BLOCK) * 4);
      const reduce = engine.load({
        kind: "reduce",
        gradients,
        stride: bytes,
        count: this.#count,
        squares,
      });
      const update = engine.load({
        kind: "update",
        weights: this.#state("weights"),
        gradients,
        m: this.#state("m"),
        v: this.#state("v"),
        count: this.#count,
        undecayed: this.#decayed,
      });
      return { gradients, reduce, update, squares };
    })();
  }

  training({ sequences, length }: BatchShape, record: (tape: Tape) => void): TrainingProgram {
    const { engine } = this;
    const tape = recorded(new Tape(CHUNK, length, true), record);
    const { gradients, reduce, update, squares } = this.#prepareTraining();
    const transposes = [];
    for (const b of tape.buffers.filter((b) => b.space === "transposed")) {
      const y = this.#transposed.get(b.label) ?? engine.allocate(bytesOf(b));
      this.#transposed.set(b.label, y);
      const x = this.#state("weights") + this.#slot(b.label).offset * 4;
      // b is (cols, rows) of the weight.
      const args = [y, (b.rows + 1) * 64, x, (b.cols + 1) * 64, b.cols, b.rows];
      transposes.push({ kernel: "transpose", args });
    }
    const chunks = Math.ceil(sequences / CHUNK);
    const records = this.#records(tape, chunks);
    const plan = makePlan(tape, this.#layout(records.fields));
    const transpose = engine.load({ kind: "calls", calls: transposes });
    const run = engine.load({
      kind: "chunks",
      plan,
      chunks,
      lanes: engine.arenas(plan.laneBytes),
      gradients: { address: gradients, bytes: this.#count * 4 },
    });
    const backward = (batch: BatchRecords, normalizer: number | undefined): StepReport => {
      records.write(batch, sequences * length);
      const lossScale = scaleOf(batch.weights, normalizer);
      const valueLossScale = scaleOf(batch.valueWeights);
      engine.run(transpose);
      engine.run(run, { lossScale, valueLossScale });
      engine.run(reduce);
      const sums = engine.f32(squares, Math.ceil(this.#count / BLOCK));
      return {
        loss: total(records.read("loss")) * lossScale,
        valueLoss: total(records.read("valueLoss")) * valueLossScale,
        gradientNorm: Math.sqrt(total(sums)),
      };
    };
    return {
      step: (batch, o: AdamWStep, normalizer) => {
        const report = backward(batch, normalizer);
        if (!Number.isFinite(report.gradientNorm)) {
          throw new Error(
            `the gradient is ${report.gradientNorm} (loss ${report.loss}, value loss ${report.valueLoss}): ` +
              "lower the learning rate or look at the batch",
          );
        }
        const clip = Math.min(1, o.clip / (report.gradientNorm + 1e-6));
        engine.run(update, { ...o, clip });
        return Promise.resolve(report);
      },
      gradients: (batch, normalizer) =>
        Promise.resolve({
          ...backward(batch, normalizer),
          gradients: Object.fromEntries(
            [...this.#slots].map(([name, slot]) => [name, this.#readPanels(gradients, slot)]),
          ),
        }),
    };
  }

  forward(
    { sequences, length, slots }: BatchShape & { slots: number },
    record: (tape: Tape) => void,
  ): ForwardProgram {
    const { engine } = this;
    const tape = recorded(new Tape(CHUNK, length, false), record);
    const chunks = Math.ceil(sequences / CHUNK);
    const records = this.#records(tape, chunks);
    const outputs = tape.buffers.filter((b) => b.space === "collected");
    const collected = new Map(outputs.map((b) => [b.label, engine.allocate(slots * b.cols * 4)]));
    const plan = makePlan(tape, this.#layout(records.fields, collected));
    const run = engine.load({ kind: "chunks", plan, chunks, lanes: engine.arenas(plan.laneBytes) });
    return {
      run: (batch, used) => {
        if (used > slots) {
          throw new RangeError(`${used} slots are asked for, the program has ${slots}`);
        }
        // Rows that pad the last chunk must not be collected.
        for (const b of outputs) records.fill(`${b.label} slots`, -1);
        records.write(batch, sequences * length);
        engine.run(run);
        return Promise.resolve(Object.fromEntries(
          outputs.map((
            b: Buffer,
          ) => [b.label, engine.f32(collected.get(b.label)!, used * b.cols).slice()]),
        ));
      },
    };
  }

  decoding(
    { rows, capacity }: DecodingShape,
    record: (tape: Tape, capacity: number) => void,
  ): DecodingProgram {
    const { engine } = this;
    // Rows are independent, so that the size of a group shows in speed alone.
    const groupRows = Math.min(64, Math.ceil(rows / engine.threads / 4) * 4);
    const room = Math.ceil(capacity / 4) * 4;
    const size = room * rows;
    const records = {
      tokens: engine.allocate(size * 4),
      forced: engine.allocate(size * 4),
      positions: engine.allocate(size * 4),
      rowIds: engine.allocate(rows * 4),
    };
    const shared = engine.allocate(rows * 4);
    const stopSize = 65536;
    const stop = engine.allocate(stopSize * 4);
    const perChunk = groupRows * 4;
    const staged = () => engine.allocate(engine.threads * perChunk);
    const staging = {
      tokens: staged(),
      forced: staged(),
      positions: staged(),
      rowIds: staged(),
      next: staged(),
    };
    const layout = this.#layout(
      new Map(Object.entries(staging).map(([label, address]) => [label, { address, perChunk }])),
    );
    // While rows share their prompts' start there are fewer to compute.
    const plans = [4, 8, 16, 32].filter((n) => n < groupRows).concat(groupRows).map((n) => {
      const tape = recorded(new Tape(n, 1, false), (t) => record(t, room));
      return { rows: n, plan: makePlan(tape, layout, groupRows) };
    });
    const lanes = engine.arenas(Math.max(...plans.map(({ plan }) => plan.laneBytes)));
    const job = engine.load({
      kind: "decode",
      plans,
      lanes,
      rows,
      groupRows,
      records,
      shared,
      staging,
      stop,
    });
    return {
      run: (forced, positions, rowIds, options: GenerationOptions) => {
        const used = rowIds.length, length = forced.length / used;
        if (used > rows || length > capacity || !Number.isInteger(length)) {
          throw new RangeError(
            `(${length}, ${used}) tokens do not fit a program for (${capacity}, ${rows})`,
          );
        }
        const { order, shared: steps } = sharedPrefixes(forced, positions, used);
        const known = engine.i32(records.forced, size), at = engine.i32(records.positions, size);
        const written = engine.i32(records.tokens, size), own = engine.i32(records.rowIds, rows);
        const common = engine.i32(shared, rows);
        order.forEach((row, k) => {
          own[k] = rowIds[row]!;
          common[k] = k % groupRows === 0 ? 0 : steps[k]!;
          for (let t = 0; t < length; t++) {
            const from = t * used + row, to = t * rows + k;
            at[to] = positions[from]!;
            known[to] = written[to] = forced[from]!;
          }
        });
        const stops = engine.i32(stop, stopSize).fill(0);
        for (const token of options.stop) stops[token] = 1;
        const { temperature, seed, purpose, topK = Infinity, topP = 1 } = options;
        const inverseTemperature = temperature === 0 ? 0 : 1 / temperature;
        const sampling = { inverseTemperature, seed, purpose, topK, topP };
        engine.run(job, { steps: length - 1, active: used, ...sampling });
        const result = engine.i32(records.tokens, size);
        const tokens = new Int32Array(length * used);
        order.forEach((row, k) => {
          for (let t = 0; t < length; t++) tokens[t * used + row] = result[t * rows + k]!;
        });
        return Promise.resolve(withoutFinished(tokens, used, forced, used, options.stop));
      },
    };
  }
}

/** Records of a batch in the engine's memory. */
class Records {
  constructor(
    private readonly engine: WasmEngine,
    readonly fields: Map<string, { address: number; length: number; cols: number }>,
  ) {}

  /** Copies records in; the first `rows` rows are the batch, the rest padding. Absent records are zeroed. */
  write(batch: BatchRecords, rows: number): void {
    for (const [label, values] of Object.entries(batch)) {
      const field = this.fields.get(label);
      if (!field) {
        throw new RangeError(
          `the model has no use for ${label}: it knows ${[...this.fields.keys()].join(", ")}`,
        );
      }
      if (values.length !== rows * field.cols) {
        throw new RangeError(
          `${label} has ${values.length} elements, the program works on ${rows} rows of ${field.cols}`,
        );
      }
      const view = values instanceof Int32Array
        ? this.engine.i32(field.address, field.length)
        : this.engine.f32(field.address, field.length);
      view.set(values);
    }
    for (const [label, { address, length }] of this.fields) {
      if (!(label in batch) && !label.endsWith(" slots")) this.engine.i32(address, length).fill(0);
    }
  }

  fill(label: string, value: number): void {
    const { address, length } = this.fields.get(label)!;
    this.engine.i32(address, length).fill(value);
  }

  read(label: string): Float32Array {
    const field = this.fields.get(label);
    return field ? this.engine.f32(field.address, field.length) : new Float32Array(0);
  }
}

function recorded(tape: Tape, record: (tape: Tape) => void): Tape {
  record(tape);
  return tape;
}

/** Sum in float64, in order. */
function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
