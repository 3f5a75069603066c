import assert from "node:assert/strict";
import { byteTokenizerFiles } from "../rollouts/testdata/byte_tokenizer.ts";
import { howToGet, KNOWN_MODEL_NAMES, knownModelPath } from "../pretrained/known_models.ts";
import { testUnless } from "../testing.ts";
import { ByteTokenizer, textTokenizer, tokensOfBytes } from "./text_tokenizer.ts";

const TEXT = "7+3=0 é\n\n中 <answer>10</answer>";

/** The bytes of tokens, one after the other. */
function bytesOf(tokenBytes: readonly Uint8Array[], tokens: readonly number[]): Uint8Array {
  return Uint8Array.from(tokens.flatMap((token) => [...tokenBytes[token]!]));
}

Deno.test("bytes are their own tokens", () => {
  const tokenizer = new ByteTokenizer();
  const tokens = tokenizer.encode(TEXT);
  assert.deepEqual(tokens, [...new TextEncoder().encode(TEXT)]);
  assert.equal(tokenizer.decode(tokens), TEXT);
  assert.deepEqual(bytesOf(tokenizer.tokenBytes, tokens), new TextEncoder().encode(TEXT));
});

Deno.test("a folder's tokenizer knows the bytes of every token", () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, content] of Object.entries(byteTokenizerFiles())) {
      Deno.writeTextFileSync(`${folder}/${name}`, JSON.stringify(content));
    }
    const tokenizer = textTokenizer(folder);
    const tokens = tokenizer.encode(TEXT);
    assert.ok(tokens.includes(256), "two newlines are one token");
    assert.equal(tokenizer.decode(tokens), TEXT);
    assert.deepEqual(bytesOf(tokenizer.tokenBytes, tokens), new TextEncoder().encode(TEXT));
    assert.equal(new TextDecoder().decode(tokenizer.tokenBytes[258]), "<s>");
    for (let byte = 0; byte < 256; byte++) {
      assert.deepEqual(tokenizer.tokenBytes[byte], Uint8Array.of(byte));
    }
    // A place inside of a token is none.
    const at = tokens.indexOf(256), before = bytesOf(tokenizer.tokenBytes, tokens.slice(0, at));
    assert.equal(tokensOfBytes(tokenizer, tokens, before.length), at);
    assert.equal(tokensOfBytes(tokenizer, tokens, before.length + 1), undefined);
    assert.equal(tokensOfBytes(tokenizer, tokens, before.length + 2), at + 1);
    assert.equal(tokensOfBytes(tokenizer, tokens, 1000), undefined);
    assert.equal(tokensOfBytes(tokenizer, tokens, 0), 0);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("another kind of tokenizer, or none, is refused by name", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const refused = (message: RegExp) =>
      assert.throws(() => textTokenizer(folder), { name: "UsageError", message });
    refused(/tokenizer\.json: /);
    const { "tokenizer.json": json } = byteTokenizerFiles();
    const other = { ...json, decoder: { type: "WordPiece" } };
    Deno.writeTextFileSync(`${folder}/tokenizer.json`, JSON.stringify(other));
    refused(/tokenizer: it is no byte-level BPE|"tokenizer": it is no byte-level BPE/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

for (const name of KNOWN_MODEL_NAMES) {
  const path = knownModelPath(name);
  testUnless(path ? undefined : howToGet(name), `${name} reads digits one by one`, () => {
    const tokenizer = textTokenizer(path!);
    const pieces = (text: string) =>
      tokenizer.encode(text).map((token) => new TextDecoder().decode(tokenizer.tokenBytes[token]));
    assert.deepEqual(pieces(" 7+3=10 ok"), [" ", "7", "+", "3", "=", "1", "0", " ok"]);
    assert.deepEqual(pieces(" <answer>10</answer>"), [
      ...[" <", "answer", ">", "1", "0", "</", "answer", ">"],
    ]);
    assert.deepEqual(
      bytesOf(tokenizer.tokenBytes, tokenizer.encode(TEXT)),
      new TextEncoder().encode(TEXT),
    );
  });
}
