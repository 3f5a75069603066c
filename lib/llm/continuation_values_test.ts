import assert from "node:assert/strict";
import { markovValue, startMarkovServer } from "../cli/testdata/markov_server.ts";
import { byteTokenizer } from "../rollouts/testdata/byte_tokenizer.ts";
import type { Verifier } from "../rollouts/verifiers/verifier.ts";
import { type ContinuationBatch, ContinuationStore } from "./continuation_store.ts";
import {
  type ContinuationOptions,
  type ContinuationProgress,
  continuationValues,
  type ContinuedState,
  stateKey,
} from "./continuation_values.ts";
import { type CompletionRequest, FULL_SAMPLING, type LanguageModel } from "./language_model.ts";
import { openServer } from "./server.ts";

const tokenizer = byteTokenizer();
const tokens = (text: string) => tokenizer.encode(text);

const endsWithB: Verifier = {
  name: "ends with b",
  digest: "ends with b",
  verify: (response) => Promise.resolve({ outcome: response.endsWith("b") ? 1 : 0 }),
  close: () => {},
};

function state(prefix: string, maxTokens = 10): ContinuedState {
  return {
    ...{ prompt: tokens("p"), prefix: tokens(prefix), maxTokens },
    task: { prompt: "p" },
  };
}

function options(model: LanguageModel, more: Partial<ContinuationOptions> = {}) {
  return {
    ...{ model, tokenizer, verifier: endsWithB, sampling: FULL_SAMPLING, stop: [] },
    ...{ continuations: 16, seed: 1, asText: false, concurrency: 4, ...more },
  };
}

/** Keeps batches in memory. */
class Memory {
  readonly kept = new Map<string, ContinuationBatch[]>();
  batches = (key: string) => this.kept.get(key) ?? [];
  add(key: string, batch: ContinuationBatch) {
    this.kept.set(key, [...this.batches(key), batch]);
  }
}

/** A model that answers by `answer`, and notes what it was asked. */
function scripted(answer: (request: CompletionRequest) => string[]) {
  const asked: CompletionRequest[] = [];
  const model: LanguageModel = {
    name: "scripted",
    complete: (request) => {
      asked.push(request);
      return Promise.resolve(answer(request).map((text) => ({ text, finishReason: "stop" })));
    },
  };
  return { model, asked };
}

const always = (text: string) => (request: CompletionRequest) =>
  Array<string>(request.count ?? 1).fill(text);

Deno.test("values estimated over HTTP are a Markov policy's exact ones, within their errors", async () => {
  await using server = startMarkovServer();
  using model = await openServer({ url: server.url });
  const states = ["", "b", "ab", "bba"].flatMap((prefix) =>
    [1, 2, 10].map((left) => [prefix, left] as const)
  );
  const continuations = 400;
  const values = await continuationValues(
    states.map(([prefix, left]) => state(prefix, left)),
    options(model, { continuations }),
    new Memory(),
  );
  let covered = 0, square = 0;
  values.forEach(({ mean, low, high, n, cut }, i) => {
    const [prefix, left] = states[i]!;
    const exact = markovValue(prefix.at(-1) ?? "p", left);
    assert.equal(n, continuations);
    if (low <= exact && exact <= high) covered++;
    square += (mean - exact) ** 2 / (exact * (1 - exact) / n);
    // After one token a fifth has ended by itself, after ten nearly all.
    const share = 0.8 ** left;
    assert.ok(Math.abs(cut / n - share) < 4 * Math.sqrt(share * (1 - share) / n), `${cut}`);
  });
  assert.ok(covered >= 10, `${covered} of 12 intervals cover`);
  assert.ok(square < 32.9, `chi-squared ${square} of 12 degrees of freedom: p = 0.001`);
});

Deno.test("the exact ids go out, with the sampling in full, what is left of the limit, and seeds of their own", async () => {
  const { model, asked } = scripted(always("b"));
  const sampling = { temperature: 0.7, topP: 0.9, topK: 5, minP: 0.1 };
  // Byte 195 is the first half of "é": text would not say it.
  const odd = { ...state("", 7), prefix: [97, 195] };
  const more = { sampling, stop: ["\n"], continuations: 20 };
  await continuationValues([odd, state("b")], options(model, more), new Memory());
  const first = asked.filter(({ prompt }) => prompt.length === 3);
  assert.deepEqual(
    first.map(({ prompt, sampling, maxTokens, count, sample, stop }) => {
      return { prompt, sampling, maxTokens, count, sample, stop };
    }),
    [[8, 0], [8, 8], [4, 16]].map(([count, sample]) => {
      return { prompt: [112, 97, 195], sampling, maxTokens: 7, count, sample, stop: ["\n"] };
    }),
  );
  assert.deepEqual(first.map(({ seed }) => seed! - first[0]!.seed!), [0, 8, 16]);
  const seeds = asked.map(({ seed }) => seed!);
  assert.equal(new Set(seeds).size, 6, "the other state's are others");
  assert.ok(seeds.every((seed) => seed >= 0 && seed < 2 ** 31));
});

