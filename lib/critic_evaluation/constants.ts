/** What needs no critic: the same value for all states, for a problem, or for a response. What a critic has to beat. */
import { UsageError } from "../errors.ts";
import { mean } from "../numeric/sums.ts";
import type { AskedCritic } from "./asked_critic.ts";
import type { StateSet } from "./states.ts";

/**
 * The mean value of all states of the set: its mean squared error is their variance, and no other constant's is smaller. It
 * knows that mean, as no critic does.
 */
export const meanValue: AskedCritic = constant(
  "mean",
  "Mean of all",
  "the mean value",
  ({ states }) => {
    const all = mean(states.map(({ value }) => value));
    return () => all;
  },
);

/** The mean outcome of a group's responses, the state's own included: GRPO's baseline. */
export const groupMean: AskedCritic = constant(
  "group-mean",
  "Group's mean outcome",
  "the outcome",
  (set) => {
    const means = outcomesByGroup(set, "group-mean").map(mean);
    return (rollout) => means[rollout]!;
  },
);

/**
 * The mean outcome of the group's other responses: RLOO's baseline. A response without others gets the mean outcome of all
 * other problems, or 1/2 if there is no other problem.
 */
export const leaveOneOut: AskedCritic = constant(
  "leave-one-out",
  "Siblings' mean outcome",
  "siblings",
  (set) => {
    const outcomes = outcomesByGroup(set, "leave-one-out");
    const { rollouts } = set;
    return (rollout) => {
      const own = outcomes[rollout]!, { record: { outcome }, problem } = rollouts[rollout]!;
      if (own.length > 1) return mean(own.toSpliced(own.indexOf(outcome), 1));
      const others = rollouts.filter((other) => other.problem !== problem);
      return others.length > 0 ? mean(others.map(({ record }) => record.outcome)) : 0.5;
    };
  },
);

/** The outcome of the response itself, a sample of one: what Monte Carlo returns regress on, and not knowable at the state. */
export const ownOutcome: AskedCritic = constant(
  "outcome",
  "Own outcome (sees the end)",
  "the outcome",
  ({ rollouts }) => (rollout) => rollouts[rollout]!.record.outcome,
);

/** All of them. */
export const CONSTANTS: readonly AskedCritic[] = [meanValue, groupMean, leaveOneOut, ownOutcome];

function constant(
  name: string,
  title: string,
  foresight: AskedCritic["foresight"],
  valueOf: (set: StateSet) => (rollout: number) => number,
): AskedCritic {
  return {
    ...{ name, title, foresight, kind: "constant" },
    answer(set, progress) {
      const value = valueOf(set), known = new Map<number, number>();
      const answers = set.states.map(({ rollout }) => {
        if (!known.has(rollout)) known.set(rollout, value(rollout));
        return { value: known.get(rollout)!, expectation: null };
      });
      progress(answers.length);
      return Promise.resolve(answers);
    },
  };
}

/** For each rollout the outcomes of its group. */
function outcomesByGroup({ rollouts, outcomes }: StateSet, critic: string): (readonly number[])[] {
  const own = rollouts.map(({ record }) => outcomes.get(record.group)!);
  if (own.some(({ length }) => length > 1)) return own;
  throw new UsageError(
    "--critic",
    critic,
    "no group has more than one response: say which field has the problem's id (--map group=...), or leave this critic out",
  );
}
