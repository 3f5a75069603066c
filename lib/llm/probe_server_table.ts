import { printable } from "../rollouts/printable.ts";
import { type Ability, isUsed, type ServerAbilities } from "./server_abilities.ts";

/** A line of the table: what was tried, what was seen, what the kit does about it. */
export type ProbeRow = readonly [what: string, found: string, consequence: string];

/** Names of models that are listed. */
const LISTED = 5;

/** What a server does, for people. */
export function abilityRows(abilities: ServerAbilities): ProbeRow[] {
  const a = abilities;
  const version = a.version === null ? "" : ` ${printable(a.version)}`;
  const isChat = a.endpoint === "chat";
  return [
    ["server", `${a.kind}${version}`, "goes by what was seen, not by the name"],
    ["model", printable(a.model), otherModels(a)],
    [
      "endpoint",
      isChat ? "/v1/chat/completions" : "/v1/completions",
      isChat
        ? "text is sent as the user's turn of a chat: no raw prompts"
        : "text is sent as it is",
    ],
    ["chat", yesNo(a.chat), a.chat ? "chat turns go there" : "refuses chat turns"],
    ["chat, begun answers", a.chatPrefill, PREFILL[a.chatPrefill]],
    [
      "token ids in",
      a.tokenPrompts,
      isUsed(a.tokenPrompts) ? "states are sent as their exact ids" : "refuses prompts of ids",
    ],
    [
      "token ids back",
      a.tokenIds ?? "none",
      a.tokenIds === null
        ? "has the texts only"
        : a.tokenIds === "logprobs"
        ? "reads them where log-probabilities are asked for"
        : "always asks for them",
    ],
    ["/tokenize", a.tokenize, "does not need it: tokenizer.json is exact"],
    ["context", a.contextLength === null ? "not told" : `${a.contextLength} tokens`, ""],
    [
      "longer prompts",
      a.longPrompt,
      a.longPrompt === "refused"
        ? "an error names the prompt's length"
        : "of prompts as ids it counts what was read, and refuses less",
    ],
    ["temperature", a.temperature, sent(a.temperature)],
    [
      "top_p",
      a.topP,
      a.topPOne ? sent(a.topP) : `${sent(a.topP)}; leaves out 1, which the server refuses`,
    ],
    ["top_k", a.topK, sent(a.topK)],
    ["min_p", a.minP, sent(a.minP)],
    [
      "n",
      a.maxChoices > 1 ? `honoured, ${a.maxChoices} tried` : "not honoured",
      a.maxChoices > 1
        ? `asks for up to ${a.maxChoices} completions at once`
        : "sends a request for each completion",
    ],
    ["seed", a.seed, isUsed(a.seed) ? "sends it" : "answers repeat from a recording only"],
    [
      "seeds of choices",
      a.choiceSeeds,
      a.choiceSeeds === "honoured"
        ? "seed + i for choice i: one request"
        : "sends seeded completions one by one",
    ],
    [
      "stop strings",
      a.stop,
      a.stop === "cut" ? "sends them" : "cuts the text itself",
    ],
    [
      "log-probabilities",
      a.logProbabilities === null ? "none" : `shape "${a.logProbabilities}"`,
      a.logProbabilities === null
        ? "has integer values only, no expectations"
        : `reads up to ${a.maxTopLogProbabilities} a token`,
    ],
    ["of the prompt (echo)", a.echo, "does not need it"],
    [
      "forced answers",
      a.forcing ?? "none",
      a.forcing === null
        ? "takes free answers and counts those that cannot be read"
        : "forces the answer's form where that is asked for",
    ],
    [
      "log-probabilities there",
      a.forcing === null ? "–" : a.forcedLogProbabilities,
      a.forcing === null ? "" : FORCED[a.forcedLogProbabilities],
    ],
    [
      "requests at a time",
      a.slots === null ? "not told" : `${a.slots} slots`,
      a.slots === null ? "8, or --concurrency" : "never more than that",
    ],
    [
      "unknown fields",
      a.extraFields ? "accepted" : "refused",
      a.extraFields ? "looks at each answer for what it asked" : "keeps to OpenAI's fields",
    ],
  ];
}

const PREFILL: Readonly<Record<ServerAbilities["chatPrefill"], string>> = {
  continued: "begins the answer for the model",
  repeated: "begins the answer for the model, and takes the beginning off again",
  ignored: "refuses begun answers: a second turn would follow",
  refused: "refuses begun answers",
  unknown: "refuses begun answers",
};

const FORCED: Readonly<Record<ServerAbilities["forcedLogProbabilities"], string>> = {
  masked: "are of what the form allows, so they add up to 1",
  unmasked: "are the model's own: what is valid has less than 1",
  unknown: "",
};

function otherModels({ model, models }: ServerAbilities): string {
  const others = models.filter((name) => name !== model);
  if (others.length === 0) return "asks for it by name";
  const more = others.length > LISTED ? ` and ${others.length - LISTED} more` : "";
  return `--model for ${others.slice(0, LISTED).map((name) => printable(name)).join(", ")}${more}`;
}

function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}

function sent(ability: Ability): string {
  return isUsed(ability) ? "always sends it" : "says that it is not obeyed";
}
