#!/usr/bin/python3
"""Reference values for SarSynth.Radar.Statistics, made with numpy, scipy and scikit-image.

Run it in this folder: /usr/bin/python3 make_goldens.py [basic|glcm|clutter|impulse]. clutter takes minutes. It writes *.json and the raw arrays that the values belong to
(*.f32 little-endian float32, *.u8), all small.
"""
import json
import sys
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



def haralick(p):
    """The features written out from their definitions, on one normalised matrix."""
    n = p.shape[0]
    i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    ent = lambda v: float(-(v[v > 0] * np.log(v[v > 0])).sum())
    px, py = p.sum(1), p.sum(0)
    ps = np.array([p[i + j == k].sum() for k in range(2 * n - 1)])
    pd = np.array([p[abs(i - j) == k].sum() for k in range(n)])
    k, d = np.arange(2 * n - 1), np.arange(n)
    outer = np.outer(px, py)
    hxy1 = float(-(p[outer > 0] * np.log(outer[outer > 0])).sum())
    hxy2, h = ent(outer.ravel()), ent(p.ravel())
    mean_sum = (k * ps).sum()
    mean_d = (d * pd).sum()
    mu_i, mu_j = (i * p).sum(), (j * p).sum()
    keep_x, keep_y = px > 0, py > 0
    q = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            for c in range(n):
                if px[a] > 0 and py[c] > 0:
                    q[a, b] += p[a, c] * p[b, c] / (px[a] * py[c])
    eigen = np.sort(np.abs(np.linalg.eigvals(q)))[::-1]
    return {
        "Contrast": ((i - j) ** 2 * p).sum(), "Dissimilarity": (abs(i - j) * p).sum(), "Homogeneity": (p / (1 + (i - j) ** 2)).sum(),
        "AngularSecondMoment": (p ** 2).sum(), "Energy": np.sqrt((p ** 2).sum()),
        "Correlation": ((i - mu_i) * (j - mu_j) * p).sum() / np.sqrt(((i - mu_i) ** 2 * p).sum() * ((j - mu_j) ** 2 * p).sum()),
        "Variance": ((i - mu_i) ** 2 * p).sum(), "SumAverage": mean_sum, "SumVariance": ((k - mean_sum) ** 2 * ps).sum(),
        "SumEntropy": ent(ps), "Entropy": h, "DifferenceVariance": ((d - mean_d) ** 2 * pd).sum(), "DifferenceEntropy": ent(pd),
        "InformationCorrelation1": (h - hxy1) / max(ent(px), ent(py)),
        "InformationCorrelation2": np.sqrt(1 - np.exp(-2 * (hxy2 - h))), "MaximumProbability": p.max(),
        "Autocorrelation": (i * j * p).sum(), "ClusterShade": ((i + j - mean_sum) ** 3 * p).sum(),
        "ClusterProminence": ((i + j - mean_sum) ** 4 * p).sum(), "MaximalCorrelation": float(np.sqrt(eigen[1])),
    }


def glcm():
    from skimage.feature import graycomatrix, graycoprops
    rng = np.random.default_rng(2)
    field = ndi.gaussian_filter(rng.normal(size=(70, 53)), 1.2)
    grey = np.clip((field - field.min()) / np.ptp(field) * 16, 0, 15).astype(np.uint8)
    raw("grey16.u8", grey)
    distances, angles = [1, 2, 5, 1.5], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4, 0.3, -2.2]
    cases = []
    for symmetric in (True, False):
        m = graycomatrix(grey, distances, angles, levels=16, symmetric=symmetric, normed=True)
        counts = graycomatrix(grey, distances, angles, levels=16, symmetric=symmetric)
        for a in range(len(distances)):
            for b in range(len(angles)):
                cases.append({
                    "symmetric": symmetric, "distance": distances[a], "angle": angles[b], "total": int(counts[:, :, a, b].sum()),
                    "checksum": float((counts[:, :, a, b] * (np.arange(256).reshape(16, 16) % 97 + 1)).sum()),
                    "properties": {k: float(graycoprops(m, k)[a, b]) for k in
                                   ("contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation")},
                    "haralick": haralick(m[:, :, a, b]) if a < 2 and b < 3 else None,
                })
    mask = rng.random(grey.shape) < 0.7
    raw("mask.u8", mask.astype(np.uint8))
    masked = np.zeros((16, 16), int)
    for y in range(70 - 1):
        for x in range(1, 53):
            if mask[y, x] and mask[y + 1, x - 1]:
                masked[grey[y, x], grey[y + 1, x - 1]] += 1
    points = [(0, 0), (4, 4), (20, 31), (65, 48), (69, 52), (33, 2)]
    padded = np.pad(grey, 5, mode="symmetric")
    maps = []
    for y, x in points:
        m = graycomatrix(padded[y:y + 11, x:x + 11], [2], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4, -0.7], levels=16, symmetric=True, normed=True)
        each = [haralick(m[:, :, 0, a]) for a in range(5)]
        one = graycomatrix(padded[y:y + 11, x:x + 11], [2], [-0.7], levels=16, normed=True)
        maps.append({"point": [y, x], "mean": {k: float(np.mean([e[k] for e in each])) for k in each[0] if k != "MaximalCorrelation"},
                     "asymmetric": haralick(one[:, :, 0, 0])})
    write("glcm", {"cases": cases, "masked_135": masked.tolist(), "maps_window11_distance2": maps})


