import type { BatchRecords } from "../../tensor/backend.ts";
import type { Tape } from "../../tensor/tape.ts";
import { checkRecords } from "../check_records.ts";
import type { WasmDevice } from "./device.ts";

interface Field {
  readonly address: number;
  readonly length: number;
  /** Bytes from one chunk to the next, for plans that work on the first tokens of each alone, too. */
  readonly perChunk: number;
}

/** The records of a batch in the device's memory, for all rows of all chunks. */
export class Records {
  readonly fields = new Map<string, Field>();
  readonly #cols = new Map<string, number>();

  /** Room for every batch buffer of the tape. */
  constructor(private readonly device: WasmDevice, tape: Tape, chunks: number) {
    for (const b of tape.buffers.filter((b) => b.space === "batch")) {
      const size = b.rows * b.cols, length = chunks * size;
      const address = device.allocate(length * 4);
      this.fields.set(b.label, { address, length, perChunk: size * 4 });
      this.#cols.set(b.label, b.cols);
    }
  }

  /** Copies records in; the first `rows` rows are the batch, the rest padding. Absent records are zeroed. */
  write(batch: BatchRecords, rows: number): void {
    checkRecords(batch, this.#cols, rows);
    for (const [label, values] of Object.entries(batch)) {
      const { address, length } = this.fields.get(label)!;
      const view = values instanceof Int32Array
        ? this.device.i32(address, length)
        : this.device.f32(address, length);
      view.set(values);
    }
    for (const label of this.fields.keys()) {
      if (!(label in batch) && !label.endsWith(" slots")) this.fill(label, 0);
    }
  }

  fill(label: string, value: number): void {
    const { address, length } = this.fields.get(label)!;
    this.device.i32(address, length).fill(value);
  }

  /** A record, empty for one that the program does not have. */
  read(label: string): Float32Array {
    const field = this.fields.get(label);
    return field ? this.device.f32(field.address, field.length) : new Float32Array(0);
  }
}
