import { UsageError } from "../errors.ts";
import { printable } from "../rollouts/printable.ts";
import type { Completion, CompletionRequest, LanguageModel } from "./language_model.ts";
import { probeServer } from "./probe_server.ts";
import { Recording, type RecordingMode } from "./recording.ts";
import { readAnswer } from "./server_answer.ts";
import { isUsed, type ServerAbilities } from "./server_abilities.ts";
import {
  type ConnectionOptions,
  DEFAULT_CONCURRENCY,
  ServerConnection,
} from "./server_connection.ts";
import { identifyServer } from "./server_identity.ts";
import { requestBody } from "./wire/request_body.ts";

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
          `${recording.path} was recorded from ${printable(abilities.model)}`,
        );
      }
      return new ServerModel(abilities, undefined, recording, onNote);
    }
    if (options.url === undefined) throw new UsageError("server", "", "give its address");
    const connection = new ServerConnection({ ...options, url: options.url });
    const identity = await identifyServer(connection, options.model);
    const abilities = options.abilities ?? recording?.header?.abilities ??
      await probeServer(connection, identity, { endpoint: options.endpoint });
    if (options.endpoint !== undefined && options.endpoint !== abilities.endpoint) {
      throw new UsageError(
        "endpoint",
        options.endpoint,
        `what the server does is known of ${abilities.endpoint} only: ` +
          (recording ? "record into another file" : "leave one of the two out"),
      );
    }
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
    const asked = {
      ...{ request, choices, endpoint, abilities: this.abilities },
      from: this.#connection?.url ?? this.#recording!.path,
    };
    const ask = async () => {
      const answer = await this.#connection!.post(endpoint, body);
      // Only what can be used is kept.
      readAnswer(answer, asked);
      return answer;
    };
    const answer = this.#recording
      ? await this.#recording.answer({ endpoint, sample, body: { ...body } }, ask)
      : await ask();
    return readAnswer(answer, asked);
  }

  #note(what: string): void {
    if (this.#ignored.has(what)) return;
    this.#ignored.add(what);
    this.#onNote?.(`${printable(this.name)}: the server does not do this: ${what}`);
  }
}
