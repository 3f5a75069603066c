import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { UsageError } from "../errors.ts";
import type { Sequence } from "../nn/batch.ts";
import { adamW } from "../nn/optimizer.ts";
import { RandomStream } from "../numeric/random.ts";
import type { WeightStorage } from "../tensor/tape.ts";
import type { Architecture } from "./architecture.ts";
import { tensorShapes } from "./tensor_shapes.ts";
import { CausalLanguageModel, type CausalLanguageModelOptions } from "./causal_language_model.ts";
import { PretrainedWeights, randomWeights } from "./pretrained_weights.ts";
import { referenceLogits } from "./reference.ts";
import { tinyArchitecture } from "./tiny_architecture.ts";

const engine = await WasmEngine.create({ threads: 2 });
const FLOAT32 = weightsOf();
const LORA = { rank: 3, alpha: 6 };
const VALUE_HEAD = { loss: "squared_error", outputs: 1 } as const;

function weightsOf(
  changes: Partial<Architecture> = {},
  storage: WeightStorage = "float32",
  backend = engine,
): PretrainedWeights {
  const architecture = tinyArchitecture(changes);
  return new PretrainedWeights(backend, architecture, storage)
    .write(randomWeights(architecture, 1));
}

function modelOf(
  options: Partial<CausalLanguageModelOptions> = {},
  weights = FLOAT32,
): CausalLanguageModel {
  const all = { maxLength: 128, languageHead: true, ...options };
  return new CausalLanguageModel(weights, all).initialize(1);
}

/** Texts of these lengths with targets of both heads. */
function textsOf(
  lengths: readonly number[],
  vocabulary = 37,
): Required<Omit<Sequence, "positions">>[] {
  return lengths.map((length, row) => {
    const random = new RandomStream({ seed: 1, purpose: "texts", row });
    const list = <T>(make: () => T) => Array.from({ length }, make);
    const weight = () => random.integer(3) === 0 ? 0 : random.uniform() + 0.1;
    return {
      tokens: list(() => random.integer(vocabulary)),
      targets: list(() => random.integer(vocabulary)),
      weights: list(weight),
      valueTargets: list(() => random.uniform()),
      valueWeights: list(weight),
    };
  });
}

function everyRow(sequences: readonly Sequence[]) {
  return sequences.flatMap(({ tokens }, sequence) =>
    tokens.map((_, token) => ({ sequence, token }))
  );
}

/** A number as a storage keeps it. */
function rounded(x: number, storage: WeightStorage): number {
  if (storage === "float32") return x;
  if (storage === "float16") return Math.f16round(x);
  const bits = new Uint32Array(Float32Array.of(x).buffer);
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0]!;
}

for (const storage of ["float32", "float16", "bfloat16"] as const) {
  for (
    const [name, changes] of [
      ["grouped heads, tied", {}],
      ["biases, untied", { family: "qwen2", qkvBias: true, tiedEmbeddings: false, kvHeads: 1 }],
    ] as const
  ) {
    Deno.test(`${storage}, ${name}: logits are the reference's with weights rounded alike`, async () => {
      const weights = weightsOf(changes, storage), sequences = textsOf([5, 1, 33]);
      const read = randomWeights(weights.architecture, 1),
        shapes = tensorShapes(weights.architecture);
      const weight = (name: string) =>
        shapes.get(name)!.length === 1 ? read(name) : read(name).map((x) => rounded(x, storage));
      const { logits } = await modelOf({}, weights)
        .forward(sequences, everyRow(sequences), ["logits"]);
      const expected = sequences.flatMap(({ tokens }) =>
        referenceLogits(weights.architecture, weight, tokens).flatMap((row) => [...row])
      );
      assert.equal(logits.length, expected.length);
      const difference = Math.max(...expected.map((x, i) => Math.abs(x - logits[i]!)));
      assert.ok(difference < 1e-5, `${difference}`);
      if (storage === "float32") return;
      const plain = await modelOf({}, weightsOf(changes))
        .forward(sequences, everyRow(sequences), ["logits"]);
      assert.ok(plain.logits.some((x, i) => Math.abs(x - logits[i]!) > 1e-4));
    });
  }
}

