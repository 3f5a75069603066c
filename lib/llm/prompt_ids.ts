import { UsageError } from "../errors.ts";
import type { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import type { ChatMessage, CompletionRequest } from "./language_model.ts";
import type { ChatTemplate } from "./chat_template.ts";

/** What turns a prompt into a model's tokens. */
export interface PromptReader {
  /** The model's folder or file, for messages. */
  readonly path: string;
  readonly tokenizer: RolloutTokenizer;
  readonly template: ChatTemplate | undefined;
  /** Tokens of the longest prompt and completion together; undefined if it is not known. */
  readonly contextLength: number | undefined;
}

/**
 * The token ids of a prompt.
 *
 * @throws UsageError for one that is empty, has tokens of another model or leaves no room for a completion, and for a chat
 *   where there is no template.
 */
export function promptIds(
  prompt: CompletionRequest["prompt"],
  { path, tokenizer, template, contextLength }: PromptReader,
): readonly number[] {
  let ids: readonly number[];
  if (typeof prompt === "string") ids = tokenizer.encode(prompt, { special: true });
  else if (isChat(prompt)) {
    if (template === undefined) {
      const remedy =
        "no chat template in tokenizer_config.json, chat_template.jinja or the GGUF file: " +
        "ask by text";
      throw new UsageError(path, "a chat", remedy);
    }
    ids = tokenizer.encode(template.render(prompt));
  } else ids = prompt;
  if (ids.length === 0) throw new UsageError("prompt", "empty", "give at least one token");
  if (contextLength !== undefined && ids.length >= contextLength) {
    const remedy = `the model has room for ${contextLength} tokens, completion included`;
    throw new UsageError("prompt", `${ids.length} tokens`, remedy);
  }
  const unknown = ids.find((id) => id >= tokenizer.size);
  if (unknown !== undefined) {
    const remedy = `the model has ${tokenizer.size} tokens: these are another model's`;
    throw new UsageError("prompt", `token ${unknown}`, remedy);
  }
  return ids;
}

function isChat(
  prompt: readonly number[] | readonly ChatMessage[],
): prompt is readonly ChatMessage[] {
  return typeof prompt[0] === "object";
}
