import type { Cell } from "./experiment.ts";
import { exists } from "./files.ts";
import { type Heartbeat, heartbeats } from "./heartbeats.ts";
import type { ResolvedRun } from "./plan.ts";
import type { StoredCell } from "./run.ts";
import { DamagedError, readSealed } from "./sealed.ts";
import { type CellFailure, openStore } from "./store.ts";

/**
 * How far a cell is. "silent": the process that computed it has not been heard of lately, so that it is dead or its machine
 * is cut off; "failed": it ended without a result, and nobody has begun it again.
 */
export type CellState = "done" | "running" | "silent" | "failed" | "waiting";

/** A cell, and what is known of it. */
export interface CellStatus {
  readonly cell: Cell;
  readonly state: CellState;
  /** Where its result is, or will be. */
  readonly path: string;
  /** Of a cell that is done. */
  readonly stored?: StoredCell;
  /** Of one that is running or silent. */
  readonly heartbeat?: Heartbeat;
  /** Of one that failed. */
  readonly failure?: CellFailure;
}

/** How far a run is, whoever computes it. */
export interface RunStatus {
  readonly directory: string;
  readonly cells: readonly CellStatus[];
  /** Work done in [0, 1], by cost. */
  readonly fraction: number;
  /**
   * Seconds that those who compute now need for the rest, at the speed of the cells that are done; null where nobody
   * computes or nothing is done.
   */
  readonly secondsLeft: number | null;
}

/**
 * How far the selected cells of a plan are. Reads and locks nothing that another process needs; a result's files are not
 * verified here.
 *
 * @param engine Kernels and adapter, by `identifyBackend`.
 */
export function runStatus(
  plan: ResolvedRun,
  engine: { readonly kernels: string; readonly adapter?: string | null },
): RunStatus {
  const { directory } = plan;
  const store = openStore(plan, engine);
  const beats = Map.groupBy(heartbeats(directory), ({ name }) => name);
  const cells = plan.selected.map((cell): CellStatus => {
    const path = store.pathOf(cell), stored = peek(path);
    if (stored) return { cell, path, state: "done", stored };
    const [heartbeat] = (beats.get(store.nameOf(cell)) ?? [])
      .toSorted((a, b) => a.silence - b.silence);
    const failure = store.failureOf(cell);
    if (heartbeat?.isAlive) return { cell, path, state: "running", heartbeat };
    if (failure) return { cell, path, state: "failed", failure };
    if (heartbeat) return { cell, path, state: "silent", heartbeat };
    return { cell, path, state: "waiting" };
  });
  const total = cells.reduce((sum, { cell }) => sum + cell.cost, 0);
  const done = cells.reduce((sum, status) => sum + status.cell.cost * shareDone(status), 0);
  return { directory, cells, fraction: done / total, secondsLeft: timeLeft(cells, total - done) };
}

function shareDone({ state, heartbeat }: CellStatus): number {
  return state === "done" ? 1 : state === "running" ? heartbeat!.fraction : 0;
}

/** `left` in FLOPs by the cells' estimated costs. */
function timeLeft(cells: readonly CellStatus[], left: number): number | null {
  const spent = cells.reduce(
    (sum, { stored }) => sum + (stored ? stored.seconds * stored.threads : 0),
    0,
  );
  const computed = cells.reduce((sum, { cell, stored }) => sum + (stored ? cell.cost : 0), 0);
  const running = cells.filter(({ state }) => state === "running");
  const threads = running.reduce((sum, { heartbeat }) => sum + heartbeat!.threads, 0);
  if (spent === 0 || threads === 0) return null;
  const rate = computed / spent;
  // Nobody can help with a cell that is begun.
  const longest = running.map(({ cell, heartbeat }) =>
    cell.cost * (1 - heartbeat!.fraction) / (rate * heartbeat!.threads)
  );
  return Math.max(left / (rate * threads), ...longest);
}

/** What lies at a cell's path; nothing where it is damaged, as it would be computed again. */
function peek(path: string): StoredCell | undefined {
  if (!exists(path)) return undefined;
  try {
    return readSealed<StoredCell>(`${path}/result.json`);
  } catch (error) {
    if (error instanceof DamagedError) return undefined;
    throw error;
  }
}
