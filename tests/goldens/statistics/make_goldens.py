#!/usr/bin/python3
"""Reference values for SarSynth.Radar.Statistics, made with numpy, scipy and scikit-image.

Run it in this folder: /usr/bin/python3 make_goldens.py. It writes *.json and the raw arrays that the values belong to
(*.f32 little-endian float32, *.u8), all small.
"""
import json
import numpy as np
import scipy
import scipy.ndimage as ndi
import skimage
from scipy import optimize, special, stats

VERSIONS = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-image": skimage.__version__}


def write(name, values):
    with open(name + ".json", "w") as f:
        json.dump({"versions": VERSIONS, **values}, f, indent=1)
        f.write("\n")


def raw(name, array):
    array.tofile(name)
    return array


def looks(i):
    x = i.astype(np.float64).ravel()
    k2 = np.log(x).var(ddof=1)
    gap = np.log(x.mean()) - np.log(x).mean()
    return {
        "moments": x.mean() ** 2 / x.var(ddof=1),
        "log_cumulants": optimize.brentq(lambda l: special.polygamma(1, l) - k2, 1e-3, 1e4, xtol=1e-13),
        "likelihood": optimize.brentq(lambda l: np.log(l) - special.digamma(l) - gap, 1e-3, 1e4, xtol=1e-13),
    }


def basic():
    rng = np.random.default_rng(1)
    gamma = raw("gamma.f32", (rng.gamma(3.0, 7.0 / 3.0, (60, 64))).astype(np.float32))
    other = raw("weibull.f32", (6.0 * rng.weibull(1.4, 3000)).astype(np.float32))
    g, w = gamma.astype(np.float64), other.astype(np.float64)
    logs = np.log(g.ravel())
    lo, hi = min(g.min(), w.min()), max(g.max(), w.max())
    p, edges = np.histogram(g, 40, (lo, hi))
    q, _ = np.histogram(w, 40, (lo, hi))
    centres = (edges[1:] + edges[:-1]) / 2
    ps, qs = (p + 0.5) / (p.sum() + 20), (q + 0.5) / (q.sum() + 20)
    pn, qn = p / p.sum(), q / q.sum()
    m = (pn + qn) / 2
    js = 0.5 * stats.entropy(pn, m) + 0.5 * stats.entropy(qn, m)
    h = np.sqrt(0.5 * ((np.sqrt(pn) - np.sqrt(qn)) ** 2).sum())
    a, b = g.ravel()[:300], w[:250]
    kernel = lambda x, y: np.exp(-(x[:, None] - y[None, :]) ** 2 / (2 * 3.0 ** 2))
    mmd = ((kernel(a, a).sum() - 300) / (300 * 299) + (kernel(b, b).sum() - 250) / (250 * 249) - 2 * kernel(a, b).mean())
    ks = stats.ks_2samp(g.ravel(), w)
    square = g ** 2
    mean7 = ndi.uniform_filter(g, 7, mode="reflect")
    square7 = ndi.uniform_filter(square, 7, mode="reflect")
    variance7 = (square7 - mean7 ** 2) * 49 / 48
    mean25 = ndi.uniform_filter(g, 25, mode="reflect")
    points = [(0, 0), (0, 63), (59, 0), (59, 63), (30, 31), (2, 40), (57, 5), (11, 11), (33, 62)]
    log_edges = np.geomspace(0.5, 64.0, 13)
    write("basic", {
        "moments": {
            "mean": g.mean(), "variance": g.var(ddof=1), "cv": g.std(ddof=1) / g.mean(),
            "skewness": stats.skew(g.ravel()), "excess_kurtosis": stats.kurtosis(g.ravel()), "min": g.min(), "max": g.max(),
        },
        "log_cumulants": {"k1": logs.mean(), "k2": stats.kstat(logs, 2), "k3": stats.kstat(logs, 3)},
        "enl": looks(gamma),
        "histogram": {"linear_32_0_24": np.histogram(g, 32, (0.0, 24.0))[0].tolist(), "below": 0,
                      "above": int((g > 24.0).sum()), "log_12_05_64": np.histogram(g, log_edges)[0].tolist(),
                      "log_below": int((g < 0.5).sum())},
        "distance": {
            "kl": stats.entropy(ps, qs), "kl_reverse": stats.entropy(qs, ps), "js": js, "hellinger": h,
            "wasserstein": stats.wasserstein_distance(g.ravel(), w),
            "wasserstein_histogram": stats.wasserstein_distance(centres, centres, pn, qn),
            "ks": ks.statistic, "ks_p": ks.pvalue, "mmd2_300_250_width3": mmd,
        },
        "filter": {"points": points, "mean7": [mean7[r, c] for r, c in points], "variance7": [variance7[r, c] for r, c in points],
                   "enl7": [mean7[r, c] ** 2 / variance7[r, c] for r, c in points], "mean25": [mean25[r, c] for r, c in points]},
        "polygamma": [[n, x, float(special.polygamma(n, x))] for n in range(0, 6) for x in (0.05, 0.7, 1.0, 3.3, 15.5, 16.5, 120.0, 1e5)],
        "ks_one_sample": [[n, d, float(stats.kstwo.sf(d, n))] for n, d in
                          ((10, 0.3), (50, 0.15), (1024, 0.03554566172456908), (1000, 0.06), (1000, 0.02), (20000, 0.009), (200000, 0.0031))],
    })



if __name__ == "__main__":
    basic()
