/**
 * The rungs of the ladder, low to high: value functions from families of rising complexity.
 *
 * What a class says, it says about a family of ever larger problems. At the sizes trained here every value function is a
 * finite table; the class tells what a critic would need that keeps working as problems grow. A constant-depth
 * transformer with logarithmic precision computes functions in TC0 (Merrill and Sabharwal 2023), which lies between ACC0
 * and NC1; that TC0 and NC1 differ is believed, not proved. With a chain of thought of polynomial length it computes all
 * of P (Merrill and Sabharwal 2024; Feng et al. 2023), and NP-hard functions only if P = NP.
 *
 * The rungs up to NC1 are matched: words of 6 to 10 symbols out of four, prompts and chains of the same form and length
 * up to three tokens. Steps per episode differ, so that mean and variance of the value are comparable where groups are
 * small. The two above them have other tokens and longer prompts and chains: compare critics there, not rungs.
 */
import * as z from "zod";
import { circuitActor, circuitConfig } from "../../lib/env/circuit.ts";
import type { Environment } from "../../lib/env/environment.ts";
import { localCheckActor, localCheckConfig } from "../../lib/env/local_check.ts";
import { permutationActor, permutationConfig } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { satActor, satConfig } from "../../lib/env/sat.ts";
import { criticName, rate } from "../shared/config.ts";

/** The classes of the ladder, low to high. */
export const CLASSES = ["AC0", "ACC0", "NC1", "P", "NP-hard"] as const;
/** One of them. */
export type ComplexityClass = (typeof CLASSES)[number];

/** Up to here rungs are matched: words of one length range, prompts and chains alike. */
export const MATCHED: readonly ComplexityClass[] = ["AC0", "ACC0", "NC1"];

/** What is known of each class's rungs. */
export const KNOWN: Readonly<Record<ComplexityClass, string>> = {
  AC0: "Counting up to a constant is aperiodic; word problems of aperiodic monoids are in AC0 " +
    "(Barrington & Thérien 1988).",
  ACC0: "Word problems of solvable groups are in ACC0, within TC0 (Barrington & Thérien 1988); " +
    "none but the trivial group's is in AC0 (Furst, Saxe & Sipser 1984; Smolensky 1987).",
  NC1: "Word problems of non-solvable groups are complete for NC1 (Barrington 1989).",
  P: "The circuit value problem is complete for P where width is unbounded (Feng & Zhong 2023); at the bounded width " +
    "that keeps exact values cheap it is in NC1.",
  "NP-hard":
    "The value is positive just if the formula can still be satisfied (Feng & Zhong 2023).",
};

/** An environment of the registry with its actor. */
const problems = z.discriminatedUnion("name", [
  z.strictObject({
    name: z.literal("local-check"),
    config: localCheckConfig.prefault({}).describe("Its configuration."),
    actor: localCheckActor.describe("The actor whose values are learned."),
  }),
  z.strictObject({
    name: z.literal("permutation"),
    config: permutationConfig.prefault({}).describe("Its configuration."),
    actor: permutationActor.describe("The actor whose values are learned."),
  }),
  z.strictObject({
    name: z.literal("circuit"),
    config: circuitConfig.prefault({}).describe("Its configuration."),
    actor: circuitActor.describe("The actor whose values are learned."),
  }),
  z.strictObject({
    name: z.literal("sat"),
    config: satConfig.prefault({}).describe("Its configuration."),
    actor: satActor.describe("The actor whose values are learned."),
  }),
]);

/** A rung's configuration. */
export const rung = z.strictObject({
  name: z.string().regex(/^[^/]+$/).describe("Name in tables and in the ids of cells."),
  complexity: z.enum(CLASSES).describe("The class of its family of value functions."),
  environment: problems.describe("Problems and actor."),
  learningRates: z.partialRecord(criticName, rate)
    .describe("Peak learning rate at width 32, by critic, chosen on tuning seeds."),
});

/** A rung, resolved. */
export type Rung = z.output<typeof rung>;
/** A rung before defaults. */
export type RungInput = z.input<typeof rung>;

/** A rung's environment, whatever its kind. */
export function environmentOf(
  { name, config }: Rung["environment"],
): Environment<unknown, unknown> {
  return createEnvironment(name as string, config);
}

const actor = { epsilon: 0.3 };

/** A group's word problem. The actor has made half of its moves at most, so that steps left alone tell little. */
function group(
  config: z.input<typeof permutationConfig> & { maxMoves: number },
): RungInput["environment"] {
  const maxMovesBefore = Math.floor(config.maxMoves / 2);
  return { name: "permutation", config: { ...config, maxMovesBefore }, actor };
}

/**
 * The ladder. Learning rates are the best of a search, the middle one of equals; the standard profile repeats it up to
 * NC1. Circuits and formulas are small, for a gate or clause takes many tokens; formulas have fewer clauses than the
 * hardest.
 */
export const RUNGS = {
  localCheck: {
    name: "local check",
    complexity: "AC0",
    environment: { name: "local-check", actor },
    learningRates: { "discriminative-mse": 2.5e-3, "discriminative-gru": 2.5e-3, cot: 6e-3 },
  },
  Z120: {
    name: "Z120",
    complexity: "ACC0",
    environment: group({ group: "Z120", generators: [1, -1, 11, -11], maxMoves: 6 }),
    learningRates: { "discriminative-mse": 1e-3, "discriminative-gru": 6e-3, cot: 1.5e-2 },
  },
  S3: {
    name: "S3",
    complexity: "ACC0",
    environment: group({ group: "S3", maxMoves: 1 }),
    learningRates: { "discriminative-mse": 6e-3, "discriminative-gru": 1e-3, cot: 6e-3 },
  },
  S4: {
    name: "S4",
    complexity: "ACC0",
    environment: group({ group: "S4", maxMoves: 3 }),
    learningRates: { "discriminative-mse": 2.5e-3, "discriminative-gru": 1.5e-2, cot: 6e-3 },
  },
  A5: {
    name: "A5",
    complexity: "NC1",
    environment: group({ group: "A5", maxMoves: 5 }),
    learningRates: { "discriminative-mse": 2.5e-3, "discriminative-gru": 6e-3, cot: 6e-3 },
  },
  S5: {
    name: "S5",
    complexity: "NC1",
    environment: group({ group: "S5", maxMoves: 6 }),
    learningRates: { "discriminative-mse": 6e-3, "discriminative-gru": 2.5e-3, cot: 6e-3 },
  },
  circuit: {
    name: "circuit",
    complexity: "P",
    environment: { name: "circuit", actor: { epsilon: 0.2 } },
    learningRates: { "discriminative-mse": 6e-3, "discriminative-gru": 2.5e-3, cot: 1.5e-2 },
  },
  sat: {
    name: "3-SAT",
    complexity: "NP-hard",
    environment: {
      name: "sat",
      config: { minVariables: 5, maxVariables: 5, clauseRatio: 3 },
      actor,
    },
    learningRates: { "discriminative-mse": 2.5e-3, "discriminative-gru": 1.5e-2, cot: 6e-3 },
  },
} as const satisfies Record<string, RungInput>;
