import { jsonSha256 } from "../numeric/digest.ts";
import type { AnyExperiment, ProfileName } from "../run/experiment.ts";
import { pinsPath, readPins } from "../run/pins.ts";
import { leadingNumbers, type NamedNumber } from "./numbers.ts";
import { profileCells } from "./recompute.ts";

/** What a page knows of a pinned cell. */
export interface PinnedCell {
  readonly id: string;
  /** Estimated work in FLOPs. */
  readonly cost: number;
  readonly configHash: string;
  /** SHA-256 of what is too large for a metric, e.g. `{ parameters }`. */
  readonly digests: Readonly<Record<string, string>>;
  /** SHA-256 of all metrics. */
  readonly metrics: string;
  /** Some of them, to be seen beside what is computed. */
  readonly numbers: readonly NamedNumber[];
}

/** What a page knows of a profile's pins. */
export interface PinnedProfile {
  readonly profile: ProfileName;
  /** SHA-256 of the kernels. */
  readonly kernels: string;
  readonly configHash: string;
  /** SHA-256 of the summary. */
  readonly summary: string;
  readonly verdicts: Readonly<Record<string, string>>;
  readonly cells: readonly PinnedCell[];
}

/** Numbers that are shown: of a cell at most, and of all together about, so that pages stay small. */
const SHOWN = 12, SHOWN_OF_ALL = 400;

/** The pins of a profile as a page has them; undefined where it has none. Throws as `readPins`. */
export function pinnedProfile(
  experiment: AnyExperiment,
  profile: ProfileName,
): PinnedProfile | undefined {
  const pins = readPins(pinsPath(experiment, profile));
  if (!pins) return undefined;
  const names = experiment.compared?.names ?? [];
  const planned = profileCells(experiment, profile).cells;
  const shown = Math.min(SHOWN, Math.ceil(SHOWN_OF_ALL / planned.length));
  const cells = planned.flatMap(({ id, cost }) => {
    const pin = pins.cells[id];
    if (!pin) return [];
    const { configHash, digests, metrics } = pin;
    const numbers = leadingNumbers(metrics, names, shown);
    return [{ id, cost, configHash, digests, metrics: jsonSha256(metrics), numbers }];
  });
  const { kernels, configHash, summary, verdicts } = pins;
  return { profile, kernels, configHash, summary: jsonSha256(summary), verdicts, cells };
}
