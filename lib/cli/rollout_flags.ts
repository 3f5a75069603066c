/** The flags by which commands read rollouts, and the progress that they show of it. */
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { formatDuration, formatNumber } from "../report/format.ts";
import type { RecordField } from "../rollouts/format.ts";
import {
  type ReadCounts,
  type ReadOptions,
  type ReadProgress,
  readRollouts,
  type RolloutStream,
} from "../rollouts/read_rollouts.ts";
import { rolloutFormats } from "../rollouts/readers.ts";
import { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import type { TerminalProgress } from "./terminal_progress.ts";

/** To be spread into a command's flags. */
export const rolloutFlags = {
  rollouts: z.string().describe("file of rollouts, or folder of such files"),
  format: z.enum(Object.keys(rolloutFormats)).optional().describe(
    "format of the rollouts; needed where their columns do not prove it",
  ),
  map: z.array(z.string()).default([]).describe(
    "fields of a rollout and their columns, e.g. outcome=acc,group=uid; FIELD= leaves one out",
  ),
  outcomeRange: z.array(z.number()).max(2).default([]).describe(
    "lowest and highest reward, e.g. =0,1 or =-1,1, which become the outcomes 0 and 1",
  ),
  filter: z.string().optional().describe("filter of lm-evaluation-harness whose results to take"),
  actor: z.string().optional().describe(
    "name of the model that wrote the rollouts, for those that do not say it",
  ),
  tokenizer: z.string().optional().describe(
    "folder or tokenizer.json of the model that wrote the rollouts, for those without text",
  ),
  maxBadShare: z.number().min(0).lt(1).default(0).describe(
    "share of rows that may be unreadable; they are counted and left out",
  ),
};

/** The flags' values. */
export type RolloutFlags = z.output<z.ZodObject<typeof rolloutFlags>>;

/**
 * The rollouts that the flags name.
 *
 * @throws UsageError for bad flags, and while reading; see `readRollouts`.
 */
export function rolloutsOf(flags: RolloutFlags, progress: TerminalProgress): RolloutStream {
  return readRollouts(flags.rollouts, {
    format: flags.format,
    map: parseMap(flags.map),
    outcomeRange: parseRange(flags.outcomeRange),
    filter: flags.filter,
    actor: flags.actor,
    tokenizer: flags.tokenizer === undefined ? undefined : RolloutTokenizer.load(flags.tokenizer),
    maxBadShare: flags.maxBadShare,
    onProgress: (read) => progress.line(formatReading(read), true),
  });
}

/** What was left out, for the reader of a command's output; "" where nothing was. */
export function describeLeftOut({ read, bad, reasons, skipped }: ReadCounts): string {
  const lines = Object.entries(skipped).map(([reason, count]) => `left out ${count}: ${reason}`);
  if (bad > 0) {
    lines.push(`unreadable: ${bad} of ${read + bad} rows, such as ${reasons.join("; ")}`);
  }
  return lines.join("\n");
}

function formatReading({ bytesRead, bytes, records, bytesPerSecond, secondsLeft }: ReadProgress) {
  const eta = secondsLeft === undefined ? "" : `, ETA ${formatDuration(secondsLeft)}`;
  const percent = Math.floor(100 * bytesRead / bytes);
  const rate = formatNumber(bytesPerSecond / 1e6);
  return `reading rollouts: ${records}, ${percent} %, ${rate} MB/s${eta}`;
}

function parseMap(pairs: readonly string[]): ReadOptions["map"] {
  const entries = pairs.map((pair): [RecordField, string] => {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError("--map", pair, "give FIELD=COLUMN, e.g. outcome=acc");
    // Whether there is such a field is checked where they are known.
    return [pair.slice(0, at) as RecordField, pair.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}

function parseRange(range: readonly number[]): ReadOptions["outcomeRange"] {
  const [low, high] = range;
  if (low === undefined) return undefined;
  if (high !== undefined) return [low, high];
  throw new UsageError("--outcome-range", low, "give the lowest and the highest, e.g. =0,1");
}
