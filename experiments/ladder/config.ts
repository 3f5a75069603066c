import { z } from "zod";
import { commonFields, count, criticName, rate, size } from "../shared/config.ts";
import { tuningSeeds } from "../shared/search.ts";
import { type Rung, rung, type RungInput, RUNGS } from "./rungs.ts";

/** Width and depth; the learning rate is the rung's. */
const shape = size.omit({ learningRate: true });

const runs = z.array(z.strictObject({
  critic: criticName.describe("A critic of lib/critic/registry.ts."),
  sizes: z.array(shape).min(1).describe("Sizes of its transformer."),
})).min(1);

/** Configuration of the ladder. */
export const ladderConfig = z.strictObject({
  ...commonFields,
  rungs: z.array(rung).min(1).describe("Value functions, in order of rising complexity."),
  runs: runs.describe("Which critics are trained at which sizes, on every rung."),
  steps: count.describe("Training steps, the same on every rung."),
  batchSize: count.default(16).describe("States in a training batch."),
  moreData: z.strictObject({
    factor: count.min(2).describe("How many times the steps."),
    runs: runs.describe("Which critics are trained at which sizes, on the rungs up to NC1."),
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
);

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

const d16L2 = { dModel: 16, layers: 2 }, d32L2 = { dModel: 32, layers: 2 };
const d64L2 = { dModel: 64, layers: 2 };

const pair = (
  ...sizes: Shape[]
) => [{ critic: "discriminative-mse", sizes }, { critic: "cot", sizes }];

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

/** smoke: seconds, for CI; quick: a minute, one size; standard: every rung, three sizes and the search for learning rates, 5 seeds. */
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
    moreData: { factor: 2, runs: [{ critic: "discriminative-mse", sizes: [d32L2] }] },
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
    steps: 1400,
  },
  standard: {
    seeds: [1, 2, 3, 4, 5],
    rungs: Object.values(RUNGS),
    runs: [
      ...pair(d16L2, d32L2, d64L2),
      // Goes through the prompt serially, as no transformer of constant depth can.
      { critic: "discriminative-gru", sizes: [d32L2] },
    ],
    steps: 1000,
    moreData: { factor: 4, runs: [{ critic: "discriminative-mse", sizes: [d32L2] }] },
    search: {
      seeds: [101],
      testSeed: 8,
      size: d32L2,
      rates: [1e-3, 2.5e-3, 6e-3, 1.5e-2],
      steps: 750,
    },
  },
};
