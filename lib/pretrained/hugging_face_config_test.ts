import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { architectureOfConfig } from "./hugging_face_config.ts";

/** config.json as the models' publishers have it, in the words of transformers 4. */
const SMOLLM2 = {
  "architectures": ["LlamaForCausalLM"],
  "attention_bias": false,
  "attention_dropout": 0.0,
  "bos_token_id": 1,
  "eos_token_id": 2,
  "hidden_act": "silu",
  "hidden_size": 576,
  "initializer_range": 0.041666666666666664,
  "intermediate_size": 1536,
  "is_llama_config": true,
  "max_position_embeddings": 8192,
  "mlp_bias": false,
  "model_type": "llama",
  "num_attention_heads": 9,
  "num_hidden_layers": 30,
  "num_key_value_heads": 3,
  "pad_token_id": 2,
  "pretraining_tp": 1,
  "rms_norm_eps": 1e-05,
  "rope_interleaved": false,
  "rope_scaling": null,
  "rope_theta": 100000,
  "tie_word_embeddings": true,
  "torch_dtype": "bfloat16",
  "transformers_version": "4.42.3",
  "transformers.js_config": { "kv_cache_dtype": { "q4f16": "float16" } },
  "use_cache": true,
  "vocab_size": 49152,
};
const QWEN2 = {
  "architectures": ["Qwen2ForCausalLM"],
  "attention_dropout": 0.0,
  "bos_token_id": 151643,
  "eos_token_id": 151645,
  "hidden_act": "silu",
  "hidden_size": 896,
  "initializer_range": 0.02,
  "intermediate_size": 4864,
  "max_position_embeddings": 32768,
  "max_window_layers": 21,
  "model_type": "qwen2",
  "num_attention_heads": 14,
  "num_hidden_layers": 24,
  "num_key_value_heads": 2,
  "rms_norm_eps": 1e-06,
  "rope_theta": 1000000.0,
  "sliding_window": 32768,
  "tie_word_embeddings": true,
  "torch_dtype": "bfloat16",
  "transformers_version": "4.43.1",
  "use_cache": true,
  "use_sliding_window": false,
  "vocab_size": 151936,
};
const LLAMA3_ROPE = {
  "factor": 32.0,
  "high_freq_factor": 4.0,
  "low_freq_factor": 1.0,
  "original_max_position_embeddings": 8192,
  "rope_type": "llama3",
};

const read = (config: unknown, generation?: unknown) =>
  architectureOfConfig(config, "config.json", generation);

