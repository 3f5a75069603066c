import { UsageError } from "../../errors.ts";
import { printable } from "../../rollouts/printable.ts";
import type { ChatMessage, CompletionRequest } from "../language_model.ts";
import { type Ability, type Forcing, isUsed, type ServerAbilities } from "../server_abilities.ts";
import { regexToGbnf } from "./gbnf.ts";
import { fullMatch } from "./pattern.ts";

/** The endpoints by which completions are asked for. */
export const COMPLETIONS = "/v1/completions", CHAT = "/v1/chat/completions";

/** vLLM's fields for going on with the last turn; llama.cpp does so without. */
export const CONTINUE = { add_generation_prompt: false, continue_final_message: true };

/** What is sent. */
export interface WireRequest {
  readonly endpoint: typeof COMPLETIONS | typeof CHAT;
  /** JSON: no undefined fields. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What the request asks for and this server does not do. */
  readonly ignored: readonly string[];
}

/**
 * `request` in the words of a server with these abilities.
 *
 * @param choices n, at most `maxChoices`; the request's `count` is not looked at.
 * @throws UsageError where the server takes no token ids, or what it takes for a regular expression cannot say this one.
 */
export function requestBody(
  request: CompletionRequest,
  abilities: ServerAbilities,
  choices: number,
): WireRequest {
  const { sampling, maxTokens, stop = [], seed, pattern, topLogProbabilities } = request;
  const ignored: string[] = [];
  const use = (ability: Ability, what: string) => {
    if (!isUsed(ability)) ignored.push(what);
    return isUsed(ability);
  };
  // To greedy decoding they are all one.
  const cut = (ability: Ability, what: string) =>
    sampling.temperature > 0 ? use(ability, `${what}: its own default holds`) : isUsed(ability);
  const where = promptFields(request.prompt, abilities);
  const isChat = where.endpoint === CHAT;
  if (isChat && typeof request.prompt === "string") {
    ignored.push("the plain prompt: it was sent as the user's turn of a chat");
  }
  const body: Record<string, unknown> = {
    model: abilities.model,
    ...where.fields,
    max_tokens: maxTokens,
    temperature: sampling.temperature,
    frequency_penalty: 0,
    presence_penalty: 0,
  };
  use(abilities.temperature, `temperature ${sampling.temperature}`);
  if (cut(abilities.topP, `top_p ${sampling.topP}`) && (sampling.topP < 1 || abilities.topPOne)) {
    body.top_p = sampling.topP;
  }
  if (cut(abilities.topK, `top_k ${sampling.topK}`)) {
    body.top_k = sampling.topK === 0 ? abilities.topKAll : sampling.topK;
  }
  if (cut(abilities.minP, `min_p ${sampling.minP}`)) body.min_p = sampling.minP;
  // vLLM takes its default from the model's generation_config.json, llama.cpp from its command line.
  if (abilities.extraFields) Object.assign(body, penalties(abilities.kind));
  if (choices > 1) body.n = choices;
  if (seed !== undefined && use(abilities.seed, "seed")) body.seed = seed;
  // What is not cut there is cut here.
  if (stop.length > 0 && abilities.stop !== "ignored") body.stop = stop;
  if (topLogProbabilities !== undefined) {
    if (abilities.logProbabilities === null) ignored.push("log-probabilities");
    else Object.assign(body, logProbabilityFields(topLogProbabilities, abilities, isChat, ignored));
  }
  if (pattern !== undefined) {
    fullMatch(pattern);
    if (abilities.forcing === null) ignored.push("the pattern of the answer");
    else Object.assign(body, forcingFields(pattern, abilities.forcing));
  }
  const bringer = abilities.tokenIds;
  if (bringer === "return_token_ids" || bringer === "return_tokens") body[bringer] = true;
  return { endpoint: where.endpoint, body, ignored };
}

/** The fields that switch off the penalty of repetition. vLLM and SGLang warn at each request of names that they do not know. */
function penalties(kind: ServerAbilities["kind"]): Record<string, number> {
  const known = { repetition_penalty: 1 };
  return kind === "vllm" || kind === "sglang" ? known : { ...known, repeat_penalty: 1 };
}

function promptFields(
  prompt: CompletionRequest["prompt"],
  { endpoint, chat, chatPrefill, extraFields, tokenPrompts, model }: ServerAbilities,
): { endpoint: WireRequest["endpoint"]; fields: Record<string, unknown> } {
  if (isChat(prompt)) {
    if (!chat) {
      throw new UsageError(
        "server",
        CHAT,
        "it has none: give the prompt as text, template included",
      );
    }
    const fields: Record<string, unknown> = { messages: prompt };
    if (prompt.at(-1)!.role === "assistant") {
      if (chatPrefill !== "continued" && chatPrefill !== "repeated") {
        throw new UsageError(
          "server",
          printable(model),
          "it does not go on with a turn of the assistant's: give the prompt as text, template included",
        );
      }
      if (extraFields) Object.assign(fields, CONTINUE);
    }
    return { endpoint: CHAT, fields };
  }
  if (
    typeof prompt !== "string" &&
    (endpoint === "chat" || !isUsed(tokenPrompts))
  ) {
    throw new UsageError(
      "server",
      printable(model),
      "it takes no token ids: use vLLM or llama.cpp, or give prompts as text, which may move the state",
    );
  }
  if (endpoint === "completions") return { endpoint: COMPLETIONS, fields: { prompt } };
  return { endpoint: CHAT, fields: { messages: [{ role: "user", content: prompt }] } };
}

/** Whether the prompt is the turns of a chat. */
export function isChat(prompt: CompletionRequest["prompt"]): prompt is readonly ChatMessage[] {
  return typeof prompt === "object" && typeof prompt[0] === "object";
}

function logProbabilityFields(
  wanted: number,
  { maxTopLogProbabilities }: ServerAbilities,
  isChat: boolean,
  ignored: string[],
): Record<string, unknown> {
  const top = Math.min(wanted, maxTopLogProbabilities);
  if (top < wanted) ignored.push(`more than ${top} log-probabilities a token`);
  return isChat ? { logprobs: true, top_logprobs: top } : { logprobs: top };
}

/** The fields that force an answer to be a full match of `pattern`. */
export function forcingFields(pattern: string, forcing: Forcing): Record<string, unknown> {
  switch (forcing) {
    case "structured_outputs":
      return { structured_outputs: { regex: pattern } };
    case "guided_regex":
    case "regex":
      return { [forcing]: pattern };
    case "grammar":
      return { grammar: regexToGbnf(pattern) };
    case "response_format":
      return { response_format: { type: "regex", value: pattern } };
  }
}
