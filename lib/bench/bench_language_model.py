"""The peer of bench_language_model_worker.ts: the same work on the same weights by transformers and PEFT, commanded line by line.

A line in is a JSON command, a line out its JSON answer: {"op": "prepare", "work": "training" | "prefill" | "generation",
"model": PATH, "dtype": "float32" | "bfloat16", ...}, {"op": "measure", "runs": n}. Ends with its standard input. The model
is a folder of Hugging Face or a GGUF file, which needs the package gguf.
"""

import os
import sys

# The way out for answers alone: what else prints goes to stderr.
ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
# Ends what was printed before.
ANSWERS.write("\n")

# Nothing is looked for on the network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import json
import resource
import time

import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def load(path, dtype):
    folder, file = os.path.split(path)
    named = {"gguf_file": file} if path.endswith(".gguf") else {}
    model = AutoModelForCausalLM.from_pretrained(folder if named else path, dtype=dtype, **named)
    return model.eval()


def training(c, model):
    lora = LoraConfig(r=c["rank"], lora_alpha=c["alpha"], target_modules=PROJECTIONS)
    model = get_peft_model(model, lora).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    # Adapters are trained in float32, as PEFT does by default.
    optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.98), fused=True)
    tokens = torch.tensor(c["tokens"])
    labels = tokens.clone()
    # The prompt is not learned.
    labels[:, : c["prompt"]] = -100

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = model(input_ids=tokens, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return float(loss.detach())

    return step


def prefill(c, model):
    tokens = torch.tensor(c["tokens"])

    @torch.inference_mode()
    def read():
        return int(model(input_ids=tokens, logits_to_keep=1).logits[:, -1].argmax(-1).sum())

    return read


def generation(c, model):
    tokens = torch.tensor(c["tokens"])[:, : c["prompt"]]
    new = len(c["tokens"][0]) - c["prompt"]

    def generate():
        out = model.generate(
            tokens, attention_mask=torch.ones_like(tokens), do_sample=False, min_new_tokens=new, max_new_tokens=new,
            pad_token_id=0,
        )
        return int(out.sum())

    return generate


def main():
    memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    baseline = memory()
    work = None
    for line in sys.stdin:
        c = json.loads(line)
        if c["op"] == "describe":
            answer = {"version": torch.__version__, "transformers": transformers.__version__}
        elif c["op"] == "prepare":
            torch.set_num_threads(c["threads"])
            torch.manual_seed(0)
            model = load(c["model"], getattr(torch, c["dtype"]))
            parameters = model.num_parameters()
            work = {"training": training, "prefill": prefill, "generation": generation}[c["work"]](c, model)
            work()
            answer = {"parameters": parameters}
        else:
            milliseconds = []
            for _ in range(c["runs"]):
                start = time.perf_counter()
                work()
                milliseconds.append((time.perf_counter() - start) * 1e3)
            answer = {"milliseconds": milliseconds, "peakBytes": memory(), "baselineBytes": baseline}
        print(json.dumps(answer), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main()
