import { UsageError } from "../errors.ts";
import type { RolloutState } from "../rollouts/state.ts";
import { partialResponse, type StateTokenizer } from "./critic/state_text.ts";

/**
 * The token ids of a state: those of the prompt and of what has been written. Text is encoded as it stands, without tokens
 * of beginning or end.
 *
 * @param tokenizer The model's; needed where the record has text only, and for states in characters or steps.
 * @throws UsageError where it is missing; for a state beyond the end of the response, or without any token.
 */
export function stateTokens(state: RolloutState, tokenizer?: StateTokenizer): number[] {
  const { record: { prompt, response }, at, unit } = state;
  const encode = (text: string) => {
    if (tokenizer) return tokenizer.encode(text);
    const remedy =
      "give the model's tokenizer.json: the rollouts, or their states, have text and no token ids";
    throw new UsageError("tokenizer", "missing", remedy);
  };
  const before = prompt.tokens ?? encode(prompt.text!);
  const written = at === 0
    ? []
    : unit === "token"
    ? response.tokens ?? encode(response.text!)
    : encode(partialResponse(state, tokenizer));
  if (unit === "token" && at > written.length) {
    throw new UsageError("state", `token ${at}`, `the response has ${written.length} tokens`);
  }
  const ids = [...before, ...unit === "token" ? written.slice(0, at) : written];
  if (ids.length === 0) throw new UsageError("state", "empty", "prompt and response have no token");
  return ids;
}
