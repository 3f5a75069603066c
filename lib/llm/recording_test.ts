import assert from "node:assert/strict";
import { type Completion, FULL_SAMPLING, GREEDY } from "./language_model.ts";
import { ROOT } from "../root.ts";
import { Recording } from "./recording.ts";
import { openServer } from "./server.ts";
import { HABITS, MODEL, serve } from "./wire/testing.ts";

/** A path in a folder of its own, with a space in it, that is gone afterwards. */
async function withPath(act: (path: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "answers of " });
  try {
    await act(`${folder}/tiny.jsonl`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const sampled = (prompt: string, sample: number) =>
  ({ prompt, sampling: FULL_SAMPLING, maxTokens: 6, count: 3, sample }) as const;

/** Requests of all sorts; without a seed, so that the server answers differently each time. */
const REQUESTS = [
  ...["What is 3+4?", "What is 3+5?"].flatMap((prompt) => [0, 3, 6].map((n) => sampled(prompt, n))),
  { prompt: [1, 17, 4], sampling: GREEDY, maxTokens: 4, topLogProbabilities: 3, stop: ["z"] },
  { prompt: [{ role: "user", content: "3+4?" }], sampling: FULL_SAMPLING, maxTokens: 5 },
  { prompt: "3+4=", sampling: GREEDY, maxTokens: 5, pattern: "[0-9]{3}" },
] as const;

Deno.test("a recording answers without a server as the server did, in any order and all at once", async () => {
  await withPath(async (path) => {
    const answers: Completion[][] = [];
    {
      await using server = serve(HABITS.vllm);
      using model = await openServer({ url: server.url, recording: { path, mode: "record" } });
      for (const request of REQUESTS) answers.push(await model.complete(request));
    }
    const texts = new Set(answers.slice(0, 6).flat().map(({ text }) => text));
    assert.equal(texts.size, 18, "samples are told apart");
    using model = await openServer({ recording: { path, mode: "replay" } });
    assert.deepEqual([model.name, model.abilities.kind], [MODEL, "vllm"]);
    const order = REQUESTS.map((_, i) => (i * 4 + 3) % REQUESTS.length);
    assert.equal(new Set(order).size, REQUESTS.length);
    const again = await Promise.all(order.map((i) => model.complete(REQUESTS[i]!)));
    assert.deepEqual(again, order.map((i) => answers[i]));
  });
});

Deno.test("what is recorded is not asked again, also while it is asked", async () => {
  await withPath(async (path) => {
    await using server = serve(HABITS.vllm);
    const recording = { path, mode: "record" } as const;
    let first;
    {
      using model = await openServer({ url: server.url, recording });
      const [a, b] = await Promise.all([
        model.complete(REQUESTS[0]!),
        model.complete(REQUESTS[0]!),
      ]);
      assert.deepEqual(a, b);
      first = a;
    }
    const size = Deno.statSync(path).size;
    server.requests.length = 0;
    using model = await openServer({ url: server.url, recording });
    assert.deepEqual(await model.complete(REQUESTS[0]!), first);
    assert(
      server.requests.every(({ path }) => !path.includes("completions")),
      "nor is the server probed",
    );
    assert.equal(Deno.statSync(path).size, size);
    assert.notDeepEqual(await model.complete(REQUESTS[1]!), first);
    assert.equal(Deno.readTextFileSync(path).trim().split("\n").length, 3);
  });
});

Deno.test("a recording holds no key and no address, and only answers that can be used", async () => {
  await withPath(async (path) => {
    const key = "sk-secret-0123456789";
    Deno.env.set("GENAC_TEST_KEY", key);
    try {
      let bad: Response | undefined;
      // It tells all that it was sent.
      await using server = serve(HABITS["llama.cpp"], (request, path) => {
        if (path !== "/v1/completions" && path !== "/v1/chat/completions") return undefined;
        const answer = bad?.clone() ?? Response.json({
          choices: [{ text: "7, not 8 or", finish_reason: "stop" }],
          debug: request.headers.get("authorization"),
        });
        return answer;
      });
      using model = await openServer({
        url: server.url,
        apiKeyVariable: "GENAC_TEST_KEY",
        recording: { path, mode: "record" },
      });
      const request = { prompt: "3+4=", sampling: GREEDY, maxTokens: 9 };
      bad = Response.json({ error: { message: "full" } }, { status: 400 });
      await assert.rejects(model.complete(request), /full/);
      bad = Response.json({ choices: [] });
      await assert.rejects(model.complete(request), /0 completions came/);
      const lines = () => Deno.readTextFileSync(path).trim().split("\n");
      assert.equal(lines().length, 1);
      bad = undefined;
      assert.equal((await model.complete(request))[0]!.text, "7, not 8 or");
      assert.equal(lines().length, 2);
      assert.equal(JSON.parse(lines()[1]!).answer.debug, "Bearer [key]");
      const text = Deno.readTextFileSync(path);
      for (const secret of [key, "127.0.0.1", "alice"]) assert(!text.includes(secret), secret);
      assert.deepEqual(JSON.parse(lines()[0]!).server, {
        model: MODEL,
        build: "b1234-abcdef",
        meta: { n_ctx_train: 512, n_params: 97, size: 388 },
        chat_template: "f24189f08c85a1eb19a737306c3a13e85462ee33d964f28108d64a2485fa2171",
      });
    } finally {
      Deno.env.delete("GENAC_TEST_KEY");
    }
  });
});

async function record(path: string, requests: readonly Parameters<typeof sampled>[]) {
  await using server = serve(HABITS.vllm);
  using model = await openServer({ url: server.url, recording: { path, mode: "record" } });
  for (const request of requests) await model.complete(sampled(...request));
}

Deno.test("a miss names the first field that differs from the most similar request, and both values", async () => {
  await withPath(async (path) => {
    const long = "A long problem that all have in common, so that it is left out. ".repeat(5);
    await record(path, [["unlike", 0], [`${long}x=1?`, 0], [`${long}x=2?`, 7]]);
    using model = await openServer({ recording: { path, mode: "replay" } });
    const miss = (request: Parameters<typeof model.complete>[0]) =>
      model.complete(request).then(() => assert.fail("it was recorded"), ({ message }) => message);
    const prompt = await miss(sampled(`${long}x=3?`, 7));
    assert.match(
      prompt,
      /"body\.prompt": .*has ….{1,60}x=2\?" there, this one ….{1,60}x=3\?"; record it/,
    );
    assert.match(await miss(sampled("unlike", 1)), /"sample": .* has 0 there, this one 1;/);
    assert.match(
      await miss({ ...sampled("unlike", 0), maxTokens: 7 }),
      /"body\.max_tokens": .* 6 there, this one 7/,
    );
    assert.match(
      await miss({ ...sampled("unlike", 0), stop: ["x"] }),
      /"body\.stop": .* has nothing there, this one \["x"\]/,
    );
    assert.match(
      await miss({ ...sampled("unlike", 0), sampling: { ...FULL_SAMPLING, topP: 0.5, minP: 0.1 } }),
      /"body\.min_p": .* has 0 there, this one 0\.1/,
    );
  });
});

Deno.test("a last line that was not written whole is left out, said, and written over", async () => {
  await withPath(async (path) => {
    await record(path, [["a", 0], ["b", 0]]);
    const whole = Deno.readTextFileSync(path);
    const torn = whole.slice(0, -20);
    Deno.writeTextFileSync(path, torn);
    const notes: string[] = [];
    {
      using model = await openServer({
        recording: { path, mode: "replay" },
        onNote: (note) => notes.push(note),
      });
      await model.complete(sampled("a", 0));
      await assert.rejects(model.complete(sampled("b", 0)), /not recorded/);
    }
    assert.deepEqual(notes, [`${path}: the last line was not written whole; it is left out`]);
    assert.equal(Deno.readTextFileSync(path), torn, "a replay changes nothing");
    await record(path, [["a", 0], ["b", 0]]);
    const mended = Deno.readTextFileSync(path).split("\n"), before = whole.split("\n");
    assert.deepEqual(mended.slice(0, 2), before.slice(0, 2));
    assert.equal(JSON.parse(mended[2]!).key, JSON.parse(before[2]!).key);
    assert.equal(mended.length, before.length);
  });
});

Deno.test("a file of which only the beginning of the first line was written is a new one", async () => {
  await withPath(async (path) => {
    Deno.writeTextFileSync(path, '{"format":1,"ser');
    await assert.rejects(
      openServer({ recording: { path, mode: "replay" } }),
      /"empty": record it first/,
    );
    await record(path, [["a", 0]]);
    using model = await openServer({ recording: { path, mode: "replay" } });
    assert.equal((await model.complete(sampled("a", 0))).length, 3);
  });
});

Deno.test("files that are no recordings, damaged ones and another server's are refused", async () => {
  await withPath(async (path) => {
    const replay = () => Recording.open(path, "replay");
    await assert.rejects(replay(), /"missing": record it first/);
    Deno.writeTextFileSync(path, '{"input":"a"}\n');
    await assert.rejects(replay(), /line 1: "format": no line of a recording of format 1/);
    Deno.removeSync(path);
    await record(path, [["a", 0], ["b", 0]]);
    const lines = Deno.readTextFileSync(path).split("\n");
    const write = (...changed: string[]) => Deno.writeTextFileSync(path, changed.join("\n"));
    write(lines[0]!, lines[1]!.slice(0, 50), lines[2]!, "");
    await assert.rejects(replay(), /line 2: .*damaged: no JSON; take the line out/);
    write(lines[0]!, lines[1]!.replace('"max_tokens":6', '"max_tokens":60'), "");
    await assert.rejects(replay(), /line 2: .*damaged: not the key of its request/);
    write(lines[0]!.replace('"format":1', '"format":2'), "");
    await assert.rejects(replay(), /line 1: "format"/);
    write(lines[0]!.replace('"version":"0.32.0"', '"version":"0.31.0"'), "");
    await assert.rejects(
      record(path, [["a", 0]]),
      /"version": it was recorded from another server \("0\.31\.0", not "0\.32\.0"\)/,
    );
    Deno.writeTextFileSync(path, lines.join("\n"));
    await using server = serve(HABITS.vllm);
    await assert.rejects(
      openServer({ url: server.url, endpoint: "chat", recording: { path, mode: "record" } }),
      /endpoint: "chat": what the server does is known of completions only: record into another/,
    );
    await assert.rejects(
      openServer({ recording: { path, mode: "replay" }, model: "other" }),
      /was recorded from tiny/,
    );
  });
});

Deno.test("one process records at a time; the folder is made", async () => {
  await withPath(async (given) => {
    const path = given.replace("tiny", "new/tiny");
    using first = await Recording.open(path, "record");
    assert.equal(first.header, undefined);
    await assert.rejects(Recording.open(path, "record"), /"in use": another process records/);
    first[Symbol.dispose]();
    using _ = await Recording.open(path, "record");
  });
});

Deno.test("a compressed recording replays, a truncated one does not, and none is recorded into", async () => {
  await withPath(async (path) => {
    await record(path, [["a", 0]]);
    const compressed = `${path}.gz`;
    const stream = new Blob([Deno.readFileSync(path)]).stream().pipeThrough(
      new CompressionStream("gzip"),
    );
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    Deno.writeFileSync(compressed, bytes);
    const answers = [];
    for (const name of [path, compressed]) {
      using model = await openServer({ recording: { path: name, mode: "replay" } });
      answers.push(await model.complete(sampled("a", 0)));
    }
    assert.deepEqual(answers[0], answers[1]);
    Deno.writeFileSync(compressed, bytes.subarray(0, bytes.length - 20));
    await assert.rejects(Recording.open(compressed, "replay"), /"damaged": no whole gzip file/);
    await assert.rejects(Recording.open(compressed, "record"), /record into a file without \.gz/);
  });
});

Deno.test("a replay needs no permission but to read the file", async () => {
  await withPath(async (path) => {
    await record(path, [["a", 0]]);
    const module = JSON.stringify(import.meta.resolve("./server.ts"));
    const request = JSON.stringify(sampled("a", 0));
    const code = `import { openServer } from ${module};
      using model = await openServer({ recording: { path: ${
      JSON.stringify(path)
    }, mode: "replay" } });
      console.log((await model.complete(${request})).length);`;
    const script = `${path}.ts`;
    Deno.writeTextFileSync(script, code);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", `--config=${ROOT}deno.json`, `--allow-read=${path}`, script],
      ],
    }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), "3", new TextDecoder().decode(stderr));
  });
});
