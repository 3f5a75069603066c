/** What forward passes share: which rows are asked for, and where their outputs go. */
import type { BatchRecords } from "../tensor/backend.ts";
import { packBatch, type Sequence } from "./batch.ts";

/** Which rows of which sequence a forward pass shall return. */
export interface ForwardRow {
  readonly sequence: number;
  readonly token: number;
}

/** A row of one pass, and its place among all rows that are asked for. */
export interface PlacedRow extends ForwardRow {
  readonly index: number;
}

/** Floats a row, by output. */
export type OutputWidths = readonly (readonly [label: string, width: number])[];

/** Outputs (rows, width) of all rows that are asked for, by name, zero at first. */
export function emptyOutputs(
  widths: OutputWidths,
  rows: number,
): Record<string, Float32Array> {
  return Object.fromEntries(
    widths.map(([label, width]) => [label, new Float32Array(rows * width)]),
  );
}

/** Throws RangeError for a row that is not there. */
export function checkRows(sequences: readonly Sequence[], rows: readonly ForwardRow[]): void {
  for (const { sequence, token } of rows) {
    const count = sequences[sequence]?.tokens.length ?? 0;
    if (!(Number.isInteger(token) && token >= 0 && token < count)) {
      throw new RangeError(`token ${token} of sequence ${sequence}: it has ${count} tokens`);
    }
  }
}

/** The records of a forward pass, which knows no losses: `keep` names those that it reads all the same. */
export function forwardRecords(
  sequences: readonly Sequence[],
  length: number,
  keep: readonly string[] = [],
): Record<string, Int32Array | Float32Array> {
  const records: Record<string, Int32Array | Float32Array> = { ...packBatch(sequences, length) };
  for (const label of ["targets", "weights", "valueTargets", "valueWeights"]) {
    if (!keep.includes(label)) delete records[label];
  }
  return records;
}

/** Where the rows of a pass are collected. A row that is asked for twice has one slot. */
export interface Slots {
  /** By row of the batch: -1, or the row's place in what is collected. */
  readonly slots: Int32Array;
  /** How many are in use. */
  readonly used: number;
  /** The slot of each row that is asked for. */
  readonly slotOf: readonly number[];
}

/** The slots of rows of a batch of `sequences` sequences of `length` tokens. */
export function slotsOf(
  rows: readonly ForwardRow[],
  { sequences, length }: { readonly sequences: number; readonly length: number },
): Slots {
  const slots = new Int32Array(sequences * length).fill(-1);
  let used = 0;
  const slotOf = rows.map(({ sequence, token }) => {
    const at = sequence * length + token;
    return slots[at] = slots[at]! < 0 ? used++ : slots[at]!;
  });
  return { slots, used, slotOf };
}

/** The records that say where a pass puts its outputs. */
export function slotRecords(widths: OutputWidths, { slots }: Slots): BatchRecords {
  return Object.fromEntries(widths.map(([label]) => [`${label} slots`, slots]));
}

/** Puts what a pass has collected in its places. */
export function placeRows(
  out: Readonly<Record<string, Float32Array>>,
  widths: OutputWidths,
  rows: readonly PlacedRow[],
  { slotOf }: Slots,
  collected: Readonly<Record<string, Float32Array>>,
): void {
  for (const [label, width] of widths) {
    rows.forEach(({ index }, i) => {
      const at = slotOf[i]! * width;
      out[label]!.set(collected[label]!.subarray(at, at + width), index * width);
    });
  }
}
