import { UsageError } from "../errors.ts";
import type { Completion, CompletionRequest, LanguageModel } from "./language_model.ts";
import { probeServer } from "./probe_server.ts";
import { Recording, type RecordingMode } from "./recording.ts";
import { isUsed, type ServerAbilities } from "./server_abilities.ts";
import {
  type ConnectionOptions,
  DEFAULT_CONCURRENCY,
  ServerConnection,
} from "./server_connection.ts";
import { identifyServer } from "./server_identity.ts";
import { unreadableError } from "./server_failure.ts";
import { type CompletionsAnswer, completionsAnswer, readCompletions } from "./wire/completions.ts";
import { fullMatch } from "./wire/pattern.ts";
import { isChat, requestBody } from "./wire/request_body.ts";

/** How to open a server. */
export interface ServerOptions extends Omit<ConnectionOptions, "url"> {
  /** Its address, with or without "/v1"; not needed to replay a recording. */
  readonly url?: string | undefined;
  /** The model's name; default: the only one that the server has. */
  readonly model?: string | undefined;
  /** Where text is sent; default: completions, chat where there are none. Chat turns always go to chat. */
  readonly endpoint?: ServerAbilities["endpoint"] | undefined;
  /** What the server does; default: the recording's, else it is found out by asking (`probeServer`). */
  readonly abilities?: ServerAbilities | undefined;
  /** Answers are taken from this file, and in mode "record" added to it. One model at a time may record into a file. */
  readonly recording?: { readonly path: string; readonly mode: RecordingMode } | undefined;
  /** Told what is worth knowing and no error, a line each; default: nobody. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/**
 * Opens an OpenAI-compatible server as a language model: vLLM, llama.cpp, Ollama, TGI, `transformers serve` and others,
 * or the recording of one. What is asked and how follows from what the server was seen to do.
 *
 * Eight continuations of token ids, kept for later:
 *
 * ```ts ignore
 * using model = await openServer({
 *   url: "http://127.0.0.1:8000",
 *   recording: { path: "answers.jsonl", mode: "record" },
 * });
 * const completions = await model.complete({
 *   prompt: [1, 17, 4], sampling: FULL_SAMPLING, maxTokens: 64, count: 8, seed: 1,
 * });
 * ```
 *
 * @throws UsageError where it cannot be reached, has no such model, or the recording is another's.
 */
export async function openServer(options: ServerOptions): Promise<ServerModel> {
  const { recording: kept, onNote } = options;
  const recording = kept && await Recording.open(kept.path, kept.mode);
  try {
    if (recording?.warning) onNote?.(recording.warning);
    if (recording?.mode === "replay") {
      const { abilities } = recording.header!;
      if (options.model !== undefined && options.model !== abilities.model) {
        throw new UsageError(
          "--model",
          options.model,
          `${recording.path} was recorded from ${abilities.model}`,
        );
      }
      return new ServerModel(abilities, undefined, recording, onNote);
    }
    if (options.url === undefined) throw new UsageError("server", "", "give its address");
    const connection = new ServerConnection({ ...options, url: options.url });
    const identity = await identifyServer(connection, options.model);
    const abilities = options.abilities ?? recording?.header?.abilities ??
      await probeServer(connection, identity, { endpoint: options.endpoint });
    recording?.begin({ server: identity.traits, abilities });
    if (abilities.slots !== null) {
      connection.limit(Math.min(options.concurrency ?? DEFAULT_CONCURRENCY, abilities.slots));
    }
    return new ServerModel(abilities, connection, recording, onNote);
  } catch (error) {
    recording?.[Symbol.dispose]();
    throw error;
  }
}

/** An answer that goes on with an assistant's turn, without that turn's beginning, which llama.cpp gives back, too. */
function withoutBeginning(
  prompt: CompletionRequest["prompt"],
  { chatPrefill }: ServerAbilities,
  answer: CompletionsAnswer,
): CompletionsAnswer {
  const last = isChat(prompt) ? prompt.at(-1)! : undefined;
  if (last?.role !== "assistant" || chatPrefill !== "repeated") return answer;
  const choices = answer.choices.map((choice) => {
    const content = choice.message?.content ?? "";
    if (!content.startsWith(last.content)) return choice;
    return { ...choice, message: { content: content.slice(last.content.length) } };
  });
  return { ...answer, choices };
}

/** A language model behind a server, or the recording of one; see `openServer`. */
export class ServerModel implements LanguageModel, Disposable {
  readonly #connection: ServerConnection | undefined;
  readonly #recording: Recording | undefined;
  readonly #onNote: ((note: string) => void) | undefined;
  readonly #ignored = new Set<string>();

