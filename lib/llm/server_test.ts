import assert from "node:assert/strict";
import { FULL_SAMPLING, GREEDY } from "./language_model.ts";
import { openServer, type ServerModel } from "./server.ts";
import type { ServerAbilities } from "./server_abilities.ts";
import { SYSTEM_CLOCK } from "./retry.ts";
import { encode, HABITS, type Habits, type Intercept, MODEL, serve } from "./wire/testing.ts";

const KEY = "sk-secret-0123456789";
const PROMPT = "The sum of 3 and 4";

/** Waits for nothing, and notes how long it would have been. */
function impatient() {
  const waits: number[] = [];
  const clock = {
    ...SYSTEM_CLOCK,
    random: () => 0,
    sleep: (ms: number) => Promise.resolve(void waits.push(ms)),
  };
  return { waits, clock };
}

Deno.test("one request brings all completions, each as its own seed would bring it alone", async () => {
  for (const kind of ["vllm", "llama.cpp"] as const) {
    await using server = serve(HABITS[kind]);
    using model = await openServer({ url: `${server.url}/v1` });
    assert.equal(model.name, MODEL);
    server.requests.length = 0;
    const request = { prompt: encode(PROMPT), sampling: FULL_SAMPLING, maxTokens: 12 };
    const together = await model.complete({ ...request, count: 6, seed: 40 });
    const alone = [];
    for (let i = 0; i < 6; i++) alone.push(...await model.complete({ ...request, seed: 40 + i }));
    assert.deepEqual(together.map(({ text }) => text), alone.map(({ text }) => text));
    assert.equal(new Set(together.map(({ text }) => text)).size, 6);
    const { maxChoices } = model.abilities;
    const sizes = server.requests.slice(0, Math.ceil(6 / maxChoices)).map(({ body }) =>
      body.n ?? 1
    );
    assert.deepEqual(sizes, maxChoices === 4 ? [4, 2] : [6]);
    assert.deepEqual(model.ignored, []);
  }
});

Deno.test("sampling is sent in full, and what would change the policy is switched off", async () => {
  await using server = serve(HABITS.vllm);
  using model = await openServer({ url: server.url });
  server.requests.length = 0;
  await model.complete({
    prompt: PROMPT,
    sampling: FULL_SAMPLING,
    maxTokens: 3,
    stop: ["x"],
    seed: 0,
  });
  assert.deepEqual(server.requests[0]!.body, {
    model: MODEL,
    prompt: PROMPT,
    max_tokens: 3,
    temperature: 1,
    top_p: 1,
    top_k: 0,
    min_p: 0,
    frequency_penalty: 0,
    presence_penalty: 0,
    repetition_penalty: 1,
    seed: 0,
    stop: ["x"],
    return_token_ids: true,
  });
});

Deno.test("log-probabilities of both shapes are the same, and add up", async () => {
  const tops = [];
  for (const kind of ["vllm", "llama.cpp"] as const) {
    await using server = serve(HABITS[kind]);
    using model = await openServer({ url: server.url });
    const [completion] = await model.complete({
      prompt: PROMPT,
      sampling: GREEDY,
      maxTokens: 4,
      topLogProbabilities: 7,
    });
    const scored = completion!.logProbabilities!;
    assert.equal(scored.map(({ token }) => token).join(""), completion!.text);
    for (const { token, logProbability, top } of scored) {
      assert.equal(top.length, 7);
      assert.equal(top[0]!.token, token, "greedy takes the likeliest");
      assert.equal(top[0]!.logProbability, logProbability);
      assert(top.every((one, i) => i === 0 || one.logProbability <= top[i - 1]!.logProbability));
    }
    tops.push(
      scored.map(({ top }) => top.map(({ token, logProbability }) => [token, logProbability])),
    );
  }
  assert.deepEqual(tops[0], tops[1]);
});

