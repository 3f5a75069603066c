import type { BatchRecords } from "../../tensor/backend.ts";
import type { Buffer } from "../../tensor/tape.ts";
import { checkRecords } from "../check_records.ts";
import { type Dispatch, wholeOf } from "./dispatch.ts";
import type { WebGpuDevice } from "./device.ts";
import type { View } from "./program.ts";

/** WebGPU's alignment of a binding's offset. */
const ALIGNMENT = 256;
/** Bytes of the block of scalars, which comes first. */
const SCALARS = 256;

interface Field {
  readonly offset: number;
  readonly length: number;
  readonly cols: number;
  /** Made here from the tokens, not given. */
  readonly derived: boolean;
}

/** The records of a batch on the GPU: one buffer, filled by one copy a step. */
export class Records {
  readonly #fields = new Map<string, Field>();
  readonly #bytes: ArrayBuffer;
  readonly #gpu: GPUBuffer;
  /** The block of scalars: write floats, or `integers` of the same memory. */
  readonly scalars: Float32Array;
  readonly integers: Uint32Array;

  /** Room for every batch buffer that the dispatches read; `outputs` are written by the device and stay out. */
  constructor(
    private readonly device: WebGpuDevice,
    buffers: readonly Buffer[],
    dispatches: readonly Dispatch[],
    outputs: ReadonlySet<string>,
  ) {
    let offset = SCALARS;
    const place = (b: Buffer, derived: boolean) => {
      if (b.space !== "batch" || outputs.has(b.label) || this.#fields.has(b.label)) return;
      const length = b.rows * b.cols;
      this.#fields.set(b.label, { offset, length, cols: b.cols, derived });
      offset += Math.ceil(length * 4 / ALIGNMENT) * ALIGNMENT;
    };
    for (const b of buffers) place(b, false);
    for (const { operands } of dispatches) {
      for (const b of Object.values(operands).map(wholeOf)) {
        if (typeof b === "object" && b.space === "batch") place(b, true);
      }
    }
    this.#bytes = new ArrayBuffer(offset);
    this.#gpu = device.buffer("batch", offset);
    this.scalars = new Float32Array(this.#bytes, 0, SCALARS / 4);
    this.integers = new Uint32Array(this.#bytes, 0, SCALARS / 4);
  }

  /** Where a record lies; undefined for one that is not here. */
  view(label: string): View | undefined {
    const field = this.#fields.get(label);
    return field && { buffer: this.#gpu, offset: field.offset, size: field.length * 4 };
  }

  /** Where the scalars lie. */
  get scalarView(): View {
    return { buffer: this.#gpu, offset: 0, size: SCALARS };
  }

  /** Fills the records; absent ones are zero. `rows` is the number of rows of the batch. */
  write(batch: BatchRecords, rows: number): void {
    const given = [...this.#fields].filter(([, { derived }]) => !derived);
    checkRecords(batch, new Map(given.map(([label, { cols }]) => [label, cols])), rows);
    for (const [label, { offset, length }] of given) {
      const values = batch[label];
      if (values instanceof Float32Array) {
        new Float32Array(this.#bytes, offset, length).set(values);
      } else if (values) new Int32Array(this.#bytes, offset, length).set(values);
      else new Int32Array(this.#bytes, offset, length).fill(0);
    }
    this.#sortTokens("tokens");
  }

  /** Sends everything, scalars included, to the device. */
  upload(): void {
    this.device.device.queue.writeBuffer(this.#gpu, 0, this.#bytes);
  }

  /** Rows by their tokens, for embedding_backward.wgsl: a stable counting sort. */
  #sortTokens(label: string): void {
    const at = this.#fields.get(label);
    const order = this.#fields.get(`${label} order`), starts = this.#fields.get(`${label} starts`);
    if (!at || !order || !starts) return;
    const tokens = new Int32Array(this.#bytes, at.offset, at.length);
    const rows = new Uint32Array(this.#bytes, order.offset, order.length);
    const first = new Uint32Array(this.#bytes, starts.offset, starts.length).fill(0);
    for (const token of tokens) first[token + 1]!++;
    for (let t = 1; t < first.length; t++) first[t]! += first[t - 1]!;
    const next = first.slice();
    tokens.forEach((token, row) => rows[next[token]!++] = row);
  }
}
