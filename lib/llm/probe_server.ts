import type { Completion } from "./language_model.ts";
import { type Ability, FORCINGS, type ServerAbilities } from "./server_abilities.ts";
import type { Reply, ServerConnection } from "./server_connection.ts";
import { refusalError } from "./server_failure.ts";
import type { ServerIdentity } from "./server_identity.ts";
import { completionsAnswer, readCompletions, readLogProbabilities } from "./wire/completions.ts";
import { CHAT, COMPLETIONS, CONTINUE, forcingFields } from "./wire/request_body.ts";

/** What is asked for beyond the address. */
export interface ProbeOptions {
  /** Where to try; default: completions, chat where there are none. */
  readonly endpoint?: ServerAbilities["endpoint"] | undefined;
  /** Told what is tried next; default: nobody. */
  readonly onStep?: ((what: string) => void) | undefined;
}

/** Begins a list with which even small models go on, so that answers are longer than a word. */
const TEXT = "Monday, Tuesday, Wednesday, Thursday,";
/** Not answered by digits. */
const NO_DIGITS = "The capital of France is";
const DIGITS = "[0-9]{3}";
/** A word of it is enough to see whether an assistant's turn is gone on with. */
const NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const TOKENS = 16;
/** So hot that a sampled answer is not the greedy one by chance. */
const HOT = 2;
const SEEDS = [11, 12] as const;
/** Numbers of choices that are tried, the largest first. */
const CHOICES = [16, 8, 4, 2];
/** Numbers of log-probabilities a token that are tried: vLLM's and OpenAI's most, TGI's and OpenAI's legacy most. */
const TOPS = [20, 5, 1];
/** Contexts longer than this are not filled to see what happens: that might take minutes. */
const LONGEST_TRIED = 16384;

type Fields = Readonly<Record<string, unknown>>;

/** An answer that could be read. */
interface Answer {
  readonly completions: readonly Completion[];
  readonly choice: {
    readonly logprobs?: unknown;
    readonly token_ids?: unknown;
    readonly tokens?: unknown;
  };
  readonly promptTokens: number | undefined;
}

/**
 * Finds out by some thirty short requests what a server honours of what the kit asks for. Most servers ignore in silence
 * what they do not know, so each answer is looked at for whether it did what was asked.
 *
 * @throws UsageError where it cannot be reached or answers no plain request.
 */
export async function probeServer(
  connection: ServerConnection,
  identity: ServerIdentity,
  options: ProbeOptions = {},
): Promise<ServerAbilities> {
  const { model, models, kind, version, contextLength, slots } = identity;
  const step = options.onStep ?? (() => {});
  step("a plain request");
  const plain = await firstAnswer(connection, model, options.endpoint);
  const asker = new Asker(connection, plain);
  const { endpoint, topPOne, topKAll, extraFields } = plain;
  const greedy = await asker.repeatedText({});

  step("sampling");
  const sampling = await asker.trySampling(greedy);
  step("several choices");
  const maxChoices = await asker.tryChoices(slots);
  const choiceSeeds = await asker.tryChoiceSeeds(maxChoices, sampling.hot);
  step("stop strings");
  const stop = await asker.tryStop(greedy);
  step("log-probabilities");
  const scores = await asker.tryLogProbabilities();
  const echo = await asker.tryEcho();
  step("forced answers");
  const forced = await asker.tryForcing(scores.maxTopLogProbabilities);
  step("token ids");
  const ids = await asker.tokenize();
  const tokenPrompts = await asker.tryTokenPrompt(ids, greedy);
  const tokenIds = await asker.tryTokenIds(scores.hasIds);
  step("chat");
  const chat = await asker.tryChat();
  step("a prompt that is too long");
  const longPrompt = await asker.tryLongPrompt(contextLength, ids, tokenPrompts);
  return {
    kind,
    version,
    model,
    models: [...models],
    endpoint,
    chat: chat.exists,
    contextLength,
    slots,
    longPrompt,
    extraFields,
    topKAll,
    topPOne,
    temperature: sampling.temperature,
    topP: sampling.topP,
    topK: sampling.topK,
    minP: sampling.minP,
    maxChoices,
    seed: sampling.seed,
    choiceSeeds,
    stop,
    logProbabilities: scores.shape,
    maxTopLogProbabilities: scores.maxTopLogProbabilities,
    echo,
    forcing: forced.forcing,
    forcedLogProbabilities: forced.logProbabilities,
    tokenPrompts,
    tokenIds,
    tokenize: ids ? "honoured" : "refused",
    chatPrefill: chat.prefill,
  };
}