Deno.test("what a server ignores is done here or said once", async () => {
  await using server = serve({ ...HABITS.ollama, stop: "ignored", seeds: false } as Habits);
  const notes: string[] = [];
  using model = await openServer({ url: server.url, onNote: (note) => notes.push(note) });
  const request = {
    prompt: PROMPT,
    sampling: { temperature: 1, topP: 1, topK: 5, minP: 0.1 },
    maxTokens: 30,
    count: 3,
    seed: 1,
    topLogProbabilities: 5,
    pattern: "[0-9]",
  };
  const plain = await model.complete(request);
  assert.equal(plain.length, 3);
  const character = plain[0]!.text[10]!;
  const stopped = await model.complete({ ...request, stop: [character] });
  assert(stopped.every(({ text }) => !text.includes(character)));
  assert(plain.every(({ logProbabilities }) => logProbabilities === undefined));
  const what = [
    ...["top_k 5: its own default holds", "min_p 0.1: its own default holds", "seed"],
    ...["log-probabilities", "the pattern of the answer"],
  ];
  assert.deepEqual(model.ignored, what);
  assert.deepEqual(notes, what.map((name) => `${MODEL}: the server does not do this: ${name}`));
  await assert.rejects(
    model.complete({ ...request, prompt: [1, 2] }),
    /UsageError: server: "tiny": it takes no token ids: use vLLM or llama.cpp/,
  );
});

