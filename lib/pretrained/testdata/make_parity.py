"""Writes parity.json: what transformers and PEFT compute with small models whose weights follow from a formula.

Of each case: config.json of the model, texts, logits and values at some of their tokens, losses and gradients of what is
trained, the adapter as PEFT saves it, and for what it was made. formula() is in testing.ts, too.

Needs transformers==5.24.0, torch==2.13.0 (CPU), peft==0.21.2, safetensors==0.8.0. Run from anywhere; takes seconds.
"""

import base64
import json
import os
import tempfile

import numpy
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForTokenClassification,
    Qwen2Config,
    Qwen2ForCausalLM,
)

HERE = os.path.dirname(os.path.abspath(__file__))


def text(data):
    return base64.b64encode(data).decode()


def floats(tensor):
    return text(tensor.detach().to(torch.float32).contiguous().numpy().astype("<f4").tobytes())


def formula(name, shape):
    """float32 numbers that look random: gains about 1, other vectors about 0, matrices with a variance of 1 / inputs."""
    seed = numpy.uint32(0)
    for byte in name.encode():
        seed = numpy.uint32((int(seed) * 31 + byte) & 0xFFFFFFFF)
    x = (numpy.arange(1, numpy.prod(shape) + 1, dtype=numpy.uint64) * 2654435761 + int(seed)).astype(numpy.uint32)
    x ^= x >> numpy.uint32(16)
    x = (x.astype(numpy.uint64) * 0x45D9F3B).astype(numpy.uint32)
    x ^= x >> numpy.uint32(16)
    u = (x >> numpy.uint32(8)) / 2**24 - 0.5
    if len(shape) > 1:
        u = u * numpy.sqrt(12 / shape[-1])
    elif name.endswith("norm.weight"):
        u = 1 + u / 2
    return torch.from_numpy(u.astype(numpy.float32).reshape(shape))


def plain(name):
    """Without what PEFT puts before and into a name."""
    name = name.removeprefix("base_model.model.")
    return name.replace(".base_layer", "").replace(".default", "").replace("modules_to_save.", "")


def case(base, lora, sequences, value_head=None, at=None):
    """`value_head`: its loss; `at`: tokens whose outputs are written, default all."""
    base = base.eval()
    base.tie_weights()
    with tempfile.TemporaryDirectory() as folder:
        base.config.save_pretrained(folder)
        config = json.load(open(os.path.join(folder, "config.json")))
    # Of the head, which is no part of the pretrained model.
    config = {field: value for field, value in config.items() if field not in ["id2label", "label2id"]}
    model = get_peft_model(base, lora).eval()
    for name, parameter in model.named_parameters():
        if "original_module" not in name:
            parameter.data = formula(plain(name), tuple(parameter.shape))
    base.tie_weights()
    outputs, losses = [], []
    for s in sequences:
        result = model(torch.tensor([s["tokens"]])).logits[0]
        outputs.append(floats(result[at] if at else result))
        weights = torch.tensor(s["weights"])
        if value_head == "squared_error":
            terms = ((result - torch.tensor(s["valueTargets"]).reshape(result.shape)) ** 2).sum(-1)
        elif value_head == "soft_cross_entropy":
            targets = torch.tensor(s["valueTargets"]).reshape(result.shape)
            terms = -(targets * result.log_softmax(-1)).sum(-1)
        else:
            terms = torch.nn.functional.cross_entropy(result, torch.tensor(s["targets"]), reduction="none")
        losses.append((weights * terms).sum())
    loss = sum(losses) / sum(sum(s["weights"]) for s in sequences)
    loss.backward()
    gradients = {plain(name): floats(p.grad) for name, p in model.named_parameters() if p.requires_grad}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        files = {
            name: text(open(os.path.join(folder, name), "rb").read())
            for name in ["adapter_config.json", "adapter_model.safetensors"]
        }
    return {
        "config": config,
        "lora": {"rank": lora.r, "alpha": lora.lora_alpha, "targetModules": sorted(lora.target_modules)},
        **({"valueHead": {"loss": value_head, "outputs": base.config.num_labels}} if value_head else {}),
        "sequences": sequences,
        "at": at,
        "outputs": outputs,
        "loss": loss.item(),
        "gradients": gradients,
        "adapter": files,
    }


