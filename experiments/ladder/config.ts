import * as z from "zod";
import { commonFields, count, criticName, rate, size } from "../shared/config.ts";
import { tuningSeeds } from "../shared/search.ts";
import { MATCHED, type Rung, rung, type RungInput, RUNGS } from "./rungs.ts";

/** Width and depth; the learning rate is the rung's. */
const shape = size.omit({ learningRate: true });

const rungNames = z.array(z.string()).min(1).optional()
  .describe("Names of the rungs on which; default: all.");

const runs = z.array(z.strictObject({
  critic: criticName.describe("A critic of lib/critic/registry.ts."),
  sizes: z.array(shape).min(1).describe("Sizes of its transformer."),
  rungs: rungNames,
})).min(1);

/** Configuration of the ladder. */
export const ladderConfig = z.strictObject({
  ...commonFields,
  rungs: z.array(rung).min(1).describe("Value functions, in order of rising complexity."),
  runs: runs.describe("Which critics are trained at which sizes, on which rungs."),
  steps: count.describe("Training steps, the same on every rung."),
  batchSize: count.default(16).describe("States in a training batch."),
  moreData: z.strictObject({
    factor: count.min(2).describe("How many times the steps."),
    runs: runs.describe("Which critics are trained at which sizes, on which rungs."),
  }).optional().describe("Some of the runs with more data."),
  testStates: count.default(1000).describe("Held-out states of each rung."),
  search: z.strictObject({
    seeds: tuningSeeds,
    testSeed: count.describe(
      "Seed of the states on which rates are compared; none of them is reported.",
    ),
    size: shape.describe("The size at which rates are compared."),
    rates: z.array(rate).min(2).describe(
      "Learning rates tried, the same on every rung for every critic.",
    ),
    steps: count.describe("Training steps."),
    rungs: rungNames,
  }).optional().describe("The search from which the rungs' learning rates come."),
}).refine(({ rungs }) => new Set(rungs.map(({ name }) => name)).size === rungs.length, {
  path: ["rungs"],
  error: "two rungs have the same name: give each its own",
}).refine(
  ({ moreData, rungs, runs }) =>
    rungs.every((r) =>
      [...runs, ...(moreData?.runs ?? [])].every(({ critic }) => critic in r.learningRates)
    ),
  { path: ["rungs"], error: "a rung has no learning rate for a critic of runs: add it" },
).refine(
  ({ moreData, rungs, runs, search }) =>
    [...runs, ...(moreData?.runs ?? []), ...(search ? [search] : [])].every((part) =>
      (part.rungs ?? []).every((name) => rungs.some((r) => r.name === name))
    ),
  { path: ["runs"], error: "unknown rung: give the name of one of rungs" },
).refine(({ rungs, runs }) => rungs.every((r) => runs.some((run) => isOn(run, r))), {
  path: ["runs"],
  error: "a rung has no run: add one, or leave the rung out",
});

/** Whether a part of the configuration is about a rung. */
export function isOn(
  { rungs }: { readonly rungs?: readonly string[] | undefined },
  { name }: Pick<Rung, "name">,
): boolean {
  return rungs === undefined || rungs.includes(name);
}

/** A resolved configuration. */
export type LadderConfig = z.output<typeof ladderConfig>;
/** A configuration before defaults. */
export type LadderInput = z.input<typeof ladderConfig>;
/** Width and depth. */
export type Shape = z.output<typeof shape>;

/** A critic's learning rate on a rung: that at width 32, falling with the root of the width. */
export function learningRate({ learningRates }: Rung, critic: string, { dModel }: Shape): number {
  return learningRates[critic]! * Math.sqrt(32 / dModel);
}

const d32L2 = { dModel: 32, layers: 2 }, d64L2 = { dModel: 64, layers: 2 };

const pair = (shape: Shape, rungs?: string[]): LadderInput["runs"] =>
  ["discriminative-mse", "cot"].map((critic) => ({
    critic,
    sizes: [shape],
    ...rungs && { rungs },
  }));

const all = Object.values(RUNGS);
const matched = all.filter(({ complexity }) => MATCHED.includes(complexity)).map((r) => r.name);

/** A rung of another problem size. */
function resized(of: RungInput, size: Readonly<Record<string, number>>): RungInput {
  const { environment } = of;
  return {
    ...of,
    environment: {
      ...environment,
      config: { ...environment.config, ...size },
    } as RungInput["environment"],
  };
}

/**
 * smoke: seconds, for CI; quick: a minute; standard: every rung, most with more data too, the search for learning rates
 * up to NC1, 5 seeds. Circuits take the larger size: at d32-L2 few of their chains are learned in these steps.
 */
export const profiles: Record<"smoke" | "quick" | "standard", LadderInput> = {
  smoke: {
    seeds: [1, 2],
    // Shorter words and looser formulas, which are learned in seconds.
    rungs: [
      resized(RUNGS.localCheck, { minLength: 3, maxLength: 5, maxMoves: 3, maxMovesBefore: 1 }),
      resized(RUNGS.S3, { minLength: 3, maxLength: 5 }),
      resized(RUNGS.A5, { minLength: 3, maxLength: 5, maxMoves: 3, maxMovesBefore: 1 }),
      resized(RUNGS.sat, { minVariables: 4, maxVariables: 4, clauseRatio: 2 }),
    ],
    runs: pair(d32L2),
    steps: 300,
    testStates: 200,
    moreData: { factor: 2, runs: pair(d32L2, [RUNGS.localCheck.name, RUNGS.S3.name]) },
    search: { seeds: [101], testSeed: 8, size: d32L2, rates: [6e-3, 1.5e-2], steps: 50 },
  },
  quick: {
    seeds: [1, 2],
    // Circuits are not learned in this time.
    rungs: [
      RUNGS.localCheck,
      RUNGS.Z120,
      RUNGS.S3,
      RUNGS.S4,
      RUNGS.S5,
      resized(RUNGS.sat, { minVariables: 4, maxVariables: 4 }),
    ],
    runs: pair(d32L2),
    steps: 1000,
  },
  standard: {
    seeds: [6, 7, 8, 9, 10],
    rungs: all,
    runs: [
      ...pair(d32L2, [...matched, RUNGS.sat.name]),
      ...pair(d64L2, [RUNGS.circuit.name]),
      // Goes through the prompt serially, as no transformer of constant depth can.
      { critic: "discriminative-gru", sizes: [d32L2], rungs: matched },
    ],
    steps: 1000,
    moreData: { factor: 4, runs: pair(d32L2, matched) },
    search: {
      seeds: [101],
      testSeed: 8,
      size: d32L2,
      rates: [1e-3, 2.5e-3, 6e-3, 1.5e-2],
      steps: 750,
      rungs: matched,
    },
  },
};
