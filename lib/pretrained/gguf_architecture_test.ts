import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import type { GgufHeader, GgufValue } from "./gguf.ts";
import { architectureOfGguf } from "./gguf_architecture.ts";
import { ggufTensor } from "./gguf_tensors.ts";

/** What SmolLM2-135M's file says, as far as it matters. */
function header(changes: Record<string, GgufValue | undefined> = {}, names: string[] = []) {
  const metadata = {
    "general.architecture": "llama",
    "general.quantization_version": 2,
    "llama.block_count": 30,
    "llama.context_length": 8192,
    "llama.embedding_length": 576,
    "llama.feed_forward_length": 1536,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "llama.rope.freq_base": 100000,
    "llama.attention.layer_norm_rms_epsilon": 9.999999747378752e-06,
    "llama.vocab_size": 49152,
    "llama.rope.dimension_count": 64,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.padding_token_id": 2,
    ...changes,
  };
  const stated = Object.entries(metadata).filter(([, value]) => value !== undefined);
  return {
    path: "model.gguf",
    size: 100,
    metadata: new Map(stated as [string, GgufValue][]),
    tensors: ["token_embd.weight", ...names].map((name) => ({
      ...{ name, shape: [49152, 576], type: 0, offset: 64 },
    })),
  } satisfies GgufHeader;
}

Deno.test("the architecture of a GGUF file", () => {
  assert.deepEqual(architectureOfGguf(header()), {
    family: "llama",
    vocabularySize: 49152,
    hiddenSize: 576,
    intermediateSize: 1536,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    normEpsilon: Math.fround(1e-5),
    ropeTheta: 100_000,
    ropeScaling: { type: "default" },
    tiedEmbeddings: true,
    qkvBias: false,
    maxPositions: 8192,
    bosTokenId: 1,
    eosTokenIds: [2],
    padTokenId: 2,
  });
});

Deno.test("what a GGUF file says by its tensors and by keys of its own", () => {
  const untied = architectureOfGguf(header({}, ["output.weight", "blk.0.attn_q.bias"]));
  assert.deepEqual([untied.tiedEmbeddings, untied.qkvBias], [false, true]);
  const wide = architectureOfGguf(header({
    "llama.attention.key_length": 128,
    "llama.attention.value_length": 128,
    "llama.rope.dimension_count": 128,
    "llama.attention.head_count_kv": undefined,
    "llama.vocab_size": undefined,
    "llama.rope.freq_base": undefined,
    "llama.rope.scaling.type": "linear",
    "llama.rope.scaling.factor": 4,
    "llama.expert_count": 0,
    "tokenizer.ggml.eot_token_id": 5,
    "tokenizer.ggml.padding_token_id": undefined,
  }));
  assert.deepEqual([wide.headDim, wide.kvHeads, wide.vocabularySize], [128, 9, 49152]);
  assert.deepEqual([wide.ropeTheta, wide.ropeScaling], [10_000, { type: "linear", factor: 4 }]);
  assert.deepEqual([wide.eosTokenIds, wide.padTokenId], [[2, 5], null]);
  const divisors = Float32Array.from({ length: 32 }, (_, i) => 1 + i);
  assert.deepEqual(architectureOfGguf(header(), divisors).ropeScaling, {
    type: "divisors",
    divisors: [...divisors],
  });
});

Deno.test("what a GGUF file asks for and is not supported, or not known, is refused by its key", () => {
  const cases: [Record<string, GgufValue | undefined>, RegExp][] = [
    [{ "general.architecture": "gemma3" }, /general\.architecture: "gemma3"/],
    [{ "general.architecture": undefined }, /general\.architecture: undefined/],
    [{ "split.count": 3 }, /one of 3 parts": join them/],
    [{ "llama.attention.sliding_window": 4096 }, /llama\.attention\.sliding_window: 4096/],
    [{ "llama.expert_count": 8 }, /llama\.expert_count: 8/],
    [{ "llama.use_parallel_residual": true }, /llama\.use_parallel_residual: true/],
    [{ "llama.attention.scale": 0.5 }, /attention\.scale": unknown field/],
    [{ "llama.rope.scaling.type": "yarn" }, /scaling\.type: "yarn": only none and linear/],
    [{ "llama.rope.scaling.type": "linear" }, /ropeScaling\.factor/],
    [{ "llama.attention.value_length": 32 }, /attention\.value_length: 32: only 64/],
    [{ "llama.rope.dimension_count": 32 }, /rope\.dimension_count: 32: only 64/],
    [{ "llama.attention.head_count": [9, 9] }, /attention\.head_count: "\[9,9\]"/],
    [{ "llama.block_count": undefined }, /llama\.block_count: undefined/],
    [{ "llama.attention.head_count_kv": 2 }, /kvHeads: 2: must divide the 9/],
  ];
  for (const [change, message] of cases) {
    assert.throws(() => architectureOfGguf(header(change)), (error: unknown) => {
      assert.ok(error instanceof UsageError, `${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
  const linear = { "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4 };
  assert.throws(
    () => architectureOfGguf(header(linear), new Float32Array(32).fill(1)),
    /not supported beside rope_freqs\.weight/,
  );
  assert.throws(
    () => architectureOfGguf(header(), new Float32Array(16).fill(1)),
    /must have 32 divisors/,
  );
});

Deno.test("a tensor of a type that is not supported, of parts of blocks or beyond the file is refused", () => {
  const tensor = (type: number, ...shape: number[]) =>
    ggufTensor({ name: "blk.0.ffn_up.weight", shape, type, offset: 64 }, header());
  assert.equal(tensor(0, 9).bytes, 36);
  assert.equal(tensor(8, 1, 32).name, "model.layers.0.mlp.up_proj.weight");
  assert.throws(() => tensor(10, 1, 256), /ffn_up\.weight: "Q2_K": only F32, .* are supported/);
  assert.throws(() => tensor(77, 1, 256), /"type 77": only F32/);
  assert.throws(() => tensor(8, 2, 48), /"\[2,48\]": rows of no whole blocks of Q8_0/);
  assert.throws(() => tensor(0, 10), /"ends at 104 of 100": the file is cut short/);
});
