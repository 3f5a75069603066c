"""The peer of bench_worker.ts: the same model and the same work in PyTorch, commanded line by line.

A line in is a JSON command, a line out its JSON answer: {"op": "prepare", "work": "training" | "generation", ...},
{"op": "measure", "runs": n}; "choose" says which of two ways to attend is faster on this machine. Ends with its
standard input. Written for speed: fused AdamW, the faster way to attend, for generation one pass over the prompt,
then a preallocated cache and no gradients.

With the argument "gpu" it computes on a card where PyTorch has one, in float32 without TF32, and has a work of its
own, {"op": "product", ...}. A card is waited for only before and after what is timed.
"""

import os
import sys

# The way out for answers alone: what else prints goes to stderr.
ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
# Ends what was printed before.
ANSWERS.write("\n")

import json
import resource
import time

# Some images for cards turn TF32 on from the environment, past PyTorch's own switches.
os.environ.pop("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", None)
os.environ["NVIDIA_TF32_OVERRIDE"] = "0"

import torch
import torch.nn as nn
import torch.nn.functional as F

if not hasattr(nn, "RMSNorm"):
    sys.exit(f"PyTorch {torch.__version__} is too old: >= 2.4 is needed")

DEVICE = torch.device("cuda" if "gpu" in sys.argv[1:] and torch.cuda.is_available() else "cpu")
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


class Block(nn.Module):
    def __init__(self, d, ratio):
        super().__init__()
        self.norm1 = nn.RMSNorm(d, eps=1e-5)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.norm2 = nn.RMSNorm(d, eps=1e-5)
        self.up = nn.Linear(d, ratio * d, bias=False)
        self.down = nn.Linear(ratio * d, d, bias=False)


class Transformer(nn.Module):
    def __init__(self, vocabulary, d, layers, head_dim, length, ratio):
        super().__init__()
        self.head_dim = head_dim
        self.embedding = nn.Embedding(vocabulary, d)
        self.blocks = nn.ModuleList(Block(d, ratio) for _ in range(layers))
        self.norm = nn.RMSNorm(d, eps=1e-5)
        self.head = nn.Linear(d, vocabulary, bias=False)
        half = head_dim // 2
        angle = torch.arange(length)[:, None] * 1000.0 ** (-torch.arange(half) / half)
        self.cos, self.sin = angle.cos(), angle.sin()
        self.mask = torch.full((length, length), float("-inf")).triu(1)
        self.fused = True

    def attend(self, q, k, v, causal):
        """q is (batch, heads, queries, head_dim); with `causal` there are as many queries as keys."""
        if self.fused:
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        scores = (q * self.head_dim**-0.5) @ k.transpose(-1, -2)
        if causal:
            scores = scores + self.mask[: q.shape[2], : q.shape[2]]
        return scores.softmax(-1) @ v

    def forward(self, tokens, start=0, cache=None):
        """Logits. With a cache: tokens are those from position `start` on, logits of the last one only."""
        x = self.embedding(tokens)
        batch, length, d = x.shape
        cos, sin = self.cos[start : start + length], self.sin[start : start + length]

        def rotate(x):
            a, b = x.chunk(2, -1)
            return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

        for layer, block in enumerate(self.blocks):
            qkv = block.qkv(block.norm1(x)).view(batch, length, 3, -1, self.head_dim)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            q, k = rotate(q), rotate(k)
            if cache is not None:
                keys, values = cache[layer]
                keys[:, :, start : start + length] = k
                values[:, :, start : start + length] = v
                if start > 0:
                    k, v = keys[:, :, : start + length], values[:, :, : start + length]
            o = self.attend(q, k, v, causal=start == 0 and length > 1)
            x = x + block.out(o.transpose(1, 2).reshape(batch, length, d))
            x = x + block.down(F.gelu(block.up(block.norm2(x)), approximate="tanh"))
        if cache is not None:
            x = x[:, -1:]
        return self.head(self.norm(x))


def training(c, model):
    decayed = [p for p in model.parameters() if p.dim() > 1]
    gains = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": gains, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.98), eps=1e-8, fused=True,
    )
    tokens = torch.randint(0, c["vocabulary"], (c["sequences"], c["length"]))
    targets = torch.randint(0, c["vocabulary"], (c["sequences"], c["length"]))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return step


def generation(c, model):
    rows, length = c["sequences"], c["length"]
    heads = c["d"] // c["headDim"]
    prompts = torch.randint(0, c["vocabulary"], (rows, c["prompt"]))
    tokens = torch.zeros(rows, length, dtype=torch.long)
    cache = [torch.zeros(2, rows, heads, length, c["headDim"]) for _ in range(c["layers"])]

    @torch.inference_mode()
    def generate():
        tokens[:, : c["prompt"]] = prompts
        new, start = prompts, 0
        for t in range(c["prompt"], length):
            new = model(new, start, cache)[:, -1].argmax(-1, keepdim=True)
            tokens[:, t : t + 1] = new
            start = t
        return int(tokens.sum())

    return generate


def make(c):
    torch.set_num_threads(c["threads"])
    torch.manual_seed(0)
    # Around what is made only: as a default the device would cost time in every call.
    with DEVICE:
        model = Transformer(c["vocabulary"], c["d"], c["layers"], c["headDim"], c["length"], c["mlpRatio"])
        return model, {"training": training, "generation": generation}[c["work"]](c, model)


def product(c):
    torch.manual_seed(0)
    a, b = (torch.randn(c["n"], c["n"], device=DEVICE) for _ in range(2))
    a, b = a.T if c["transposeA"] else a, b.T if c["transposeB"] else b
    out = torch.empty(c["n"], c["n"], device=DEVICE)
    work = lambda: torch.mm(a, b, out=out)
    for _ in range(3):
        work()
    return work


def wait():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def timed(work, together):
    """Milliseconds of one of `together` works in a row."""
    wait()
    start = time.perf_counter()
    for _ in range(together):
        work()
    wait()
    return (time.perf_counter() - start) * 1e3 / together


def describe():
    on_card = DEVICE.type == "cuda"
    return {
        "version": torch.__version__,
        "kind": DEVICE.type,
        "device": torch.cuda.get_device_name() if on_card else "CPU",
        "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
    }


def choose(c):
    """Which way to attend is faster here. In a process of its own: trying costs memory."""
    best = {}
    for fused in (True, False):
        model, work = make(c)
        model.fused = fused
        for _ in range(2):
            work()
        best[fused] = min(timed(work, 1) for _ in range(5))
    return {"fused": best[True] <= best[False]}


def prepare(c):
    model, work = make(c)
    model.fused = c["fused"]
    for _ in range(c.get("warmUp", 5)):
        work()
    return work, {"parameters": sum(p.numel() for p in model.parameters())}


def main():
    torch.set_num_interop_threads(1)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    work, baseline = None, memory()
    for line in sys.stdin:
        command = json.loads(line)
        if command["op"] == "choose":
            answer = choose(command)
        elif command["op"] == "prepare":
            work, answer = prepare(command)
        elif command["op"] == "describe":
            answer = describe()
        elif command["op"] == "product":
            work, answer = product(command), {}
        else:
            times = [timed(work, command.get("together", 1)) for _ in range(command["runs"])]
            answer = {"milliseconds": times, "peakBytes": memory(), "baselineBytes": baseline}
        print(json.dumps(answer, allow_nan=False), file=ANSWERS, flush=True)


main()
