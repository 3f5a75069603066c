"""Writes student_t.json, to which student_t_test.ts compares Student's t.

Values are mpmath's at 40 digits: of the incomplete beta function, of its root and of an integral. scipy's are printed
where they differ: at t = 1e-8, where it loses half the digits of df / (df + t^2). Needs scipy (made with 1.17.1) and
mpmath (1.4.1). Takes a minute.
"""

import json
import os

import mpmath as mp
from scipy import stats

HERE = os.path.dirname(os.path.abspath(__file__))
mp.mp.dps = 40

DF = [1, 2, 3, 4, 5, 7, 9, 10, 19, 30, 99, 1000, 100000]
T = [-12.5, -2.0, -0.3, 0.0, 1e-8, 0.1, 0.8, 1.0, 1.7, 2.5, 4.0, 9.0, 40.0, 1e4]
P = [1e-12, 1e-6, 0.001, 0.0125, 0.025, 0.05, 0.3, 0.499, 0.6, 0.975, 0.9995]
NONCENTRAL = [
    (t, df, delta)
    for df in [1, 2, 4, 9, 50, 2000]
    for t, delta in [(0.0, 0.7), (2.0, 0.0), (2.5, 3.0), (-1.5, 1.0), (12.7, 4.0), (250.0, 30.0), (3.0, -2.0)]
]


def tail(t, df):
    half = mp.betainc(mp.mpf(df) / 2, mp.mpf(1) / 2, 0, df / (df + mp.mpf(t) ** 2), regularized=True) / 2
    return half if t >= 0 else 1 - half


def quantile(p, df):
    return mp.findroot(lambda t: tail(-t, df) - mp.mpf(p), mp.mpf(float(stats.t.ppf(p, df))))


def noncentral_tail(t, df, delta):
    """P((Z + delta) / S > t), integrated over the density of S = sqrt(chi^2 / df)."""
    v = mp.mpf(df)
    constant = mp.log(2) + v / 2 * mp.log(v / 2) - mp.loggamma(v / 2)

    def integrand(s):
        return mp.exp(constant + (v - 1) * mp.log(s) - v * s * s / 2) * mp.ncdf(delta - mp.mpf(t) * s)

    width = 1 / mp.sqrt(2 * v)
    cuts = {mp.mpf(0), 1 + 14 * width} | {max(mp.mpf(0), 1 + k * width) for k in range(-12, 13, 2)}
    if t != 0 and 0 < delta / t < 3:
        # Where the integrand falls off.
        cuts |= {delta / mp.mpf(t) * f for f in (0.5, 0.8, 0.9, 1, 1.1, 1.2, 1.5)}
    return mp.quad(integrand, sorted(cuts))


def checked(name, value, scipy):
    value, scipy = float(value), float(scipy)
    if abs(scipy - value) > 1e-10 * abs(value):
        print(f"{name}: scipy has {scipy}, not {value}")
    return value


def main():
    tails = [(t, df, checked(f"tail({t}, {df})", tail(t, df), stats.t.sf(t, df))) for df in DF for t in T]
    quantiles = [
        (p, df, checked(f"quantile({p}, {df})", quantile(p, df), stats.t.ppf(p, df))) for df in DF for p in P
    ]
    noncentral = [
        (*a, checked(f"noncentral{a}", noncentral_tail(*a), stats.nct.sf(*a))) for a in NONCENTRAL
    ]
    with open(os.path.join(HERE, "student_t.json"), "w") as file:
        json.dump({"tails": tails, "quantiles": quantiles, "noncentralTails": noncentral}, file)
        file.write("\n")


if __name__ == "__main__":
    main()
