import { RECORD_FIELDS, type RecordField, type RolloutFormat } from "../format.ts";

/** Rows of any columns: those named as a record's fields fill them, all others are named by the user. */
export const jsonl: RolloutFormat = {
  name: "jsonl",
  summary: "plain rows, JSON lines or Parquet; --map says which column is what",
  isProvedBy: () => false,
  columns: Object.fromEntries(RECORD_FIELDS.map((field) => [field, field])) as Record<
    RecordField,
    string
  >,
};
