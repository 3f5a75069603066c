"""Writes models.json and quantized.json, to which the tests of lib/pretrained compare it.

models.json: tiny random Llama and Qwen2 models as transformers saves them and as GGUF files, with transformers' logits in
float32; of a GGUF file those of the model that transformers reads out of it, if it reads all of it. quantized.json: tensors in GGUF's storage types
with what the package gguf makes of them.

Needs transformers==5.24.0, torch==2.13.0 (CPU), safetensors==0.8.0, gguf==0.19.0,
accelerate==1.15.0. Run from anywhere; takes a minute.
"""

import base64
import json
import os
import tempfile

import gguf
import numpy
import torch
from gguf import GGMLQuantizationType as Type
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
COMMON = {"vocab_size": 13, "intermediate_size": 9, "num_hidden_layers": 2, "attn_implementation": "eager"}
# Ascending: a dynamic RoPE keeps the frequencies of the longest prompt so far.
LENGTHS = [1, 2, 7, 19]


def text(data):
    return base64.b64encode(data).decode()


def floats(tensor):
    return text(tensor.detach().to(torch.float32).contiguous().numpy().astype("<f4").tobytes())


def randomized(model, seed):
    """Weights that make every part of the model matter: the default ones leave attention nearly uniform."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        draw = torch.randn(parameter.shape, generator=generator)
        parameter.data = 1 + 0.3 * draw if "norm" in name else draw * (2 / parameter.shape[-1]) ** 0.5
    model.tie_weights()
    return model.eval()


def logits(model, seed):
    """Prompts, one with positions that jump, and the logits of all their tokens."""
    generator = torch.Generator().manual_seed(seed)
    prompts = []
    for length in LENGTHS:
        tokens = torch.randint(model.config.vocab_size, (1, length), generator=generator)
        prompts.append({"tokens": tokens[0].tolist(), "logits": floats(model(tokens).logits)})
    if model.config.rope_parameters["rope_type"] != "dynamic":
        positions = torch.tensor([[0, 1, 2, 500, 501, 2047]])
        tokens = torch.randint(model.config.vocab_size, positions.shape, generator=generator)
        found = floats(model(tokens, position_ids=positions).logits)
        prompts.append({"tokens": tokens[0].tolist(), "positions": positions[0].tolist(), "logits": found})
    return prompts


def saved(model, seed, dtype=torch.float32, max_shard_size="1GB"):
    model = randomized(model, seed).to(dtype)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, max_shard_size=max_shard_size)
        names = sorted(name for name in os.listdir(folder) if name != "generation_config.json")
        files = {name: text(open(os.path.join(folder, name), "rb").read()) for name in names}
        # Not the model at hand, whose rotary frequencies have been rounded, too.
        read = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return {"files": files, "prompts": logits(read, seed)}


def permuted(weights, heads):
    """As llama.cpp's convert_hf_to_gguf.py orders the rows of a Llama's query and key projections."""
    split = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return split.swapaxes(1, 2).reshape(weights.shape)


def rope_divisors(dim, rope_theta, factor, low_freq_factor, high_freq_factor, original_max_position_embeddings, **_):
    """As convert_hf_to_gguf.py computes the tensor rope_freqs."""
    divisors = []
    for i in range(0, dim, 2):
        wavelength = 2 * numpy.pi * rope_theta ** (i / dim)
        turns = original_max_position_embeddings / wavelength
        smooth = (turns - low_freq_factor) / (high_freq_factor - low_freq_factor)
        divisors.append(1 / ((1 - numpy.clip(smooth, 0, 1)) / factor + numpy.clip(smooth, 0, 1)))
    return numpy.array(divisors, numpy.float32)


def gguf_file(path, model, types):
    """Writes the model as llama.cpp's converter does, tensors in turn of the types given."""
    c = model.config
    writer = gguf.GGUFWriter(path, c.model_type)
    writer.add_block_count(c.num_hidden_layers)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
    writer.add_vocab_size(c.vocab_size)
    if c.model_type == "llama":
        writer.add_rope_dimension_count(c.head_dim)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(c.vocab_size)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if c.rope_parameters["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_divisors(c.head_dim, **c.rope_parameters))
    names = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, c.model_type.upper()), c.num_hidden_layers)
    count = 0
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and c.tie_word_embeddings:
            continue
        data = tensor.numpy().astype(numpy.float32)
        if c.model_type == "llama" and "q_proj" in name:
            data = permuted(data, c.num_attention_heads)
        if c.model_type == "llama" and "k_proj" in name:
            data = permuted(data, c.num_key_value_heads)
        kind = Type.F32
        if data.ndim > 1:
            kind = types[count % len(types)]
            count += 1
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), gguf.quantize(data, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def from_gguf(folder, name):
    options = {"gguf_file": name, "dtype": torch.float32, "attn_implementation": "eager"}
    return AutoModelForCausalLM.from_pretrained(folder, **options).eval()


def through_gguf(model, seed, types):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.gguf")
        model = randomized(model, seed)
        gguf_file(path, model, types)
        # transformers does not read rotary scaling out of GGUF files.
        read = from_gguf(folder, "model.gguf") if model.config.rope_parameters["rope_type"] == "default" else model
        if types == [Type.F32]:
            # Otherwise writer and reader agree on something that is no GGUF file.
            assert torch.equal(read(torch.tensor([[3, 1, 4]])).logits, model(torch.tensor([[3, 1, 4]])).logits)
        return {"files": {"model.gguf": text(open(path, "rb").read())}, "prompts": logits(read, seed)}


def models():
    llama = lambda **fields: LlamaForCausalLM(LlamaConfig(**{**COMMON, **fields}))
    qwen2 = lambda **fields: Qwen2ForCausalLM(Qwen2Config(**{**COMMON, **fields}))
    rope = lambda kind, **fields: {"rope_parameters": {"rope_type": kind, **fields}}
    grouped = {"hidden_size": 24, "num_attention_heads": 6, "num_key_value_heads": 2}
    llama3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
    blocks = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
    mixed = [Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.F16, Type.BF16]
    return {
        "llama, grouped heads, tied, F32": saved(
            llama(**grouped, tie_word_embeddings=True, rms_norm_eps=1e-5, **rope("default", rope_theta=100000.0)), 1
        ),
        "llama, wide heads, linear RoPE, BF16 in shards": saved(
            llama(hidden_size=6, num_attention_heads=3, head_dim=10, rms_norm_eps=0.1, **rope("linear", factor=2.5, rope_theta=10000.0)),
            2, torch.bfloat16, 900,
        ),
        "llama, one key head, Llama 3's RoPE, F16": saved(
            llama(hidden_size=32, num_attention_heads=2, num_key_value_heads=1, **rope("llama3", rope_theta=500000.0, **llama3)),
            3, torch.float16,
        ),
        "llama, dynamic RoPE beyond its length": saved(
            llama(hidden_size=16, num_attention_heads=2, max_position_embeddings=5, **rope("dynamic", factor=3.0, rope_theta=10000.0)), 4
        ),
        "qwen2, biases, tied, BF16": saved(
            qwen2(**grouped, tie_word_embeddings=True, **rope("default", rope_theta=1000000.0)), 5, torch.bfloat16
        ),
        "qwen2, untied, in shards": saved(
            qwen2(hidden_size=14, num_attention_heads=7, num_key_value_heads=7, num_hidden_layers=1, rms_norm_eps=1e-5), 6, torch.float32, 1200
        ),
        "GGUF llama, grouped heads, untied": through_gguf(llama(**grouped, **rope("default", rope_theta=100000.0)), 7, [Type.F32]),
        "GGUF llama, Llama 3's RoPE as divisors": through_gguf(
            llama(hidden_size=32, num_attention_heads=2, **rope("llama3", rope_theta=500000.0, **llama3)), 11, [Type.F32]
        ),
        "GGUF llama, quantized, tied": through_gguf(llama(**blocks, tie_word_embeddings=True), 8, mixed),
        "GGUF qwen2, biases, untied": through_gguf(qwen2(**grouped), 9, [Type.F32]),
        "GGUF qwen2, quantized, tied": through_gguf(qwen2(**blocks, tie_word_embeddings=True), 10, mixed[::-1]),
    }


# Where the blocks of a type have their scales and minima in half precision.
SCALES = {
    **{Type.Q8_0: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q6_K: [208]},
    **{Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2]},
}


