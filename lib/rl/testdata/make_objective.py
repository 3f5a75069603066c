"""Writes objective.json, to which objective/torch_test.ts and critic/value_clip_test.ts compare weights and losses.

The losses as TRL's and verl's trainers write them, on 8 random responses in float64, and their gradients by autograd.
Needs torch (made with 2.14.1, CPU). Run from anywhere; takes no time.
"""

import json
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
LOW, HIGH, DUAL, BETA, LONGEST, RANGE = 0.2, 0.28, 1.5, 0.3, 9, 0.1
torch.manual_seed(20260211)
torch.set_default_dtype(torch.float64)


def ratio_of(now, old):
    """verl, compute_policy_loss: the log ratio is clamped before exp."""
    return torch.exp(torch.clamp(now - old, min=-20.0, max=20.0))


def policy_loss(now, old, advantages, dual=None):
    """verl, compute_policy_loss (arXiv 1912.09729 for the dual clip)."""
    ratio = ratio_of(now, old)
    losses1 = -advantages * ratio
    losses2 = -advantages * torch.clamp(ratio, 1 - LOW, 1 + HIGH)
    clipped1 = torch.maximum(losses1, losses2)
    if dual is None:
        return clipped1
    clipped2 = torch.min(-advantages * dual, clipped1)
    return torch.where(advantages < 0, clipped2, clipped1)


def low_var_kl(now, ref, limit=None):
    """verl, kl_penalty "low_var_kl", for a limit; without one TRL's, but for the clamp of what is exponentiated."""
    d = ref - now
    if limit is None:
        d = torch.clamp(d, max=20.0)
        return torch.exp(d) - d - 1
    d = torch.clamp(d, min=-20.0, max=20.0)
    return torch.clamp(torch.exp(d) - d - 1, min=-limit, max=limit)


def average(losses, mask, mode):
    """TRL's loss types: bnpo, grpo, and dr_grpo, which verl calls seq-mean-token-sum-norm."""
    if mode == "token-mean":
        return (losses * mask).sum() / mask.sum().clamp(min=1.0)
    if mode == "seq-mean-token-mean":
        return ((losses * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()
    if mode == "seq-mean-token-sum":
        return (losses * mask).sum(-1).mean()
    return (losses * mask).sum() / (losses.size(0) * LONGEST)


def rows(x, lengths):
    return [row[:n].tolist() for row, n in zip(x, lengths)]


def main():
    lengths = [3, 1, 6, 4, 5, 2, 6, 3]
    shape = (len(lengths), max(lengths))
    mask = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).to(torch.float64)
    old = -3 * torch.rand(shape) - 0.05
    now = (old + 0.8 * torch.randn(shape)).clamp(max=-1e-3)
    ref = -3 * torch.rand(shape) - 0.05
    advantages = torch.randn(shape)
    advantages[0, 1] = advantages[3, 0] = 0.0
    truncated = torch.tensor([False, False, True, False, True, False, False, True])
    # Log ratios beyond the clamps, on either side and with either sign of the advantage.
    old[2, 0], now[2, 0], advantages[2, 0] = -26.0, -0.1, -0.7
    old[2, 1], now[2, 1], advantages[2, 1] = -0.1, -26.0, 0.7
    old[3, 1], now[3, 1], advantages[3, 1] = -26.0, -0.1, 0.7
    ref[0, 0], now[0, 0] = -0.1, -23.0
    ref[6, 0], now[6, 0] = -23.0, -0.1
    ref[6, 1], now[6, 1] = -0.1, -4.0

    cases = []

    def case(options, loss, mode="token-mean", kept=mask):
        x = now.clone().requires_grad_()
        average(loss(x), kept, mode).backward()
        cases.append({"options": options, "ascent": rows(-x.grad, lengths)})

    def reward(x):
        return policy_loss(x, old, advantages)

    case({}, reward)
    case({"dualClip": DUAL}, lambda x: policy_loss(x, old, advantages, DUAL))
    case({"klCoefficient": BETA, "loss": "reinforce"}, lambda x: -advantages * x + BETA * low_var_kl(x, ref))
    case({"klCoefficient": BETA, "klClamp": 10}, lambda x: reward(x) + BETA * low_var_kl(x, ref, 10))
    kept = mask * (~truncated)[:, None]
    for mode in ["token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm"]:
        options = {"maskTruncated": True, "normalization": mode, "klCoefficient": BETA, "maxTokens": LONGEST}
        case(options, lambda x: reward(x) + BETA * low_var_kl(x, ref), mode, kept)

    tokens = mask.sum()
    ratio = ratio_of(now, old)
    dual = (-advantages * DUAL < -advantages * ratio) & (advantages < 0)
    fractions = {
        "dualClipFraction": (dual * mask).sum() / tokens,
        "ratioClampFraction": (((now - old).abs() > 20) * mask).sum() / tokens,
        "klClampFraction": ((low_var_kl(now, ref) > 10) * mask).sum() / tokens,
        "maskedFraction": ((1 - kept) * mask).sum() / tokens,
        "approxKl": (low_var_kl(old, now, 10) * mask).sum() / tokens,
    }

    # TRL, PPOTrainer: vf_losses (without the half).
    before, target = torch.rand(40), torch.rand(40)
    value = (before + 0.2 * torch.randn(40)).requires_grad_()
    clipped = torch.clamp(value, before - RANGE, before + RANGE)
    losses1, losses2 = torch.square(value - target), torch.square(clipped - target)
    losses = torch.max(losses1, losses2)
    losses.sum().backward()

    out = {
        "clip": {"clipLow": LOW, "clipHigh": HIGH},
        "rollouts": [
            {"group": 0, "reward": 0, "logProbabilities": a, "referenceLogProbabilities": b, "truncated": c}
            for a, b, c in zip(rows(old, lengths), rows(ref, lengths), truncated.tolist())
        ],
        "advantages": rows(advantages, lengths),
        "logProbabilities": rows(now, lengths),
        "cases": cases,
        "dualClip": DUAL,
        "fractions": {name: x.item() for name, x in fractions.items()},
        "value": {
            "range": RANGE,
            "old": before.tolist(),
            "now": value.tolist(),
            "target": target.tolist(),
            "loss": losses.tolist(),
            "slope": value.grad.tolist(),
            "clipped": (losses2 > losses1).tolist(),
        },
    }
    with open(os.path.join(HERE, "objective.json"), "w") as file:
        json.dump(out, file)
        file.write("\n")


main()