Deno.test("the verifier sees the response from its first token on", async () => {
  const seen: string[] = [];
  const verifier = {
    ...endsWithB,
    verify: (response: string) => {
      seen.push(response);
      return Promise.resolve({ outcome: 1 });
    },
  };
  const { model } = scripted(always(" end"));
  const more = { verifier, continuations: 1 };
  await continuationValues([state("so a"), state("")], options(model, more), new Memory());
  assert.deepEqual(seen, ["so a end", " end"]);

  // The probe parts the two bytes of "é": with the continuation's ids it is whole again.
  seen.length = 0;
  const ids: LanguageModel = {
    name: "ids",
    complete: () =>
      Promise.resolve([{ text: "\ufffdb", tokens: [169, 98, 259], finishReason: "stop" }]),
  };
  const parted = { ...state(""), prefix: [97, 195] };
  await continuationValues([parted], options(ids, more), new Memory());
  assert.deepEqual(seen, ["aéb"]);
});

Deno.test("a server that takes text only gets the text of the ids", async () => {
  const { model, asked } = scripted(always("b"));
  const special = { ...state("a"), prompt: [258, ...tokens("p")] };
  await continuationValues([special], options(model, { asText: true }), new Memory());
  assert.equal(asked[0]!.prompt, "<s>pa");
});

Deno.test("a state is left once its interval is narrow, and not before", async () => {
  const { model } = scripted(({ prompt, count, sample = 0 }) =>
    prompt.length === 1
      ? Array(count).fill("b")
      : Array.from({ length: count! }, (_, i) => (sample + i) % 2 === 0 ? "b" : "a")
  );
  const more = { continuations: 100, halfWidth: 0.1 };
  const [sure, torn] = await continuationValues(
    [state(""), state("a")],
    options(model, more),
    new Memory(),
  );
  // scipy: 16 of 16 has the interval [0.806, 1], 8 of 8 [0.676, 1]; 48 of 96 [0.402, 0.598], 44 of 88 [0.398, 0.602].
  assert.deepEqual([sure!.n, sure!.mean, torn!.n, torn!.mean], [16, 1, 96, 0.5]);
  assert.ok((torn!.high - torn!.low) / 2 <= 0.1);
});

Deno.test("equal states are asked once, and progress counts what is written and what was there", async () => {
  const { model, asked } = scripted(always("ab"));
  const memory = new Memory();
  const progress: ContinuationProgress[] = [];
  const twins = [state("a"), state("b"), state("a")];
  const values = await continuationValues(
    twins,
    options(model, { concurrency: 1 }),
    memory,
    (snapshot) => progress.push(snapshot),
  );
  assert.equal(asked.length, 4);
  assert.deepEqual(values[0], values[2]);
  assert.deepEqual(progress.at(-1), { states: 2, statesDone: 2, tokens: 64, takenUp: 0 });

  // Twice as many: the first half is there.
  const again: ContinuationProgress[] = [];
  await continuationValues(
    twins,
    options(model, { continuations: 32 }),
    memory,
    (snapshot) => again.push(snapshot),
  );
  assert.equal(asked.length, 8);
  assert.deepEqual(again.at(-1), { states: 2, statesDone: 2, tokens: 128, takenUp: 64 });
  // Half as many: those kept first.
  const [fewer] = await continuationValues(twins, options(model, { continuations: 8 }), memory);
  assert.equal(asked.length, 8);
  assert.equal(fewer!.n, 8);
});

