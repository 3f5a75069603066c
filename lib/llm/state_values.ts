import type { Question } from "../critic/critic.ts";
import type { RolloutRecord } from "../rollouts/record.ts";
import type { RolloutState } from "../rollouts/state.ts";
import type { StateTokenizer } from "./critic/state_text.ts";
import { stateTokens } from "./state_tokens.ts";

/**
 * What a causal value head says of states, in the order of the questions. One pass gives the values of all tokens, so each
 * rollout is run once, however many of its states are asked about.
 *
 * @param run The head's number after each of the tokens.
 * @throws UsageError as `stateTokens` does, and what `run` throws.
 */
export async function stateValues(
  questions: readonly Question<RolloutState>[],
  tokenizer: StateTokenizer | undefined,
  run: (ids: readonly number[]) => Promise<Float32Array>,
): Promise<number[]> {
  const byRollout = new Map<RolloutRecord, number[]>();
  questions.forEach(({ state }, i) => {
    const asked = byRollout.get(state.record);
    if (asked) asked.push(i);
    else byRollout.set(state.record, [i]);
  });
  const answers = new Array<number>(questions.length);
  for (const asked of byRollout.values()) {
    const states = asked.map((i) => ({ i, ids: stateTokens(questions[i]!.state, tokenizer) }))
      .sort((a, b) => b.ids.length - a.ids.length);
    const passes: { readonly ids: readonly number[]; readonly values: Float32Array }[] = [];
    for (const { i, ids } of states) {
      let pass = passes.find((pass) => startsWith(pass.ids, ids));
      // The longest, and text cut inside of a token, which has tokens of its own.
      if (!pass) passes.push(pass = { ids, values: await run(ids) });
      answers[i] = pass.values[ids.length - 1]!;
    }
  }
  return answers;
}

/** Whether `ids` begins with all of `start`. */
function startsWith(ids: readonly number[], start: readonly number[]): boolean {
  return ids.length >= start.length && start.every((id, i) => id === ids[i]);
}
