/**
 * A profile's configuration: validated, every default filled in, known by a hash.
 */
import { parseConfig } from "../parse_config.ts";
import { UsageError } from "../errors.ts";
import { canonicalJson, sha256 } from "../numeric/digest.ts";
import { type AnyExperiment, type ProfileName, PROFILES } from "./experiment.ts";

/** SHA-256 over the canonical JSON of any configuration. */
export function configHash(config: unknown): string {
  return sha256(new TextEncoder().encode(canonicalJson(config)));
}

/** A profile's configuration, resolved. */
export interface ResolvedConfig {
  readonly config: unknown;
  readonly hash: string;
  /** Whether the profile's own seeds were replaced. */
  readonly overridden: boolean;
}

/** The configuration of `profile`, with the seeds replaced where `seeds` says so. Throws a UsageError for a bad field or a seed given twice. */
export function resolveConfig(
  experiment: AnyExperiment,
  profile: ProfileName,
  seeds?: readonly number[],
): ResolvedConfig {
  const input = experiment.profiles[profile];
  if (input === undefined) {
    throw new UsageError("--profile", profile, `one of ${PROFILES.join(", ")}`);
  }
  const name = `${experiment.name} ${profile}`;
  const parse = (value: unknown) => parseConfig(experiment.schema, value, name);
  const config = parse(seeds ? { ...input, seeds } : input);
  if (seeds && !(config !== null && typeof config === "object" && "seeds" in config)) {
    throw new UsageError("--seeds", seeds.join(","), `${experiment.name} has no seeds to choose`);
  }
  checkSeeds(config, seeds ? "--seeds" : `${name}.seeds`);
  const hash = configHash(config);
  const overridden = seeds !== undefined && hash !== configHash(parse(input));
  return { config, hash, overridden };
}

/** Two runs of one seed are one and the same: they would count for two in every interval. */
function checkSeeds(config: unknown, field: string): void {
  const { seeds } = (config ?? {}) as { seeds?: unknown };
  if (!Array.isArray(seeds)) return;
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) < i);
  if (twice !== undefined) throw new UsageError(field, twice, "given twice: give each seed once");
}
