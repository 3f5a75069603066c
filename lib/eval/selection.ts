/**
 * Choosing by value: of some states of one problem the critic picks the one that it values most, as a tree search or best
 * of n would.
 */
import { maximum } from "../numeric/extrema.ts";
import { mean } from "../numeric/sums.ts";
import { checkElement, isUnparsed, type Predictions } from "./pairs.ts";
import { checkLengths, groupMembers } from "./within_group.ts";

/** What came of one choice. Among equal predictions each is picked equally often, and the numbers are expectations. */
export interface Selection {
  /** The set of candidates. */
  readonly set: string;
  readonly candidates: number;
  /** How often the state picked has the highest value of the set, in [0, 1]. */
  readonly accuracy: number;
  /** The highest value less that of the state picked, >= 0. */
  readonly regret: number;
  /** The value of the state picked less that of one picked blindly. */
  readonly gain: number;
}

/**
 * The choice from each set whose values differ; where all are equal there is nothing to choose. Of a set with unparsed
 * predictions one is picked among the others; blindly if there are none.
 *
 * Where `values` are Monte Carlo estimates the highest of them is so partly by luck: regrets are too large, accuracies too
 * small, for every critic alike.
 *
 * @param sets The set of each state, e.g. its problem and third of the response.
 */
export function selections(
  predictions: Predictions,
  values: ArrayLike<number>,
  sets: ArrayLike<string>,
): Selection[] {
  checkLengths(predictions.length, { values, sets });
  return [...groupMembers(sets)].flatMap(([set, members]) => {
    const own = members.map((i) => {
      checkElement(values[i], "values", i, "give a finite number");
      return values[i]!;
    });
    const best = maximum(own);
    if (own.every((value) => value === best)) return [];
    const given = members.map((i) => predictions[i]!);
    const highest = maximum(given.filter((p) => !isUnparsed(p)) as number[]);
    const average = mean(own);
    const picked = own.filter((_, k) => highest === -Infinity || given[k] === highest);
    return [{
      set,
      candidates: own.length,
      accuracy: picked.filter((v) => v === best).length / picked.length,
      regret: mean(picked.map((value) => best - value)),
      gain: mean(picked.map((value) => value - average)),
    }];
  });
}