Deno.test("chat turns go to chat, begun ones are gone on with, and only what is new comes back", async () => {
  const begun = [
    { role: "user", content: "Count to eight" },
    { role: "assistant", content: "six," },
  ] as const;
  const request = { prompt: begun, sampling: GREEDY, maxTokens: 13 };
  for (const kind of ["vllm", "llama.cpp", "ollama"] as const) {
    await using server = serve(HABITS[kind]);
    using model = await openServer({ url: server.url });
    assert.equal((await model.complete(request))[0]!.text, " seven, eight", kind);
    assert.equal(server.requests.at(-1)!.path, "/v1/chat/completions");
  }
  await goneBad(
    () => Response.json({ choices: [{ message: { content: "Six, seven" } }] }),
    (model) =>
      assert.rejects(model.complete(request), /does not go on with the one that was begun/),
    HABITS["llama.cpp"],
  );
  await using server = serve(HABITS.transformers);
  using model = await openServer({ url: server.url });
  await assert.rejects(model.complete(request), /does not go on with a turn of the assistant's/);
  assert.equal((await model.complete({ ...request, prompt: begun.slice(0, 1) })).length, 1);
  assert.deepEqual(model.ignored, [], "what cuts off makes no difference to greedy answers");
});

Deno.test("a server without completions gets text as a turn of a chat, and that is said", async () => {
  await using server = serve({ ...HABITS.vllm, endpoints: ["chat"] });
  using model = await openServer({ url: server.url });
  await model.complete({ prompt: PROMPT, sampling: GREEDY, maxTokens: 3, topLogProbabilities: 2 });
  const { path, body } = server.requests.at(-1)!;
  assert.equal(path, "/v1/chat/completions");
  assert.deepEqual(body.messages, [{ role: "user", content: PROMPT }]);
  assert.deepEqual([body.logprobs, body.top_logprobs], [true, 2]);
  assert.match(model.ignored.join(), /plain prompt/);
  await assert.rejects(
    model.complete({ prompt: [1], sampling: GREEDY, maxTokens: 3 }),
    /token ids/,
  );
});

Deno.test("a forced answer has the pattern's form, and one that has not is refused", async () => {
  await using server = serve(HABITS["llama.cpp"]);
  using model = await openServer({ url: server.url });
  const request = { prompt: PROMPT, sampling: FULL_SAMPLING, maxTokens: 9, pattern: "[0-9]{3}" };
  assert.match((await model.complete(request))[0]!.text, /^[0-9]{3}$/);
  // This server knows digits only.
  await assert.rejects(
    model.complete({ ...request, pattern: "[a-z]" }),
    /does not match the pattern \[a-z\]/,
  );
  await assert.rejects(
    model.complete({ ...request, pattern: "[a-z" }),
    /UsageError: pattern: "\[a-z"/,
  );
});

const probed = new Map<Habits, Promise<ServerAbilities>>();

/** What was found out about a server with these habits. */
function abilitiesOf(habits: Habits): Promise<ServerAbilities> {
  const known = probed.get(habits) ?? (async () => {
    await using server = serve(habits);
    using model = await openServer({ url: server.url });
    return model.abilities;
  })();
  probed.set(habits, known);
  return known;
}

/** Opens a good server that goes bad afterwards. */
async function goneBad(
  answer: (request: Request) => Response | Promise<Response>,
  act: (model: ServerModel, seen: { waits: number[]; asked: () => number }) => Promise<void>,
  habits: Habits = HABITS.vllm,
): Promise<void> {
  let isBad = false, asked = 0;
  const intercept: Intercept = (request) => {
    if (!isBad) return undefined;
    asked++;
    return answer(request);
  };
  await using server = serve(habits, intercept);
  const { waits, clock } = impatient();
  Deno.env.set("GENAC_TEST_KEY", KEY);
  try {
    using model = await openServer({
      url: server.url,
      clock,
      apiKeyVariable: "GENAC_TEST_KEY",
      abilities: await abilitiesOf(habits),
    });
    isBad = true;
    await act(model, { waits, asked: () => asked });
  } finally {
    Deno.env.delete("GENAC_TEST_KEY");
  }
}

const ask = (model: ServerModel, prompt: string | number[] = PROMPT) =>
  model.complete({ prompt, sampling: GREEDY, maxTokens: 3 });

Deno.test("what fails in passing is asked three times, waiting as the server says", async () => {
  let left = 2;
  await goneBad(
    () => {
      if (left-- > 0) {
        return new Response("busy", { status: 503, headers: { "retry-after": "7" } });
      }
      return Response.json({ choices: [{ text: "7", finish_reason: "stop" }] });
    },
    async (model, { waits, asked }) => {
      assert.equal((await ask(model))[0]!.text, "7");
      assert.deepEqual([asked(), waits], [3, [7000, 7000]]);
    },
  );
});

Deno.test("refusals are errors with the server's sentence and a remedy, and never with the key", async () => {
  const cases: readonly (readonly [number, unknown, RegExp, number])[] = [
    [
      400,
      { error: { message: "maximum context length is 512 tokens\u001b[2J", code: 400 } },
      /HTTP 400, "maximum context length is 512 tokens\\+x1b\[2J": give a shorter prompt/,
      1,
    ],
    [
      400,
      { detail: [{ loc: ["body"], msg: "Input should be valid" }] },
      /"Input should be valid": it refuses the request/,
      1,
    ],
    [
      401,
      { error: { message: `Incorrect API key provided: ${KEY}.` } },
      /"Incorrect API key provided: \[key\]\.": put a valid key into/,
      1,
    ],
    [
      404,
      { error: { message: "The model `tiny` does not exist." } },
      /does not exist\.": no such endpoint or model: deno task probe-server/,
      1,
    ],
    [
      422,
      { error: "Input validation error", error_type: "validation" },
      /"Input validation error"/,
      1,
    ],
    [
      429,
      { object: "error", message: "slow down" },
      /HTTP 429, "slow down" \(after 3 tries\): too many requests/,
      3,
    ],
    [
      500,
      { error: { message: "CPU Generator does not use offset" } },
      /HTTP 500, "CPU Generator .*look into its log/,
      3,
    ],
  ];
  for (const [status, body, message, tries] of cases) {
    await goneBad(() => Response.json(body, { status }), async (model, { asked }) => {
      await assert.rejects(ask(model), (error: Error) => {
        assert.equal(error.name, "UsageError");
        assert.match(error.message, message);
        return !error.message.includes(KEY);
      });
      assert.equal(asked(), tries);
    });
  }
});

Deno.test("answers that are no answers", async () => {
  const page = "<!DOCTYPE html><title>Sign in</title>";
  const cases: readonly (readonly [() => Response, RegExp])[] = [
    [
      () => new Response(page, { headers: { "content-type": "text/html" } }),
      /a web page came back instead of JSON/,
    ],
    [
      () => new Response(page, { status: 502 }),
      /HTTP 502 \(after 3 tries\): the server, or a proxy before it, failed/,
    ],
    [
      () => new Response(null, { status: 307, headers: { location: "http://evil.example/" } }),
      /give http:\/\/evil\.example\/ as the server/,
    ],
    [() => new Response('{"choices": ['), /its answer is no JSON: "\{\\"choices/],
    [() => Response.json({ answer: 7 }), /another shape \(choices: /],
    [() => Response.json({ choices: [] }), /0 completions came for the 1 asked for/],
    [
      () => Response.json({ error: null, choices: [{ text: 7 }] }),
      /another shape \(choices\.0\.text/,
    ],
  ];
  for (const [answer, message] of cases) {
    await goneBad(answer, async (model) => {
      await assert.rejects(ask(model), { name: "UsageError", message });
    });
  }
});

Deno.test("an answer that breaks off", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      const request = new Uint8Array(4096);
      const length = await connection.read(request) ?? 0;
      const isPost = new TextDecoder().decode(request.subarray(0, length)).startsWith("POST");
      const answer = isPost
        ? 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"choices": ['
        : "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
      await connection.write(new TextEncoder().encode(answer));
      connection.close();
    }
  })();
  const { clock, waits } = impatient();
  using model = await openServer({
    url: `http://127.0.0.1:${listener.addr.port}`,
    clock,
    model: MODEL,
    abilities: await abilitiesOf(HABITS.vllm),
  });
  await assert.rejects(
    ask(model),
    /the answer broke off: .*finished work is kept \(after 3 tries\)/,
  );
  assert.deepEqual(waits, [500, 1000]);
  listener.close();
  await serving;
});

