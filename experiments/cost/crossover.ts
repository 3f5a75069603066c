/** At which length of a response GenAC begins to cost less than VinePPO, beyond what was measured. */
import { exp, log } from "../../lib/numeric/math.ts";
import type { Scores } from "../shared/scores.ts";
import type { CostMethod } from "./methods.ts";

/** GenAC at one number of segments against VinePPO. */
export interface Crossover {
  readonly segments: number;
  /** FLOPs of an iteration over VinePPO's at each length measured, in rising order. */
  readonly measured: readonly { readonly length: number; readonly timesVinePpo: number }[];
  /**
   * Tokens of a response at which both cost the same, if each cost goes on as a power of the length, the one through its
   * two longest lengths; null where GenAC's has the larger exponent, and for a single length.
   */
  readonly length: number | null;
}

/** A method's cost at one length, as the crossover needs it. */
interface Measurement extends CostMethod {
  /** Tokens of a response. */
  readonly length: number;
  /** FLOPs of an iteration over VinePPO's. */
  readonly timesVinePpo: Scores;
}

/** One entry for each number of segments. */
export function crossovers(rows: readonly Measurement[]): Crossover[] {
  const genac = rows.filter(({ method }) => method === "genac");
  return [...Map.groupBy(genac, ({ segments }) => segments!)].map(([segments, own]) => {
    const measured = own.map(({ length, timesVinePpo }) => ({
      length,
      timesVinePpo: timesVinePpo.mean.estimate,
    })).sort((a, b) => a.length - b.length);
    return { segments, measured, length: crossoverLength(measured) };
  });
}

/** Where the power of the length through the last two ratios is 1. */
function crossoverLength(measured: Crossover["measured"]): number | null {
  const [before, last] = measured.slice(-2);
  if (!before || !last) return null;
  const falls = log(before.timesVinePpo / last.timesVinePpo) / log(last.length / before.length);
  return falls > 0 ? last.length * exp(log(last.timesVinePpo) / falls) : null;
}
