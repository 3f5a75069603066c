/**
 * Servers on loopback with the habits of the real ones, to test a client against: their fields, the shapes of their
 * answers and errors, what they ignore in silence. Behind them is a tiny language model over the characters of ASCII.
 */

/** What tells one server from another. */
export interface Habits {
  /** Of `/v1/models`; absent where there is no such list. */
  readonly ownedBy?: string;
  /** JSON at further paths. */
  readonly pages?: Readonly<Record<string, unknown>>;
  /** Of each model in the list. */
  readonly modelFields?: Readonly<Record<string, unknown>>;
  readonly endpoints: readonly ("completions" | "chat")[];
  /** The most choices; more are refused. 0: n is ignored. */
  readonly choices: number;
  readonly seeds: boolean;
  readonly cuts: readonly ("top_k" | "top_p" | "min_p")[];
  /** Shape of log-probabilities by endpoint; absent: ignored. */
  readonly logProbabilities: Readonly<
    Partial<Record<"completions" | "chat", "tokens" | "content">>
  >;
  readonly maxTop: number;
  readonly echo: boolean;
  readonly stop: "cut" | "kept" | "ignored";
  readonly ids: boolean;
  readonly idsBack: boolean;
  readonly forcing?: string;
  readonly masked: boolean;
  readonly chatPrefill: "continued" | "repeated" | "ignored";
  /** Fields that are refused by name, or all but these. */
  readonly refuses?: (body: Readonly<Record<string, unknown>>) => string | undefined;
  /** The error's body. */
  readonly error: (status: number, sentence: string) => unknown;
  readonly contextLength: number;
  /** /tokenize's answer; absent: no such endpoint. */
  readonly tokenize?: (ids: readonly number[], body: Readonly<Record<string, unknown>>) => unknown;
  /** `usage.completion_tokens` counts one choice only. */
  readonly countsOne: boolean;
  readonly finishReasons?: Readonly<Record<string, string>>;
}

/** Their model. */
export const MODEL = "tiny";

const openAiError = (status: number, message: string) => ({
  error: { message, type: status === 404 ? "NotFoundError" : "BadRequestError", code: status },
});

