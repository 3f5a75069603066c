import { createHash } from "node:crypto";
import { UsageError } from "../errors.ts";
import { clip01 } from "../numeric/clip01.ts";
import { RECORD_FIELDS, type RecordField, type RolloutFormat } from "./format.ts";
import { printable } from "./printable.ts";
import { type PositionUnit, type RolloutRecord, rolloutRecord } from "./record.ts";
import { BadRow, type Row, valueAt } from "./row.ts";
import type { RolloutTokenizer } from "./tokenizer.ts";

/** Where a record's fields stand in a row. */
export interface RowMapping {
  readonly format: RolloutFormat;
  /** Columns that the user named; "" leaves a field out. */
  readonly map: Readonly<Partial<Record<RecordField, string>>>;
  /** What the lowest and the highest reward are, where they are no booleans. */
  readonly outcomeRange: readonly [number, number] | undefined;
  /** Makes text of token ids. */
  readonly tokenizer: RolloutTokenizer | undefined;
}

/** Fields that no record is without. */
const REQUIRED: readonly string[] = ["group", "prompt", "response", "outcome"];

/** As much as log-probabilities in half precision come to be above 0. */
const ROUNDING = 1e-3;

/** As much of its range as a reward in single precision, 1.1 say, can be outside of it. */
const RANGE_ROUNDING = 1e-6;

/**
 * The record in a row.
 *
 * @throws BadRow for what is wrong with this row; UsageError for what the user has yet to say: which column the outcome is,
 *   and what range it has.
 */
export function recordOf(row: Row, mapping: RowMapping): RolloutRecord {
  const { format, map } = mapping;
  const at = (field: RecordField): unknown => {
    const column = map[field] ?? format.columns[field];
    if (column === undefined || column === "") return undefined;
    const value = valueAt(row, column);
    if (value === undefined && (map[field] !== undefined || format.needs?.includes(field))) {
      throw missing(field, column, row);
    }
    return value;
  };
  const fields = {
    prompt: passage("prompt", at("prompt"), at("promptTokens")),
    problem: at("problem"),
    response: passage("response", at("response"), at("responseTokens")),
    steps: at("steps"),
    logProbabilities: logProbabilities(at("logProbabilities")),
    outcome: outcome(row, at, mapping),
    groundTruth: spelled(at("groundTruth")) ?? decoded(at("groundTruthTokens"), mapping),
    verifier: at("verifier"),
    trainingStep: at("trainingStep"),
    actor: at("actor"),
    successRate: at("successRate"),
    tokenLimit: at("tokenLimit"),
    probes: at("probes"),
  };
  for (const field of ["prompt", "response"] as const) {
    if (fields[field] === undefined) throw missing(field, map[field] ?? format.columns[field], row);
  }
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  const group = spelled(at("group")) ?? groupOf(fields);
  const result = rolloutRecord.safeParse({ group, ...Object.fromEntries(given) });
  if (!result.success) {
    const { path, message } = result.error.issues[0]!;
    const field = path.map(String).join(".");
    let value: unknown = { group, ...fields };
    for (const key of path) value = (value as Row | undefined)?.[String(key)];
    const name = String(path[0]);
    const remedy = REQUIRED.includes(name) ? message : `${message}; --map ${name}= leaves it out`;
    throw new BadRow(columnOf(field, mapping), value, remedy);
  }
  check(result.data);
  return result.data;
}

/** The columns of a file that these fields are read from, the innermost names left out. */
export function columnsRead({ format, map }: RowMapping): string[] {
  const named = RECORD_FIELDS.flatMap((field) => map[field] ?? format.columns[field] ?? []);
  return [...named, ...format.reads ?? []].flatMap((column) => [column, column.split(".")[0]!]);
}

function missing(field: RecordField, column: string | undefined, row: Row): BadRow {
  if (column !== undefined && Object.hasOwn(row, column)) {
    const needs = REQUIRED.includes(field) ? "" : `; --map ${field}= leaves it out`;
    return new BadRow(column, "empty", `no ${field} in this row: null, or not a number${needs}`);
  }
  const remedy = `no ${field} in this row; name its column with --map ${field}=COLUMN; columns: ${
    columnList(row)
  }`;
  return new BadRow(column ?? field, "missing", remedy);
}

/** The columns of a row, for a message. */
export function columnList(row: Row): string {
  return printable(Object.keys(row).join(", "), 500) || "none";
}