Deno.test("an answer that takes too long is given up", async () => {
  const { clock } = impatient();
  await using server = serve(HABITS.vllm, async (request) => {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 5000);
      request.signal.addEventListener("abort", () => resolve(clearTimeout(timer)));
    });
    return Response.json({});
  });
  await assert.rejects(
    openServer({ url: server.url, timeoutSeconds: 0.05, clock }),
    /no whole answer in time.*\(after 3 tries\): timed out/,
  );
});

Deno.test("an abort ends what is under way with its own reason", async () => {
  const controller = new AbortController();
  await using server = serve(HABITS.vllm, () => {
    controller.abort(new Error("stopped by hand"));
    return undefined;
  });
  await assert.rejects(
    openServer({ url: server.url, signal: controller.signal }),
    /stopped by hand/,
  );
});

Deno.test("a server that reads less than the prompt, or gives fewer log-probabilities, is found out", async () => {
  const answer = { choices: [{ text: "7", finish_reason: "stop" }], usage: { prompt_tokens: 2 } };
  await goneBad(() => Response.json(answer), async (model) => {
    await assert.rejects(
      ask(model, [1, 2, 3]),
      /read only 2 of the prompt's 3 tokens.*probe-server/,
    );
    assert.equal((await ask(model, [1, 2]))[0]!.text, "7");
    await assert.rejects(
      model.complete({ prompt: PROMPT, sampling: GREEDY, maxTokens: 3, topLogProbabilities: 2 }),
      /no log-probabilities came/,
    );
  });
});