def clutter():
    """Densities, distributions, moments and log-cumulants of the laws, and fits by scipy's own likelihood."""
    import mpmath as mp
    mp.mp.dps = 30

    def k_density(x, nu, l, mu):
        x = mp.mpf(x)
        b = mp.mpf(nu) * l / mu
        return 2 / (mp.gamma(nu) * mp.gamma(l)) * b ** (mp.mpf(l + nu) / 2) * x ** (mp.mpf(l + nu) / 2 - 1) * mp.besselk(nu - l, 2 * mp.sqrt(b * x))

    def k_cdf(x, nu, l, mu):
        return mp.quad(lambda t: k_density(mp.e ** t, nu, l, mu) * mp.e ** t, [-120, -60, -30, -10, -3, mp.log(x)])

    def k_sf(x, nu, l, mu):
        return mp.quad(lambda t: k_density(mp.e ** t, nu, l, mu) * mp.e ** t, [mp.log(x), 2, 4, 6, 9])

    laws = {
        "exponential": ([2.5], stats.expon(scale=2.5)),
        "rayleigh": ([2.5], stats.rayleigh(scale=np.sqrt(2.5 / 2))),
        "gamma": ([4.4, 3.0], stats.gamma(4.4, scale=3.0 / 4.4)),
        "nakagami": ([0.8, 3.0], stats.nakagami(0.8, scale=np.sqrt(3.0))),
        "lognormal": ([1.7, 0.9], stats.lognorm(0.9, scale=1.7)),
        "weibull": ([0.7, 2.0], stats.weibull_min(0.7, scale=2.0)),
        "fisher": ([3.2, 1.6, 5.0], stats.f(2 * 1.6, 2 * 3.2, scale=5.0 / 3.2)),
        "gengamma": ([2.3, 0.8, 1.4], stats.gengamma(2.3, 0.8, scale=1.4)),
        "gengamma_inverse": ([2.3, -1.8, 1.4], stats.gengamma(2.3, -1.8, scale=1.4)),
    }
    xs = [1e-4, 0.03, 0.6, 1.0, 3.7, 12.0]
    cases = []
    for name, (parameters, law) in laws.items():
        cases.append({
            "law": name, "parameters": parameters, "x": xs, "log_density": law.logpdf(xs).tolist(), "cdf": law.cdf(xs).tolist(),
            "survival": law.sf(xs).tolist(), "quantiles": law.ppf([1e-6, 0.2, 0.5, 0.99]).tolist(),
            "mean": float(law.mean()), "second": float(law.expect(lambda v: v * v, epsabs=1e-12, epsrel=1e-10, limit=400)),
        })
    for parameters in ([1.5, 4.0, 2.0], [6.0, 1.0, 2.0], [0.4, 3.0, 1.0], [120.0, 1.0, 1.0], [2.0, 2.0, 1.0]):
        nu, l, mu = [mp.mpf(str(v)) for v in parameters]
        cases.append({
            "law": "k", "parameters": parameters, "x": xs, "log_density": [float(mp.log(k_density(x, nu, l, mu))) for x in xs],
            "cdf": [float(k_cdf(x, nu, l, mu)) for x in xs], "survival": [float(k_sf(x, nu, l, mu)) for x in xs],
            "mean": parameters[2], "second": float(mu ** 2 * (1 + 1 / nu) * (1 + 1 / l)),
        })
    g = np.fromfile("gamma.f32", np.float32).astype(np.float64)
    w = np.fromfile("weibull.f32", np.float32).astype(np.float64)
    fits = {}
    for name, x in (("gamma", g), ("weibull", w)):
        a, _, scale = stats.gamma.fit(x, floc=0)
        c, _, wscale = stats.weibull_min.fit(x, floc=0)
        s, _, median = stats.lognorm.fit(x, floc=0)

        def cost(p):
            return -stats.gengamma.logpdf(x, np.exp(p[0]), np.exp(p[1]), scale=np.exp(p[2])).sum()
        best = optimize.minimize(cost, [0.0, 0.0, np.log(x.mean())], method="Nelder-Mead",
                                 options={"xatol": 1e-10, "fatol": 1e-11, "maxiter": 8000, "maxfev": 8000})

        def fisher(p):
            l, m, gamma = np.exp(p)
            return -stats.f.logpdf(x, 2 * l, 2 * m, scale=gamma / m).sum()
        law = stats.gamma(a, scale=scale)
        fits[name] = {
            "gamma": [a, a * scale], "weibull": [c, wscale], "lognormal": [median, s],
            "gengamma": np.exp(best.x).tolist(), "gengamma_loglik": -best.fun,
            "gamma_loglik": float(stats.gamma.logpdf(x, a, scale=scale).sum()),
            "gamma_ks": float(stats.kstest(x, law.cdf).statistic),
            "gamma_ad": float(-len(x) - ((2 * np.arange(1, len(x) + 1) - 1) / len(x) * (law.logcdf(np.sort(x)) + law.logsf(np.sort(x))[::-1])).sum()),
        }
    write("clutter", {"laws": cases, "fits": fits,
                      "log_bessel_k": [[v, z, float(mp.log(mp.besselk(v, z)))] for v in (0, 0.5, 3.3, 60, 500) for z in (1e-3, 0.4, 7.0, 900.0)]})


