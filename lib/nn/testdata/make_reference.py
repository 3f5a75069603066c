"""Writes reference.json and language.onnx, to which reference_test.ts and onnx_test.ts compare the engine.

The transformer of lib/nn/transformer.ts out of PyTorch's own operations, in float64: outputs, losses, gradients and
weights after one and two steps of torch.optim.AdamW. The language model also as an ONNX file, float32.

Needs torch==2.13.0 (CPU), onnx==1.23.2, onnxscript==0.7.2. Run from anywhere; takes seconds.
"""

import json
import math
import os

import numpy
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))


def words(tensor, size):
    """Pseudo-random uint32; `formulaWeights` in reference_test.ts is the same formula."""
    x = (numpy.arange(1, size + 1, dtype=numpy.uint64) * 2654435761 + (tensor + 1) * 40503) & 0xFFFFFFFF
    x = ((x ^ (x >> numpy.uint64(16))) * 0x45D9F3B) & 0xFFFFFFFF
    return x ^ (x >> numpy.uint64(16))


def uniform(tensor, size):
    """Multiples of 2^-24 in [-1/2, 1/2)."""
    return (words(tensor, size) >> numpy.uint64(8)).astype(numpy.float64) / 2**24 - 0.5


def shapes(c):
    """Names and shapes in the order of transformerParameters (transformer.ts); gains last."""
    d, inner = c["dModel"], c["dModel"] * c["mlpRatio"]
    matrices = [("embedding", (c["vocabularySize"], d))]
    gains = []
    for layer in range(c["layers"]):
        name = f"layers.{layer}."
        matrices += [(name + "qkv", (d, 3 * d)), (name + "out", (d, d)), (name + "up", (d, inner)), (name + "down", (inner, d))]
        gains += [(name + "norm1", (d,)), (name + "norm2", (d,))]
    if c["languageHead"]:
        matrices.append(("head", (d, c["vocabularySize"])))
    if "valueHead" in c:
        matrices.append(("value_head", (d, c["valueHead"]["outputs"])))
    return matrices + gains + [("norm", (d,))]


