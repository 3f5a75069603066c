/**
 * Pinned results, `experiments/NAME/pins/PROFILE.json`: what a reproduced run must equal, digit by
 * digit and digest by digest.
 */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { parseConfig } from "../parse_config.ts";
import { UsageError } from "../errors.ts";
import { differences, type Failure } from "./compare.ts";
import { configHash } from "./config.ts";
import type { AnyExperiment, Json, ProfileName } from "./experiment.ts";
import { exists, readBytes, writeAtomically } from "./files.ts";
import type { Run } from "./run.ts";
import { type Compared, compareWithinTolerance, type ToleranceCheck } from "./tolerance.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits are needed");
const pinsSchema = z.strictObject({
  experiment: z.string(),
  profile: z.string(),
  configHash: digest.describe("SHA-256 of the resolved configuration"),
  kernels: z.string().describe("SHA-256 of the kernel bundle"),
  cells: z.record(
    z.string(),
    z.strictObject({
      seed: z.int(),
      configHash: digest,
      metrics: z.record(z.string(), z.json()),
      digests: z.record(z.string(), z.string()),
    }),
  ),
  summary: z.json(),
  verdicts: z.record(z.string(), z.string()),
});
export type Pins = z.output<typeof pinsSchema>;

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
  readonly failures: readonly Failure[];
}

const CONCLUSIONS = ["the summary", "the verdicts"];

/** The pins' path, given the experiment's module. */
export function pinsPath(experiment: AnyExperiment, profile: ProfileName): string {
  return fileURLToPath(new URL(`pins/${profile}.json`, experiment.module));
}

/** The pins at `path`, or undefined where there are none. */
export function readPins(path: string): Pins | undefined {
  if (!exists(path)) return undefined;
  const text = new TextDecoder().decode(readBytes(path, ""));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(path, (error as Error).message, "restore the file from git");
  }
  return parseConfig(pinsSchema, json, path);
}

export function writePins(path: string, pins: Pins): void {
  writeAtomically(path, new TextEncoder().encode(`${JSON.stringify(pins, null, 2)}\n`));
}

/** What to pin of a run. */
export function pinsOf(run: Omit<Run, "pins" | "provenance">): Pins {
  return {
    experiment: run.experiment,
    profile: run.profile,
    configHash: run.configHash,
    kernels: run.kernels,
    cells: Object.fromEntries(run.cells.map((cell) => [cell.id, {
      seed: cell.seed,
      configHash: configHash(cell.config),
      metrics: cell.metrics as Record<string, z.output<ReturnType<typeof z.json>>>,
      digests: { ...cell.digests },
    }])),
    summary: run.summary as Pins["summary"],
    verdicts: Object.fromEntries(run.claims.map(({ id, verdict }) => [id, verdict])),
  };
}

/**
 * Compares a run's results, as `pinsOf` gives them, with its pins.
 *
 * With seeds of the user's own (`overridden`) only the cells that the pins know, by id and
 * configuration, can be compared; all else is listed as not pinned, and never taken for matched.
 *
 * @param name The pins' file, for messages.
 */
export function comparePins(
  name: string,
  pins: Pins | undefined,
  got: Pins,
  overridden: boolean,
): PinCheck {
  if (!pins) return { state: "not pinned", notPinned: ["any cell", ...CONCLUSIONS], failures: [] };
  if (!overridden) {
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
  compared: Compared,
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
