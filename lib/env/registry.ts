/** The environments by name: what there is, and how to create one. */
import { UsageError } from "../errors.ts";
import { chooseFrom } from "../suggest.ts";
import { parseConfig } from "../parse_config.ts";
import { circuit } from "./circuit.ts";
import { countdown } from "./countdown.ts";
import type { Environment } from "./environment.ts";
import { localCheck } from "./local_check.ts";
import { permutation } from "./permutation.ts";
import { runningSum } from "./running_sum.ts";
import { sat } from "./sat.ts";
import { isTask, type TaskEnvironment } from "./task.ts";
import { wordEvaluation } from "./word_evaluation.ts";

/** Every environment's definition. A new one has a line here and nowhere else. */
export const environments = {
  permutation,
  circuit,
  sat,
  "word-evaluation": wordEvaluation,
  "local-check": localCheck,
  "running-sum": runningSum,
  countdown,
};

/** A registered name. */
export type EnvironmentName = keyof typeof environments;

type Create<N extends EnvironmentName> = (typeof environments)[N]["create"];

/** The type of the environment of that name. */
export type EnvironmentOf<N extends EnvironmentName> = ReturnType<Create<N>>;

/** The type of the states of the environment of that name. */
export type StateOf<N extends EnvironmentName> = Parameters<EnvironmentOf<N>["progress"]>[0];

/** The type of the programmatic actors of the environment of that name. */
export type ActorOf<N extends EnvironmentName> = Parameters<EnvironmentOf<N>["exactValue"]>[1];

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
): EnvironmentOf<N>;
export function createEnvironment(name: string, config?: unknown): Environment<unknown, unknown>;
export function createEnvironment(name: string, config?: unknown): Environment<unknown, unknown> {
  // The definition validates its configuration itself, so its declared type may be bypassed.
  return definition(name).create(config as never);
}

/** The names of the environments whose actor can be a language model. */
export const taskNames: readonly string[] = Object.keys(environments)
  .filter((name) => isTask(createEnvironment(name)));

/**
 * The environment of that name, for an actor that is a language model.
 *
 * @throws UsageError as `createEnvironment`, and for an environment that is no `TaskEnvironment`.
 */
export function createTask(name: string, config?: unknown): TaskEnvironment<unknown, unknown> {
  const environment = createEnvironment(name, config);
  if (isTask(environment)) return environment;
  const remedy = `its actor cannot be a language model; choose from ${taskNames.join(", ")}`;
  throw new UsageError("environment", name, remedy);
}

/**
 * An actor of the environment of that name, from a configuration file.
 *
 * @throws UsageError for an unknown name or a bad actor.
 */
export function parseActor(name: string, actor: unknown): unknown {
  return parseConfig<unknown>(definition(name).actor, actor, "actor");
}

function definition(name: string): (typeof environments)[EnvironmentName] {
  if (Object.hasOwn(environments, name)) return environments[name as EnvironmentName];
  const choices = chooseFrom(name, Object.keys(environments));
  throw new UsageError("environment", name, `unknown environment; ${choices}`);
}
