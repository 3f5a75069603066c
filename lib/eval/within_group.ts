/**
 * How well values order the states of one problem. Over all problems at once a critic scores by knowing which problems are
 * hard, which no decision within a problem is helped by.
 */
import type { Predictions } from "./pairs.ts";
import { type RankedPairs, rankedPairs } from "./ranking.ts";

/** The states of each group, by their indices; groups in order of first appearance. */
export function groupMembers(groups: ArrayLike<string>): Map<string, number[]> {
  const members = new Map<string, number[]>();
  for (let i = 0; i < groups.length; i++) {
    const own = members.get(groups[i]!);
    if (own === undefined) members.set(groups[i]!, [i]);
    else own.push(i);
  }
  return members;
}

/**
 * The pairs of states of one group each, and how many of them were ranked right: as `rankedPairs`, added up over the
 * groups, so that a group weighs as much as it has pairs. Against outcomes of 0 and 1 `correct / compared` is the area
 * under the ROC curve within groups, ties and unparsed predictions 1/2.
 *
 * @param exact Values, or outcomes.
 * @param groups The group of each state.
 */
export function rankedPairsWithin(
  predictions: Predictions,
  exact: ArrayLike<number>,
  groups: ArrayLike<string>,
  margin = 0,
): RankedPairs {
  checkLengths(predictions.length, { exact, groups });
  let correct = 0, compared = 0;
  for (const members of groupMembers(groups).values()) {
    const own = rankedPairs(
      members.map((i) => predictions[i]!),
      members.map((i) => exact[i]!),
      margin,
    );
    correct += own.correct;
    compared += own.compared;
  }
  return { correct, compared };
}

/** Ranking within groups of the pairs whose values differ by more than `above` and by at most `upTo`. */
export interface GapRanking extends RankedPairs {
  readonly above: number;
  /** 1, the largest difference that values can have, in the last one. */
  readonly upTo: number;
}

/**
 * `rankedPairsWithin` by how much the values differ: pairs that lie close are hard to rank, and where values are Monte Carlo
 * estimates their order is often chance.
 *
 * @param edges Rising, from 0 on: where one range ends and the next begins.
 */
export function rankingByGap(
  predictions: Predictions,
  exact: ArrayLike<number>,
  groups: ArrayLike<string>,
  edges: readonly number[],
): GapRanking[] {
  const counts = edges.map((edge, i) => {
    if (!(edge > (edges[i - 1] ?? -Infinity))) {
      throw new RangeError(`edges[${i}]: ${edge}: must exceed the one before it`);
    }
    return rankedPairsWithin(predictions, exact, groups, edge);
  });
  return edges.map((above, i) => {
    const next = counts[i + 1] ?? { correct: 0, compared: 0 };
    return {
      above,
      upTo: edges[i + 1] ?? 1,
      correct: counts[i]!.correct - next.correct,
      compared: counts[i]!.compared - next.compared,
    };
  });
}

/** RangeError unless every array has one entry for each of the `total` predictions. */
export function checkLengths(
  total: number,
  arrays: Readonly<Record<string, { readonly length: number }>>,
): void {
  for (const [name, { length }] of Object.entries(arrays)) {
    if (length !== total) {
      throw new RangeError(
        `${name}: length ${length}: must equal the ${total} predictions, one per state`,
      );
    }
  }
}