Deno.test("outputs agree with each other, whatever they are asked with", async () => {
  const lengths = [5, 1, 17, 64, 3, 40, 16, 9, 2];
  const sequences = textsOf(lengths), model = modelOf({ lora: LORA, valueHead: VALUE_HEAD });
  await model.train(sequences, 64, adamW(0.05, 3));
  const rows = everyRow(sequences);
  const { logits, values, logProbs, hidden } = await model
    .forward(sequences, rows, ["logits", "values", "logProbs", "hidden"]);
  const { "score.weight": w, "score.bias": b } = await model.tensors();
  rows.forEach(({ sequence, token }, i) => {
    const own = [...logits.subarray(37 * i, 37 * (i + 1))], top = Math.max(...own);
    const logSum = top + Math.log(own.reduce((sum, x) => sum + Math.exp(x - top), 0));
    const target = sequences[sequence]!.targets[token]!;
    assert.ok(Math.abs(logProbs[2 * i]! - (own[target]! - logSum)) < 1e-5);
    const entropy = own.reduce((sum, x) => sum - Math.exp(x - logSum) * (x - logSum), 0);
    assert.ok(Math.abs(logProbs[2 * i + 1]! - entropy) < 1e-5);
    const value = [...hidden.subarray(32 * i, 32 * (i + 1))]
      .reduce((sum, x, k) => sum + x * w!.data[k]!, b!.data[0]!);
    assert.ok(Math.abs(values[i]! - value) < 1e-5);
  });
  // One row alone, twice, and in another order: to the bit.
  const some = [[3, 63], [0, 4], [3, 63], [7, 0]] as const;
  const chosen = some.map(([sequence, token]) => ({ sequence, token }));
  const again = await model.forward(sequences, chosen, ["values", "logits"]);
  chosen.forEach(({ sequence, token }, i) => {
    const at = rows.findIndex((row) => row.sequence === sequence && row.token === token);
    assert.equal(again.values[i], values[at]);
    assert.deepEqual(
      again.logits.subarray(37 * i, 37 * (i + 1)),
      logits.subarray(37 * at, 37 * (at + 1)),
    );
  });
  assert.equal((await model.forward(sequences, [], ["values"])).values.length, 0);
});

Deno.test("more rows than one pass takes come back in their order", async () => {
  // 70 texts of one length, and a vocabulary of which 16 million logits are collected at most.
  const weights = weightsOf({ vocabularySize: 40_000 });
  const sequences = textsOf(new Array(70).fill(6), 40_000), model = modelOf({}, weights);
  const rows = everyRow(sequences).toReversed();
  const { logits } = await model.forward(sequences, rows, ["logits"]);
  for (const at of [0, 100, 250, 419]) {
    const { sequence, token } = rows[at]!;
    const alone = await model.forward([sequences[sequence]!], [{ sequence: 0, token }], ["logits"]);
    assert.deepEqual(alone.logits, logits.slice(40_000 * at, 40_000 * (at + 1)));
  }
});

Deno.test("training has the same bits for any number of threads, with checkpointing and without", async () => {
  const sequences = textsOf([20, 3, 11, 24, 8]), digests = new Set<string>();
  for (const [threads, checkpointing] of [[1, false], [2, true], [4, false]] as const) {
    const own = await WasmEngine.create({ threads });
    const options = { lora: LORA, valueHead: VALUE_HEAD, checkpointing };
    const model = modelOf(options, weightsOf({}, "bfloat16", own));
    const reports = [];
    for (let i = 0; i < 3; i++) reports.push(await model.train(sequences, 24, adamW(0.01, 3)));
    assert.ok(reports[2]!.loss + reports[2]!.valueLoss < reports[0]!.loss + reports[0]!.valueLoss);
    digests.add(`${await model.digest()} ${JSON.stringify(reports)}`);
    own.close();
  }
  assert.equal(digests.size, 1);
});

