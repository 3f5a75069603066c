import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { ROOT } from "../root.ts";
import type { RolloutRecord } from "./record.ts";
import { inFolder, read, writeLines } from "./testing.ts";
import { checkTokenizer, RolloutTokenizer } from "./tokenizer.ts";

const FOLDER = `${ROOT}lib/rollouts/testdata/tokenizer`;

/** What Python's `tokenizers` says; written by testdata/make_tokenizer.py. */
interface Cases {
  readonly size: number;
  readonly texts: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly withSpecial: readonly number[];
    readonly decoded: string;
  }[];
  readonly cut: { readonly ids: readonly number[]; readonly decoded: string };
}
const cases: Cases = JSON.parse(Deno.readTextFileSync(`${FOLDER}/cases.json`));

const tokenizer = RolloutTokenizer.load(FOLDER);

Deno.test("ids and text are those of Python's tokenizers", () => {
  assert.equal(tokenizer.size, cases.size);
  for (const { text, ids, withSpecial, decoded } of cases.texts) {
    assert.deepEqual(tokenizer.encode(text), ids);
    assert.deepEqual(tokenizer.encode(text, { special: true }), withSpecial);
    assert.equal(tokenizer.decode(ids), decoded);
    assert.equal(tokenizer.decode(ids, { special: true }), text);
  }
  assert.equal(tokenizer.decode(cases.cut.ids), cases.cut.decoded, "half of a character");
});

Deno.test("a folder and a path of tokenizer.json are one; what is no tokenizer is said to be none", () => {
  const [{ text, ids }] = cases.texts as [Cases["texts"][number]];
  assert.deepEqual(RolloutTokenizer.load(`${FOLDER}/tokenizer.json`).encode(text), ids);
  const folder = Deno.makeTempDirSync();
  assert.throws(() => RolloutTokenizer.load(folder), /tokenizer\.json: "missing": give the model/);
  for (const content of ["", "[", "null", "{}", '{"model":{"type":"BPE"}}', '{"model":5}']) {
    Deno.writeTextFileSync(`${folder}/tokenizer.json`, content);
    assert.throws(() => RolloutTokenizer.load(folder), UsageError, content);
  }
  Deno.removeSync(folder, { recursive: true });
});

function record(response: RolloutRecord["response"], prompt = { text: "3+4?" }): RolloutRecord {
  return { group: "g", prompt, response, outcome: 1 };
}

Deno.test("a tokenizer of another model is refused, that of the model is not", () => {
  const chat = cases.texts[1]!;
  const right: RolloutRecord["response"][] = [
    { tokens: [...chat.ids] },
    { text: chat.text },
    { text: chat.text, tokens: [...chat.ids] },
    { text: chat.decoded, tokens: [...chat.ids] },
    // A server leaves out the stop string and the white space before it.
    { text: "The answer", tokens: [...cases.texts[0]!.ids] },
    // A server puts its token of beginning before a chat template's own.
    { text: `<|endoftext|>${chat.text}`, tokens: [0, 0, ...chat.ids] },
    { text: cases.cut.decoded, tokens: [...cases.cut.ids] },
    { text: "", tokens: [2] },
    { text: "", tokens: [] },
  ];
  for (const response of right) checkTokenizer(tokenizer, record(response));
  const wrong: readonly (readonly [RolloutRecord["response"], RegExp])[] = [
    [
      { tokens: [1, 296] },
      /tokenizer\.json: "token 296": the tokenizer has 296 tokens: .*response/,
    ],
    [{ text: "The answer", tokens: [16, 16] }, /the tokens of this response read "\.\."/],
  ];
  for (const [response, expected] of wrong) {
    assert.throws(() => checkTokenizer(tokenizer, record(response)), expected);
  }
  const lossy = new RolloutTokenizer("lower", {
    ...JSON.parse(Deno.readTextFileSync(`${FOLDER}/tokenizer.json`)),
    normalizer: { type: "Lowercase" },
  });
  checkTokenizer(lossy, record({ text: "the answer" }));
  assert.throws(
    () => checkTokenizer(lossy, record({ text: "The \x1b" })),
    /lower: "The \\\\x1b": /,
  );
});

Deno.test(
  "with a tokenizer records of token ids have text, and every record is held to it",
  inFolder(async (folder) => {
    const [plain, chat] = cases.texts as [Cases["texts"][number], Cases["texts"][number]];
    const row = {
      step: 1,
      prompt_idx: 0,
      prompt_tokens: chat.ids,
      response_tokens: [...plain.ids, 2],
      reward: true,
      ground_truth: tokenizer.encode("42"),
    };
    const path = writeLines(`${folder}/a_rollouts_000000.jsonl`, [row]);
    const { records: [read1] } = await read(path, { tokenizer });
    assert.equal(read1!.prompt.text, chat.text, "the actor read its chat template");
    assert.equal(read1!.response.text, plain.text, "verifiers read no special tokens");
    assert.equal(read1!.groundTruth, "42");
    assert.deepEqual(read1!.response.tokens, row.response_tokens);
    writeLines(path, [row, { ...row, response_tokens: [9999] }]);
    await assert.rejects(read(path, { tokenizer }), /token 9999/);
    await assert.rejects(read(path, { tokenizer, maxBadShare: 0.9 }), /token 9999/);
  }),
);
