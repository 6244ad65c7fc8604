#!/usr/bin/python3
"""Bias-corrected and accelerated intervals by scipy.stats.bootstrap: values, draws and ends, in bootstrap.json.

Run it in this folder: /usr/bin/python3 make_bootstrap.py.
"""
import json
import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(5)
STATISTICS = {"mean": np.mean, "variance": np.var, "range over mean": lambda x: np.ptp(x) / np.mean(x)}


def case(name, n):
    f = STATISTICS[name]
    x = rng.gamma(1.5, 1, n)
    found = stats.bootstrap((x,), f, n_resamples=400, method="BCa", vectorized=False, random_state=rng)
    return {"statistic": name, "value": f(x), "draws": found.bootstrap_distribution.tolist(),
            "jackknife": [[f(np.delete(x, i)) for i in range(n)]],
            "lower": found.confidence_interval.low, "upper": found.confidence_interval.high}


def two_samples():
    """Of two samples: scipy has no BCa here, so this is Efron and Tibshirani (1993), eq. 14.36, in numpy."""
    x, y = rng.gamma(1.5, 1, 12), rng.gamma(2.0, 1, 9)
    f = lambda a, b: a.mean() / b.mean()
    draws = np.array([f(rng.choice(x, 12), rng.choice(y, 9)) for _ in range(400)])
    jack = [np.array([f(np.delete(x, i), y) for i in range(12)]), np.array([f(x, np.delete(y, i)) for i in range(9)])]
    u = [(len(j) - 1) * (j.mean() - j) for j in jack]
    a = sum((v ** 3).sum() / len(v) ** 3 for v in u) / sum((v ** 2).sum() / len(v) ** 2 for v in u) ** 1.5 / 6
    z0 = stats.norm.ppf((np.mean(draws < f(x, y)) + np.mean(draws <= f(x, y))) / 2)
    ends = [np.percentile(draws, 100 * stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))))
            for z in stats.norm.ppf([0.025, 0.975])]
    return {"statistic": "ratio of two means", "value": f(x, y), "draws": draws.tolist(),
            "jackknife": [j.tolist() for j in jack], "lower": ends[0], "upper": ends[1]}


cases = [case(name, n) for name in ("mean", "variance", "range over mean") for n in (8, 25)] + [two_samples()]
with open("bootstrap.json", "w") as f:
    json.dump({"versions": {"numpy": np.__version__, "scipy": scipy.__version__}, "cases": cases}, f, indent=0)
    f.write("\n")
for c in cases:
    print(c["statistic"], c["value"], c["lower"], c["upper"])