class Transformer(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.names = [name for name, _ in shapes(config)]
        values = []
        for index, (_, shape) in enumerate(shapes(config)):
            u = uniform(index, math.prod(shape)).reshape(shape)
            # Gains around 1, embedding wider than the rest; exact in float32.
            values.append(1 + u / 2 if len(shape) == 1 else u * (2 if index == 0 else 0.5))
        self.weights = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor(v)) for v in values])

    def rotate(self, x, positions):
        """x is (batch, heads, length, head_dim). In every 16 dimensions i and i + w / 2 of the w rotated are a pair."""
        rotary = self.config["rotaryDim"]
        width = min(rotary, 16)
        frequency = self.config["ropeBase"] ** (-torch.arange(rotary // 2, dtype=x.dtype) * 2 / rotary)
        angle = positions[:, None, :, None].to(x.dtype) * frequency
        cos = angle.cos().unflatten(-1, (-1, width // 2))
        sin = angle.sin().unflatten(-1, (-1, width // 2))
        a, b = x[..., :rotary].unflatten(-1, (-1, 2, width // 2)).unbind(-2)
        turned = torch.stack([a * cos - b * sin, b * cos + a * sin], -2).flatten(-3)
        return torch.cat([turned, x[..., rotary:]], -1)

    def forward(self, tokens, positions):
        c = self.config
        w = dict(zip(self.names, self.weights))
        batch, length = tokens.shape
        d = c["dModel"]

        def norm(x, name):
            return F.rms_norm(x, (d,), w[name], eps=1e-5)

        x = F.embedding(tokens, w["embedding"])
        for layer in range(c["layers"]):
            name = f"layers.{layer}."
            qkv = norm(x, name + "norm1") @ w[name + "qkv"]
            q, k, v = qkv.view(batch, length, 3, -1, c["headDim"]).permute(2, 0, 3, 1, 4)
            q, k = self.rotate(q, positions), self.rotate(k, positions)
            o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + o.transpose(1, 2).reshape(batch, length, d) @ w[name + "out"]
            u = norm(x, name + "norm2") @ w[name + "up"]
            x = x + F.gelu(u, approximate="tanh") @ w[name + "down"]
        x = norm(x, "norm")
        return [x @ w[head] for head in ("head", "value_head") if head in w]


def hl_gauss(value, outputs):
    """Probabilities of `outputs` bins on [0, 1], s = 0.75 bin widths."""
    edges = torch.linspace(0, 1, outputs + 1, dtype=torch.float64)
    cdf = torch.special.ndtr((edges - value) * outputs / 0.75)
    return (cdf.diff() / (cdf[-1] - cdf[0])).tolist()


def make_batch(c, lengths):
    batch = []
    for row, length in enumerate(lengths):
        u = lambda k, n=length: (uniform(100 + 10 * row + k, n) + 0.5).tolist()
        sequence = {
            "tokens": [int(x * c["vocabularySize"]) for x in u(0)],
            "positions": [row + t + (5 if t > length // 2 else 0) for t in range(length)],
        }
        if c["languageHead"]:
            sequence["targets"] = [int(x * c["vocabularySize"]) for x in u(1)]
            sequence["weights"] = [float(numpy.float32(0 if x < 0.2 else x)) for x in u(2)]
        if "valueHead" in c:
            n = c["valueHead"]["outputs"]
            soft = c["valueHead"]["loss"] == "soft_cross_entropy"
            targets = [hl_gauss(x, n) if soft else [x] * n for x in u(3)]
            sequence["valueTargets"] = [float(numpy.float32(x)) for row in targets for x in row]
            sequence["valueWeights"] = [float(numpy.float32(0 if x < 0.3 else 1)) for x in u(4)]
        batch.append(sequence)
    return batch


def padded(batch, key, dtype, cols=1):
    length = max(len(s["tokens"]) for s in batch)
    rows = [s[key] + [0] * (cols * length - len(s[key])) for s in batch]
    x = torch.tensor(rows, dtype=dtype)
    return x if cols == 1 else x.unflatten(1, (length, cols))


def losses(model, batch):
    c = model.config
    outputs = model(padded(batch, "tokens", torch.long), padded(batch, "positions", torch.long))
    out = dict(zip([k for k, present in (("logits", c["languageHead"]), ("values", "valueHead" in c)) if present], outputs))
    loss = value_loss = torch.zeros((), dtype=torch.float64)
    if "logits" in out:
        w = padded(batch, "weights", torch.float64)
        rows = F.cross_entropy(out["logits"].flatten(0, 1), padded(batch, "targets", torch.long).flatten(), reduction="none")
        loss = (w.flatten() * rows).sum() / w.sum()
    if "values" in out:
        n = c["valueHead"]["outputs"]
        w = padded(batch, "valueWeights", torch.float64)
        y = padded(batch, "valueTargets", torch.float64, n).reshape(*w.shape, n)
        if c["valueHead"]["loss"] == "squared_error":
            rows = F.mse_loss(out["values"], y, reduction="none").sum(-1)
        else:
            rows = F.cross_entropy(out["values"].flatten(0, 1), y.flatten(0, 1), reduction="none").view(w.shape)
        value_loss = (w * rows).sum() / w.sum()
    return out, loss, value_loss


def rounded(x):
    return float(f"{x.item():.9g}")


def summary(names, tensors):
    """Norm and a few entries of each tensor, the largest among them."""
    out = {}
    for index, (name, x) in enumerate(zip(names, tensors)):
        flat = x.detach().flatten()
        picks = sorted({int(flat.abs().argmax()), *(int(k) % len(flat) for k in words(1000 + index, 5))})
        out[name] = {"norm": rounded(flat.norm()), "entries": [[i, rounded(flat[i])] for i in picks]}
    return out


OPTIMIZER = {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.98, "epsilon": 1e-4, "weightDecay": 0.1, "clip": 0.5}


def record(name, config, lengths):
    torch.manual_seed(0)
    model = Transformer(config)
    batch = make_batch(config, lengths)
    decayed = [p for p in model.weights if p.dim() > 1]
    rest = [p for p in model.weights if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": OPTIMIZER["weightDecay"]}, {"params": rest, "weight_decay": 0.0}],
        lr=OPTIMIZER["learningRate"], betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]), eps=OPTIMIZER["epsilon"],
    )
    out, loss, value_loss = losses(model, batch)
    case = {
        "name": name,
        "config": config,
        "batch": batch,
        "optimizer": OPTIMIZER,
        "loss": rounded(loss),
        "valueLoss": rounded(value_loss),
        # Of the tokens that are there, sequence by sequence.
        **{k: [rounded(x) for row, n in enumerate(lengths) for x in v[row, :n].flatten()] for k, v in out.items()},
    }
    steps = []
    for _ in range(2):
        _, loss, value_loss = losses(model, batch)
        optimizer.zero_grad()
        (loss + value_loss).backward()
        gradients = summary(model.names, [p.grad for p in model.weights])
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["clip"])
        optimizer.step()
        steps.append({"gradientNorm": rounded(norm), "gradients": gradients, "weights": summary(model.names, model.weights)})
    return {**case, "steps": steps}


def export_onnx(config, lengths, path):
    model = Transformer(config).float().eval()
    batch = make_batch(config, lengths)
    arguments = (padded(batch, "tokens", torch.long), padded(batch, "positions", torch.long))
    program = torch.onnx.export(
        model, arguments, input_names=["tokens", "positions"], output_names=["logits"], opset_version=18, dynamo=True
    )
    # Node metadata would carry this machine's paths and be larger than the weights.
    program.model.metadata_props.clear()
    for holder in (*program.model.graph, *program.model.graph.initializers.values()):
        holder.metadata_props.clear()
    for node in program.model.graph:
        for value in node.outputs:
            value.metadata_props.clear()
    program.save(path, external_data=False)


LANGUAGE = {
    "vocabularySize": 21, "dModel": 32, "layers": 2, "headDim": 16, "rotaryDim": 8, "ropeBase": 1000,
    "maxPosition": 32, "mlpRatio": 2, "languageHead": True,
}
MSE = {
    **LANGUAGE, "dModel": 64, "layers": 1, "headDim": 32, "rotaryDim": 32, "mlpRatio": 4, "languageHead": False,
    "valueHead": {"loss": "squared_error", "outputs": 1},
}
HL_GAUSS = {
    **LANGUAGE, "dModel": 48, "headDim": 48, "rotaryDim": 16,
    "valueHead": {"loss": "soft_cross_entropy", "outputs": 11},
}

if __name__ == "__main__":
    cases = [
        record("language head", LANGUAGE, [12, 7, 9]),
        record("MSE head", MSE, [12, 7, 9]),
        record("language and HL-Gauss heads", HL_GAUSS, [5, 11, 8, 1, 6]),
    ]
    with open(os.path.join(HERE, "reference.json"), "w") as file:
        json.dump({"torch": torch.__version__, "cases": cases}, file, separators=(",", ":"))
        file.write("\n")
    export_onnx(LANGUAGE, [12, 7, 9], os.path.join(HERE, "language.onnx"))
