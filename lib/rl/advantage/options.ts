/** Option fields that several estimators share. */
import * as z from "zod";

/** The discount factor. */
export const gamma = z.number().min(0).max(1).default(1).describe("Discount factor per token.");

/** Lambda of the value targets. */
export const criticLambda = z.number().min(0).max(1).default(1).describe(
  "Lambda of the value targets; 1: the Monte Carlo return.",
);

/** `SegmentOptions.threshold`. */
export const threshold = z.number().min(0).max(1).default(0.2).describe(
  "A token of lower probability marks a segment boundary.",
);

/** `SegmentOptions.boundary`. */
export const boundary = z.enum(["before", "after"]).default("before").describe(
  "Whether a segment starts with a token of low probability (SAE) or ends with it (unbiased).",
);

/** `SegmentOptions.maxSegments`. */
export const maxSegments = (limit: number | null) =>
  z.int().min(1).nullable().default(limit).describe(
    "Segments of a response at most, thinned evenly; null: no limit.",
  );

/** `SegmentOptions` among an estimator's options, as GenAC's; other options are left out. */
export const segmentOptions = z.object({ threshold, boundary, maxSegments: maxSegments(16) });

/** What follows a response that was cut by length; see `valuesAfter`. */
export const truncation = z.enum(["failure", "bootstrap"]).default("failure").describe(
  "What follows a response cut by length: nothing, or the value of where it was cut (finalValue).",
);

/** A choice of `truncation`. */
export type Truncation = z.output<typeof truncation>;