function passage(field: string, value: unknown, tokens: unknown): unknown {
  if (Array.isArray(value) && typeof value[0] === "object") {
    const remedy = "a chat: apply the chat template of the actor and give the text that it read";
    throw new BadRow(field, "messages", remedy);
  }
  const whole = typeof value === "object" && value !== null && !Array.isArray(value);
  if (whole) return value;
  if (value === undefined && tokens === undefined) return undefined;
  return {
    ...typeof value === "string" ? { text: value.toWellFormed() } : {},
    ...Array.isArray(value) ? { tokens: value } : {},
    ...tokens === undefined ? {} : { tokens },
    ...value !== undefined && typeof value !== "string" && !Array.isArray(value)
      ? { text: value }
      : {},
  };
}

function logProbabilities(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((item) => typeof item === "number" && item > 0 && item <= ROUNDING ? 0 : item);
}

function outcome(
  row: Row,
  at: (field: RecordField) => unknown,
  { format, map, outcomeRange = format.outcomeRange }: RowMapping,
): number {
  const column = map.outcome || format.columns.outcome;
  if (column === undefined || map.outcome === "") {
    const remedy = `which column is the outcome? give --map outcome=COLUMN; numbers are in ${
      numericColumns(row)
    }`;
    throw new UsageError("--map", "no outcome", remedy);
  }
  const value = at("outcome");
  if (value === undefined) throw missing("outcome", column, row);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "number") {
    throw new BadRow(column, value, "a number, true or false is needed");
  }
  if (outcomeRange === undefined) {
    const remedy =
      `what range do the rewards in ${
        printable(column)
      } have? give --outcome-range=LOWEST,HIGHEST, ` +
      "e.g. =0,1 or =-1,1; they are read as values in [0, 1]";
    throw new UsageError("--outcome-range", `missing (a value is ${value})`, remedy);
  }
  const [low, high] = outcomeRange;
  const scaled = (value - low) / (high - low);
  if (scaled < -RANGE_ROUNDING || scaled > 1 + RANGE_ROUNDING) {
    throw new BadRow(column, value, `outside of the stated range [${low}, ${high}]`);
  }
  return clip01(scaled);
}

function numericColumns(row: Row): string {
  const names = Object.keys(row).filter((name) =>
    typeof row[name] === "number" || typeof row[name] === "boolean"
  );
  return names.length === 0 ? `none of ${columnList(row)}` : printable(names.join(", "), 500);
}

/** Text, or how a number or list is written. */
function spelled(value: unknown): unknown {
  if (value === undefined || typeof value === "string") return value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The text of token ids, where there is a tokenizer. */
function decoded(tokens: unknown, { tokenizer }: RowMapping): string | undefined {
  if (!tokenizer || !Array.isArray(tokens)) return undefined;
  return tokenizer.decode(tokens.filter((id) => typeof id === "number"));
}

/** Siblings are those of equal prompt, training step and actor. */
function groupOf({ prompt, trainingStep, actor }: Record<string, unknown>): string {
  const { text, tokens } = prompt as { text?: unknown; tokens?: unknown };
  const key = JSON.stringify([tokens ?? text, trainingStep ?? null, actor ?? null]);
  return createHash("sha256").update(key).digest("hex").slice(0, 16);
}

function columnOf(field: string, { format, map }: RowMapping): string {
  const [name, ...inside] = field.split(".");
  const tokens = inside[0] === "tokens" ? `${name}Tokens` as RecordField : undefined;
  const candidates = [tokens, name as RecordField].flatMap((one) =>
    one === undefined ? [] : map[one] ?? format.columns[one] ?? []
  );
  return candidates[0] ?? field;
}

/** What the schema cannot say: lists that belong together, and places inside of the response. */
function check({ response, steps, logProbabilities, probes }: RolloutRecord): void {
  const lengths: Readonly<Record<PositionUnit, number | undefined>> = {
    token: response.tokens?.length,
    char: response.text?.length,
    step: steps?.length,
  };
  if (
    logProbabilities && lengths.token !== undefined && logProbabilities.length !== lengths.token
  ) {
    throw new BadRow(
      "logProbabilities",
      `${logProbabilities.length} for ${lengths.token} tokens`,
      "one a token of the response is needed; --map logProbabilities= leaves them out",
    );
  }
  for (const { at, unit } of probes ?? []) {
    const length = lengths[unit];
    if (length === undefined || at > length) {
      const has = length === undefined ? `no ${unit}s` : `${length} ${unit}s`;
      throw new BadRow("probes", `${unit} ${at}`, `the response has ${has}`);
    }
  }
}
