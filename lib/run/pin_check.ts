import { differences, type FailedCheck } from "./compare.ts";
import type { ComparedMetrics, Json } from "./experiment.ts";
import type { Pins } from "./pins.ts";
import { compareWithinTolerance, type ToleranceCheck } from "./tolerance.ts";

/** How a run stands to its pins. */
export interface PinCheck {
  readonly state:
    | "matched"
    | "mismatched"
    | "within tolerance"
    | "out of tolerance"
    | "not pinned"
    | "partly pinned"
    | "updated";
  /** On another backend: how far the metrics are from the pinned ones. */
  readonly tolerance?: Omit<ToleranceCheck, "failures">;
  /** What no pin was found for, in words: "any cell", or cells by id; the summary, the verdicts. */
  readonly notPinned: readonly string[];
  readonly failures: readonly FailedCheck[];
}

const CONCLUSIONS = ["the summary", "the verdicts"];

/**
 * Compares results with their pins, to the last digit.
 *
 * Of a `part` of a run, or one with seeds of the user's own, only the cells that the pins know, by id and configuration,
 * can be compared; all else is listed as not pinned, and never taken for matched.
 *
 * @param name The pins' file, for messages.
 * @param got The results as they would be pinned.
 */
export function comparePins(
  name: string,
  pins: Pins | undefined,
  got: Pins,
  part: boolean,
): PinCheck {
  if (!pins) return { state: "not pinned", notPinned: ["any cell", ...CONCLUSIONS], failures: [] };
  if (!part) {
    const failures = differences(name, pins as Json, got as Json);
    return { state: failures.length > 0 ? "mismatched" : "matched", notPinned: [], failures };
  }
  const ids = Object.keys(got.cells);
  const isPinned = (id: string) => pins.cells[id]?.configHash === got.cells[id]!.configHash;
  const pinned = ids.filter(isPinned);
  const known = (side: Pins) => ({
    kernels: side.kernels,
    cells: Object.fromEntries(pinned.map((id) => [id, side.cells[id]])),
  });
  const failures = differences(name, known(pins) as Json, known(got) as Json);
  const state = failures.length > 0
    ? "mismatched"
    : pinned.length > 0
    ? "partly pinned"
    : "not pinned";
  const notPinned = [...ids.filter((id) => !isPinned(id)), ...CONCLUSIONS];
  return { state, notPinned, failures };
}

/**
 * Compares the results of another backend with the pins, which are WASM's: metrics within the spread over seeds, the
 * loss of the first steps more closely; never digests, kernels, summary or verdicts.
 */
export function comparePinsWithin(
  name: string,
  pins: Pins | undefined,
  got: Pins,
  compared: ComparedMetrics,
): PinCheck {
  const none = ["any digest", ...CONCLUSIONS];
  if (!pins) return { state: "not pinned", notPinned: ["any cell", ...CONCLUSIONS], failures: [] };
  const { failures, ...tolerance } = compareWithinTolerance(name, pins, got, compared);
  if (tolerance.cells.length === 0 && failures.length === 0) {
    return { state: "not pinned", notPinned: ["any metric", ...CONCLUSIONS], failures: [] };
  }
  const isKnown = (id: string) => pins.cells[id]?.configHash === got.cells[id]!.configHash;
  return {
    state: failures.length > 0 ? "out of tolerance" : "within tolerance",
    notPinned: [...Object.keys(got.cells).filter((id) => !isKnown(id)), ...none],
    failures,
    tolerance,
  };
}