def quantized():
    """Blocks of any bits, but for the scales, which are finite; and of numbers rounded as the package rounds them."""
    random = numpy.random.default_rng(0)
    cases = {}
    for kind in [Type.F32, Type.F16, Type.BF16, *SCALES]:
        size, bytes_ = gguf.GGML_QUANT_SIZES[kind]
        rows, columns = 3, 2 * size if size > 1 else 5
        data = random.integers(0, 256, (rows, columns // size, bytes_), dtype=numpy.uint8)
        scales = SCALES.get(kind, [])
        for at in scales:
            halves = random.normal(0, 1, (rows, columns // size, 1)).astype("<f2")
            # The smallest, none, and the largest.
            halves[0, 0, 0], halves[0, 1, 0], halves[1, 0, 0] = 6e-8, -0.0, 65504
            data[:, :, at : at + 2] = halves.view(numpy.uint8)
        if not scales:
            values = random.normal(0, 3, (rows, columns)).astype(numpy.float32)
            values[0, :3] = [1e-41, -0.0, 6e-6]
            data = gguf.quantize(values, kind).view(numpy.uint8)
        data = data.reshape(rows, -1)
        expected = gguf.dequantize(data, kind)
        assert numpy.isfinite(expected).all()
        cases[kind.name] = {"shape": [rows, columns], "stored": text(data.tobytes()), "values": text(expected.astype("<f4").tobytes())}
    return cases


def write(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    write("models.json", models())
    write("quantized.json", quantized())