Deno.test("what follows the last token that is trained on, and padding, changes no bit", async () => {
  const texts = textsOf([5, 40, 17, 23, 64]);
  const reports = [];
  for (const padding of [64, 192]) {
    for (const tail of [0, 30]) {
      const model = modelOf({ lora: LORA, valueHead: VALUE_HEAD, maxLength: 192 });
      const sequences = texts.map(({ tokens, targets, weights, valueTargets, valueWeights }) => {
        const more = Array.from({ length: tail }, (_, i) => i % 37), none = more.map(() => 0);
        return {
          tokens: [...tokens, ...more],
          targets: [...targets, ...more],
          weights: [...weights, ...none],
          valueTargets: [...valueTargets, ...none],
          valueWeights: [...valueWeights, ...none],
        };
      });
      const length = padding + (tail > 0 ? 64 : 0);
      const { loss, valueLoss } = await model.train(sequences, length, adamW(1e-2, 1));
      reports.push({ loss, valueLoss, digest: await model.digest() });
    }
  }
  for (const report of reports) assert.deepEqual(report, reports[0]);
});

Deno.test("gradients are the slope of the loss", async () => {
  const sequences = textsOf([13, 4]), model = modelOf({ lora: LORA, valueHead: VALUE_HEAD });
  // lora_B is zero at first, and with it the gradient of lora_A.
  for (let i = 0; i < 5; i++) await model.train(sequences, 16, adamW(0.05, 5));
  const { gradients } = await model.gradients(sequences, 16), tensors = await model.tensors();
  for (const name of Object.keys(tensors).filter((name) => /layers\.1|score/.test(name))) {
    const gradient = gradients[name]!, { shape, data } = tensors[name]!;
    const square = gradient.reduce((sum, x) => sum + x * x, 0);
    const step = 0.01 / Math.sqrt(square);
    const [up, down] = await Promise.all([step, -step].map(async (by) => {
      const moved = { shape, data: data.map((x, i) => x + by * gradient[i]!) };
      model.setTensors({ ...tensors, [name]: moved });
      const { loss, valueLoss } = await model.gradients(sequences, 16);
      return loss + valueLoss;
    }));
    const slope = (up! - down!) / (2 * step);
    assert.ok(Math.abs(slope / square - 1) < 0.01, `${name}: ${slope}, not ${square}`);
  }
});

Deno.test("models share pretrained weights, and training one changes no other", async () => {
  const sequences = textsOf([9, 14]), rows = everyRow(sequences);
  const reference = modelOf(), actor = modelOf({ lora: LORA });
  const critic = modelOf({ lora: LORA, valueHead: VALUE_HEAD, languageHead: false });
  const before = (await reference.forward(sequences, rows, ["logits"])).logits;
  // Adapters begin as none.
  assert.deepEqual((await actor.forward(sequences, rows, ["logits"])).logits, before);
  const weights = FLOAT32.digest();
  for (let i = 0; i < 2; i++) {
    await actor.train(
      sequences.map(({ tokens, targets, weights }) => ({ tokens, targets, weights })),
      16,
      adamW(0.05, 2),
    );
    await critic.train(
      sequences.map(({ tokens, valueTargets, valueWeights }) => ({
        tokens,
        valueTargets,
        valueWeights,
      })),
      16,
      adamW(0.05, 2),
    );
  }
  assert.notDeepEqual((await actor.forward(sequences, rows, ["logits"])).logits, before);
  assert.deepEqual((await reference.forward(sequences, rows, ["logits"])).logits, before);
  assert.equal(FLOAT32.digest(), weights);
  const again = modelOf({ lora: LORA });
  again.setTensors(await actor.tensors());
  assert.equal(await again.digest(), await actor.digest());
});