def impulse():
    """Side lobes of weighted bands: main lobe between its first minima, side lobes as far as ten half main lobes beyond it."""
    n, closed, oversampling = 256, 1024, 512
    def kaiser(beta): return lambda u: np.i0(beta * np.sqrt(np.maximum(0, 1 - u * u)))
    def cosine(eta): return lambda u: (1 + eta) / 2 + (1 - eta) / 2 * np.cos(np.pi * u)
    def notch(u): return (abs(u / 2 - 0.23) > 0.15 / 2).astype(float)
    # Frequencies in the band, window, quadratic phase at the edges.
    cases = {"none_0_0": (n, np.ones_like, 0), "kaiser_4_0": (n, kaiser(4), 0), "kaiser_2_90": (n, kaiser(2), np.pi / 2),
             "notch_0.23_0.15": (n, notch, 0), "cosine_1_0": (closed, cosine(1), 0), "cosine_0.1_0": (closed, cosine(0.1), 0),
             "cosine_0.5_0": (closed, cosine(0.5), 0)}
    out = {}
    for name, (bins, window, quadratic) in cases.items():
        u = np.arange(-bins // 2, bins // 2 + 1) / (bins / 2)
        spectrum = np.zeros(bins * oversampling, complex)
        spectrum[:bins + 1] = window(u) * np.exp(1j * quadratic * u * u)
        x = np.abs(np.fft.fftshift(np.fft.ifft(spectrum))) ** 2
        p = x.argmax()
        right = next(k for k in range(p + 1, len(x)) if x[k] <= x[k - 1] and x[k] < x[k + 1])
        left = next(k for k in range(p - 1, 0, -1) if x[k] <= x[k + 1] and x[k] < x[k - 1])
        reach = 10 * (right - left) // 2
        left_side, right_side, main = x[left - reach:left + 1], x[right:right + reach + 1], x[left:right + 1]
        out[name] = {"pslr": 10 * np.log10(max(left_side.max(), right_side.max()) / x[p]),
                     "islr": 10 * np.log10((np.trapz(left_side) + np.trapz(right_side)) / np.trapz(main))}
    write("impulse", {"cases": out})


if __name__ == "__main__":
    for part in sys.argv[1:] or ["basic", "glcm", "clutter", "impulse"]:
        globals()[part]()
