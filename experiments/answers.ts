import type { Verdict } from "../lib/run/experiment.ts";

/** "0.41 [0.33, 0.49]": the effect of that name in the evidence of the claim with that id, with its 95% interval. */
export type Effect = (id: string, comparison: string) => string;

/**
 * An experiment's answer to the question that is its title, in one sentence for the front page: what a reader may take
 * home, with its numbers as `effect` has them from the pinned results. Where these give other verdicts than those on which
 * the sentence rests, or have no such effect, `deno task readme` asks for a new one.
 */
export interface Answer {
  readonly sentence: string | ((effect: Effect) => string);
  /** The verdicts on which the sentence rests, by claim id. */
  readonly given: Readonly<Record<string, Verdict["verdict"]>>;
}

/** The answers by experiment. One without an entry is answered by its first confirmatory claim's verdict. */
export const answers: Readonly<Record<string, Answer>> = {};
