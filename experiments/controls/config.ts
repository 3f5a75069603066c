import * as z from "zod";
import { permutationActor, permutationConfig } from "../../lib/env/permutation.ts";
import {
  commonFields,
  count,
  oneShotSizes as oneShot,
  serialSizes as serial,
  type Size,
  size,
} from "../shared/config.ts";
import { rateFactors, tuningSeeds } from "../shared/search.ts";
import { type ControlName, controls } from "./controls.ts";

/** Configuration of the controls. */
export const controlsConfig = z.strictObject({
  ...commonFields,
  environment: permutationConfig.prefault({}).describe("The permutation puzzle."),
  abelian: z.strictObject({
    group: z.string().default("Z120").describe("Name of an abelian group of the same size."),
    generators: z.array(z.int()).default([1, -1, 14, -14]).describe("As many generators."),
  }).prefault({}).describe("The puzzle in which the group is abelian, all else the same."),
  shortWords: z.strictObject({
    minLength: count.default(3).describe("The fewest generators in a scramble word."),
    maxLength: count.default(5).describe("The most generators in a scramble word."),
  }).prefault({}).describe("The puzzle in which words are shorter, all else the same."),
  actor: permutationActor.prefault({ epsilon: 0.3 }).describe(
    "The actor whose values are learned.",
  ),
  runs: z.array(z.strictObject({
    control: z.enum(Object.keys(controls) as [ControlName]).describe("A control of controls.ts."),
    sizes: z.array(size).min(1).describe(
      "Sizes of its transformer; it is compared with the critics of the same size.",
    ),
    seeds: count.optional().describe("Only so many of the seeds, the first ones; default: all."),
  })).min(2).describe("Which controls are run at which sizes."),
  steps: count.default(1600).describe("Training steps."),
  batchSize: count.default(32).describe("States in a training batch."),
  moreData: z.number().gt(1).default(10).describe(
    "Training steps of the control with more data, as a multiple.",
  ),
  sweep: z.strictObject({
    seeds: tuningSeeds.default([101]),
    factors: rateFactors.default([0.5, 1, 2]).refine(
      (factors) => factors.includes(1),
      { error: "1 must be among the factors" },
    ),
  }).prefault({}).describe(
    "The control with the learning rate of the discriminative critic that is best on tuning seeds.",
  ),
  testStates: count.default(2000).describe("Held-out states, the same for all runs of a puzzle."),
}).refine(
  ({ runs }) => new Set(runs.map(({ control }) => control)).size === runs.length,
  { path: ["runs"], error: "a control stands twice: list all its sizes once" },
).refine(({ runs }) => {
  const names = (control: ControlName) =>
    runs.find((run) => run.control === control)?.sizes.map(({ dModel, layers }) =>
      `${dModel} ${layers}`
    ) ?? [];
  const references = names("discriminative").filter((name) => names("cot").includes(name));
  return runs.every(({ sizes }) =>
    sizes.every(({ dModel, layers }) => references.includes(`${dModel} ${layers}`))
  );
}, {
  path: ["runs"],
  error: "every size of a control must be one of discriminative and of cot: add it to both",
}).refine(({ runs }) => {
  const sizes = (control: ControlName) =>
    runs.find((run) => run.control === control)?.sizes.map((size) => JSON.stringify(size)) ?? [];
  return sizes("learning-rate").every((size) => sizes("discriminative").includes(size));
}, {
  path: ["runs"],
  error: "learning-rate must have sizes of discriminative, with their learning rates",
});

/** A resolved configuration. */
export type ControlsConfig = z.output<typeof controlsConfig>;
/** A configuration before defaults. */
export type ControlsInput = z.input<typeof controlsConfig>;

type Runs = ControlsInput["runs"];

/** The same sizes for several controls. */
function at(sizes: Size[], names: ControlName[], seeds?: number): Runs {
  return names.map((control) => ({ control, sizes, ...seeds === undefined ? {} : { seeds } }));
}

/** The size with another learning rate. */
function rated(size: Size, learningRate: number): Size[] {
  return [{ ...size, learningRate }];
}

const { d16L2, d32L2 } = oneShot;

/**
 * Learning rates of the controls that are not those of the critics they are made of: the best on tuning seed 101 among
 * rates a factor of 1.5 to 2 apart, of which both neighbours were tried.
 */
const rates = {
  labels: rated(d32L2, 8e-3),
  labelsDeep: rated(d32L2, 4e-3),
  dense: rated(d32L2, 4e-3),
  looped: rated(d32L2, 2e-3),
  loopedLabels: rated(d32L2, 8e-3),
  gru: rated(d32L2, 8e-3),
  gruLabels: rated(d32L2, 1.2e-2),
  gruLabelsLonger: rated(d32L2, 8e-3),
  worseLabels: rated(serial.d32L2, 1e-2),
};

/** smoke: seconds, for CI; quick: a minute, few controls; standard: every control, 5 seeds. */
export const profiles: Record<"smoke" | "quick" | "standard", ControlsInput> = {
  smoke: {
    seeds: [1, 2],
    runs: [
      ...at([d16L2], [
        "discriminative",
        "filler",
        "equal-inference",
        "dense",
        "learning-rate",
        "gru-labels",
        "ridge",
        "abelian",
      ]),
      ...at([serial.d16L2], ["cot", "corrupted-20", "kept-50", "sampled-1"]),
    ],
    // A smaller puzzle, which is learned in seconds.
    environment: { group: "S4", minLength: 3, maxLength: 5, maxMoves: 4, maxMovesBefore: 2 },
    abelian: { group: "Z24", generators: [1, -1, 5, -5] },
    sweep: { factors: [0.5, 1] },
    steps: 500,
    batchSize: 32,
    testStates: 300,
  },
  quick: {
    seeds: [1, 2],
    runs: [
      ...at([d32L2], ["discriminative", "filler", "ridge", "abelian"]),
      ...at([serial.d32L2], ["cot", "kept-75", "kept-0", "sampled-1"]),
      ...at(rates.labels, ["labels"]),
      ...at(rates.dense, ["dense"]),
      ...at(rates.gruLabelsLonger, ["gru-labels-equal-training"]),
    ],
    steps: 800,
    testStates: 1000,
  },
  standard: {
    seeds: [6, 7, 8, 9, 10],
    runs: [
      ...at([d32L2], ["discriminative", "ridge", "abelian", "short-words"]),
      ...at([serial.d32L2], ["cot", "cot-scalar", "sampled-8", "sampled-1"]),
      ...at([serial.d32L2], ["kept-75", "kept-50", "kept-25", "kept-0"]),
      ...at(rates.labels, ["labels"]),
      ...at(rates.dense, ["dense"]),
      ...at(rates.gru, ["gru"]),
      ...at(rates.gruLabels, ["gru-labels"]),
      ...at(rates.gruLabelsLonger, ["gru-labels-equal-training"]),
      ...at(rates.worseLabels, ["corrupted-20", "every-second"]),
      // What takes longest, and what has been far from half of the gap, on fewer seeds.
      ...at(
        [d32L2],
        [
          "filler",
          "equal-training",
          "equal-inference",
          "more-data",
          "learning-rate",
          "one-shot",
          "hl-gauss",
        ],
        3,
      ),
      ...at([serial.d32L2], ["distance-alone"], 3),
      ...at(rates.worseLabels, ["corrupted-5"], 3),
      ...at(rates.looped, ["looped"], 3),
      ...at(rates.loopedLabels, ["looped-labels"], 3),
      ...at(rates.labelsDeep, ["labels-deep"], 3),
    ],
    moreData: 6,
  },
};
