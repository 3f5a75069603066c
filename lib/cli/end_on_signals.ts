/** What a shell says for a process that a signal ended. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * What is finished lies on the disk already, so there is nothing left to do at Ctrl-C but say so. A run without a
 * terminal (nohup) does not end with the terminal that started it.
 *
 * @param kept What becomes of the work, said after "interrupted: ".
 * @returns Ends the listening.
 */
export function endOnSignals(kept: string): () => void {
  const hasTerminal = Deno.stderr.isTerminal();
  const signals = Deno.build.os === "windows"
    ? ["SIGINT"] as const
    : ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const stops = signals.map((signal) => {
    const end = () => {
      if (signal === "SIGHUP" && !hasTerminal) return;
      console.error(`\ninterrupted: ${kept}`);
      Deno.exit(EXIT_CODES[signal]);
    };
    Deno.addSignalListener(signal, end);
    return () => Deno.removeSignalListener(signal, end);
  });
  return () => stops.forEach((stop) => stop());
}