Deno.test("a Llama's config.json", () => {
  assert.deepEqual(read(SMOLLM2), {
    family: "llama",
    vocabularySize: 49152,
    hiddenSize: 576,
    intermediateSize: 1536,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    normEpsilon: 1e-5,
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

Deno.test("a Qwen2's config.json has biases and a window that is off", () => {
  const { family, headDim, qkvBias, padTokenId, ropeTheta, kvHeads } = read(QWEN2);
  assert.deepEqual(
    { family, headDim, qkvBias, padTokenId, ropeTheta, kvHeads },
    { family: "qwen2", headDim: 64, qkvBias: true, padTokenId: null, ropeTheta: 1e6, kvHeads: 2 },
  );
  assert.equal(read({ ...QWEN2, layer_types: new Array(24).fill("full_attention") }).layers, 24);
});

Deno.test("a silent config.json has transformers' defaults", () => {
  const { model_type, vocab_size, hidden_size, intermediate_size } = SMOLLM2;
  const { num_hidden_layers, num_attention_heads } = SMOLLM2;
  const sizes = { vocab_size, hidden_size, intermediate_size, num_hidden_layers };
  const found = read({ model_type, ...sizes, num_attention_heads });
  assert.deepEqual(
    [found.kvHeads, found.normEpsilon, found.ropeTheta, found.maxPositions, found.tiedEmbeddings],
    [9, 1e-6, 10_000, 2048, false],
  );
  assert.deepEqual([found.bosTokenId, found.eosTokenIds, found.padTokenId], [1, [2], null]);
  const qwen = read({ model_type: "qwen2", ...sizes, num_attention_heads: 32, hidden_size: 1024 });
  assert.deepEqual([qwen.kvHeads, qwen.maxPositions], [32, 32768]);
  assert.deepEqual([qwen.bosTokenId, qwen.eosTokenIds], [null, []]);
});

Deno.test("fields of a converter and of other tokens change nothing", () => {
  const more = { _model_name_or_path: "SmolLM2 135M", unk_token_id: 0, sep_token_id: 3 };
  assert.deepEqual(read({ ...SMOLLM2, ...more }), read(SMOLLM2));
});

Deno.test("rotary positions in the words of transformers 4 and 5", () => {
  const scaling = {
    type: "llama3",
    factor: 32,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositions: 8192,
  };
  assert.deepEqual(read({ ...SMOLLM2, rope_scaling: LLAMA3_ROPE }).ropeScaling, scaling);
  const { rope_theta: _, rope_scaling: __, ...rest } = SMOLLM2;
  const five = read({ ...rest, rope_parameters: { ...LLAMA3_ROPE, rope_theta: 500000.0 } });
  assert.deepEqual([five.ropeScaling, five.ropeTheta], [scaling, 500_000]);
  const old = read({ ...SMOLLM2, rope_scaling: { type: "linear", factor: 4.0 } });
  assert.deepEqual([old.ropeScaling, old.ropeTheta], [{ type: "linear", factor: 4 }, 100_000]);
  const both = { type: "dynamic", rope_type: "dynamic", factor: 2.0 };
  assert.deepEqual(read({ ...SMOLLM2, rope_scaling: both }).ropeScaling, {
    type: "dynamic",
    factor: 2,
  });
});

Deno.test("generation_config.json says which tokens end a text", () => {
  const generation = { eos_token_id: [151645, 151643], pad_token_id: 151643, top_p: 0.8 };
  const { eosTokenIds, padTokenId, bosTokenId } = read(QWEN2, generation);
  assert.deepEqual([eosTokenIds, padTokenId, bosTokenId], [[151645, 151643], 151643, 151643]);
  assert.equal(read({ ...SMOLLM2, pad_token_id: -1 }).padTokenId, null);
  assert.deepEqual(read({ ...SMOLLM2, eos_token_id: null }).eosTokenIds, []);
});

Deno.test("what is not supported, unknown or wrong is refused by the field's name", () => {
  const cases: [object, RegExp][] = [
    [{ model_type: "gemma3" }, /config\.json\.model_type: "gemma3": .*"llama"/],
    [{ architectures: ["LlamaForTokenClassification"] }, /only LlamaForCausalLM is supported/],
    [{ hidden_act: "gelu" }, /hidden_act: "gelu": not supported/],
    [{ attention_bias: true }, /attention_bias: true: not supported/],
    [{ mlp_bias: true }, /mlp_bias: true: not supported/],
    [{ sliding_window: 4096 }, /sliding_window: 4096: not supported/],
    [{ use_sliding_window: true }, /use_sliding_window: true: not supported/],
    [{ layer_types: ["full_attention", "sliding_attention"] }, /layer_types: "\[.*not supported/],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor: 0.5: not supported/],
    [{ quantization_config: { bits: 4 } }, /quantization_config: "\{.*not supported/],
    [{ use_parallel_residual: true }, /use_parallel_residual: true: unknown field/],
    [{ num_experts: 8 }, /num_experts: 8: unknown field/],
    [{ attn_logit_softcapping: 50 }, /attn_logit_softcapping: 50: unknown field/],
    [
      { rope_scaling: { type: "yarn", factor: 4 } },
      /rope_scaling\.rope_type: "yarn": only default/,
    ],
    [{ rope_scaling: { rope_type: "linear" } }, /rope_scaling\.factor/],
    [{ rope_scaling: { type: "linear", factor: 2, beta_fast: 1 } }, /"beta_fast": unknown field/],
    [{ rope_scaling: { ...LLAMA3_ROPE, low_freq_factor: 4 } }, /low frequency factor/],
    [{ rope_scaling: { type: "default", partial_rotary_factor: 0.5 } }, /partial_rotary_factor/],
    [{ rope_scaling: LLAMA3_ROPE, rope_parameters: LLAMA3_ROPE }, /beside rope_parameters/],
    [{ num_key_value_heads: 4 }, /kvHeads: 4: must divide the 9/],
    [{ num_attention_heads: 7 }, /headDim/],
    [{ head_dim: 63 }, /headDim: 63: must be even/],
    [{ hidden_size: "576" }, /hidden_size: "576"/],
    [{ vocab_size: undefined }, /vocab_size: undefined/],
    [{ num_hidden_layers: 0 }, /layers: 0/],
    [{ rms_norm_eps: 0 }, /normEpsilon: 0/],
    [{ eos_token_id: [2, 49152] }, /eosTokenIds.*must be below the vocabulary's 49152/],
  ];
  for (const [change, message] of cases) {
    assert.throws(() => read({ ...SMOLLM2, ...change }), (error: unknown) => {
      assert.ok(error instanceof UsageError, `${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
  assert.throws(() => read([]), UsageError);
  assert.throws(() => read({ ...QWEN2, attention_bias: false }), /attention_bias: false/);
});
