/** The environments by name. A new one is one file and one line here. */
import { UsageError } from "../errors.ts";
import { circuit } from "./circuit.ts";
import type { Environment } from "./environment.ts";
import { localCheck } from "./local_check.ts";
import { parseConfig } from "../parse_config.ts";
import { permutation } from "./permutation.ts";
import { sat } from "./sat.ts";

/** Every environment's definition. */
export const environments = {
  permutation,
  circuit,
  sat,
  "local-check": localCheck,
};

/** A registered name. */
export type EnvironmentName = keyof typeof environments;

type Create<N extends EnvironmentName> = (typeof environments)[N]["create"];

/**
 * The environment of that name.
 *
 * @param config Its configuration; what is left out takes its default.
 * @throws UsageError for an unknown name (it lists the choices) or a bad configuration.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createEnvironment, RandomStream } from "genac";
 *
 * const environment = createEnvironment("permutation", { group: "S4" });
 * const actor = { epsilon: 0.3 };
 * const random = new RandomStream({ seed: 1, purpose: "example" });
 * const state = environment.sampleState(random, { actor, split: "train" });
 * const value = environment.exactValue(state, actor);
 * assert.ok(value >= 0 && value <= 1);
 * assert.throws(() => createEnvironment("maze"), /permutation/);
 * ```
 */
export function createEnvironment<N extends EnvironmentName>(
  name: N,
  config?: Parameters<Create<N>>[0],
): ReturnType<Create<N>>;
export function createEnvironment(name: string, config?: unknown): Environment<unknown, unknown>;
export function createEnvironment(name: string, config?: unknown): Environment<unknown, unknown> {
  // The definition validates its configuration itself, so its declared type may be bypassed.
  return definition(name).create(config as never);
}

/** An actor of the environment of that name, from a configuration file. */
export function parseActor(name: string, actor: unknown): unknown {
  return parseConfig<unknown>(definition(name).actor, actor, "actor");
}

function definition(name: string): (typeof environments)[EnvironmentName] {
  if (Object.hasOwn(environments, name)) return environments[name as EnvironmentName];
  throw new UsageError(
    "environment",
    name,
    `unknown environment; choose from ${Object.keys(environments).join(", ")}`,
  );
}
