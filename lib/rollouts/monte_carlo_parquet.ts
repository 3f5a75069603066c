/**
 * Monte Carlo values of states as a Parquet file with the columns and types of the open-instruct fork with GenAC
 * (hamishivi/open-instruct, `value_estimation make_dataset`), so that its `score_dataset` and `compare_gen_value_scores.py`
 * take it. Columns that the fork does not have come last, and are read by nobody but this kit.
 */
import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { writePiecesAtomically } from "../run/files.ts";
import type { RolloutRecord } from "./record.ts";

/** A rollout of the file, with what its record does not say. */
export interface MonteCarloRow {
  /** With probes. */
  readonly record: RolloutRecord;
  /** Other responses to the same prompt. Default: none. */
  readonly siblings?: readonly RolloutRecord[];
  /** How probes were placed, as the fork calls it: "fixed" (every so many tokens), "sae" (after unlikely tokens). */
  readonly probeMode: string;
  /** What the probed states are, e.g. the fork's "fixed_intervals_plus_final_action". */
  readonly probeSemantics: string;
  /** Each probe's continuations, prefix included. Default: the column is not filled. */
  readonly continuationTexts?: readonly (readonly string[])[];
}

/** The type of a column: a value, a list, a struct. Anything may be null, as pyarrow has it. */
type Shape =
  | Pick<SchemaElement, "type" | "converted_type">
  | { readonly list: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

const TEXT: Shape = { type: "BYTE_ARRAY", converted_type: "UTF8" };
const INTEGER: Shape = { type: "INT64" };
const REAL: Shape = { type: "DOUBLE" };
const BOOLEAN: Shape = { type: "BOOLEAN" };
const SIBLING: Shape = { fields: { text: TEXT, is_correct: BOOLEAN } };

/** Name, type, and the value in a row: undefined for none. */
type Column = readonly [string, Shape, (row: MonteCarloRow) => unknown];

const COLUMNS: readonly Column[] = [
  ["prompt", TEXT, ({ record }) => record.prompt.text],
  ["problem", TEXT, ({ record }) => record.problem ?? record.prompt.text],
  ["prompt_token_ids", { list: INTEGER }, ({ record }) => integers(record.prompt.tokens)],
  ["ground_truth", TEXT, ({ record }) => record.groundTruth],
  ["verifier_name", TEXT, ({ record }) => record.verifier],
  ["rollout_text", TEXT, ({ record }) => record.response.text],
  ["rollout_tokens", { list: INTEGER }, ({ record }) => integers(record.response.tokens)],
  ["rollout_is_correct", BOOLEAN, ({ record }) => isCorrect(record)],
  [
    "sibling_rollouts",
    { list: SIBLING },
    ({ siblings = [] }) =>
      siblings.map((sibling) => ({
        text: sibling.response.text ?? null,
        is_correct: isCorrect(sibling),
      })),
  ],
  ["probe_positions", { list: INTEGER }, ({ record }) => integers(probes(record, "at"))],
  ["mc_values", { list: REAL }, ({ record }) => probes(record, "mean")],
  [
    "num_continuations",
    INTEGER,
    ({ record }) => integer(Math.max(0, ...probes(record, "n"))),
  ],
  ["response_token_limit", INTEGER, ({ record }) => integer(record.tokenLimit)],
  ["actor_model_name", TEXT, ({ record }) => record.actor],
  ["actor_success_rate", REAL, ({ record }) => record.successRate],
  ["probe_mode", TEXT, ({ probeMode }) => probeMode],
  ["probe_semantics", TEXT, ({ probeSemantics }) => probeSemantics],
  ["continuation_texts", { list: { list: TEXT } }, ({ continuationTexts }) => continuationTexts],
  // From here on the kit's own.
  ["group", TEXT, ({ record }) => record.group],
  ["outcome", REAL, ({ record }) => record.outcome],
  ["training_step", INTEGER, ({ record }) => integer(record.trainingStep)],
  ["steps", { list: TEXT }, ({ record }) => record.steps],
  ["rollout_logprobs", { list: REAL }, ({ record }) => record.logProbabilities],
  ["probe_unit", TEXT, ({ record }) => record.probes?.[0]?.unit],
  ["probe_continuations", { list: INTEGER }, ({ record }) => integers(probes(record, "n"))],
];

const SCHEMA: SchemaElement[] = [
  { name: "schema", num_children: COLUMNS.length },
  ...COLUMNS.flatMap(([name, shape]) => elements(name, shape)),
];

/** Rows of one group: few, so that a row group of long responses takes little memory. */
const ROWS_IN_GROUP = 256;

/**
 * Writes the file, whole or not at all; equal rows give equal bytes. `num_continuations` is the most that a probe of the row
 * has; where they differ `probe_continuations` says so.
 *
 * The fork's scripts take records with a problem or prompt text, token ids, a token limit and probes at tokens; the one that
 * compares two scores wants no more than one right and one wrong response to a problem.
 *
 * @param path Ends in `.parquet`.
 * @returns How many rows were written.
 * @throws UsageError where the file cannot be written; TypeError for a record whose probes have several units.
 */
export async function writeMonteCarloParquet(
  path: string,
  rows: Iterable<MonteCarloRow> | AsyncIterable<MonteCarloRow>,
): Promise<number> {
  let written = 0;
  await writePiecesAtomically(path, async (append) => {
    const bytes = new ByteWriter();
    const flush = () => {
      append(bytes.getBytes());
      bytes.index = 0;
    };
    Object.assign(bytes, { flush, finish: flush });
    const writer = new ParquetWriter({ writer: bytes, schema: SCHEMA, createdBy: "genac" });
    let held: MonteCarloRow[] = [];
    const writeGroup = async () => {
      const columnData = COLUMNS.map(([name, , value]) => ({
        name,
        data: held.map((row) => value(row) ?? null),
      }));
      await writer.write({ columnData, rowGroupSize: ROWS_IN_GROUP });
      held = [];
    };
    for await (const row of rows) {
      checkUnits(row.record);
      held.push(row);
      written++;
      if (held.length === ROWS_IN_GROUP) await writeGroup();
    }
    if (held.length > 0) await writeGroup();
    await writer.finish();
  });
  return written;
}

function checkUnits({ group, probes = [] }: RolloutRecord): void {
  const units = new Set(probes.map(({ unit }) => unit));
  if (units.size > 1) {
    throw new TypeError(`${group}: a row's probes have one unit, not ${[...units].join(" and ")}`);
  }
}

/** The fork's verdict: a verifier's full score. */
function isCorrect({ outcome }: RolloutRecord): boolean {
  return outcome >= 1;
}

function probes(record: RolloutRecord, field: "at" | "mean" | "n"): number[] {
  return (record.probes ?? []).map((probe) => probe[field]);
}

function integer(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value);
}

function integers(values: readonly number[] | undefined): bigint[] | undefined {
  return values?.map(BigInt);
}

/** The schema's elements of a column, with the names that pyarrow gives to a list's. */
function elements(name: string, shape: Shape): SchemaElement[] {
  const optional = { name, repetition_type: "OPTIONAL" } as const;
  if ("list" in shape) {
    return [
      { ...optional, num_children: 1, converted_type: "LIST" },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      ...elements("element", shape.list),
    ];
  }
  if (!("fields" in shape)) return [{ ...optional, ...shape }];
  const fields = Object.entries(shape.fields);
  return [
    { ...optional, num_children: fields.length },
    ...fields.flatMap(([field, of]) => elements(field, of)),
  ];
}
