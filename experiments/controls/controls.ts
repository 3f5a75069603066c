import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import type { Readout } from "../shared/test_report.ts";

/** What the process labels of a chain of thought are like. */
export type TraceLabels =
  | { readonly kind: "true" }
  /** Each token is replaced by a random one of its kind with this probability. */
  | { readonly kind: "corrupted"; readonly probability: number }
  /** All products but these are replaced by fillers, which the critic learns to write in their place. */
  | { readonly kind: "sparse"; readonly kept: "every second" | "none" }
  /** Of the products only this fraction, spread evenly, is in the chain, which is shorter for it. */
  | { readonly kind: "shortened"; readonly kept: KeptFraction };

/** Fractions of a chain's products, none to all but a fourth. */
export type KeptFraction = 0 | 0.25 | 0.5 | 0.75;

/** Everything in which a control may differ from the critic it is made of. */
export interface Control {
  /** What it answers, by key of `OBJECTIONS`; null for the two critics that the others are compared with. */
  readonly objection: keyof typeof OBJECTIONS | null;
  /** What was done, in a few words. */
  readonly title: string;
  /** A critic of lib/critic/registry.ts, or "ridge". */
  readonly critic: string;
  /** On which side of half of the gap the objection is refuted. */
  readonly refuted: "below" | "above";
  /** Training steps: as many as cost a CoT critic of its size, or `moreData` times as many; default: as all. */
  readonly steps?: "equal FLOPs" | "more data";
  /** So many layers that an answer costs the FLOPs of a CoT critic's, or twice as many; default: the size's. */
  readonly layers?: "equal FLOPs" | "double";
  /** Default: true ones. */
  readonly traceLabels?: TraceLabels;
  /** A value target at every symbol of the prompt in place of the last token alone. */
  readonly denseValues?: true;
  /** Rollouts whose mean outcome is the value target; default: the exact value. */
  readonly rollouts?: number;
  /** Another puzzle: `abelian` or `shortWords` of the configuration. */
  readonly puzzle?: "abelian" | "shortWords";
  /** How its answers are read, a row of the table for each; default: the value. */
  readonly readOuts?: readonly Readout[];
}

/** What a sceptic says. */
export const OBJECTIONS = {
  compute: "It is only more compute.",
  labels: "It is the process labels, not the words.",
  dense: "The discriminative critic gets one label per state.",
  data: "The discriminative critic needs more data.",
  rate: "The discriminative critic's learning rate is wrong.",
  serial: "It is serial computation, not the words.",
  features: "A linear model on hand features would do.",
  head: "It is the generative head.",
  perfect: "The process labels are too good to be true.",
  length: "A shorter chain would do.",
  exact: "Exact values are not available.",
  broken: "The discriminative critic is badly built.",
} as const;

const discriminative = { critic: DISCRIMINATIVE, refuted: "below" } as const;
const cot = { critic: GENERATIVE, refuted: "above" } as const;
/** The CoT critic with a shorter chain, which refutes that one would do if it keeps less than half of the gap. */
function shortened(kept: KeptFraction) {
  return {
    critic: GENERATIVE,
    refuted: "below",
    objection: "length",
    title: kept === 0
      ? "no product in the chain: the distance, then the value"
      : `${100 * kept}% of the products in the chain`,
    traceLabels: { kind: "shortened", kept },
  } as const;
}

/** Critics that cannot know the value put its mean, not its likeliest token, nearest to it. */
const mean = ["expectation"] as const;
const both = ["expectation", "value"] as const;

/**
 * The controls by name, in the order of the table. Each answers an objection to the claim that the chain of thought makes
 * the difference between the discriminative and the CoT critic, by changing one thing about one of the two.
 */