Deno.test("of several completions the failed one is told when the others are there", async () => {
  await using server = serve({ ...HABITS.ollama, seeds: true } as Habits, async (request, path) => {
    if (path !== "/v1/completions") return undefined;
    const { seed } = await request.clone().json();
    return seed === 101 ? Response.json({ error: { message: "no" } }, { status: 400 }) : undefined;
  });
  using model = await openServer({ url: server.url });
  server.requests.length = 0;
  await assert.rejects(
    model.complete({ prompt: PROMPT, sampling: FULL_SAMPLING, maxTokens: 3, count: 5, seed: 99 }),
    /HTTP 400, "no"/,
  );
  assert.deepEqual(
    server.requests.map(({ body }) => body.seed).sort(),
    [100, 101, 102, 103, 99].sort(),
  );
});

Deno.test("never more requests at a time than allowed, and than llama.cpp has slots", async () => {
  for (
    const [habits, concurrency, expected] of [[HABITS.vllm, 3, 3], [
      HABITS["llama.cpp"],
      9,
      4,
    ]] as const
  ) {
    let running = 0, most = 0;
    await using server = serve(habits, async (_, path) => {
      if (path !== "/v1/completions") return undefined;
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      return undefined;
    });
    using model = await openServer({ url: server.url, concurrency });
    await Promise.all(Array.from({ length: 20 }, () => ask(model)));
    assert.equal(most, expected);
  }
});

Deno.test("the model is the only one, the one that is named, or an error that lists them", async () => {
  const models = (...ids: string[]) => (_: Request, path: string) =>
    path === "/v1/models"
      ? Response.json({ data: ids.map((id) => ({ id, owned_by: "library" })) })
      : undefined;
  {
    await using server = serve(HABITS.ollama, models("llama3:latest", "qwen3:8b"));
    await assert.rejects(
      openServer({ url: server.url }),
      /--model: "": the server has several: choose from llama3:latest, qwen3:8b/,
    );
    await assert.rejects(
      openServer({ url: server.url, model: "qwen" }),
      /--model: "qwen": .*the server has llama3:latest, qwen3:8b/,
    );
    using model = await openServer({ url: server.url, model: "llama3" });
    assert.equal(model.name, "llama3:latest");
  }
  {
    await using server = serve(HABITS.ollama, models());
    await assert.rejects(openServer({ url: server.url }), /the server lists none: give its name/);
  }
});

Deno.test("the key goes with each request, and a variable without one is an error", async () => {
  await goneBad(() => Response.json({}, { status: 404 }), async (model) => {
    await assert.rejects(ask(model));
  });
  await using server = serve(HABITS.vllm);
  Deno.env.set("GENAC_TEST_KEY", ` ${KEY}\n`);
  try {
    using _ = await openServer({ url: server.url, apiKeyVariable: "GENAC_TEST_KEY" });
    assert(
      server.requests.every(({ headers }) => headers.get("authorization") === `Bearer ${KEY}`),
    );
    Deno.env.set("GENAC_TEST_KEY", "two words");
    await assert.rejects(
      openServer({ url: server.url, apiKeyVariable: "GENAC_TEST_KEY" }),
      (error: Error) => /white space/.test(error.message) && !error.message.includes("two words"),
    );
  } finally {
    Deno.env.delete("GENAC_TEST_KEY");
  }
  await assert.rejects(
    openServer({ url: server.url, apiKeyVariable: "GENAC_TEST_KEY" }),
    /--api-key-variable: "GENAC_TEST_KEY": set it/,
  );
  await assert.rejects(
    openServer({ url: server.url, apiKeyVariable: KEY }),
    (error: Error) => /not the key/.test(error.message) && !error.message.includes(KEY),
  );
});

Deno.test("nobody there, no TLS there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { clock, waits } = impatient();
  await assert.rejects(
    openServer({ url: `http://127.0.0.1:${port}`, clock }),
    /nothing answers there: start the server.*\(after 3 tries\): client error \(Connect\)/,
  );
  assert.equal(waits.length, 2);
  await using server = serve(HABITS.vllm);
  await assert.rejects(
    openServer({ url: server.url.replace("http", "https"), clock }),
    /it does not speak TLS: write http:\/\//,
  );
  assert.equal(waits.length, 2, "trying again cannot help");
});