Deno.test("a value head alone trains no layer", async () => {
  const sequences = textsOf([9, 14]);
  const model = modelOf({ valueHead: VALUE_HEAD, languageHead: false });
  assert.deepEqual(Object.keys(await model.tensors()), ["score.weight", "score.bias"]);
  const values = sequences.map(({ tokens, valueTargets, valueWeights }) => ({
    ...{ tokens, valueTargets, valueWeights },
  }));
  const first = await model.train(values, 16, adamW(0.1, 20));
  let last = first;
  for (let i = 0; i < 19; i++) last = await model.train(values, 16, adamW(0.1, 20));
  assert.ok(last.valueLoss < 0.5 * first.valueLoss, `${first.valueLoss}, then ${last.valueLoss}`);
});

const OPTIONS = { maxTokens: 12, temperature: 0, stop: [], seed: 1, purpose: "test" };

Deno.test("greedy responses are the largest logits of full passes", async () => {
  const model = modelOf({ lora: LORA }),
    prompts = textsOf([5, 1, 30]).map(({ tokens }, row) => ({ tokens, row }));
  for (let i = 0; i < 3; i++) {
    await model.train(
      textsOf([12, 12]).map(({ tokens, targets, weights }) => ({ tokens, targets, weights })),
      12,
      adamW(0.05, 3),
    );
  }
  const responses = await model.generate(prompts, OPTIONS);
  for (const [i, { tokens }] of prompts.entries()) {
    const text = [...tokens];
    for (let t = 0; t < 12; t++) {
      const { logits } = await model.forward([{ tokens: text }], [{
        sequence: 0,
        token: text.length - 1,
      }], ["logits"]);
      text.push(logits.indexOf(Math.max(...logits)));
    }
    assert.deepEqual(responses[i], text.slice(tokens.length));
  }
});

Deno.test("a response ends with a stop token, or where a stop text is complete", async () => {
  const model = modelOf(), prompt = { tokens: [3, 1, 4], row: 7 };
  const sampling = { ...OPTIONS, temperature: 1 };
  const [free] = await model.generate([prompt], sampling);
  assert.equal(free!.length, 12);
  const at = free!.findIndex((token, t) => t > 1 && !free!.slice(0, t).includes(token));
  assert.deepEqual(
    await model.generate([prompt], { ...sampling, stop: [free![at]!] }),
    [free!.slice(0, at + 1)],
  );
  // Token t is three bytes, of which the stop text takes the last of one and the first of the next.
  const tokenBytes = Array.from(
    { length: 37 },
    (_, t) => new TextEncoder().encode(`${String.fromCharCode(64 + t)}-${t % 10}`),
  );
  const text = new TextDecoder().decode(Uint8Array.from(free!.flatMap((t) => [...tokenBytes[t]!])));
  const stopTexts = [text.slice(8, 10)];
  const first = Math.floor((text.indexOf(stopTexts[0]!) + 1) / 3);
  assert.deepEqual(
    await model.generate([prompt], { ...sampling, stopTexts, tokenBytes }),
    [free!.slice(0, first + 1)],
  );
  assert.deepEqual(await model.generate([prompt, prompt], { ...sampling, maxTokens: 0 }), [[], []]);
  assert.deepEqual(await model.generate([], sampling), []);
});

function refusals(cases: readonly (readonly [() => unknown, RegExp])[]): void {
  for (const [act, message] of cases) {
    assert.throws(act, (e: Error) => {
      assert.ok(e instanceof UsageError, `${e}`);
      assert.match(e.message, message);
      return true;
    });
  }
}

