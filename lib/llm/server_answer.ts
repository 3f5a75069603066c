import { UsageError } from "../errors.ts";
import type { Completion, CompletionRequest } from "./language_model.ts";
import type { ServerAbilities } from "./server_abilities.ts";
import { unreadableError } from "./server_failure.ts";
import { type CompletionsAnswer, completionsAnswer, readCompletions } from "./wire/completions.ts";
import { fullMatch } from "./wire/pattern.ts";
import { isChat } from "./wire/request_body.ts";

/** What an answer answers. */
export interface Asked {
  readonly request: CompletionRequest;
  /** n. */
  readonly choices: number;
  readonly endpoint: string;
  readonly abilities: ServerAbilities;
  /** The server's address or the recording's path, for errors. */
  readonly from: string;
}

/** The completions of an answer. Throws a UsageError where they are not what was asked for, whatever the server said before. */
export function readAnswer(answer: unknown, asked: Asked): Completion[] {
  const { request, choices, endpoint, abilities, from } = asked;
  const parsed = completionsAnswer.safeParse(answer);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const why = `its answer has another shape (${path.join(".")}: ${message})`;
    throw unreadableError(from, endpoint, JSON.stringify(answer), why);
  }
  const refuse = (what: string): never => {
    throw new UsageError(
      "server",
      from,
      `${what}: it does not do what it was seen to do; ask it again by deno task probe-server`,
    );
  };
  const whole = abilities.chatPrefill === "repeated"
    ? withoutBegun(parsed.data, begunTurn(request.prompt), refuse)
    : parsed.data;
  const completions = readCompletions(whole, request.stop);
  if (completions.length !== choices) {
    refuse(`${completions.length} completions came for the ${choices} asked for`);
  }
  if (request.topLogProbabilities !== undefined && abilities.logProbabilities !== null) {
    if (completions.some(({ logProbabilities }) => !logProbabilities)) {
      refuse("no log-probabilities came");
    }
  }
  const { prompt } = request, read = parsed.data.usage?.prompt_tokens;
  if (typeof prompt[0] === "number" && read !== undefined && read < prompt.length) {
    refuse(`it read only ${read} of the prompt's ${prompt.length} tokens`);
  }
  if (request.pattern !== undefined && abilities.forcing !== null) {
    checkPattern(completions, request.pattern, request.stop ?? [], refuse);
  }
  return completions;
}

/** The assistant's turn that the model goes on with; "" where it begins one. */
function begunTurn(prompt: CompletionRequest["prompt"]): string {
  const last = isChat(prompt) ? prompt.at(-1)! : undefined;
  return last?.role === "assistant" ? last.content : "";
}

/** The answer without what was begun for it, which llama.cpp gives back, too. */
function withoutBegun(
  answer: CompletionsAnswer,
  begun: string,
  refuse: (what: string) => never,
): CompletionsAnswer {
  if (begun === "") return answer;
  const choices = answer.choices.map((choice) => {
    const content = choice.message?.content ?? "";
    if (!content.startsWith(begun)) refuse("an answer does not go on with the one that was begun");
    return { ...choice, message: { content: content.slice(begun.length) } };
  });
  return { ...answer, choices };
}

function checkPattern(
  completions: readonly Completion[],
  pattern: string,
  stop: readonly string[],
  refuse: (what: string) => never,
): void {
  const expression = fullMatch(pattern);
  for (const { text, finishReason } of completions) {
    // A stop string may end it before the pattern does, and is not part of the text.
    const endings = [text, ...stop.map((ending) => text + ending)];
    if (finishReason !== "length" && !endings.some((whole) => expression.test(whole))) {
      refuse(`an answer does not match the pattern ${pattern}`);
    }
  }
}
