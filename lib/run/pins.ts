import { fileURLToPath } from "node:url";
import { z } from "zod";
import { parseConfig } from "../parse_config.ts";
import { UsageError } from "../errors.ts";
import { configHash } from "./config.ts";
import type { AnyExperiment, Cell, ProfileName } from "./experiment.ts";
import { exists, readBytes, writeAtomically } from "./files.ts";

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

/** Pinned results, `experiments/NAME/pins/PROFILE.json`: what a reproduced run must equal, digit by digit and digest by digest. */
export type Pins = z.output<typeof pinsSchema>;

/** The path of an experiment's pins: `pins/PROFILE.json` beside its module. */
export function pinsPath(experiment: AnyExperiment, profile: ProfileName): string {
  return fileURLToPath(new URL(`pins/${profile}.json`, experiment.module));
}

/** The pins at `path`, or undefined where there are none. Throws a UsageError for a file that holds none. */
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

/** Whether the pins have a result of this very cell: of the same seed and configuration. */
export function hasPin({ cells }: Pins, { id, seed, config }: Cell): boolean {
  return cells[id]?.seed === seed && cells[id].configHash === configHash(config);
}

/** Replaces the pins at `path`. Throws a UsageError where they cannot be written. */
export function writePins(path: string, pins: Pins): void {
  writeAtomically(path, new TextEncoder().encode(`${JSON.stringify(pins, null, 2)}\n`));
}