Deno.test("architectures and options that cannot be are refused by name", () => {
  refusals([
    [() => weightsOf({ hiddenSize: 24 }), /^architecture\.hiddenSize: 24: .*multiple of 16/],
    [() => weightsOf({ headDim: 8 }), /^architecture\.headDim: 8/],
    [() => weightsOf({ intermediateSize: 9 }), /^architecture\.intermediateSize: 9/],
    [() => modelOf({ maxLength: 257 }), /^maxLength: 257: the model is made for 256 tokens/],
    [() => modelOf({ maxLength: 0 }), /^maxLength: 0/],
    [() => modelOf({ languageHead: false }), /^languageHead: false: give/],
    [() => modelOf({ valueHead: { ...VALUE_HEAD, outputs: 0 } }), /^valueHead\.outputs: 0/],
    [() => modelOf({ lora: { rank: 0, alpha: 1 } }), /^lora\.rank: 0/],
    [
      () => modelOf({ lora: { ...LORA, targetModules: ["w" as "q_proj"] } }),
      /^lora\.targetModules/,
    ],
    [
      () =>
        new PretrainedWeights(engine, tinyArchitecture(), "float16")
          .write((name) => randomWeights(tinyArchitecture(), 1)(name).map((x) => 1e6 * x)),
      /^model\.embed_tokens\.weight: storage: "float16": .*bfloat16/,
    ],
  ]);
  const weights = new PretrainedWeights(engine, tinyArchitecture(), "float32");
  assert.throws(() => weights.digest(), /model\.embed_tokens\.weight has not been written/);
});

Deno.test("what a model cannot be asked is refused by name", async () => {
  const model = modelOf(), [text] = textsOf([4]), row = { sequence: 0, token: 0 };
  const { tokens } = text!;
  await assert.rejects(
    model.forward([{ tokens }], [row], ["values"]),
    /UsageError: outputs: "values"/,
  );
  await assert.rejects(
    model.forward([{ tokens }], [row], ["logProbs"]),
    /RangeError: token 0 of sequence 0 has target undefined/,
  );
  await assert.rejects(
    model.forward([{ tokens }], [{ sequence: 0, token: 4 }], ["logits"]),
    RangeError,
  );
  await assert.rejects(
    model.forward([{ tokens: [37] }], [row], ["logits"]),
    /tokens: 37: the model has 0 to 36/,
  );
  const long = { tokens: new Array(129).fill(1) };
  await assert.rejects(
    model.forward([long], [row], ["logits"]),
    /positions: 128: .*\(maxLength 128\)/,
  );
  refusals([[
    () => model.train([{ tokens }], 4, adamW(0.1, 1)),
    /^lora: undefined: .*nothing to train/,
  ]]);
  const generate = (tokens: number[], options = {}) =>
    model.generate([{ tokens, row: 0 }], { ...OPTIONS, ...options });
  await assert.rejects(generate([]), /RangeError: prompt 0 has no tokens/);
  await assert.rejects(generate([37]), /tokens: 37/);
  await assert.rejects(
    generate(new Array(118).fill(1)),
    /UsageError: maxTokens: 12: prompt 0 has 118 tokens, the model's maxLength is 128/,
  );
  await assert.rejects(
    generate([1], { stopTexts: ["a"] }),
    /UsageError: stopTexts: "a": give tokenBytes/,
  );
  assert.equal((await generate(new Array(117).fill(1)))[0]!.length, 12);
});

Deno.test("dynamic RoPE generates within the length that the model was trained for", async () => {
  const weights = weightsOf({ maxPositions: 24, ropeScaling: { type: "dynamic", factor: 2 } });
  const model = modelOf({ maxLength: 64 }, weights);
  const tokens = new Array(13).fill(5);
  const [response] = await model.generate([{ tokens, row: 0 }], OPTIONS);
  const text = [...tokens, ...response!];
  const rows = Array.from({ length: 12 }, (_, t) => ({ sequence: 0, token: 12 + t }));
  const { logits } = await model.forward([{ tokens: text }], rows, ["logits"]);
  rows.slice(0, 12).forEach((_, t) => {
    const own = logits.subarray(37 * t, 37 * (t + 1));
    assert.equal(own.indexOf(Math.max(...own)), response![t]);
  });
  await assert.rejects(
    model.generate([{ tokens: new Array(14).fill(5), row: 0 }], OPTIONS),
    /UsageError: maxTokens: 12: prompt 0 has 14 tokens, dynamic RoPE/,
  );
});