Deno.test("whatever outcomes depend on is in a state's key, and nothing else", () => {
  const { model } = scripted(always(""));
  const base = options(model), given = state("a");
  const key = stateKey(given, base);
  assert.equal(stateKey(state("a"), options(model, { continuations: 99, concurrency: 1 })), key);
  const others = [
    stateKey(state("b"), base),
    stateKey(state("a", 11), base),
    stateKey({ ...given, prompt: tokens("pa"), prefix: [] }, base),
    stateKey({ ...given, task: { prompt: "p", groundTruth: "7" } }, base),
    stateKey(given, { ...base, model: { ...model, name: "other" } }),
    stateKey(given, { ...base, verifier: { ...endsWithB, digest: "other" } }),
    stateKey(given, { ...base, sampling: { ...FULL_SAMPLING, temperature: 0.5 } }),
    stateKey(given, { ...base, stop: ["\n"] }),
    stateKey(given, { ...base, seed: 2 }),
    stateKey(given, { ...base, asText: true }),
  ];
  assert.equal(new Set([key, ...others]).size, 11);
});

Deno.test("a budget is never exceeded, and what was written under it is kept", async () => {
  const { model } = scripted(always("abab"));
  const memory = new Memory();
  // A batch of 8 may take 80 tokens, and takes 32.
  const states = ["", "a", "b", "ab", "bb"].map((prefix) => state(prefix));
  const limited = options(model, { continuations: 8, concurrency: 3, maxTokensTotal: 170 });
  await assert.rejects(
    continuationValues(states, limited, memory),
    /^UsageError: --max-tokens-total: 170: \d+ tokens are written, and what comes next may take 80 and more: .*kept$/,
  );
  const written = [...memory.kept.values()].flat().reduce((sum, { tokens }) => sum + tokens, 0);
  assert.ok(written > 0 && written <= 170, `${written}`);
  const values = await continuationValues(states, { ...limited, maxTokensTotal: 400 }, memory);
  assert.equal(values.reduce((sum, { tokens }) => sum + tokens, 0), 160);
});

Deno.test("when the server fails, batches under way are kept before the error is told", async () => {
  const memory = new Memory();
  let asked = 0;
  const model: LanguageModel = {
    name: "dying",
    async complete({ count = 1 }) {
      if (++asked === 3) throw new Error("gone");
      await new Promise((resolve) => setTimeout(resolve, 20));
      return Array(count).fill({ text: "b", finishReason: "stop" });
    },
  };
  const states = ["", "a", "b", "ab"].map((prefix) => state(prefix));
  await assert.rejects(continuationValues(states, options(model), memory), /^Error: gone/);
  assert.equal(asked, 4, "no further batch was begun");
  assert.equal([...memory.kept.values()].flat().length, 3);
});

Deno.test("a verifier's failures are counted as outcome 0, with what it said first", async () => {
  const verifier = {
    ...endsWithB,
    verify: () => Promise.resolve({ outcome: 0, failure: "no sense" }),
  };
  const { model } = scripted(always("b"));
  const [value] = await continuationValues([state("")], options(model, { verifier }), new Memory());
  assert.deepEqual([value!.mean, value!.failures, value!.failure], [0, 16, "no sense"]);
});

Deno.test("kept batches outlast the process, a line that was not written whole is left out", () => {
  const folder = Deno.makeTempDirSync({ prefix: "genac store " });
  const path = `${folder}/deep/continuations.jsonl`;
  const batch = { outcomes: [1, 0.5], tokens: 7, cut: 1, failures: 0 };
  const failed = { outcomes: [0], tokens: 1, cut: 0, failures: 1, failure: "é\n" };
  try {
    {
      using store = new ContinuationStore(path);
      store.add("k", batch);
      store.add("l", batch);
      store.add("k", failed);
      assert.throws(() => new ContinuationStore(path), /"held": another process works here/);
    }
    const whole = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, '{"key":"m","fir', { append: true });
    {
      using store = new ContinuationStore(path);
      assert.ok(store.isTorn);
      assert.equal(store.size, 5);
      assert.deepEqual(store.batches("k"), [batch, failed]);
      assert.deepEqual(store.batches("m"), []);
      store.add("m", batch);
    }
    const added = '{"key":"m","first":0,"outcomes":[1,0.5],"tokens":7,"cut":1,"failures":0}\n';
    assert.equal(Deno.readTextFileSync(path), whole + added);
    {
      using store = new ContinuationStore(path);
      assert.ok(!store.isTorn);
    }
    for (const line of ["{}", "not JSON", added.trim(), '{"key":"n","first":1}']) {
      Deno.writeTextFileSync(path, `${whole}${added}${line}\n`);
      assert.throws(() => new ContinuationStore(path), /^UsageError: .*"line 5": no continuations/);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
