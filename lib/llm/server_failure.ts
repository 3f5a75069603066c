import { UsageError } from "../errors.ts";
import { printable } from "../rollouts/printable.ts";

/** A server's sentence is shown up to here. */
const LONGEST_SENTENCE = 400;

const PROXY_KEY =
  "the proxy wants a name and password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT (or HTTP_PROXY)";

/** An answer that says no. */
export interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Whether a server's sentence complains of a prompt that is too long. */
export function isTooLong(sentence: string): boolean {
  return /context|too long|maximum .*length|max_model_len|max_total_tokens|inputs? tokens/i
    .test(sentence);
}

/** The error of an answer that is no success, with the server's own sentence and the remedy. */
export function refusalError(url: string, refusal: Refusal, tries: number): UsageError {
  const { status, headers, text } = refusal;
  const sentence = refusalSentence(text);
  const said = `HTTP ${status}${sentence === "" ? "" : `, ${JSON.stringify(sentence)}`}`;
  const after = tries > 1 ? ` (after ${tries} tries)` : "";
  return new UsageError("server", url, `${said}${after}: ${remedy(status, headers, sentence)}`);
}

function remedy(status: number, headers: Headers, sentence: string): string {
  if (status >= 300 && status < 400) {
    const target = printable(headers.get("location") ?? "another address", LONGEST_SENTENCE);
    return `it sends elsewhere, which could take a key along: give ${target} as the server`;
  }
  switch (status) {
    case 401:
    case 403:
      return "put a valid key into an environment variable and name it by --api-key-variable";
    case 404:
      return "no such endpoint or model: deno task probe-server lists what it has";
    case 407:
      return PROXY_KEY;
    case 503:
      return "it is busy, or still loads its model: wait, and run the command again";
    case 429:
      return "too many requests: wait, or ask for fewer at a time";
  }
  if (status === 502 || status === 504) {
    return "the server, or a proxy before it, failed: look into the server's log; for one on this machine set " +
      "NO_PROXY=127.0.0.1,localhost";
  }
  if (status >= 500) return "the server failed: look into its log; finished work is kept";
  if (isTooLong(sentence)) {
    return "give a shorter prompt, ask for fewer tokens, or start the server with a longer context";
  }
  return "it refuses the request: deno task probe-server says what it takes";
}

/** What an error's body says, for people: the sentence inside the JSON of the servers that are known, else its beginning. */
export function refusalSentence(text: string): string {
  if (isWebPage(text)) return "";
  let said: unknown = text;
  try {
    said = sentenceIn(JSON.parse(text)) ?? text;
  } catch { /* Plain text. */ }
  return printable(String(said).replaceAll(/\s+/g, " ").trim(), LONGEST_SENTENCE);
}

/** OpenAI, vLLM, llama.cpp, Ollama: `error.message`; TGI: `error`; vLLM before 0.10: `message`; FastAPI: `detail`. */
function sentenceIn(json: unknown): string | undefined {
  if (typeof json === "string") return json;
  if (Array.isArray(json)) return sentenceIn(json[0]);
  if (typeof json !== "object" || json === null) return undefined;
  const fields = json as Record<string, unknown>;
  for (const name of ["error", "message", "detail", "msg"]) {
    const found = sentenceIn(fields[name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether the body is HTML. */
export function isWebPage(text: string): boolean {
  return /^\s*<(!doctype|html|head|body)/i.test(text);
}

/** The error of a success whose body cannot be read. */
export function unreadableError(url: string, path: string, text: string, why: string): UsageError {
  if (isWebPage(text)) {
    return new UsageError(
      "server",
      url + path,
      "a web page came back instead of JSON: give the address of the API, not of a site or a login page",
    );
  }
  const start = printable(text, 80);
  return new UsageError(
    "server",
    url + path,
    `${why}: ${JSON.stringify(start)}: is this an OpenAI-compatible server?`,
  );
}

/** The error of a request that got no whole answer. */
export function connectionError(url: string, error: unknown, tries: number): UsageError {
  const reason = reasonOf(error);
  const after = tries > 1 ? ` (after ${tries} tries)` : "";
  return new UsageError("server", url, `${remedyOf(reason, error)}${after}: ${reason}`, {
    cause: error,
  });
}

/** Whether trying again cannot help: there is no permission, or no trust. */
export function isFinal(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    /certificate|tls|ssl|InvalidContentType|corrupt message|proxy authentication/i
      .test(reasonOf(error));
}

/** The innermost cause, without the address that stands before it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return printable(error.message.replace(/^.*?(?=client error)/s, ""));
}

function remedyOf(reason: string, error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return "the task may not go there: name this server by the task's flag";
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return "no whole answer in time: is it overloaded? Ask for fewer at a time";
  }
  if (/InvalidContentType|corrupt message/i.test(reason)) {
    return "it does not speak TLS: write http:// for https://";
  }
  if (/invalid HTTP version/i.test(reason)) {
    return "it does not speak HTTP: is it https:// for http://?";
  }
  if (/proxy authentication/i.test(reason)) return PROXY_KEY;
  if (/unsuccessful tunnel/i.test(reason)) {
    return "the proxy does not connect to it: look at HTTPS_PROXY, or name the host in NO_PROXY";
  }
  if (/certificate|tls|ssl/i.test(reason)) {
    return "its certificate is not trusted: DENO_TLS_CA_STORE=system, or DENO_CERT=FILE with your authority's";
  }
  if (/dns error|failed to lookup/i.test(reason)) {
    return "no host of that name: check it; behind a proxy set HTTPS_PROXY or HTTP_PROXY";
  }
  if (/\(Connect\)|refused|unreachable|blocked/i.test(reason)) {
    return "nothing answers there: start the server, or give its address and port";
  }
  return "the answer broke off: look into the server's log; finished work is kept";
}
