/** The Worker in which one cell runs: it imports the experiment's `cell.ts`, computes, and answers. */
import type { BackendName } from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { AnyExperiment, Cell, CellResult } from "./experiment.ts";

/** What the Worker is sent, once. */
export interface CellRequest {
  /** URL of the experiment's `cell.ts`, which exports `runCell`. */
  readonly cellModule: string;
  readonly cell: Cell;
  readonly threads: number;
  readonly backend: BackendName;
  readonly checkpointDirectory: string;
}

/** What it answers: progress any number of times, then one of the others. */
export type CellReply =
  | {
    readonly type: "progress";
    readonly done: number;
    readonly total: number;
    readonly info: string;
  }
  | { readonly type: "finished"; readonly result: CellResult }
  | { readonly type: "usage"; readonly message: string }
  | { readonly type: "failed"; readonly message: string };

const scope = self as unknown as EventTarget & {
  onmessage: (event: MessageEvent<CellRequest>) => void;
  postMessage(reply: CellReply): void;
};

// What is thrown in a callback or a forgotten promise fails the cell as well.
scope.addEventListener("error", (event) => {
  event.preventDefault();
  scope.postMessage(explain((event as ErrorEvent).error));
});
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  scope.postMessage(explain((event as PromiseRejectionEvent).reason));
});

scope.onmessage = async ({ data: request }) => {
  try {
    const { runCell } = await import(request.cellModule) as Pick<AnyExperiment, "runCell">;
    const result = await runCell(request.cell, {
      threads: request.threads,
      backend: request.backend,
      progress: (done, total, info = "") =>
        scope.postMessage({ type: "progress", done, total, info }),
      checkpoint: openCheckpoint(request.checkpointDirectory),
    });
    // JSON by the type of its experiment.
    scope.postMessage({ type: "finished", result: result as CellResult });
  } catch (error) {
    scope.postMessage(explain(error));
  }
};

function explain(error: unknown): CellReply {
  if (error instanceof UsageError) return { type: "usage", message: error.message };
  if (!(error instanceof Error)) return { type: "failed", message: String(error) };
  // What V8 says when a WebAssembly memory or a typed array cannot be had.
  if (error instanceof RangeError && /allocat|memory/i.test(error.message)) {
    const remedy = "too little memory: use fewer --threads, or a smaller profile";
    return { type: "usage", message: `memory: "${error.message}": ${remedy}` };
  }
  return { type: "failed", message: error.stack ?? error.message };
}
