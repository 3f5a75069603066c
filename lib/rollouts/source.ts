/** What a reader of one kind of file yields: a row or what is wrong with it. */
import type { BadRow, Row } from "./row.ts";

/** A place in a file with what stands there. */
export interface SourceRow {
  /** "line 12" or "row 12", from 1. */
  readonly place: string;
  readonly row: Row | BadRow;
  /** Bytes of the file that have been read when this row is given out. */
  readonly bytesRead: number;
}
