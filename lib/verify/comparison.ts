import type { Conclusions, RecomputedCell } from "./messages.ts";
import { numbersOf } from "./numbers.ts";
import type { PinnedCell, PinnedProfile } from "./pinned.ts";

/** One thing that is compared. */
export interface Row {
  readonly what: string;
  readonly pinned: string;
  readonly computed: string;
}

/** How results computed here stand to the pins. */
export interface Comparison {
  readonly equal: boolean;
  /** What decides: hashes, and verdicts. */
  readonly hashes: readonly Row[];
  /** Some of the numbers behind them. */
  readonly numbers: readonly Row[];
}

/** Whether both sides are the same. */
export function isEqual({ pinned, computed }: Row): boolean {
  return pinned === computed;
}

/**
 * Compares a cell with its pin.
 *
 * @param bundle SHA-256 of the engine's script, as the page says it and as it is.
 */
export function compareCell(
  pin: PinnedCell,
  { kernels }: PinnedProfile,
  got: RecomputedCell,
  bundle: Omit<Row, "what">,
): Comparison {
  const digests = [...new Set([...Object.keys(pin.digests), ...Object.keys(got.digests)])];
  const hashes = [
    ...digests.map((name) => ({
      what: `pin: ${name}`,
      pinned: pin.digests[name] ?? "none",
      computed: got.digests[name] ?? "none",
    })),
    { what: "pin: all metrics", pinned: pin.metrics, computed: got.metricsHash },
    { what: "configuration", pinned: pin.configHash, computed: got.configHash },
    { what: "kernels", pinned: kernels, computed: got.kernels },
    { what: "bundle", ...bundle },
  ];
  const computed = new Map(numbersOf(got.metrics));
  const numbers = pin.numbers.map(([what, value]) => ({
    what,
    pinned: String(value),
    computed: String(computed.get(what)),
  }));
  return { equal: [...hashes, ...numbers].every(isEqual), hashes, numbers };
}

/** Compares what follows from a profile's cells with its pins. */
export function compareConclusions(pin: PinnedProfile, got: Conclusions): Comparison {
  const claims = [...new Set([...Object.keys(pin.verdicts), ...Object.keys(got.verdicts)])];
  const hashes = [
    { what: "configuration", pinned: pin.configHash, computed: got.configHash },
    { what: "summary", pinned: pin.summary, computed: got.summary },
    ...claims.map((claim) => ({
      what: `verdict ${claim}`,
      pinned: pin.verdicts[claim] ?? "none",
      computed: got.verdicts[claim] ?? "none",
    })),
  ];
  return { equal: hashes.every(isEqual), hashes, numbers: [] };
}
