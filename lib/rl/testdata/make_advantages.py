"""Writes advantages.json, to which numpy_test.ts compares the estimators.

Everything is computed from the papers' sums (no backward recursion) in NumPy, on 12 random rollouts of 3 prompts.
Needs numpy (made with 2.4.6). Run from anywhere; takes no time.
"""

import json
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
GAMMA, LAMBDA, ALPHA, P = 0.97, 0.9, 0.4, 0.2


def deltas(r, v):
    return r + GAMMA * np.append(v[1:], 0.0) - v


def weighted_deltas(r, v, lam):
    """A_t = sum_k (prod_{j = t}^{t+k-1} gamma lam_j) delta_{t+k} with lam_j from token j to token j + 1."""
    d = deltas(r, v)
    n = len(d)
    w = np.array([[np.prod(GAMMA * lam[t:u]) if u >= t else 0.0 for u in range(n)] for t in range(n)])
    return w @ d


def monte_carlo(r):
    n = len(r)
    return np.array([sum(GAMMA ** (u - t) * r[u] for u in range(t, n)) for t in range(n)])


def main():
    rng = np.random.default_rng(20260107)
    rollouts, arrays = [], []
    for i in range(12):
        n = int(rng.integers(1, 15))
        logp, v = np.log(rng.uniform(0.02, 1.0, n)), rng.uniform(0, 1, n)
        extra, reward = 0.1 * rng.standard_normal(n), float(rng.integers(0, 2))
        r = extra.copy()
        r[-1] += reward
        group = [5, 2, 5, 2, 9, 9, 2, 5, 9, 5, 2, 5][i]
        rollouts.append({"group": group, "reward": reward, "logProbabilities": logp.tolist(), "values": v.tolist(), "tokenRewards": extra.tolist()})
        arrays.append((group, r, v, np.exp(logp)))

    total = np.array([r.sum() for _, r, _, _ in arrays])
    groups = np.array([g for g, _, _, _ in arrays])
    expected = {name: [] for name in ["gae", "gae targets", "vapo", "sae", "monte-carlo", "rloo", "grpo", "dr-grpo"]}
    expected |= {name: [] for name in ["bootstrapped gae", "bootstrapped gae targets", "bootstrapped returns"]}
    for i, (group, r, v, p) in enumerate(arrays):
        n = len(r)
        a = weighted_deltas(r, v, np.full(n, LAMBDA))
        expected["gae"].append(a.tolist())
        expected["gae targets"].append((a + v).tolist())
        expected["vapo"].append(weighted_deltas(r, v, np.full(n, max(0.0, 1 - 1 / (ALPHA * n)))).tolist())
        expected["sae"].append(weighted_deltas(r, v, np.where(np.append(p[1:], 1.0) < P, LAMBDA, 1.0)).tolist())
        expected["monte-carlo"].append(monte_carlo(r).tolist())
        same = total[groups == group]
        others = total[(groups == group) & (np.arange(12) != i)]
        expected["rloo"].append([float(total[i] - others.mean())] * n)
        expected["grpo"].append([float((total[i] - same.mean()) / (same.std(ddof=1) + 1e-6))] * n)
        expected["dr-grpo"].append([float(total[i] - same.mean())] * n)
    # Drawn after the others, so that those stay: which responses were cut, and V where they were.
    for i, (_, r, v, p) in enumerate(arrays):
        n, cut, after = len(r), bool(rng.integers(0, 2)), float(rng.uniform(0, 1))
        rollouts[i] |= {"truncated": cut, "finalValue": after}
        d = r + GAMMA * np.append(v[1:], after if cut else 0.0) - v
        steps = np.arange(n)[None, :] - np.arange(n)[:, None]
        a = np.where(steps >= 0, (GAMMA * LAMBDA) ** np.maximum(steps, 0), 0.0) @ d
        expected["bootstrapped gae"].append(a.tolist())
        expected["bootstrapped gae targets"].append((a + v).tolist())
        left = n - np.arange(n)
        expected["bootstrapped returns"].append((monte_carlo(r) + (GAMMA**left * after if cut else 0.0)).tolist())
    flat = np.concatenate([np.array(a) for a in expected["gae"]])
    expected["whitened gae"] = [((np.array(a) - flat.mean()) / (flat.std(ddof=1) + 1e-8)).tolist() for a in expected["gae"]]
    options = {"gamma": GAMMA, "lambda": LAMBDA, "alpha": ALPHA, "threshold": P}
    with open(os.path.join(HERE, "advantages.json"), "w") as file:
        json.dump({"options": options, "rollouts": rollouts, "expected": expected}, file)
        file.write("\n")


main()
