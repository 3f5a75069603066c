import { RandomStream } from "../../numeric/random.ts";

/** The tokens: bytes of the tests' byte tokenizer, and its end token. */
const [A, B, END] = [97, 98, 259];

/** P(next is b | not at the end), by whether the last token is b. */
const TO_B = { b: 0.5, other: 0.375 } as const;
const ENDS = 0.2;
/** Responses to prompts that begin otherwise never end, so that whoever tries out the server gets text to compare. */
const PROMPT = 112;

/**
 * The value of a state under the server's policy: the probability that a response to a prompt that begins with "p" ends
 * with "b".
 *
 * @param last The state's last character.
 * @param left How many tokens may be written.
 */
export function markovValue(last: string, left: number): number {
  let [b, other] = [1, 0];
  for (let i = 0; i < left; i++) {
    const value = (p: number, now: number) => ENDS * now + (1 - ENDS) * (p * b + (1 - p) * other);
    [b, other] = [value(TO_B.b, 1), value(TO_B.other, 0)];
  }
  return last === "b" ? b : other;
}

/** A small OpenAI-compatible server of completions, whose model is a Markov chain. */
export interface MarkovServer extends AsyncDisposable {
  readonly url: string;
  /** Completions written so far. */
  readonly completions: number;
}

/** How it behaves. */
export interface MarkovServerOptions {
  /** Takes text only. */
  readonly textOnly?: boolean;
  /** Answers with an error from this completion on. */
  readonly failsAt?: number;
  /** Milliseconds that an answer takes. */
  readonly delay?: number;
  readonly contextLength?: number;
}

/** Starts it on loopback. */
export function startMarkovServer(options: MarkovServerOptions = {}): MarkovServer {
  const { textOnly = false, failsAt = Infinity, delay = 0, contextLength = 4096 } = options;
  let completions = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/models") {
      return Response.json({
        object: "list",
        data: [{ id: "markov", object: "model", owned_by: "vllm", max_model_len: contextLength }],
      });
    }
    if (pathname !== "/v1/completions") return new Response("not found", { status: 404 });
    const body = await request.json();
    if (textOnly && typeof body.prompt !== "string") {
      return Response.json({ error: { message: "prompt: a string is needed" } }, { status: 400 });
    }
    const prompt: number[] = typeof body.prompt === "string"
      ? [...new TextEncoder().encode(body.prompt)]
      : body.prompt;
    if (prompt.length + (body.max_tokens ?? 16) > contextLength) {
      return Response.json({ error: { message: "too long" } }, { status: 400 });
    }
    const n = body.n ?? 1;
    completions += n;
    if (completions >= failsAt) {
      return Response.json({ error: { message: "out of memory" } }, { status: 500 });
    }
    await new Promise((resolve) => setTimeout(resolve, delay));
    const choices = Array.from(
      { length: n },
      (_, index) => ({ index, ...complete(prompt, body, index) }),
    );
    const written = choices.reduce((sum, { token_ids }) => sum + token_ids.length, 0);
    return Response.json({
      ...{ id: "x", object: "text_completion", created: 0, model: "markov", choices },
      usage: { prompt_tokens: prompt.length, completion_tokens: written },
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    get completions() {
      return completions;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

interface Body {
  readonly max_tokens?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly min_p?: number;
  readonly seed?: number;
  readonly stop?: string | readonly string[];
}

let unseeded = 0;

function complete(prompt: readonly number[], body: Body, index: number) {
  const { max_tokens: most = 16, seed, stop = [] } = body;
  const key = seed === undefined ? unseeded++ : seed + index;
  const random = new RandomStream({ seed: key, purpose: "markov", row: prompt.length });
  const ends = prompt[0] === PROMPT ? ENDS : 0;
  const tokens: number[] = [];
  let text = "", last = prompt.at(-1);
  while (tokens.length < most) {
    last = draw(last === B ? TO_B.b : TO_B.other, ends, body, random);
    tokens.push(last);
    if (last === END) return { text, finish_reason: "stop", token_ids: tokens };
    text += String.fromCharCode(last);
    const ending = [stop].flat().find((ending) => text.endsWith(ending));
    if (ending !== undefined) {
      text = text.slice(0, -ending.length);
      return { text, finish_reason: "stop", token_ids: tokens };
    }
  }
  return { text, finish_reason: "length", token_ids: tokens };
}

/** The next token, of those that the sampling leaves. */
function draw(
  toB: number,
  ends: number,
  { temperature = 1, top_p = 1, top_k = 0, min_p = 0 }: Body,
  random: RandomStream,
): number {
  const flatten = (p: number) => temperature === 1 ? p : p ** (1 / Math.max(temperature, 1e-3));
  const ranked = ([[A, (1 - ends) * (1 - toB)], [B, (1 - ends) * toB], [END, ends]] as const)
    .map(([token, p]) => ({ token, p: flatten(p) })).sort((x, y) => y.p - x.p);
  let before = 0;
  const total = ranked.reduce((sum, { p }) => sum + p, 0);
  const left = ranked.filter(({ p }, rank) => {
    const isLeft = rank === 0 ||
      (top_k <= 0 || rank < top_k) && before < top_p * total && p >= min_p * ranked[0]!.p;
    before += p;
    return isLeft;
  });
  let u = random.uniform() * left.reduce((sum, { p }) => sum + p, 0);
  for (const { token, p } of left) if ((u -= p) < 0) return token;
  return left.at(-1)!.token;
}
