import { resolve } from "node:path";
import type { BackendName } from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import { jsonSha256 } from "../numeric/digest.ts";
import { parseConfig } from "../parse_config.ts";
import { ROOT } from "../root.ts";
import { type AnyExperiment, type ProfileName, PROFILES } from "./experiment.ts";

/** SHA-256 over the canonical JSON of any configuration. */
export function configHash(config: unknown): string {
  return jsonSha256(config);
}

/** What a run's configuration and folder follow from, besides its profile. */
export interface ConfigOptions {
  /** Seeds in place of the profile's own. */
  readonly seeds?: readonly number[] | undefined;
  /** What computes the run; default: WASM. */
  readonly backend?: BackendName;
  /** The folder of all runs, relative to the checkout; default: `runs`. */
  readonly out?: string;
  /** The profile itself, whatever this machine lacks; default: what stands in for it, where anything must. */
  readonly asGiven?: boolean | undefined;
}

/** A profile's configuration, resolved. */
export interface ResolvedConfig {
  /** Valid, with every default filled in. */
  readonly config: unknown;
  /** SHA-256 of its canonical JSON. */
  readonly configHash: string;
  /** The profile whose pins hold its results: the stand-in's, where there is one. */
  readonly pinned: ProfileName;
  /** Whether that profile's own seeds were replaced. */
  readonly overridden: boolean;
  /** What the stand-in is and why there is one, in a sentence. */
  readonly standIn?: string;
  /** The folder of the run of this configuration, OUT/EXPERIMENT/PROFILE-HASH. */
  readonly directory: string;
}

/** The configuration of a profile itself, whatever this machine lacks. Throws a UsageError for a bad field. */
export function profileConfig(experiment: AnyExperiment, profile: ProfileName): unknown {
  const name = `${experiment.name} ${profile}`;
  return parseConfig(experiment.schema, experiment.profiles[profile], name);
}

/**
 * The configuration of `profile`, or of what stands in for it on this machine. Throws a UsageError for a bad field or a seed
 * given twice.
 */
export function resolveConfig(
  experiment: AnyExperiment,
  profile: ProfileName,
  { seeds, backend = "wasm", out = "runs", asGiven = false }: ConfigOptions = {},
): ResolvedConfig {
  const input = experiment.profiles[profile];
  if (input === undefined) {
    throw new UsageError("--profile", profile, `one of ${PROFILES.join(", ")}`);
  }
  const name = `${experiment.name} ${profile}`;
  const parse = (value: unknown) => parseConfig(experiment.schema, value, name);
  const withSeeds = (input: unknown) => parse(seeds ? { ...input as object, seeds } : input);
  const standIn = asGiven ? undefined : experiment.standIn?.(withSeeds(input));
  const pinned = standIn?.profile ?? profile;
  const config = withSeeds(experiment.profiles[pinned]);
  if (seeds && !(config !== null && typeof config === "object" && "seeds" in config)) {
    throw new UsageError("--seeds", seeds.join(","), `${experiment.name} has no seeds to choose`);
  }
  checkSeeds(config, seeds ? "--seeds" : `${name}.seeds`);
  const hash = configHash(config);
  const folder = `${profile}-${hash.slice(0, 12)}${backend === "wasm" ? "" : `-${backend}`}`;
  return {
    config,
    configHash: hash,
    pinned,
    overridden: hash !== configHash(parse(experiment.profiles[pinned])),
    ...standIn && {
      standIn: `${experiment.name}: ${standIn.because}. In its place runs profile ` +
        `${standIn.profile}, which needs nothing.`,
    },
    directory: resolve(ROOT, out, experiment.name, folder),
  };
}

/** Two runs of one seed are one and the same: they would count for two in every interval. */
function checkSeeds(config: unknown, field: string): void {
  const { seeds } = (config ?? {}) as { seeds?: unknown };
  if (!Array.isArray(seeds)) return;
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) < i);
  if (twice !== undefined) throw new UsageError(field, twice, "given twice: give each seed once");
}
