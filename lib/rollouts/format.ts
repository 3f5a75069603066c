import type { Row, Skipped } from "./row.ts";

/** The fields of a record that a column can fill, as `--map FIELD=COLUMN` names them. */
export const RECORD_FIELDS = [
  ...["group", "prompt", "promptTokens", "problem", "response", "responseTokens", "steps"],
  ...["logProbabilities", "outcome", "groundTruth", "groundTruthTokens", "verifier"],
  ...["trainingStep", "actor", "successRate", "tokenLimit", "probes"],
] as const;

/** See `RECORD_FIELDS`. */
export type RecordField = (typeof RECORD_FIELDS)[number];

/** What a format may look at beside the row. */
export interface RowContext {
  /** Path of the row's file. */
  readonly file: string;
  /** The filter whose results are taken (lm-evaluation-harness). */
  readonly filter: string | undefined;
}

/** How one library or data set writes rollouts. A new one (checklist: lib/README.md) is a file in `formats/`, listed in readers.ts. */
export interface RolloutFormat {
  readonly name: string;
  /** What writes it, in one line. */
  readonly summary: string;
  /** Whether the row can be of no other format. */
  isProvedBy(row: Row): boolean;
  /**
   * The columns that fill a record's fields; a field that is not here is filled where the user maps it. Prompt and response
   * are text or token ids, whichever stands there.
   */
  readonly columns: Readonly<Partial<Record<RecordField, string>>>;
  /** Fields that every row must fill, beside prompt, response and outcome. */
  readonly needs?: readonly RecordField[];
  /** Other columns that `flatten` looks at: of a Parquet file no more than is needed is read. */
  readonly reads?: readonly string[];
  /** The range of outcomes that are no booleans, where the format defines it: else the user has to say it. */
  readonly outcomeRange?: readonly [number, number];
  /**
   * The row with columns added that the format has only in some nested form.
   *
   * @throws BadRow
   */
  flatten?(row: Row, context: RowContext): Row | Skipped;
}