/** The habits of the servers, as of autumn 2026. */
export const HABITS = {
  vllm: {
    ownedBy: "vllm",
    modelFields: { max_model_len: 512, root: "/models/tiny" },
    pages: { "/version": { version: "0.32.0" } },
    endpoints: ["completions", "chat"],
    choices: 1000,
    seeds: true,
    cuts: ["top_k", "top_p", "min_p"],
    logProbabilities: { completions: "tokens", chat: "content" },
    maxTop: 20,
    echo: true,
    stop: "cut",
    ids: true,
    idsBack: true,
    forcing: "structured_outputs",
    masked: true,
    chatPrefill: "continued",
    error: openAiError,
    contextLength: 512,
    tokenize: (tokens) => ({ count: tokens.length, max_model_len: 512, tokens }),
    countsOne: false,
  },
  "llama.cpp": {
    ownedBy: "llamacpp",
    modelFields: { meta: { n_ctx: 256, n_ctx_train: 512, n_params: 97, size: 388 } },
    pages: {
      "/props": {
        default_generation_settings: { n_ctx: 256 },
        total_slots: 4,
        model_path: "/home/alice/tiny.gguf",
        chat_template: "{{ messages }}",
        build_info: "b1234-abcdef",
      },
    },
    endpoints: ["completions", "chat"],
    choices: 4,
    seeds: true,
    cuts: ["top_k", "top_p", "min_p"],
    logProbabilities: { completions: "content", chat: "content" },
    maxTop: 1000,
    echo: false,
    stop: "cut",
    ids: true,
    idsBack: false,
    forcing: "grammar",
    masked: false,
    chatPrefill: "repeated",
    error: (code, message) => ({ error: { code, message, type: "invalid_request_error" } }),
    contextLength: 256,
    tokenize: (tokens) => ({ tokens }),
    countsOne: true,
  },
  ollama: {
    ownedBy: "library",
    pages: {
      "/api/version": { version: "0.12.3" },
      "/api/tags": { models: [{ name: MODEL, digest: "a6990ed6be41" }] },
    },
    endpoints: ["completions", "chat"],
    choices: 0,
    seeds: true,
    cuts: ["top_p"],
    logProbabilities: {},
    maxTop: 0,
    echo: false,
    stop: "cut",
    ids: false,
    idsBack: false,
    masked: false,
    chatPrefill: "continued",
    refuses: ({ prompt }) =>
      typeof prompt === "object"
        ? "json: cannot unmarshal array into Go struct field CompletionRequest.prompt of type string"
        : undefined,
    error: (_, message) => ({
      error: { message, type: "invalid_request_error", param: null, code: null },
    }),
    contextLength: 4096,
    countsOne: true,
  },
  tgi: {
    pages: {
      "/info": { model_id: MODEL, model_sha: "0123abc", version: "3.3.6", max_total_tokens: 512 },
    },
    endpoints: ["completions", "chat"],
    choices: 0,
    seeds: true,
    cuts: ["top_p"],
    logProbabilities: { chat: "content" },
    maxTop: 5,
    echo: false,
    stop: "cut",
    ids: false,
    idsBack: false,
    forcing: "response_format",
    masked: true,
    chatPrefill: "ignored",
    refuses: ({ prompt, top_p }) =>
      typeof prompt === "object"
        ? "data did not match any variant of untagged enum Prompt"
        : typeof top_p === "number" && (top_p <= 0 || top_p >= 1)
        ? "Input validation error: `top_p` must be > 0.0 and < 1.0"
        : undefined,
    error: (_, error) => ({ error, error_type: "validation" }),
    contextLength: 512,
    tokenize: (ids, { inputs }) =>
      ids.map((id, i) => ({ id, text: String(inputs)[i], start: i, stop: i + 1 })),
    countsOne: true,
    finishReasons: { stop: "stop_sequence" },
  },
  transformers: {
    ownedBy: "HuggingFaceTB",
    pages: {
      "/openapi.json": { openapi: "3.1.0", paths: { "/load_model": {}, "/v1/models": {} } },
    },
    endpoints: ["completions", "chat"],
    choices: 0,
    seeds: true,
    cuts: ["top_p"],
    logProbabilities: {},
    maxTop: 0,
    echo: false,
    stop: "kept",
    ids: false,
    idsBack: false,
    masked: false,
    chatPrefill: "ignored",
    refuses: (body) => {
      const known = [
        ...[
          "model",
          "prompt",
          "messages",
          "max_tokens",
          "temperature",
          "top_p",
          "seed",
          "stop",
          "n",
        ],
        ...["frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "echo"],
      ];
      const unexpected = Object.keys(body).filter((name) => !known.includes(name));
      if (unexpected.length > 0) return `Unexpected fields in the request: {'${unexpected[0]}'}`;
      return typeof body.prompt === "object" ? "prompt must be a string." : undefined;
    },
    error: (_, detail) => ({ detail }),
    contextLength: 512,
    countsOne: true,
  },
} as const satisfies Record<string, Habits>;

/** A server that runs. */
export interface FakeServer extends AsyncDisposable {
  readonly url: string;
  /** What came in, in order. */
  readonly requests: { path: string; headers: Headers; body: Record<string, unknown> }[];
}

/** What answers before the server itself does; undefined lets it. */
export type Intercept = (
  request: Request,
  path: string,
) => Response | undefined | Promise<Response | undefined>;

/** Starts a server with these habits on a free port of this machine. */
export function serve(habits: Habits, intercept: Intercept = () => undefined): FakeServer {
  const requests: FakeServer["requests"] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const path = new URL(request.url).pathname;
    const text = await request.clone().text();
    const body = text === "" ? {} : JSON.parse(text);
    requests.push({ path, headers: request.headers, body });
    return await intercept(request, path) ?? answer(habits, path, body);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

type Body = Readonly<Record<string, unknown>>;

function answer(habits: Habits, path: string, body: Body): Response {
  const refuse = (status: number, sentence: string) =>
    Response.json(habits.error(status, sentence), { status });
  if (path === "/v1/models" && habits.ownedBy !== undefined) {
    const one = (id: string) => ({
      id,
      object: "model",
      owned_by: habits.ownedBy,
      ...habits.modelFields,
    });
    return Response.json({ object: "list", data: [one(MODEL)] });
  }
  const page = habits.pages?.[path];
  if (page !== undefined) return Response.json(page);
  if (path === "/tokenize" && habits.tokenize) {
    const text = [body.content, body.prompt, body.inputs].find((value) =>
      typeof value === "string"
    );
    return Response.json(habits.tokenize(encode(String(text)), body));
  }
  const endpoint = path === "/v1/completions"
    ? "completions"
    : path === "/v1/chat/completions"
    ? "chat"
    : undefined;
  if (!endpoint || !habits.endpoints.includes(endpoint)) return refuse(404, "Not Found");
  const refusal = habits.refuses?.(body);
  if (refusal !== undefined) return refuse(422, refusal);
  return complete(habits, endpoint, body, refuse);
}

function complete(
  habits: Habits,
  endpoint: "completions" | "chat",
  body: Body,
  refuse: (status: number, sentence: string) => Response,
): Response {
  const chat = endpoint === "chat" ? chatPrompt(habits, body) : undefined;
  const { prompt } = body;
  const ids = chat?.ids ?? (typeof prompt === "string" ? encode(prompt) : prompt as number[]);
  const maxTokens = Number(body.max_tokens);
  if (ids.length + maxTokens > habits.contextLength) {
    return refuse(
      400,
      `This model's maximum context length is ${habits.contextLength} tokens. However, you requested ${
        ids.length + maxTokens
      } tokens.`,
    );
  }
  const asked = Number(body.n ?? 1);
  if (habits.choices > 0 && asked > habits.choices) {
    return refuse(400, `n_cmpl cannot be greater than the number of slots`);
  }
  const top = chat
    ? (body.logprobs === true ? Number(body.top_logprobs) : undefined)
    : body.logprobs;
  const shape = top === undefined ? undefined : habits.logProbabilities[endpoint];
  if (shape && Number(top) > habits.maxTop) return refuse(400, `at most ${habits.maxTop} logprobs`);
  const pattern = habits.forcing === undefined ? undefined : body[habits.forcing];
  const count = habits.choices === 0 ? 1 : asked;
  let written = 0;
  const choices = Array.from({ length: count }, (_, index) => {
    const seed = habits.seeds && typeof body.seed === "number"
      ? body.seed + index
      : Math.random() * 2 ** 31;
    const steps = generate(habits, ids, body, seed, pattern !== undefined);
    let text = steps.map(({ token }) => token).join("");
    let finish = steps.length < maxTokens ? "stop" : "length";
    for (const ending of habits.stop === "ignored" ? [] : [body.stop ?? []].flat() as string[]) {
      const at = text.indexOf(ending);
      if (at < 0) continue;
      text = text.slice(0, habits.stop === "kept" ? at + ending.length : at);
      finish = "stop";
    }
    if (chat?.isContinued) text = ` seven, eight${text}`.slice(0, Math.max(1, maxTokens));
    if (chat && !chat.isContinued && chat.begun !== "") text = `one, two${text}`;
    written += steps.length;
    const isEchoed = habits.echo && body.echo === true;
    const own = isEchoed
      ? [...ids.map((id) => ({ ...steps[0]!, id, token: ALPHABET[id]! })), ...steps]
      : steps;
    return {
      index,
      ...(chat
        ? {
          message: {
            role: "assistant",
            content: (habits.chatPrefill === "repeated" && chat.isContinued ? chat.begun : "") +
              text,
          },
        }
        : { text: (isEchoed ? String(prompt) : "") + text }),
      finish_reason: habits.finishReasons?.[finish] ?? finish,
      logprobs: shape ? scores(own, Number(top), shape) : null,
      ...(habits.idsBack && body.return_token_ids === true
        ? { token_ids: steps.map(({ id }) => id) }
        : {}),
    };
  });
  const usage = {
    prompt_tokens: ids.length,
    completion_tokens: habits.countsOne ? Math.round(written / count) : written,
  };
  return Response.json({ id: "cmpl-1", object: "text_completion", model: MODEL, choices, usage });
}

function chatPrompt(habits: Habits, body: Body) {
  const messages = body.messages as { role: string; content: string }[];
  const last = messages.at(-1)!;
  const begun = last.role === "assistant" ? last.content : "";
  const isContinued = begun !== "" && (habits.chatPrefill === "repeated" ||
    habits.chatPrefill === "continued" &&
      (habits.ownedBy !== "vllm" || body.continue_final_message === true));
  return {
    ids: encode(messages.map(({ role, content }) => `${role}: ${content}\n`).join("")),
    begun,
    isContinued,
  };
}

/** Printable ASCII and the line feed. */
const ALPHABET = [...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)), "\n"];

