import type { Rollout } from "../rollout.ts";

/** For each rollout the indices of all rollouts of its prompt, itself included, in order. */
export function groupMembers(rollouts: readonly Rollout[]): readonly number[][] {
  const groups = new Map<number, number[]>();
  rollouts.forEach(({ group }, i) => {
    const members = groups.get(group);
    if (members) members.push(i);
    else groups.set(group, [i]);
  });
  return rollouts.map(({ group }) => groups.get(group)!);
}