export const controls = {
  discriminative: { ...discriminative, objection: null, title: "discriminative critic" },
  cot: { ...cot, objection: null, title: "CoT critic" },

  filler: {
    ...discriminative,
    objection: "compute",
    title: "filler tokens in place of the words",
    critic: "filler",
    readOuts: mean,
  },
  "equal-training": {
    ...discriminative,
    objection: "compute",
    title: "trained for the CoT critic's FLOPs",
    steps: "equal FLOPs",
  },
  "equal-inference": {
    ...discriminative,
    objection: "compute",
    title: "more layers: the CoT critic's FLOPs per answer",
    layers: "equal FLOPs",
  },

  labels: {
    ...discriminative,
    objection: "labels",
    title: "CoT labels as auxiliary loss",
    critic: "discriminative-auxiliary",
  },
  "labels-deep": {
    ...discriminative,
    objection: "labels",
    title: "CoT labels as auxiliary loss, twice the layers, CoT FLOPs",
    critic: "discriminative-auxiliary",
    layers: "double",
    steps: "equal FLOPs",
  },

  dense: {
    ...discriminative,
    objection: "dense",
    title: "a value label at every symbol of the prompt",
    denseValues: true,
  },

  "more-data": {
    ...discriminative,
    objection: "data",
    title: "more data, each state seen once",
    steps: "more data",
  },

  "learning-rate": {
    ...discriminative,
    objection: "rate",
    title: "best learning rate on tuning seeds",
  },

  looped: {
    ...discriminative,
    objection: "serial",
    title: "looped transformer",
    critic: "discriminative-looped",
  },
  gru: {
    ...discriminative,
    objection: "serial",
    title: "GRU",
    critic: "discriminative-gru",
  },
  "looped-labels": {
    ...discriminative,
    objection: "serial",
    title: "looped transformer with CoT labels",
    critic: "discriminative-looped-auxiliary",
  },
  "gru-labels": {
    ...discriminative,
    objection: "serial",
    title: "GRU with CoT labels",
    critic: "discriminative-gru-auxiliary",
  },
  "gru-labels-equal-training": {
    ...discriminative,
    objection: "serial",
    title: "GRU with CoT labels, trained for the CoT critic's FLOPs",
    critic: "discriminative-gru-auxiliary",
    steps: "equal FLOPs",
  },

  ridge: {
    ...discriminative,
    objection: "features",
    title: "ridge regression on hand features",
    critic: "ridge",
  },

  "one-shot": {
    ...discriminative,
    objection: "head",
    title: "generative head, no words",
    critic: "one-shot",
    readOuts: mean,
  },
  "hl-gauss": {
    ...discriminative,
    objection: "head",
    title: "categorical head (HL-Gauss), no words",
    critic: "discriminative-hl-gauss",
  },
  "cot-scalar": {
    ...cot,
    objection: "head",
    title: "scalar head on the generated chain of thought",
    critic: "cot-scalar",
  },

  "corrupted-5": {
    ...cot,
    objection: "perfect",
    title: "5% of the chain's labels random",
    traceLabels: { kind: "corrupted", probability: 0.05 },
  },
  "corrupted-20": {
    ...cot,
    objection: "perfect",
    title: "20% of the chain's labels random",
    traceLabels: { kind: "corrupted", probability: 0.2 },
  },
  "every-second": {
    ...cot,
    objection: "perfect",
    title: "fillers in place of every second product",
    traceLabels: { kind: "sparse", kept: "every second" },
  },
  "distance-alone": {
    ...cot,
    objection: "perfect",
    title: "fillers in place of all products",
    traceLabels: { kind: "sparse", kept: "none" },
  },

  "kept-75": shortened(0.75),
  "kept-50": shortened(0.5),
  "kept-25": shortened(0.25),
  "kept-0": shortened(0),

  "sampled-8": {
    ...cot,
    objection: "exact",
    title: "targets: mean outcome of 8 rollouts",
    rollouts: 8,
    readOuts: both,
  },
  "sampled-1": {
    ...cot,
    objection: "exact",
    title: "targets: outcome of one rollout, 0 or 1",
    rollouts: 1,
    readOuts: both,
  },

  abelian: {
    ...discriminative,
    objection: "broken",
    title: "abelian group of the same size",
    refuted: "above",
    puzzle: "abelian",
  },
  "short-words": {
    ...discriminative,
    objection: "broken",
    title: "shorter words",
    refuted: "above",
    puzzle: "shortWords",
  },
} as const satisfies Record<string, Control>;

/** A control's name. */
export type ControlName = keyof typeof controls;

/** The control of that name. */
export function controlOf(name: ControlName): Control {
  return controls[name];
}
