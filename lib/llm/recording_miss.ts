import { canonicalJson } from "../numeric/digest.ts";
import { printable } from "../rollouts/printable.ts";

/** Where two values differ. */
export interface Difference {
  /** The first field that differs, by its path: "body.prompt". */
  readonly field: string;
  /** What is there in both, short. */
  readonly recorded: string;
  readonly asked: string;
  /** How many fields differ, plus how much of the first one: less is more similar. */
  readonly distance: number;
}

/** A value is shown up to here. */
const SHOWN = 60;

/** The first field in which `asked` differs from `recorded`, in the order of the names; undefined for equal values. */
export function firstDifference(recorded: unknown, asked: unknown): Difference | undefined {
  const fields = differences(recorded, asked, []);
  const first = fields[0];
  if (!first) return undefined;
  const from = commonLength(first.recorded, first.asked);
  const length = Math.max(first.recorded.length, first.asked.length);
  return {
    field: first.path.join("."),
    recorded: excerpt(first.recorded, from),
    asked: excerpt(first.asked, from),
    distance: fields.length + 1 - from / length,
  };
}

interface Field {
  readonly path: readonly string[];
  readonly recorded: string;
  readonly asked: string;
}

function differences(recorded: unknown, asked: unknown, path: readonly string[]): Field[] {
  if (isRecord(recorded) && isRecord(asked)) {
    const names = [...new Set([...Object.keys(recorded), ...Object.keys(asked)])].sort();
    return names.flatMap((name) => differences(recorded[name], asked[name], [...path, name]));
  }
  const texts = [written(recorded), written(asked)] as const;
  return texts[0] === texts[1] ? [] : [{ path, recorded: texts[0], asked: texts[1] }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function written(value: unknown): string {
  return value === undefined ? "nothing" : canonicalJson(value);
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
  return length;
}

/** Of a long value the part around the place where the two part. */
function excerpt(text: string, from: number): string {
  const start = text.length <= SHOWN ? 0 : Math.max(0, Math.min(from - 20, text.length - SHOWN));
  return (start > 0 ? "…" : "") + printable(text.slice(start), SHOWN);
}
