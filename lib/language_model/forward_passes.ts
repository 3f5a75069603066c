import type { Sequence } from "../nn/batch.ts";
import type { OutputWidths, PlacedRow } from "../nn/forward_rows.ts";

/** Sequences of one pass. */
const SEQUENCES = 64;
/** Floats that one pass collects, unless a single sequence has more. */
const FLOATS = 2 ** 24;

/** A part of a forward pass's sequences, padded to whole groups, and the rows that are asked for of them. */
export interface ForwardPass {
  readonly sequences: readonly Sequence[];
  readonly length: number;
  /** With sequences counted from the pass's first. */
  readonly rows: readonly PlacedRow[];
}

/** Those sequences of which rows are asked for, in passes of about equal length and not too many floats. */
export function forwardPasses(
  sequences: readonly Sequence[],
  rows: readonly PlacedRow[],
  widths: OutputWidths,
): ForwardPass[] {
  const bySequence = Map.groupBy(rows, ({ sequence }) => sequence);
  const byLength = Map.groupBy(
    [...bySequence.keys()],
    (sequence) => passLength(sequences[sequence]!.tokens.length),
  );
  const mostRows = FLOATS / floatsOf(widths);
  return [...byLength].flatMap(([length, members]) => {
    const parts: number[][] = [];
    let count = Infinity;
    for (const sequence of members) {
      const own = bySequence.get(sequence)!.length;
      if (count + own > mostRows || parts.at(-1)!.length === SEQUENCES) {
        parts.push([]);
        count = 0;
      }
      parts.at(-1)!.push(sequence);
      count += own;
    }
    return parts.map((part) => ({
      sequences: paddedPart(part.map((sequence) => sequences[sequence]!)),
      length,
      rows: part.flatMap((sequence, at) =>
        bySequence.get(sequence)!.map((row) => ({ ...row, sequence: at }))
      ),
    }));
  });
}

/** Few lengths, so that programs fit many passes. */
function passLength(tokens: number): number {
  const step = tokens <= 256 ? 16 : 64;
  return Math.ceil(tokens / step) * step;
}

/** Few sizes of parts: 1 to 4, and multiples of 4. */
function paddedPart(part: readonly Sequence[]): Sequence[] {
  const size = part.length <= 4 ? part.length : Math.ceil(part.length / 4) * 4;
  return [...part, ...new Array<Sequence>(size - part.length).fill({ tokens: [0] })];
}

/** Floats of a row, of all outputs. */
export function floatsOf(widths: OutputWidths): number {
  return widths.reduce((sum, [, width]) => sum + width, 0);
}
