/** What a lowered program is made of: dispatches of kernels on named operands, before any memory is assigned. */
import type { Buffer } from "../../tensor/tape.ts";
import type { Constants } from "./source.ts";

/** Working memory that the tape does not know of. */
export interface Temporary {
  readonly space: "temporary";
  readonly label: string;
  /** Floats. */
  readonly elements: number;
}

/** Memory that belongs to the session or the program; the flat ones are flat buffers over all weights. */
export type Special =
  | "scalars"
  | "sampling"
  | "step"
  | "chosen"
  | "stops"
  | "finished"
  | "control"
  | "reports"
  | FlatName;

/** The flat buffers of a session. */
export type FlatName = "weights" | "gradient" | "m" | "v";

/** What a binding is to hold. */
export type Operand = Buffer | Temporary | Special;

/** Rows `first`.. of a row-major buffer; `first` is a multiple of 64, so that a binding may start there. */
export interface RowsOf {
  readonly of: Buffer | Temporary;
  readonly first: number;
  readonly rows: number;
  readonly cols: number;
}

/** The operand of which some rows, or all, are bound. */
export function wholeOf(bound: Operand | RowsOf): Operand {
  return typeof bound === "object" && "of" in bound ? bound.of : bound;
}

/** A float32 among a dispatch's numbers; the others are uint32. */
export interface Float {
  readonly f32: number;
}

/** One dispatch. */
export interface Dispatch {
  readonly kernel: string;
  readonly constants?: Constants;
  /** The fields of the kernel's `dims`, in order. */
  readonly dims: readonly (number | Float)[];
  /** Operands by the names of the kernel's bindings. */
  readonly operands: Readonly<Record<string, Operand | RowsOf>>;
  /** The bindings whose operands are kept in float16. */
  readonly half?: readonly string[];
  /** Workgroups. */
  readonly groups: readonly [number, number, number];
}

/** Workgroups in one dimension at most. */
export const MAX_GROUPS = 65535;

/** `groups` workgroups, folded into two dimensions where one does not hold them (kernels: `flat_index`). */
export function grid(groups: number): [number, number, number] {
  const y = Math.ceil(groups / MAX_GROUPS);
  return [Math.ceil(groups / y), y, 1];
}
