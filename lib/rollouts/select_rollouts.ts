import { UsageError } from "../errors.ts";
import type { RolloutRecord } from "./record.ts";

/** Which rollouts of each problem are taken: every one, its first, or its first right and its first wrong one. */
export const SELECTIONS = ["all", "first", "pairs"] as const;

/** See `SELECTIONS`. */
export type RolloutSelection = (typeof SELECTIONS)[number];

/** A number of rollouts, and how many of them succeeded (the sum of their outcomes). */
export interface SuccessCount {
  readonly rollouts: number;
  readonly successes: number;
}

/** The rollouts taken, and what all that were read say of success. */
export interface SelectedRollouts {
  /** Problems in the order in which they were first seen, each one's rollouts in the file's. */
  readonly records: readonly RolloutRecord[];
  /** Of all that were read. */
  readonly total: SuccessCount;
  /** The same by group, for the groups that were taken. */
  readonly groups: ReadonlyMap<string, SuccessCount>;
}

interface Group {
  rollouts: number;
  successes: number;
  taken: RolloutRecord[];
}

/**
 * Takes rollouts by problem (`RolloutRecord.group`), and reads all: whether a problem has a right and a wrong one may be
 * known at the end only. "pairs" selects by outcome, and so moves the mean value to about 1/2. Right is the full outcome, 1.
 *
 * A record without success rate gets that of all rollouts read of its actor and training step.
 *
 * @param problems The most problems; default: all.
 * @throws UsageError where no problem has a pair.
 */
export async function selectRollouts(
  rollouts: AsyncIterable<RolloutRecord>,
  selection: RolloutSelection,
  problems = Infinity,
): Promise<SelectedRollouts> {
  const groups = new Map<string, Group>(), actors = new Map<string, SuccessCount>();
  let count = 0, successes = 0;
  for await (const record of rollouts) {
    count++;
    successes += record.outcome;
    const actor = actors.get(actorOf(record));
    actors.set(actorOf(record), {
      rollouts: (actor?.rollouts ?? 0) + 1,
      successes: (actor?.successes ?? 0) + record.outcome,
    });
    // Whether a problem is among the first with a pair shows later.
    const isNew = !groups.has(record.group);
    if (isNew && selection !== "pairs" && groups.size >= problems) continue;
    const group = groups.get(record.group) ?? { rollouts: 0, successes: 0, taken: [] };
    groups.set(record.group, group);
    group.rollouts++;
    group.successes += record.outcome;
    if (isTaken(record, group.taken, selection)) group.taken.push(record);
  }
  const taken = [...groups].filter(([, { taken }]) => selection !== "pairs" || taken.length === 2)
    .slice(0, problems);
  if (taken.length === 0) {
    throw new UsageError(
      "--selection",
      selection,
      `none of ${groups.size} problems has a right and a wrong rollout: take all or first, and look at ` +
        "the field by which rollouts are siblings (--map group=...)",
    );
  }
  const records = taken.flatMap(([, { taken }]) => taken).map((record) => {
    const { rollouts, successes } = actors.get(actorOf(record))!;
    return { ...record, successRate: record.successRate ?? successes / rollouts };
  });
  return { records, total: { rollouts: count, successes }, groups: new Map(taken) };
}

function isTaken(
  record: RolloutRecord,
  taken: readonly RolloutRecord[],
  selection: RolloutSelection,
): boolean {
  if (selection === "pairs") return taken.every((other) => isRight(other) !== isRight(record));
  return selection === "all" || taken.length === 0;
}

function isRight({ outcome }: RolloutRecord): boolean {
  return outcome >= 1;
}

function actorOf({ actor, trainingStep }: RolloutRecord): string {
  return JSON.stringify([actor ?? null, trainingStep ?? null]);
}
