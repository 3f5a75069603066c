import assert from "node:assert/strict";
import { tokenizeRecord } from "../segments.ts";
import { byteTokenizer } from "../testdata/byte_tokenizer.ts";
import { verifierAgreement } from "./agreement.ts";
import { openVerifier } from "./registry.ts";

const record = (text: string, outcome: number) =>
  tokenizeRecord(
    { group: "a", prompt: { text: "3+4?" }, response: { text }, outcome, groundTruth: "7" },
    byteTokenizer(),
  );

Deno.test("a verifier's verdicts are held against the outcomes that the file has", async () => {
  const numeric = await openVerifier("numeric");
  const file = [
    record("7", 1),
    record("8", 0),
    record("8", 1),
    record("7", 0.9999999),
    record("7\u202e", 0),
  ];
  assert.deepEqual(await verifierAgreement(file, numeric), {
    ...{ rollouts: 5, agreed: 3, meanOutcome: 2.9999999 / 5, meanVerdict: 0.6, failures: 0 },
    example: 'the file says 1, the verifier 0: "...8", ground truth "7"',
  });
  const whole = await verifierAgreement(file.slice(0, 2), numeric);
  assert.equal(whole.agreed, 2);
  assert.ok(!("example" in whole));
});

Deno.test("a verifier that fails disagrees, unless the outcome is 0 anyhow", async () => {
  const failing = {
    ...await openVerifier("numeric"),
    verify: () => Promise.resolve({ outcome: 0, failure: "no sense" }),
  };
  const { agreed, failures, example } = await verifierAgreement(
    [record("8", 0), record("7", 1)],
    failing,
  );
  assert.deepEqual([agreed, failures], [1, 2]);
  assert.match(example!, /the verifier 0 \(no sense\)/);
});
