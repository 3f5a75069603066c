import { UsageError } from "../errors.ts";
import { isRetryable, RETRIES, type RetryClock, retryWait, SYSTEM_CLOCK } from "./retry.ts";
import { connectionError, isFinal, refusalError, unreadableError } from "./server_failure.ts";
import { Slots } from "./server_slots.ts";
import { serverRoot } from "./server_url.ts";

/** The environment variable that holds the key where none is named. */
export const DEFAULT_KEY_VARIABLE = "OPENAI_API_KEY";

/** The most requests at a time. */
export const DEFAULT_CONCURRENCY = 8;

/** Keys shorter than this ("none", "EMPTY") are placeholders, whose letters may stand in any answer. */
const SHORTEST_SECRET = 8;

/** How to reach a server. */
export interface ConnectionOptions {
  /** Its address, with or without "/v1". */
  readonly url: string;
  /** The environment variable with its key; default: `DEFAULT_KEY_VARIABLE`, where that is set. */
  readonly apiKeyVariable?: string | undefined;
  /** The longest that one answer may take; default: 600. */
  readonly timeoutSeconds?: number | undefined;
  /** The most requests at a time; default: `DEFAULT_CONCURRENCY`, and never more than llama.cpp has slots. */
  readonly concurrency?: number | undefined;
  /** Ends all requests. */
  readonly signal?: AbortSignal | undefined;
  /** For tests. */
  readonly clock?: RetryClock | undefined;
}

/** An answer, good or bad. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * JSON over HTTP to one server: few requests at a time, those that failed in passing tried again. Deno itself goes by
 * HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Redirects are refused, as they could take the key to another host.
 */
export class ServerConnection {
  /** The server's address, without paths. */
  readonly url: string;
  readonly #key: string | undefined;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #clock: RetryClock;
  #slots: Slots;

  /** @throws UsageError for an address that is none, and for a key that is named and not there. */
  constructor(options: ConnectionOptions) {
    this.url = serverRoot(options.url);
    this.#key = keyIn(options.apiKeyVariable);
    this.#timeoutMs = 1000 * (options.timeoutSeconds ?? 600);
    this.#signal = options.signal;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#slots = new Slots(options.concurrency ?? DEFAULT_CONCURRENCY);
  }

  /** From now on at most this many requests at a time. */
  limit(concurrency: number): void {
    this.#slots = new Slots(concurrency);
  }

  /** The JSON that the server answers to `body`. Throws a UsageError for every other answer, and for none. */
  async post(path: string, body: unknown): Promise<unknown> {
    const reply = await this.request("POST", path, body);
    return this.json(path, reply);
  }

  /** The JSON of a reply. Throws a UsageError where it is a refusal or no JSON. */
  json(path: string, reply: Reply): unknown {
    const { status, text } = reply;
    if (status < 200 || status >= 300) throw refusalError(this.url, reply, triesOf(reply));
    try {
      return JSON.parse(text);
    } catch {
      throw unreadableError(this.url, path, text, "its answer is no JSON");
    }
  }

  /**
   * The server's answer, whatever its status.
   *
   * @throws UsageError where no whole answer comes; the signal's reason where it is aborted.
   */
  request(method: "GET" | "POST", path: string, body?: unknown): Promise<Reply> {
    return this.#slots.run(async () => {
      for (let retry = 0;; retry++) {
        const reply = await this.#tryOnce(method, path, body, retry);
        const isLast = retry >= RETRIES;
        if (reply && (isLast || !isRetryable(reply.status, reply.headers))) return reply;
        await this.#clock.sleep(retryWait(retry, reply?.headers, this.#clock), this.#signal);
      }
    });
  }

  /** Undefined where there was no whole answer and trying again may help. */
  async #tryOnce(
    method: string,
    path: string,
    body: unknown,
    retry: number,
  ): Promise<Reply | undefined> {
    const timeout = new AbortController();
    const timer = setTimeout(
      () => timeout.abort(new DOMException("timed out", "TimeoutError")),
      this.#timeoutMs,
    );
    try {
      const response = await fetch(this.url + path, {
        method,
        redirect: "manual",
        signal: this.#signal ? AbortSignal.any([this.#signal, timeout.signal]) : timeout.signal,
        headers: {
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = this.#withoutKey(await response.text());
      return { status: response.status, headers: response.headers, text };
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (retry >= RETRIES || isFinal(error)) throw connectionError(this.url, error, retry + 1);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Servers quote what they refuse, and some all that they were sent. */
  #withoutKey(text: string): string {
    if (this.#key === undefined || this.#key.length < SHORTEST_SECRET) return text;
    return text.replaceAll(this.#key, "[key]");
  }
}

/** How often it was asked for. */
function triesOf({ status, headers }: Reply): number {
  return isRetryable(status, headers) ? RETRIES + 1 : 1;
}

/** The key in the environment variable. */
function keyIn(variable: string | undefined): string | undefined {
  const name = variable ?? DEFAULT_KEY_VARIABLE;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    // It may be the key itself, which no message may show.
    throw new UsageError("--api-key-variable", "…", "give the variable's name, not the key");
  }
  let key: string | undefined;
  try {
    key = Deno.env.get(name)?.trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    if (variable === undefined) return undefined;
    throw new UsageError("--api-key-variable", name, "this task may not read it", { cause: error });
  }
  if (key === undefined || key === "") {
    if (variable === undefined) return undefined;
    throw new UsageError("--api-key-variable", name, "set it to the server's key");
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError(
      "--api-key-variable",
      name,
      "its value holds white space or letters that no key has: set it to the key alone",
    );
  }
  return key;
}