/** How a plain request has to be asked. */
interface Plain {
  readonly model: string;
  readonly endpoint: ServerAbilities["endpoint"];
  readonly topPOne: boolean;
  readonly topKAll: ServerAbilities["topKAll"];
  readonly extraFields: boolean;
}

/**
 * The first way of asking that is answered: with all fields, without a top_p of 1, with a top_k of -1 for 0, without fields
 * beyond OpenAI's.
 */
async function firstAnswer(
  connection: ServerConnection,
  model: string,
  wanted: ServerAbilities["endpoint"] | undefined,
): Promise<Plain> {
  let refusal: { path: string; reply: Reply } | undefined;
  for (const endpoint of wanted ? [wanted] : ["completions", "chat"] as const) {
    for (const [extraFields, topKAll] of [[true, 0], [true, -1], [false, 0]] as const) {
      for (const topPOne of [true, false]) {
        const plain = { model, endpoint, topPOne, topKAll, extraFields };
        const { path, body } = plainRequest(plain, {});
        const reply = await connection.request("POST", path, body);
        if (reply.status === 200) {
          connection.json(path, reply);
          return plain;
        }
        // A server's own failure and a refused key are no question of fields.
        if (![400, 404, 405, 422, 501].includes(reply.status)) connection.json(path, reply);
        // Of the endpoint that there is.
        if (!refusal || ![404, 405, 501].includes(reply.status)) refusal = { path, reply };
        if (reply.status !== 400 && reply.status !== 422) break;
      }
    }
  }
  throw refusalError(connection.url + refusal!.path, refusal!.reply, 1);
}

/** A greedy request of `TEXT`, with what `fields` say instead; undefined leaves a field out. */
function plainRequest(
  { model, endpoint, topPOne, topKAll, extraFields }: Plain,
  fields: Fields,
): { path: string; body: Fields } {
  const { prompt = TEXT, ...others } = fields;
  const isChat = endpoint === "chat" || "messages" in fields;
  const body = {
    model,
    ...(!isChat ? { prompt } : { messages: [{ role: "user", content: prompt }] }),
    max_tokens: TOKENS,
    temperature: 0,
    frequency_penalty: 0,
    presence_penalty: 0,
    ...(topPOne ? { top_p: 1 } : {}),
    ...(extraFields ? { top_k: topKAll, min_p: 0, repetition_penalty: 1, repeat_penalty: 1 } : {}),
    ...others,
  };
  return { path: isChat ? CHAT : COMPLETIONS, body };
}

/** Tries one thing after the other. */
class Asker {
  readonly #connection: ServerConnection;
  readonly #plain: Plain;

  constructor(connection: ServerConnection, plain: Plain) {
    this.#connection = connection;
    this.#plain = plain;
  }

  /** Undefined for a refusal and for an answer that cannot be read. */
  async #ask(fields: Fields): Promise<Answer | undefined> {
    const { path, body } = plainRequest(this.#plain, fields);
    const { status, text } = await this.#connection.request("POST", path, body);
    if (status !== 200) return undefined;
    const { data } = completionsAnswer.safeParse(parsedJson(text));
    if (!data || data.choices.length === 0) return undefined;
    return {
      completions: readCompletions(data),
      choice: data.choices[0]!,
      promptTokens: data.usage?.prompt_tokens,
    };
  }

