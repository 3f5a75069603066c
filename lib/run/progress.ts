/**
 * How far a run is: kept by a tracker, shown by a listener, be it a terminal's or a notebook's.
 */
import type { Cell } from "./experiment.ts";

/** A snapshot, sent at every change. */
export interface RunProgress {
  /** What runs, e.g. "scaling quick". */
  readonly title: string;
  readonly cells: number;
  readonly cellsDone: number;
  /** Work done in [0, 1], by cost. */
  readonly fraction: number;
  readonly secondsElapsed: number;
  /** FLOPs per second, by the cells' estimated cost, since this process took the run up. */
  readonly rate: number;
  /** Undefined until there is something to go by. */
  readonly secondsLeft: number | undefined;
  /** The cell that reported last, and what it said. */
  readonly current: string;
  /** Set when this very cell finished. */
  readonly finished?: string;
  /** Set once, at the start, where there is something to say of an interrupted run. */
  readonly note?: string;
  /** FLOPs by the cells' estimated cost: all, done, and of those what an interrupted run had left. */
  readonly work: { readonly total: number; readonly done: number; readonly takenUp: number };
  /** Where this run is one of several: how far all of them are. */
  readonly overall?: {
    /** This run's number, from 1. */
    readonly run: number;
    readonly runs: number;
    /** Work done in [0, 1], by cost. */
    readonly fraction: number;
    readonly secondsLeft: number | undefined;
  };
}

/** Shows progress. What it throws, or a promise that it returns comes to, decides no result: it is reported once. */
export type ProgressListener = (progress: RunProgress) => void;

/**
 * The listeners of several runs, one after the other, which add to each snapshot how far all runs are.
 *
 * @param costs The runs' cost in FLOPs, in the order in which they will run.
 */
export function overallProgress(
  listener: ProgressListener,
  costs: readonly number[],
): ProgressListener[] {
  const began = performance.now();
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  // What each run had left by an interrupted one was not computed here: it says nothing of the rate.
  const takenUp = costs.map(() => 0);
  return costs.map((_, run) => (progress) => {
    takenUp[run] = progress.work.takenUp;
    const sum = (values: readonly number[]) => values.slice(0, run).reduce((a, b) => a + b, 0);
    const done = sum(costs) + progress.work.done;
    const here = done - sum(takenUp) - progress.work.takenUp;
    const seconds = (performance.now() - began) / 1000;
    listener({
      ...progress,
      overall: {
        run: run + 1,
        runs: costs.length,
        fraction: done / total,
        secondsLeft: here > 0 ? seconds * (total - done) / here : undefined,
      },
    });
  });
}

/**
 * Weighs cells by cost; what was taken up from an interrupted run does not count for the rate. Never throws: a listener
 * that does has only shown nothing.
 */
export class ProgressTracker {
  readonly #began = performance.now();
  readonly #total: number;
  readonly #takenUp: number;
  readonly #running = new Map<Cell, number>();
  #doneCost: number;
  #done: number;
  #hasFailed = false;

  constructor(
    readonly title: string,
    readonly cells: readonly Cell[],
    takenUp: readonly Cell[],
    readonly listener: ProgressListener,
    note?: string,
  ) {
    this.#total = sumCost(cells);
    this.#takenUp = sumCost(takenUp);
    this.#doneCost = this.#takenUp;
    this.#done = takenUp.length;
    if (note !== undefined) this.#emit(note, { note });
  }

  /** `cell` has done `done` of `total` of its own units; `info` is what it says of that. */
  progressed(cell: Cell, done: number, total: number, info: string): void {
    this.#running.set(cell, total > 0 ? Math.min(1, done / total) : 0);
    this.#emit(`${cell.id} ${done}/${total} ${info}`.trimEnd());
  }

  /** `cell` has its result. */
  finished(cell: Cell): void {
    this.#running.delete(cell);
    this.#doneCost += cell.cost;
    this.#done += 1;
    this.#emit(cell.id, { finished: cell.id });
  }

  #emit(current: string, event: Pick<RunProgress, "finished" | "note"> = {}): void {
    let cost = this.#doneCost;
    for (const [cell, part] of this.#running) cost += cell.cost * part;
    const secondsElapsed = (performance.now() - this.#began) / 1000;
    const here = cost - this.#takenUp;
    this.#show({
      title: this.title,
      cells: this.cells.length,
      cellsDone: this.#done,
      fraction: cost / this.#total,
      secondsElapsed,
      rate: here / Math.max(secondsElapsed, 1e-3),
      secondsLeft: here > 0 ? secondsElapsed * (this.#total - cost) / here : undefined,
      current,
      work: { total: this.#total, done: cost, takenUp: this.#takenUp },
      ...event,
    });
  }

  #show(progress: RunProgress): void {
    try {
      const shown: unknown = this.listener(progress);
      if (shown instanceof Promise) shown.catch((error) => this.#report(error));
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    try {
      console.error(`${this.title}: progress is not shown:`, error);
    } catch { /* a full or closed stream, which may be the failure itself */ }
  }
}

function sumCost(cells: readonly Cell[]): number {
  return cells.reduce((sum, cell) => sum + cell.cost, 0);
}
