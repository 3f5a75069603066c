"""Writes tests.json, to which student_test.ts, holm_test.ts, decision_test.ts and power_test.ts compare.

Needs scipy (made with 1.17.1) and statsmodels (0.15.0). Takes no time.
"""

import json
import math
import os

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

HERE = os.path.dirname(os.path.abspath(__file__))
LEVELS = [0.9, 0.95, 0.999]


def samples(rng):
    out = []
    for n in [2, 3, 5, 10, 40]:
        for shift in [0.0, 0.03, -0.2]:
            a, b = rng.normal(0.4 + shift, 0.1, n), rng.normal(0.4, 0.05, n)
            reference, sesoi = 0.02, 0.08
            test = {side: stats.ttest_rel(a - reference, b, alternative=side) for side in ["two-sided", "greater", "less"]}
            intervals = [stats.ttest_rel(a, b).confidence_interval(level) for level in LEVELS]
            equivalence, lower, upper = ttost_paired(a, b, -sesoi, sesoi)
            out.append({
                "a": list(a),
                "b": list(b),
                "intervals": [
                    {"level": level, "low": ci.low, "high": ci.high} for level, ci in zip(LEVELS, intervals)
                ],
                "reference": reference,
                "pValues": {
                    "twoSided": test["two-sided"].pvalue,
                    "greater": test["greater"].pvalue,
                    "less": test["less"].pvalue,
                },
                "sesoi": sesoi,
                "pEquivalence": equivalence,
                "pNonInferiority": lower[1],
                "pNonSuperiority": upper[1],
            })
    return out


def families(rng):
    out = []
    for m in [1, 2, 6, 20]:
        for p in [rng.uniform(0, 1, m), rng.uniform(0, 1, m) ** 6, np.round(rng.uniform(0, 0.2, m), 2)]:
            out.append({"pValues": list(p), "adjusted": list(multipletests(p, method="holm")[1])})
    return out


def power(test, ratio, n, alpha, alternative):
    value = test.power(ratio, n, alpha, alternative=alternative)
    # scipy has no number for some far lower tails, which are far below the last digit.
    return test.power(ratio, n, alpha / 2, alternative="larger") if math.isnan(value) else value


def powers():
    out = []
    test = TTestPower()
    for alternative, name in [("two-sided", "two-sided"), ("larger", "greater")]:
        for alpha in [0.05, 0.05 / 6, 0.001]:
            for ratio in [0.3, 0.8, 1.5, 3.0]:
                for n in [2, 5, 10, 60]:
                    value = power(test, ratio, n, alpha, alternative)
                    out.append({"alternative": name, "alpha": alpha, "ratio": ratio, "n": n, "power": value})
    return out


def seeds():
    out = []
    test = TTestPower()
    for alternative, name in [("two-sided", "two-sided"), ("larger", "greater")]:
        for alpha in [0.05, 0.01]:
            for ratio in [0.05, 0.3, 0.8, 1.5]:
                for power in [0.5, 0.8, 0.95]:
                    n = test.solve_power(ratio, None, alpha, power, alternative)
                    out.append({"alternative": name, "alpha": alpha, "ratio": ratio, "power": power, "n": math.ceil(n)})
    return out


def main():
    rng = np.random.default_rng(20261128)
    data = {"samples": samples(rng), "families": families(rng), "powers": powers(), "seeds": seeds()}
    with open(os.path.join(HERE, "tests.json"), "w") as file:
        json.dump(data, file)
        file.write("\n")


if __name__ == "__main__":
    main()