  async #text(fields: Fields): Promise<string | undefined> {
    const answer = await this.#ask(fields);
    return answer?.completions[0]?.text;
  }

  /** The answer's text where it is the same twice and no single word. */
  async repeatedText(fields: Fields): Promise<string | undefined> {
    const text = await this.#text(fields);
    return text !== undefined && text.length > 8 && await this.#text(fields) === text
      ? text
      : undefined;
  }

  /** Temperature by an answer that is not the greedy one; what cuts off by one that is again. */
  async trySampling(greedy: string | undefined) {
    const hot = await this.#hot();
    const first = hot && await this.#text({ ...hot, seed: SEEDS[0] });
    const again = hot && await this.#text({ ...hot, seed: SEEDS[0] });
    const other = hot && await this.#text({ ...hot, seed: SEEDS[1] });
    const isVaried = first !== other;
    const temperature: Ability = hot === undefined
      ? "refused"
      : greedy === undefined
      ? "unknown"
      : first === greedy && other === greedy
      ? "ignored"
      : "honoured";
    const seed: Ability = first === undefined
      ? "refused"
      : first !== again
      ? "ignored"
      : isVaried
      ? "honoured"
      : "unknown";
    const cuts = async (fields: Fields): Promise<Ability> => {
      if (temperature !== "honoured") return "unknown";
      const texts = [];
      for (const seed of SEEDS) texts.push(await this.#text({ ...hot, seed, ...fields }));
      if (texts.includes(undefined)) return "refused";
      return texts.every((text) => text === greedy) ? "honoured" : "ignored";
    };
    const beyondOpenAi = (fields: Fields): Ability | Promise<Ability> =>
      this.#plain.extraFields ? cuts(fields) : "refused";
    return {
      temperature,
      seed,
      hot: seed === "honoured" ? [first!, other!] as const : undefined,
      topP: await cuts({ top_p: 1e-4 }),
      topK: await beyondOpenAi({ top_k: 1 }),
      minP: await beyondOpenAi({ min_p: 1 }),
    };
  }

  /** The temperature that is high and taken. */
  async #hot(): Promise<Fields | undefined> {
    for (const temperature of [HOT, 1]) {
      if (await this.#ask({ temperature, max_tokens: 1 })) return { temperature };
    }
    return undefined;
  }

  /** llama.cpp refuses more than it has slots; elsewhere the limit is not looked for beyond what the kit asks at once. */
  async tryChoices(slots: number | null): Promise<number> {
    for (const n of CHOICES.filter((count) => slots === null || count <= slots)) {
      const answer = await this.#ask({ n, temperature: 1, max_tokens: 1 });
      if (answer?.completions.length === n) return n;
      // One that ignores it ignores every number.
      if (answer) return 1;
    }
    return 1;
  }

  async tryChoiceSeeds(maxChoices: number, hot: readonly string[] | undefined): Promise<Ability> {
    if (maxChoices < 2 || !hot) return "unknown";
    const fields = { n: 2, temperature: HOT, seed: SEEDS[0] };
    const answer = await this.#ask(fields);
    if (!answer) return "refused";
    return answer.completions.every(({ text }, i) => text === hot[i]) ? "honoured" : "ignored";
  }

  async tryStop(greedy: string | undefined): Promise<ServerAbilities["stop"]> {
    if (greedy === undefined) return "unknown";
    // Neither at its beginning nor at its end, and nowhere before.
    const at = Math.floor(greedy.length / 2), ending = greedy.slice(at, at + 3);
    const before = greedy.slice(0, greedy.indexOf(ending));
    const text = await this.#text({ stop: [ending] });
    if (text === before) return "cut";
    if (text === greedy) return "ignored";
    // Transformers keeps the whole token in which it ends.
    return text?.startsWith(before + ending) && greedy.startsWith(text) ? "kept" : "unknown";
  }

  async tryLogProbabilities() {
    for (const top of TOPS) {
      const answer = await this.#ask({ max_tokens: 4, ...this.#scores(top) });
      if (!answer) continue;
      const read = readLogProbabilities(answer.choice.logprobs);
      if (!read || read.tokens.length === 0) break;
      return {
        shape: read.shape,
        maxTopLogProbabilities: Math.min(top, read.tokens[0]!.top.length),
        hasIds: read.tokens.every(({ id }) => id !== undefined),
      };
    }
    return { shape: null, maxTopLogProbabilities: 0, hasIds: false };
  }

  #scores(top: number): Fields {
    return this.#plain.endpoint === "chat"
      ? { logprobs: true, top_logprobs: top }
      : { logprobs: top };
  }

  async tryEcho(): Promise<Ability> {
    if (this.#plain.endpoint === "chat") return "unknown";
    const answer = await this.#ask({ echo: true, max_tokens: 1, logprobs: 1 });
    if (!answer) return "refused";
    const read = readLogProbabilities(answer.choice.logprobs);
    const isThere = answer.completions[0]!.text.startsWith(TEXT) && read && read.tokens.length > 2;
    return isThere ? "honoured" : "ignored";
  }

  async tryForcing(
    top: number,
  ): Promise<{
    forcing: ServerAbilities["forcing"];
    logProbabilities: ServerAbilities["forcedLogProbabilities"];
  }> {
    const expression = new RegExp(`^${DIGITS}$`);
    const isTried = (forcing: (typeof FORCINGS)[number]) =>
      forcing === "response_format" ? this.#plain.endpoint === "chat" : this.#plain.extraFields;
    for (const forcing of FORCINGS.filter(isTried)) {
      const fields = { prompt: NO_DIGITS, ...forcingFields(DIGITS, forcing) };
      if (!expression.test(await this.#text(fields) ?? "")) continue;
      if (top === 0) return { forcing, logProbabilities: "unknown" };
      const answer = await this.#ask({ ...fields, ...this.#scores(top) });
      const first = answer?.completions[0]?.logProbabilities?.[0];
      if (!first) return { forcing, logProbabilities: "unknown" };
      // Where the model's own distribution is told, words are among the likeliest.
      const isOwn = first.top.some(({ token, logProbability }) =>
        !/^\d+$/.test(token) && logProbability > -5
      );
      return { forcing, logProbabilities: isOwn ? "unmasked" : "masked" };
    }
    return { forcing: null, logProbabilities: "unknown" };
  }

  /** The ids of `TEXT`, in the words of llama.cpp, vLLM and TGI at once. */
  async tokenize(): Promise<number[] | undefined> {
    const { status, text } = await this.#connection.request("POST", "/tokenize", {
      model: this.#plain.model,
      ...{ content: TEXT, prompt: TEXT, inputs: TEXT },
      ...{ add_special: true, add_special_tokens: true },
    });
    if (status !== 200) return undefined;
    const json = parsedJson(text);
    const list = Array.isArray(json) ? json : (json as { tokens?: unknown } | undefined)?.tokens;
    const ids = Array.isArray(list)
      ? list.map((item) =>
        typeof item === "object" && item !== null && "id" in item ? item.id : item
      )
      : [];
    return ids.length > 0 && ids.every((id) => Number.isInteger(id)) ? ids as number[] : undefined;
  }

  /** With the ids of the text its answer has to come back, else as many tokens have to be counted as were sent. */
  async tryTokenPrompt(ids: number[] | undefined, greedy: string | undefined): Promise<Ability> {
    if (this.#plain.endpoint === "chat") return "refused";
    const prompt = ids ?? [10, 11, 12, 13, 14, 15, 16];
    const answer = await this.#ask({ prompt });
    if (!answer) return "refused";
    if (ids && greedy !== undefined && answer.completions[0]!.text === greedy) return "honoured";
    return answer.promptTokens === prompt.length ? "honoured" : "ignored";
  }

  async tryTokenIds(hasIds: boolean): Promise<ServerAbilities["tokenIds"]> {
    const isIds = (value: unknown) => Array.isArray(value) && value.length > 0;
    if (this.#plain.extraFields) {
      const answer = await this.#ask({ return_token_ids: true, return_tokens: true });
      if (isIds(answer?.choice.token_ids)) return "return_token_ids";
      if (isIds(answer?.choice.tokens)) return "return_tokens";
    }
    return hasIds ? "logprobs" : null;
  }

  async tryChat(): Promise<{ exists: boolean; prefill: ServerAbilities["chatPrefill"] }> {
    const plain = await this.#ask({ messages: [{ role: "user", content: TEXT }], max_tokens: 1 });
    if (!plain) return { exists: false, prefill: "unknown" };
    const begun = `${NUMBERS.slice(0, 6).join(", ")},`, next = NUMBERS[6]!;
    const answer = await this.#text({
      messages: [
        { role: "user", content: `Say these words after me: ${NUMBERS.join(", ")}.` },
        { role: "assistant", content: begun },
      ],
      ...(this.#plain.extraFields ? CONTINUE : {}),
    });
    if (answer === undefined) return { exists: true, prefill: "refused" };
    const startsWithNext = (text: string) => text.trimStart().toLowerCase().startsWith(next);
    const prefill = startsWithNext(answer)
      ? "continued"
      : answer.startsWith(begun) && startsWithNext(answer.slice(begun.length))
      ? "repeated"
      : "ignored";
    return { exists: true, prefill };
  }

  async tryLongPrompt(
    contextLength: number | null,
    ids: readonly number[] | undefined,
    tokenPrompts: Ability,
  ): Promise<ServerAbilities["longPrompt"]> {
    if (contextLength === null || contextLength > LONGEST_TRIED) return "unknown";
    const length = contextLength + TOKENS;
    const prompt = tokenPrompts === "honoured"
      ? Array<number>(length).fill(ids?.at(-1) ?? 10)
      : " 1".repeat(length);
    return await this.#ask({ prompt, max_tokens: 1 }) ? "shortened" : "refused";
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