def texts(seed, vocabulary, lengths, outputs=0):
    """Random tokens, targets and weights, a third of them 0; with `outputs`, distributions as targets of the value head."""
    random = numpy.random.default_rng(seed)
    result = []
    for n in lengths:
        weights = random.uniform(0.5, 1.5, n).astype(numpy.float32) * (random.uniform(size=n) > 0.33)
        weights[-1] = 1
        own = {"tokens": random.integers(vocabulary, size=n).tolist()}
        if outputs:
            draw = random.uniform(size=(n, outputs))
            draw = draw / draw.sum(-1, keepdims=True) if outputs > 1 else draw
            own["valueTargets"] = draw.astype(numpy.float32).flatten().tolist()
        else:
            own["targets"] = random.integers(vocabulary, size=n).tolist()
        result.append({**own, "weights": weights.tolist()})
    return result


def lora(task, rank, alpha, targets):
    return LoraConfig(task_type=task, r=rank, lora_alpha=alpha, target_modules=targets)


def cases():
    common = {"num_hidden_layers": 2, "attn_implementation": "eager", "max_position_embeddings": 128}
    llama = lambda **fields: LlamaConfig(**{**common, **fields})
    rope = lambda kind, **fields: {"rope_parameters": {"rope_type": kind, **fields}}
    every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    small = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}
    llama3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
    return {
        "llama, grouped heads of 16, tied": case(
            LlamaForCausalLM(llama(**small, vocab_size=37, tie_word_embeddings=True, rms_norm_eps=1e-5, **rope("default", rope_theta=100000.0))),
            lora("CAUSAL_LM", 4, 8, every), texts(1, 37, [1, 6, 13]),
        ),
        "qwen2, a head of 64, biases, untied": case(
            Qwen2ForCausalLM(Qwen2Config(**common, vocab_size=531, hidden_size=48, intermediate_size=80, num_attention_heads=2,
                num_key_value_heads=1, head_dim=64, tie_word_embeddings=False, **rope("default", rope_theta=1000000.0))),
            lora("CAUSAL_LM", 3, 2, ["q_proj", "v_proj"]), texts(2, 531, [90, 70]), at=[0, 63, 64, 69],
        ),
        "llama, heads of 128, Llama 3's RoPE, value head": case(
            LlamaForTokenClassification(llama(vocab_size=29, hidden_size=64, intermediate_size=32, num_attention_heads=2, head_dim=128,
                num_labels=1, **rope("llama3", rope_theta=500000.0, **llama3))),
            lora("TOKEN_CLS", 5, 16, ["o_proj", "gate_proj", "up_proj", "down_proj"]), texts(3, 29, [5, 21], 1), "squared_error",
        ),
        "llama, value head of 11 bins, linear RoPE": case(
            LlamaForTokenClassification(llama(**small, vocab_size=23, num_labels=11, **rope("linear", factor=2.5, rope_theta=10000.0))),
            lora("TOKEN_CLS", 16, 5, ["k_proj", "up_proj"]), texts(4, 23, [9, 3, 4], 11), "soft_cross_entropy",
        ),
        "llama, dynamic RoPE beyond its length": case(
            LlamaForCausalLM(llama(**{**small, "max_position_embeddings": 8}, vocab_size=37, **rope("dynamic", factor=3.0, rope_theta=10000.0))),
            # Ascending: a dynamic RoPE keeps the frequencies of the longest text so far.
            lora("CAUSAL_LM", 8, 8, ["q_proj", "k_proj"]), texts(5, 37, [4, 11, 19]),
        ),
    }


def write(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    write("parity.json", cases())
