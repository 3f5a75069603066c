/**
 * Progress of a long cell, updated in place. What stays in the notebook is only what was done: no
 * times, so that the saved notebook does not change from run to run.
 */
import { formatDuration, formatNumber } from "./format.ts";
import { display, flush, inJupyter, updateDisplay } from "./jupyter.ts";
import { escapeHtml, type MimeBundle } from "./mime.ts";

/** Where progress goes and what time it is; a test brings its own. */
export interface ProgressOutput {
  show(bundle: MimeBundle): Promise<void>;
  update(bundle: MimeBundle): Promise<void>;
  flush(): Promise<void>;
  /** Seconds, from any start. */
  now(): number;
}

/** A progress display. It never fails: a drawing that cannot be made is left out. */
export interface Progress {
  /** Call as often as you like: it draws at most five times a second. Never waits. */
  update(done: number, total: number, info?: string): void;
  /** Draws the final state, e.g. "12 of 12 runs", and waits until it has left the kernel. */
  finish(info?: string): Promise<void>;
}

const SECONDS_BETWEEN_DRAWINGS = 0.2;

/**
 * Starts a progress display. Outside Jupyter nothing is written until `finish`, which writes one line to stderr.
 *
 * @param title What is being done.
 * @param unit What is counted, in the plural.
 *
 * @example
 * ```ts
 * import { showProgress } from "genac";
 *
 * const progress = await showProgress("Training", "runs");
 * for (let run = 1; run <= 3; run++) progress.update(run, 3, "d32 L2, seed 1");
 * await progress.finish();
 * ```
 */
export async function showProgress(
  title: string,
  unit = "steps",
  output: ProgressOutput = notebookOutput(),
): Promise<Progress> {
  const start = output.now();
  let state = { done: 0, total: 0, info: "" };
  let drawn = start;
  // Drawings leave in order, one after the other.
  let last = Promise.resolve();
  const draw = (drawing: () => Promise<void>) => last = last.then(drawing).catch(() => {});
  await draw(() => output.show(running(title, unit, state, 0)));
  return {
    update(done, total, info = "") {
      state = { done, total, info };
      const now = output.now();
      if (now - drawn < SECONDS_BETWEEN_DRAWINGS) return;
      drawn = now;
      const bundle = running(title, unit, state, now - start);
      draw(() => output.update(bundle));
    },
    async finish(info = "") {
      const { done, total } = state;
      const count = total > 0 && done < total ? `${done} of ${total}` : String(done);
      const text = `${title}: ${count} ${unit}${info === "" ? "" : `, ${info}`}`;
      draw(() =>
        output.update({ "text/html": `<div>${escapeHtml(text)}</div>`, "text/plain": text })
      );
      await draw(() => output.flush());
    },
  };
}

interface State {
  readonly done: number;
  readonly total: number;
  readonly info: string;
}

function running(title: string, unit: string, state: State, seconds: number): MimeBundle {
  const { done, total, info } = state;
  const rate = seconds > 0 ? done / seconds : 0;
  const parts = [
    total > 0 ? `${done} of ${total} ${unit}` : `${done} ${unit}`,
    ...(rate > 0 ? [`${formatNumber(rate, { significant: 2 })} per second`] : []),
    ...(rate > 0 && total > done ? [`${formatDuration((total - done) / rate)} left`] : []),
    ...(info === "" ? [] : [info]),
  ];
  const text = `${title}: ${parts.join(", ")}`;
  return {
    "text/html": `<div><progress value="${done}" max="${Math.max(total, 1)}"></progress> ${
      escapeHtml(text)
    }</div>`,
    "text/plain": text,
  };
}

let displays = 0;

function notebookOutput(): ProgressOutput {
  const now = () => performance.now() / 1000;
  if (!inJupyter()) {
    let text = "";
    return {
      now,
      show: () => Promise.resolve(),
      update: (bundle) => {
        text = bundle["text/plain"];
        return Promise.resolve();
      },
      flush: () => {
        console.error(text);
        return Promise.resolve();
      },
    };
  }
  displays += 1;
  const id = `genac-progress-${displays}`;
  return {
    now,
    show: (bundle) => display(bundle, id),
    update: (bundle) => updateDisplay(bundle, id),
    flush,
  };
}
