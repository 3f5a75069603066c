/**
 * A run's progress on the standard error stream.
 */
import { formatDuration } from "../report/format.ts";
import type { ProgressListener, RunProgress } from "../run/progress.ts";

/** The snapshot as one line of text. */
export function formatProgress(progress: RunProgress): string {
  const { title, cells, cellsDone, fraction, rate, secondsLeft, current, overall } = progress;
  const percent = (part: number) => `${Math.floor(100 * part)} %`;
  const eta = (seconds: number | undefined) =>
    seconds === undefined ? "" : `, ETA ${formatDuration(seconds)}`;
  const pace = secondsLeft === undefined ? "" : `, ${(rate / 1e9).toPrecision(3)} GFLOP/s`;
  const all = overall && overall.runs > 1
    ? `; run ${overall.run} of ${overall.runs}, all ${percent(overall.fraction)}${
      eta(overall.secondsLeft)
    }`
    : "";
  return `${title}: ${cellsDone}/${cells} cells, ${percent(fraction)}${pace}${
    eta(secondsLeft)
  }${all}  ${current}`;
}

const CLEAR_LINE = "\r\x1b[K";

/** Progress on the standard error stream. */
export interface TerminalProgress extends ProgressListener {
  /** Says what is being done, in words; a detail only in a terminal, or with `verbose`. */
  line(text: string, isDetail?: boolean): void;
  /** Removes the live line before other output. */
  clear(): void;
}

/**
 * A listener for the standard error stream: one live line in a terminal; elsewhere (also where CI is set) no line but
 * notes, with `verbose` a plain one for each finished cell. Nothing here fails where the stream does: a full device, a
 * reader that is gone, a terminal that was hung up.
 */
export function terminalProgress({ verbose = false, live = isLive() } = {}): TerminalProgress {
  let last = -Infinity;
  const show = (text: string) => write(CLEAR_LINE + text.slice(0, columns() - 1));
  const listener = (progress: RunProgress) => {
    if (progress.note !== undefined) {
      write(`${live ? CLEAR_LINE : ""}${progress.title}: ${progress.note}\n`);
      return;
    }
    const isFinished = progress.finished !== undefined;
    if (live) {
      // Ten times a second is what an eye follows.
      if (!isFinished && performance.now() - last < 100) return;
      last = performance.now();
      show(formatProgress(progress));
    }
    if (isFinished && verbose) {
      write(`${live ? CLEAR_LINE : ""}${formatProgress(progress)}\n`);
    }
  };
  return Object.assign(listener, {
    line(text: string, isDetail = false) {
      if (live && !verbose) show(text);
      else if (!isDetail || verbose) write(`${text}\n`);
    },
    clear: () => void (live && write(CLEAR_LINE)),
  });
}

function write(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch { /* nobody reads it */ }
}

function columns(): number {
  try {
    return Deno.consoleSize().columns || 80; // 0 where nobody has set it
  } catch {
    return 80;
  }
}

function isLive(): boolean {
  return Deno.stderr.isTerminal() && !Deno.env.get("CI");
}