/** One token a character. */
export function encode(text: string): number[] {
  return [...text].map((character) => Math.max(0, ALPHABET.indexOf(character)));
}

interface Step {
  readonly id: number;
  readonly token: string;
  readonly logprob: number;
  /** Of all tokens, the likeliest first. */
  readonly all: readonly {
    readonly id: number;
    readonly token: string;
    readonly logprob: number;
  }[];
}

/** Log-probabilities after a token: any, but digits are rare. */
function distribution(last: number, isDigitsOnly: boolean): Step["all"] {
  const logits = ALPHABET.map((token, id) =>
    /\d/.test(token)
      ? -12 + chance(last * 131 + id)
      : isDigitsOnly
      ? -Infinity
      : 7 * chance(last * 97 + id)
  );
  const total = Math.log(logits.map(Math.exp).reduce((a, b) => a + b));
  return logits.map((logit, id) => ({ id, token: ALPHABET[id]!, logprob: logit - total }))
    .filter(({ logprob }) => logprob > -Infinity).sort((a, b) => b.logprob - a.logprob);
}

function generate(
  habits: Habits,
  prompt: readonly number[],
  body: Body,
  seed: number,
  isForced: boolean,
): Step[] {
  const number = (name: "top_k" | "top_p" | "min_p", none: number) =>
    habits.cuts.includes(name) ? Number(body[name] ?? none) : none;
  const temperature = Number(body.temperature ?? 1), steps: Step[] = [];
  const topK = number("top_k", 0), topP = number("top_p", 1), minP = number("min_p", 0);
  let last = prompt.at(-1) ?? 0;
  const length = Math.min(Number(body.max_tokens), isForced ? 3 : Infinity);
  for (let i = 0; i < length; i++) {
    const told = distribution(last, isForced && habits.masked);
    let kept = [...distribution(last, isForced)];
    if (temperature === 0) kept = kept.slice(0, 1);
    if (topK > 0) kept = kept.slice(0, topK);
    kept = kept.filter(({ logprob }) => Math.exp(logprob) >= minP * Math.exp(kept[0]!.logprob));
    let mass = 0;
    kept = kept.filter(({ logprob }) => (mass += Math.exp(logprob)) - Math.exp(logprob) < topP);
    const weights = kept.map(({ logprob }) =>
      Math.exp((logprob - kept[0]!.logprob) / (temperature || 1))
    );
    let draw = chance(seed * 7919 + i) * weights.reduce((a, b) => a + b);
    const at = weights.findIndex((weight) => (draw -= weight) < 0);
    const { id } = kept[at < 0 ? 0 : at]!;
    steps.push({ ...told.find((one) => one.id === id)!, all: told });
    last = id;
  }
  return steps;
}

/** In [0, 1), the same for the same number. */
function chance(key: number): number {
  let x = Math.imul(Math.floor(key) ^ 0x9e3779b9, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

function scores(steps: readonly Step[], top: number, shape: "tokens" | "content"): unknown {
  if (shape === "tokens") {
    return {
      text_offset: steps.map((_, i) => i),
      tokens: steps.map(({ token }) => token),
      token_logprobs: steps.map(({ logprob }) => logprob),
      top_logprobs: steps.map(({ all }) =>
        Object.fromEntries(all.slice(0, top).map(({ token, logprob }) => [token, logprob]))
      ),
    };
  }
  return {
    content: steps.map(({ id, token, logprob, all }) => ({
      id,
      token,
      bytes: [...new TextEncoder().encode(token)],
      logprob,
      top_logprobs: all.slice(0, top),
    })),
  };
}
