import { type BackendName, MAX_THREADS } from "../backend/create.ts";
import { errorOf, UsageError } from "../errors.ts";
import type { CellReply, CellRequest } from "./cell_worker.ts";
import type { Cell, CellResult } from "./experiment.ts";

/** How cells are run, and what is called on the way. */
export interface PoolOptions {
  /** URL of the module that computes a cell. */
  cellModule(cell: Cell): string;
  /** Threads for all cells together, >= 1; a cell gets MAX_THREADS at most. */
  readonly threads: number;
  /** What computes; default: "wasm". */
  readonly backend?: BackendName;
  checkpointDirectory(cell: Cell): string;
  /**
   * Asked before a cell is started, again and again where it answers "later": another process computes the cell. "done": it
   * needs no computing any more. Default: "now".
   */
  take?(cell: Cell, threads: number): "now" | "later" | "done";
  onProgress?(cell: Cell, done: number, total: number, info: string): void;
  /** Stores the result; what it throws is the cell's failure. */
  onFinish(cell: Cell, result: CellResult, spent: { threads: number; seconds: number }): void;
  /** Called for a cell that has no result. */
  onFailure?(cell: Cell, message: string): void;
}

/** How often to look whether another process has finished its cell, or died. */
const LOOK_AGAIN_MS = 2000;

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A cell that threw or whose Worker died. */
export interface CellFailure {
  readonly cell: Cell;
  readonly message: string;
}

/**
 * Runs `cells` side by side, the costliest first, each in a Worker of its own: what one does to its memory, or how it
 * ends, touches no other. Returns those that failed, in the order given; a failure stops no other cell.
 *
 * @throws UsageError from a cell or `onFinish` (disk full, too little memory): it ends all Workers.
 */
export async function runCells(
  cells: readonly Cell[],
  options: PoolOptions,
): Promise<CellFailure[]> {
  const waiting = [...cells].sort((a, b) => b.cost - a.cost || (a.id < b.id ? -1 : 1));
  const failures: CellFailure[] = [];
  const workers = new Set<Worker>();
  const running = new Set<Promise<void>>();
  let free = options.threads;
  let postponed = 0;

  const start = (cell: Cell, threads: number) => {
    free -= threads;
    const began = performance.now();
    const worker = new Worker(new URL("./cell_worker.ts", import.meta.url), { type: "module" });
    workers.add(worker);
    const job = work(worker, cell, threads, options)
      .then((result) => {
        const seconds = (performance.now() - began) / 1000;
        options.onFinish(cell, result, { threads, seconds });
      })
      .catch((error) => {
        const { message } = error as Error;
        options.onFailure?.(cell, message);
        if (error instanceof UsageError) throw error;
        failures.push({ cell, message });
      })
      .finally(() => {
        worker.terminate();
        workers.delete(worker);
        running.delete(job);
        free += threads;
      });
    running.add(job);
  };

  try {
    while (waiting.length > 0 || running.size > 0) {
      const later: Cell[] = [];
      while (free > 0 && waiting.length > 0) {
        const threads = shareOf(free, Math.max(1, waiting.length - postponed));
        const cell = waiting.shift()!, answer = options.take?.(cell, threads) ?? "now";
        if (answer === "now") start(cell, threads);
        else if (answer === "later") later.push(cell);
      }
      postponed = later.length;
      waiting.push(...later);
      const events: Promise<unknown>[] = [...running];
      if (free > 0 && waiting.length > 0) events.push(delay(LOOK_AGAIN_MS));
      if (events.length > 0) await Promise.race(events);
    }
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
  return failures.sort((a, b) => cells.indexOf(a.cell) - cells.indexOf(b.cell));
}

/** Threads for the next of `waiting` cells: its equal share of the free ones, within what a backend works with. */
export function shareOf(free: number, waiting: number): number {
  return Math.min(Math.max(1, Math.floor(free / waiting)), MAX_THREADS);
}

function work(worker: Worker, cell: Cell, threads: number, options: PoolOptions) {
  return new Promise<CellResult>((resolve, reject) => {
    worker.onmessage = ({ data: reply }: MessageEvent<CellReply>) => {
      switch (reply.type) {
        case "progress":
          return options.onProgress?.(cell, reply.done, reply.total, reply.info);
        case "finished":
          return resolve(reply.result);
        case "usage":
          return reject(errorOf({ name: "UsageError", message: reply.message, stack: undefined }));
        case "failed":
          return reject(new Error(reply.message));
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`the worker died: ${event.message}`));
    };
    const request: CellRequest = {
      cellModule: options.cellModule(cell),
      cell,
      threads,
      backend: options.backend ?? "wasm",
      checkpointDirectory: options.checkpointDirectory(cell),
    };
    worker.postMessage(request);
  });
}
