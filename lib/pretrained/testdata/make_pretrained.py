"""Writes NAME.json: what transformers, torch and PEFT compute with a pretrained model, which is read out of its GGUF file.

    python make_pretrained.py NAME FILE

Logits after a prompt, greedy continuations, and loss and gradients of adapters to it.

Needs what make_parity.py does, and gguf==0.19.0 and accelerate==1.15.0; takes a minute or two, and 16 bytes a parameter.
"""

import os
import sys

import torch
from peft import get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from make_parity import floats, formula, lora, plain, write

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
    layers = model.config.num_hidden_layers
    wanted = ["layers.0.self_attn", f"layers.{layers // 2}.mlp", f"layers.{layers - 1}.mlp"]
    gradients = {plain(key): p.grad for key, p in adapted.named_parameters() if p.requires_grad}
    return {
        "loss": loss.item(),
        "gradientNorm": sum(g.square().sum() for g in gradients.values()).sqrt().item(),
        "gradients": {key: floats(g) for key, g in gradients.items() if any(part in key for part in wanted)},
    }


def logits(model, tokenizer):
    words = "<|im_start|>user\nWhat is 3+4?<|im_end|>\n<|im_start|>assistant\n3+4 ="
    tokens = tokenizer(words, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        last = model(torch.tensor([tokens])).logits[0, -1]
    every = list(range(0, last.shape[0], 97)) + last.topk(20).indices.tolist()
    return {"tokens": tokens, "at": every, "logits": floats(last[every]), "logSumExp": last.double().logsumexp(0).item()}


def main(name, path):
    folder, file = os.path.split(os.path.abspath(path))
    options = {"gguf_file": file, "dtype": torch.float32, "attn_implementation": "eager"}
    model = AutoModelForCausalLM.from_pretrained(folder, **options).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    found = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "prompt": logits(model, tokenizer),
        "continuations": continuations(model, tokenizer),
    }
    ordinary = tokenizer(ORDINARY, add_special_tokens=False)["input_ids"]
    write(f"{name}.json", {**found, "ordinary": {"tokens": ordinary, **adapter_gradients(model, ordinary)}})


if __name__ == "__main__":
    main(*sys.argv[1:])
