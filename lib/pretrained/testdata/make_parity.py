"""Writes parity.json and smollm2_parity.json: what transformers and PEFT compute.

parity.json: with small models whose weights follow from a formula.

Of each case: config.json of the model, texts, logits and values at some of their tokens, losses and gradients of what is
trained, the adapter as PEFT saves it, and for what it was made. formula() is in testing.ts, too.

smollm2_parity.json: greedy continuations by SmolLM2-135M-Instruct, whose GGUF file is the one argument, and loss and
gradients of adapters to it; left out without it.

Needs transformers==5.24.0, torch==2.13.0 (CPU), peft==0.21.2, safetensors==0.8.0; for SmolLM2 gguf==0.19.0 and
accelerate==1.15.0, too. Run from anywhere; takes seconds, with SmolLM2 a minute.
"""

import base64
import json
import os
import sys
import tempfile

import numpy
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
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


TEXTS = [
    "<|im_start|>user\nWhat is 3+4?<|im_end|>\n<|im_start|>assistant\n",
    "Once upon a time, in a village by the sea, there lived a",
    "def fibonacci(n):\n",
    "Start 7: +3 +6 +3 +9\n7+3=0 0+6=6 6+3=9",
]


# No text of the model's own: where it is nearly certain, gradients are small differences of large numbers.
ORDINARY = (
    "The ferry left an hour late, so Marta counted the gulls on the pier: 17 at first, then 9, then 23. By noon the fog "
    "had lifted, and with it her temper. She bought two oranges for 1.40 and gave one to the boy who sold maps."
)


def continuations(model, tokenizer):
    result = []
    for words in TEXTS:
        prompt = tokenizer(words, add_special_tokens=False)["input_ids"]
        tokens, gaps, cache, given = list(prompt), [], None, prompt
        with torch.no_grad():
            while len(tokens) < len(prompt) + 64:
                answer = model(torch.tensor([given]), past_key_values=cache, use_cache=True)
                top = answer.logits[0, -1].topk(2)
                gaps.append((top.values[0] - top.values[1]).item())
                cache, given = answer.past_key_values, [top.indices[0].item()]
                tokens += given
        # Of which rounding decides, no other program can be asked.
        assert min(gaps) > 1e-3, min(gaps)
        result.append({"prompt": prompt, "continuation": tokens[len(prompt) :]})
    return result


def adapter_gradients(model, text):
    """In float64."""
    adapted = get_peft_model(model, lora("CAUSAL_LM", 2, 4, ["q_proj", "down_proj"])).eval()
    for key, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            parameter.data = 0.1 * formula(plain(key), tuple(parameter.shape))
    adapted = adapted.double()
    tokens = torch.tensor([text])
    loss = torch.nn.functional.cross_entropy(adapted(tokens).logits[0, :-1], tokens[0, 1:])
    loss.backward()
    wanted = ["layers.0.self_attn", "layers.15.mlp", "layers.29.mlp"]
    gradients = {plain(key): p.grad for key, p in adapted.named_parameters() if p.requires_grad}
    return {
        "loss": loss.item(),
        "gradientNorm": sum(g.square().sum() for g in gradients.values()).sqrt().item(),
        "gradients": {key: floats(g) for key, g in gradients.items() if any(part in key for part in wanted)},
    }


def smollm2(path):
    folder, name = os.path.split(path)
    options = {"gguf_file": name, "dtype": torch.float32, "attn_implementation": "eager"}
    model = AutoModelForCausalLM.from_pretrained(folder, **options).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    texts = continuations(model, tokenizer)
    ordinary = tokenizer(ORDINARY, add_special_tokens=False)["input_ids"]
    return {"continuations": texts, "ordinary": {"tokens": ordinary, **adapter_gradients(model, ordinary)}}


def write(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    write("parity.json", cases())
    if len(sys.argv) > 1:
        write("smollm2_parity.json", smollm2(os.path.abspath(sys.argv[1])))
