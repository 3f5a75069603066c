import { RandomStream } from "../../numeric/random.ts";

/** The tokens: bytes of the tests' byte tokenizer, and its end token. */
const [A, B, END] = [97, 98, 259];

/** P(next is b | not at the end), by whether the last token is b. */
const TO_B = { b: 0.5, other: 0.375 } as const;
const ENDS = 0.2;

/**
 * The value of a state under the server's policy: the probability that a response ends with "b".
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
        data: [{ id: "markov", object: "model", owned_by: "test", max_model_len: contextLength }],
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
  readonly seed?: number;
  readonly stop?: string | readonly string[];
  readonly return_token_ids?: boolean;
}

let unseeded = 0;

function complete(prompt: readonly number[], body: Body, index: number) {
  const { max_tokens: most = 16, temperature = 1, seed, stop = [] } = body;
  const key = seed === undefined ? unseeded++ : seed + index;
  const random = new RandomStream({ seed: key, purpose: "markov", row: prompt.length });
  const tokens: number[] = [];
  let last = prompt.at(-1), reason = "length";
  while (tokens.length < most) {
    const isEnd = temperature > 0 && random.uniform() < ENDS;
    const p = last === B ? TO_B.b : TO_B.other;
    const isB = temperature > 0 ? random.uniform() < p : false;
    last = isEnd ? END : isB ? B : A;
    tokens.push(last);
    const isStop = [stop].flat().includes(String.fromCharCode(last));
    if (isEnd || isStop) {
      reason = "stop";
      break;
    }
  }
  const isCut = reason === "stop";
  const text = String.fromCharCode(...isCut ? tokens.slice(0, -1) : tokens);
  return { text, finish_reason: reason, token_ids: tokens };
}
