import { RandomStream } from "../numeric/random.ts";
import { exp } from "../numeric/math.ts";
import { sum } from "../numeric/sums.ts";
import { responseSequence } from "./text_critic.ts";
import type { TextActor } from "./text_actor.ts";

/**
 * For each state the probability in [0, 1] that the actor, at temperature 1, writes the rest of the response as the task's
 * expert does, end included; 0 where the expert fails. That is the actor's value where a response has one right way and errors
 * never cancel, and a lower bound of it elsewhere. States on the way to the same end share one pass over it.
 */
export async function rightContinuationValues<State>(
  actor: TextActor<State>,
  states: readonly State[],
): Promise<number[]> {
  const { model, task, tokenizer } = actor;
  const rests = states.map((state, row) => {
    // The expert draws among ways that are equally right.
    const random = new RandomStream({ seed: 0, purpose: "text-models/expert", row });
    const { reward, state: end } = task.rollout(random, state, task.expert);
    const written = task.responseText(state);
    const prompt = tokenizer.encode(task.actorPromptText(state) + written);
    const rest = tokenizer.encode(task.responseText(end).slice(written.length) + task.responseStop);
    return { reward, prompt, rest };
  });
  // Of the states with the same tokens in all, the one with the longest rest.
  const keyOf = ({ prompt, rest }: typeof rests[number]) => [...prompt, ...rest].join();
  const passes = new Map<string, typeof rests[number]>();
  for (const own of rests) {
    const there = passes.get(keyOf(own));
    if (own.reward === 1 && own.rest.length > (there?.rest.length ?? 0)) {
      passes.set(keyOf(own), own);
    }
  }
  if (passes.size === 0) return rests.map(() => 0);
  const longest = [...passes.values()];
  const { logProbs } = await model.forward(
    longest.map(({ prompt, rest }) => responseSequence(prompt, rest, rest.map(() => 1))),
    longest.flatMap(({ prompt, rest }, sequence) =>
      rest.map((_, t) => ({ sequence, token: prompt.length - 1 + t }))
    ),
    ["logProbs"],
  );
  const ends = new Map<string, number>();
  let end = 0;
  for (const [key, { rest }] of passes) ends.set(key, end += rest.length);
  return rests.map((own) => {
    if (own.reward === 0) return 0;
    const first = ends.get(keyOf(own))! - own.rest.length;
    // The second of each two is the entropy.
    return exp(sum(own.rest.map((_, t) => logProbs[2 * (first + t)]!)));
  });
}
