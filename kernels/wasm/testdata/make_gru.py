"""Writes gru.json, to which ../gru_test.ts compares the GRU kernels: PyTorch's nn.GRU (bias=False) in float64.

Outputs, and the gradients of sum(h * dh) of input, W_ih and W_hh. Needs torch==2.13.0 (CPU). Run from anywhere.
"""

import json
import os

import torch

SEQUENCES, LENGTH, D = 3, 7, 16


def rounded(x):
    return [float(f"{v:.8g}") for v in x.flatten().tolist()]


torch.manual_seed(1)
gru = torch.nn.GRU(D, D, bias=False, batch_first=True)
# Exact in float32, which the kernels read; wide enough for the gates to leave their linear range.
x = torch.randn(SEQUENCES, LENGTH, D)
dh = torch.randn(SEQUENCES, LENGTH, D)
with torch.no_grad():
    gru.weight_ih_l0.copy_(torch.randn(3 * D, D) * 0.5)
    gru.weight_hh_l0.copy_(torch.randn(3 * D, D) * 0.5)
given = {"x": x, "dh": dh, "wIh": gru.weight_ih_l0, "wHh": gru.weight_hh_l0}
given = {name: [float(f"{v:.9g}") for v in value.flatten().tolist()] for name, value in given.items()}
gru = gru.double()
x = x.double().requires_grad_()
h, _ = gru(x)
(h * dh.double()).sum().backward()
case = {
    "torch": torch.__version__,
    **{"sequences": SEQUENCES, "length": LENGTH, "d": D},
    **given,
    "h": rounded(h),
    "dx": rounded(x.grad),
    "dWIh": rounded(gru.weight_ih_l0.grad),
    "dWHh": rounded(gru.weight_hh_l0.grad),
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gru.json")
with open(path, "w") as file:
    json.dump(case, file, separators=(",", ":"))
    file.write("\n")
