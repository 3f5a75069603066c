import { RandomStream } from "../numeric/random.ts";
import { exp } from "../numeric/math.ts";
import { sum } from "../numeric/sums.ts";
import { responseSequence } from "./text_critic.ts";
import type { TextActor } from "./text_actor.ts";

/**
 * For each state the probability in [0, 1] that the actor, at temperature 1, writes the rest of the response as the task's
 * expert does, end included, in one pass over it; 0 where the expert fails. That is the actor's value where a response has one
 * right way and errors never cancel, and a lower bound of it elsewhere.
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
  const wanted = rests.filter(({ reward }) => reward === 1);
  const sequences = wanted.map(({ prompt, rest }) =>
    responseSequence(prompt, rest, rest.map(() => 1))
  );
  const rows = wanted.flatMap(({ prompt, rest }, sequence) =>
    rest.map((_, t) => ({ sequence, token: prompt.length - 1 + t }))
  );
  if (rows.length === 0) return rests.map(() => 0);
  const { logProbs } = await model.forward(sequences, rows, ["logProbs"]);
  let at = 0;
  // The second of each two is the entropy.
  return rests.map(({ reward, rest }) =>
    reward === 0 ? 0 : exp(sum(rest.map(() => logProbs[2 * at++]!)))
  );
}
