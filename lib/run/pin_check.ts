import { relative } from "node:path";
import { ROOT } from "../root.ts";
import { differences, type FailedCheck } from "./compare.ts";
import type { ComparedMetrics, Json } from "./experiment.ts";
import { type Pins, writePins } from "./pins.ts";
import type { RunPlan } from "./plan.ts";
import { compareWithinTolerance, type ToleranceCheck } from "./tolerance.ts";

/** How a run stands to its pins. */
export interface PinCheck {
  readonly state:
    | "matched"
    | "from pins"
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

/** What became of the pins. */
export interface PinUpdate {
  readonly pins: PinCheck;
  /** The old values as expected, the new ones as got. */
  readonly pinChanges: readonly FailedCheck[];
}

const CONCLUSIONS = ["the summary", "the verdicts"];

/** Of results of which the pins do not know `what`. */
function notPinned(what: string): PinCheck {
  return { state: "not pinned", notPinned: [what, ...CONCLUSIONS], failures: [] };
}

/**
 * Compares results with the pins of their plan as far as backend, seeds and cells allow.
 *
 * @param got The results as they would be pinned.
 * @param options `part`: whether cells are left out; the pins say nothing of what would follow from the others. `fromPins`:
 *   whether some are the pins' own, which are equal whatever the code does.
 */
export function checkPins(
  plan: RunPlan,
  got: Pins,
  { part = false, fromPins = false }: { readonly part?: boolean; readonly fromPins?: boolean } = {},
): PinCheck {
  const { experiment, options, overridden, pins, pinsFile } = plan;
  if (!pins) return notPinned("any cell");
  const name = relative(ROOT, pinsFile);
  if (options.backend !== "wasm") return compareWithin(name, pins, got, experiment.compared);
  if (part || overridden) return compareCells(name, pins, got);
  const failures = differences(name, pins as Json, got as Json);
  const state = failures.length > 0 ? "mismatched" : fromPins ? "from pins" : "matched";
  return { state, notPinned: [], failures };
}

/** Makes the results the plan's pins. */
export function updatePins({ pins, pinsFile }: RunPlan, got: Pins): PinUpdate {
  writePins(pinsFile, got);
  const name = relative(ROOT, pinsFile);
  return {
    pins: { state: "updated", notPinned: [], failures: [] },
    pinChanges: pins ? differences(name, pins as Json, got as Json) : [],
  };
}

/** Of some cells, or with seeds of the user's own: those that the pins know are compared, all else is listed as not pinned. */
function compareCells(name: string, pins: Pins, got: Pins): PinCheck {
  const ids = Object.keys(got.cells);
  const pinned = ids.filter((id) => isPinned(id, pins, got));
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
  return {
    state,
    notPinned: [...ids.filter((id) => !isPinned(id, pins, got)), ...CONCLUSIONS],
    failures,
  };
}

/**
 * Of another backend than the pins', which is WASM: metrics are compared within the spread over seeds, the loss of the
 * first steps more closely; never digests, kernels, summary or verdicts.
 */
function compareWithin(
  name: string,
  pins: Pins,
  got: Pins,
  compared: ComparedMetrics = { names: [] },
): PinCheck {
  const { failures, ...tolerance } = compareWithinTolerance(name, pins, got, compared);
  if (tolerance.cells.length === 0 && failures.length === 0) return notPinned("any metric");
  const unknown = Object.keys(got.cells).filter((id) => !isPinned(id, pins, got));
  return {
    state: failures.length > 0 ? "out of tolerance" : "within tolerance",
    notPinned: [...unknown, "any digest", ...CONCLUSIONS],
    failures,
    tolerance,
  };
}

function isPinned(id: string, pins: Pins, got: Pins): boolean {
  return pins.cells[id]?.configHash === got.cells[id]!.configHash;
}