  /** @param connection May be left out where all is recorded. */
  constructor(
    readonly abilities: ServerAbilities,
    connection: ServerConnection | undefined,
    recording: Recording | undefined,
    onNote?: (note: string) => void,
  ) {
    this.#connection = connection;
    this.#recording = recording;
    this.#onNote = onNote;
  }

  /** See `LanguageModel`. */
  get name(): string {
    return this.abilities.model;
  }

  /** What was asked for so far and this server does not do. */
  get ignored(): readonly string[] {
    return [...this.#ignored];
  }

  /**
   * See `LanguageModel`. Where the server gives no `count` completions at once, or seeds only the first of them, each is a
   * request of its own.
   */
  async complete(request: CompletionRequest): Promise<Completion[]> {
    const { count = 1, sample = 0, seed } = request;
    const { maxChoices, choiceSeeds } = this.abilities;
    const isSeeded = seed !== undefined && isUsed(this.abilities.seed);
    const size = !isSeeded || choiceSeeds === "honoured" ? maxChoices : 1;
    const parts = Array.from({ length: Math.ceil(count / size) }, (_, i) => {
      const first = i * size;
      const own = seed === undefined ? request : { ...request, seed: seed + first };
      return this.#ask(own, Math.min(size, count - first), sample + first);
    });
    // What the others bring is kept, too, before the first failure is told.
    const settled = await Promise.allSettled(parts);
    return settled.flatMap((part) => {
      if (part.status === "rejected") throw part.reason;
      return part.value;
    });
  }

  /** Lets others have the recording. */
  [Symbol.dispose](): void {
    this.#recording?.[Symbol.dispose]();
  }

  async #ask(request: CompletionRequest, choices: number, sample: number): Promise<Completion[]> {
    const { endpoint, body, ignored } = requestBody(request, this.abilities, choices);
    for (const what of ignored) this.#note(what);
    const ask = async () => {
      const answer = await this.#connection!.post(endpoint, body);
      // Only what can be used is kept.
      this.#read(request, choices, endpoint, answer);
      return answer;
    };
    const answer = this.#recording
      ? await this.#recording.answer({ endpoint, sample, body: { ...body } }, ask)
      : await ask();
    return this.#read(request, choices, endpoint, answer);
  }

  #note(what: string): void {
    if (this.#ignored.has(what)) return;
    this.#ignored.add(what);
    this.#onNote?.(`${this.name}: the server does not do this: ${what}`);
  }

  /** Throws a UsageError where the answer is not what was asked for. */
  #read(
    request: CompletionRequest,
    choices: number,
    endpoint: string,
    answer: unknown,
  ): Completion[] {
    const { prompt, stop, pattern, topLogProbabilities } = request;
    const url = this.#connection?.url ?? this.#recording!.path;
    const parsed = completionsAnswer.safeParse(answer);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      const why = `its answer has another shape (${path.join(".")}: ${message})`;
      throw unreadableError(url, endpoint, JSON.stringify(answer), why);
    }
    const refuse = (what: string) => {
      throw new UsageError(
        "server",
        url,
        `${what}: it does not do what it was seen to do; ask it again by deno task probe-server`,
      );
    };
    const completions = readCompletions(
      withoutBeginning(prompt, this.abilities, parsed.data),
      stop,
    );
    if (completions.length !== choices) {
      refuse(`${completions.length} completions came for the ${choices} asked for`);
    }
    if (topLogProbabilities !== undefined && this.abilities.logProbabilities !== null) {
      if (completions.some(({ logProbabilities }) => !logProbabilities)) {
        refuse("no log-probabilities came");
      }
    }
    const read = parsed.data.usage?.prompt_tokens;
    if (typeof prompt[0] === "number" && read !== undefined && read < prompt.length) {
      refuse(`it read only ${read} of the prompt's ${prompt.length} tokens`);
    }
    if (pattern !== undefined && this.abilities.forcing !== null) {
      const expression = fullMatch(pattern);
      for (const { text, finishReason } of completions) {
        // A stop string may end it before the pattern does, and is not part of the text.
        const endings = [text, ...(stop ?? []).map((ending) => text + ending)];
        if (finishReason !== "length" && !endings.some((whole) => expression.test(whole))) {
          refuse(`an answer does not match the pattern ${pattern}`);
        }
      }
    }
    return completions;
  }
}
