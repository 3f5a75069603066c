import { padded, type Parameter, storedRows } from "../tensor/tape.ts";

/** Where a weight lies in a flat buffer. */
export interface Slot {
  /** Logical shape. */
  readonly rows: number;
  readonly cols: number;
  /** Rows in memory: `rows`, or those padded to a multiple of 16. */
  readonly storedRows: number;
  /** Floats before it. */
  readonly offset: number;
}

/** The order of a model's weights in one flat buffer: those with weight decay first, so that AdamW takes each kind at once. */
export class FlatLayout {
  readonly slots: ReadonlyMap<string, Slot>;
  /** Floats in all, and of those the leading ones with weight decay. */
  readonly count: number;
  readonly decayed: number;

  /**
   * Throws Error where a parameter without weight decay comes before one with it.
   *
   * @param floats Floats that a matrix of this shape, whose cols are whole panels of 16, takes up.
   */
  constructor(parameters: readonly Parameter[], floats: (rows: number, cols: number) => number) {
    const slots = new Map<string, Slot>();
    let offset = 0, decayed = 0;
    for (const parameter of parameters) {
      const { name, rows, cols, decay } = parameter;
      if (decay && decayed < offset) {
        throw new Error(`${name}: parameters with weight decay must come first`);
      }
      const stored = storedRows(parameter);
      slots.set(name, { rows, cols, storedRows: stored, offset });
      offset += floats(stored, padded(cols));
      if (decay) decayed = offset;
    }
    this.slots = slots;
    this.count = offset;
    this.decayed = decayed;
  }

  /** Where a weight lies. Throws Error for one that the model lacks. */
  slot(name: string): Slot {
    const slot = this.slots.get(name);
    if (!slot) throw noParameter(name);
    return slot;
  }
}

/** The error for a weight that the model lacks. */
export function noParameter(name: string): Error {
  return new Error(`no parameter ${JSON.stringify(name)} in this model`);
}

/** Throws RangeError if `values` are not whole columns of a weight of this shape, from `firstColumn` on. */
export function checkColumns(
  { rows, cols }: { rows: number; cols: number },
  name: string,
  values: Float32Array,
  firstColumn: number,
): void {
  const count = values.length / rows;
  const isInside = Number.isInteger(firstColumn) && firstColumn >= 0 && firstColumn + count <= cols;
  if (Number.isInteger(count) && isInside) return;
  throw new RangeError(
    `${name} has ${values.length} values from column ${firstColumn} on, needs columns of ${rows} x ${cols}`,
  );
}

/** Throws RangeError if `values` are not those of a weight of this shape. */
export function checkLength(
  { rows, cols }: { rows: number; cols: number },
  name: string,
  values: Float32Array,
): void {
  if (values.length === rows * cols) return;
  throw new RangeError(`${name} has ${values.length} values, needs ${rows} x ${cols}`);
}
