/** What a critic reads of a state, as text. */
import { UsageError } from "../../errors.ts";
import type { RolloutRecord } from "../../rollouts/record.ts";
import type { RolloutState } from "../../rollouts/state.ts";
import type { RolloutTokenizer } from "../../rollouts/tokenizer.ts";

/** What is needed of a tokenizer to show states. */
export type StateTokenizer = Pick<RolloutTokenizer, "encode" | "decode">;

/**
 * The problem for a reader: as the record has it, else the actor's prompt, decoded without special tokens where its tokens
 * are at hand.
 *
 * @param tokenizer The actor's.
 * @throws UsageError where there are token ids only, and no tokenizer.
 */
export function problemText(record: RolloutRecord, tokenizer?: StateTokenizer): string {
  const { problem, prompt } = record;
  if (problem !== undefined) return problem;
  if (prompt.tokens && tokenizer) return tokenizer.decode(prompt.tokens);
  return prompt.text ?? needed(tokenizer).decode(prompt.tokens!);
}

/**
 * What the actor has written up to the state, special tokens included.
 *
 * @param tokenizer The actor's.
 * @throws UsageError for a state that is counted in tokens, or whose response is, without a tokenizer; for steps in a record
 *   without steps.
 */
export function partialResponse(state: RolloutState, tokenizer?: StateTokenizer): string {
  const { record: { response, steps }, at, unit } = state;
  if (at === 0) return "";
  if (unit === "token") {
    const { tokens } = response;
    if (tokens && response.text !== undefined && at >= tokens.length) return response.text;
    const ids = tokens ?? needed(tokenizer).encode(response.text!);
    return needed(tokenizer).decode(ids.slice(0, at), { special: true });
  }
  const text = response.text ?? needed(tokenizer).decode(response.tokens!, { special: true });
  if (unit === "char") return text.slice(0, at).replace(/[\ud800-\udbff]$/, "");
  if (steps === undefined) {
    throw new UsageError("state", `step ${at}`, "the rollout is not cut into steps");
  }
  return text.slice(0, endOf(steps.slice(0, at), text)) || steps.slice(0, at).join("\n");
}

/** How many tokens the actor has written up to the state; undefined where nothing at hand tells. */
export function tokensWritten(
  state: RolloutState,
  tokenizer?: StateTokenizer,
): number | undefined {
  if (state.unit === "token" || state.at === 0) return state.at;
  return tokenizer?.encode(partialResponse(state, tokenizer)).length;
}

/** Where the last of these steps ends in the text; 0 where they do not follow each other in it. */
function endOf(steps: readonly string[], text: string): number {
  let end = 0;
  for (const step of steps) {
    const start = text.indexOf(step, end);
    if (start < 0) return 0;
    end = start + step.length;
  }
  return end;
}

function needed(tokenizer: StateTokenizer | undefined): StateTokenizer {
  if (tokenizer) return tokenizer;
  throw new UsageError(
    "tokenizer",
    "missing",
    "give the actor's tokenizer.json: the rollouts have token ids",
  );
}
