#!/usr/bin/python3
"""Reference values for the table of SarSynth.Evaluation, made with numpy, scipy and scikit-image.

Run it in this folder: /usr/bin/python3 make_goldens.py. It writes table.json and the raw arrays that the values belong
to: two scenes of 64 x 96 pixels (*.f32 little-endian float32, *.u8), row by row.
"""
import json
import numpy as np
import scipy
import scipy.linalg
import scipy.ndimage as ndi
import skimage
from scipy import integrate, optimize, spatial, special, stats
from skimage.feature import graycomatrix, graycoprops

ROWS, COLUMNS, SCALE, WINDOW = 64, 96, 4, (0, 0, 64, 64)
FIELDS, TREES, PAVED, BUILT, WATER, NONE = range(6)
AIR_NOISE, SAT_NOISE = np.float32(0.001), np.float32(0.01)


def raw(name, array):
    array.tofile(name)
    return array.astype(np.float64) if array.dtype == np.float32 else array


def blocks(x, n):
    r, c = x.shape[0] // n, x.shape[1] // n
    return x[:r * n, :c * n].reshape(r, n, c, n).mean((1, 3))


def scene(rng, k):
    classes = np.zeros((ROWS, COLUMNS), np.uint8)
    for start, which in ((48, TREES), (64, PAVED), (74, BUILT), (86, WATER)):
        classes[:, start:] = which
    classes[:5, 80:84] = NONE
    field = 0.05 * 10 ** (0.3 * np.sin(np.arange(ROWS)[:, None] / 9.0 + np.arange(COLUMNS)[None, :] / 13.0 + k))
    level = np.choose(classes, [field, 0.3, 0.015, 0.6, 0.004, 0.002])
    texture = np.where(classes == TREES, rng.gamma(3, 1 / 3.0, classes.shape), 1)
    texture = np.where(classes == BUILT, rng.gamma(1, 1.0, classes.shape) + 0.05, texture)
    reflectivity = (level * texture + AIR_NOISE).astype(np.float32)
    flat = ((classes == FIELDS) | (classes == PAVED)).astype(np.uint8)
    flat[:, 44:48] = 0
    def speckled(r):
        i = r * rng.exponential(1, r.shape)
        return i
    truth = speckled(reflectivity)
    truth[20, 30] = truth[50, 70] = 60
    blurred = ndi.uniform_filter(reflectivity.astype(float), 5)
    made = speckled(blurred) * 1.3
    made[::4, ::4] *= 1.8
    made[21, 31] = 50
    made[10, 12] = 70
    a, b = np.sqrt(truth).astype(np.float32), np.sqrt(made).astype(np.float32)
    b[3, 5], b[40, 41] = 0, np.nan
    sat = np.sqrt(blocks(reflectivity.astype(float) + SAT_NOISE, SCALE) * rng.gamma(4, 0.25, (ROWS // 4, COLUMNS // 4)))
    r0, c0, h, w = WINDOW
    part = reflectivity[r0:r0 + h, c0:c0 + w]
    seeds = [np.sqrt(speckled(part) * 1.2).astype(np.float32) for _ in range(3)]
    out = {"truth": raw(f"truth-{k}.f32", a), "image": raw(f"image-{k}.f32", b),
           "satellite": raw(f"satellite-{k}.f32", sat.astype(np.float32)),
           "reflectivity": raw(f"reflectivity-{k}.f32", reflectivity), "classes": raw(f"classes-{k}.u8", classes),
           "flat": raw(f"flat-{k}.u8", flat)}
    out["seeds"] = [raw(f"seed-{k}-{j}.f32", s) for j, s in enumerate(seeds)]
    return out


def kl(p, q):
    p, q = p + 0.5, q + 0.5
    return stats.entropy(p / p.sum(), q / q.sum())


def log_histogram(i, bins, power):
    edges = power * 10 ** (np.linspace(-60, 40, bins + 1) / 10)
    i = i[~np.isnan(i)]
    inside, _ = np.histogram(np.clip(i, edges[0] * 1.0000001, edges[-1] * 0.9999999), edges)
    return inside


def nanblocks(x, n):
    r, c = x.shape[0] // n, x.shape[1] // n
    return np.nanmean(x[:r * n, :c * n].reshape(r, n, c, n), (1, 3))


def contrasts(i):
    filled, valid = np.nan_to_num(i), (~np.isnan(i)).astype(float)
    outer, inner = 31 ** 2, 11 ** 2
    big, small = [ndi.uniform_filter(filled, n) * n * n for n in (31, 11)]
    nbig, nsmall = [ndi.uniform_filter(valid, n) * n * n for n in (31, 11)]
    clutter = (big - small) / (nbig - nsmall)
    cells = outer - inner
    threshold = cells * (1e-9 ** (-1 / cells) - 1)
    highest = ndi.maximum_filter(filled, 11, mode="constant") == filled
    found = valid.astype(bool) & (filled > threshold * clutter) & highest
    return np.argwhere(found), 10 * np.log10((filled / clutter)[found])


def targets(i):
    return contrasts(i)[0]


def at_target(i, row, column):
    """The largest within 3 pixels over the mean of the ring of 31 without 11, dB, without what lies outside."""
    r, c = np.mgrid[:ROWS, :COLUMNS]
    apart = np.maximum(abs(r - row), abs(c - column))
    return 10 * np.log10(np.nanmax(i[apart <= 3]) / np.nanmean(i[(apart > 5) & (apart <= 15)]))


def shadows(i):
    means = local_mean(i, 5)
    return means < 0.1 * np.sort(means[~np.isnan(means)])[(~np.isnan(means)).sum() // 2]


def clutter_windows(i):
    for r in range(0, ROWS, 32):
        for c in range(0, COLUMNS, 32):
            x = i[r:r + 32:2, c:c + 32:2].ravel()
            yield x[x > 0]


def laws(x):
    """Gamma, K, G0, log-normal and Weibull by log-cumulants: log-density and number of parameters of each."""
    k1, k2, k3 = np.log(x).mean(), np.log(x).var(ddof=1), stats.kstat(np.log(x), 3)
    psi = special.polygamma
    inverse = lambda v: np.exp(optimize.brentq(lambda t: np.log(psi(1, np.exp(t))) - np.log(v), -20, 40, xtol=1e-13))
    found = {}
    l = inverse(k2)
    found["Gamma"] = stats.gamma(l, scale=np.exp(k1 - psi(0, l))).logpdf, 2, stats.gamma(l, scale=np.exp(k1 - psi(0, l))).cdf
    for name, sign in (("K", 1), ("Fisher", -1)):
        gap = lambda p: psi(2, inverse(p)) + sign * psi(2, inverse(k2 - p)) - k3
        low, high = k2 * 1e-6, k2 / 2 if sign > 0 else k2 * (1 - 1e-6)
        if not gap(low) * gap(high) < 0:
            continue
        part = optimize.brentq(gap, low, high, xtol=1e-14)
        l, m = inverse(part), inverse(k2 - part)
        if sign < 0:
            law = stats.betaprime(l, m, scale=np.exp(k1 - psi(0, l) + psi(0, m)))
            found[name] = law.logpdf, 3, law.cdf
        else:
            rate = np.exp(psi(0, l) + psi(0, m) - k1)
            def logpdf(v, l=l, m=m, rate=rate):
                z = 2 * np.sqrt(rate * v)
                return (np.log(2 * rate) + ((l + m) / 2 - 1) * np.log(rate * v) + np.log(special.kve(m - l, z)) - z
                        - special.gammaln(l) - special.gammaln(m))
            def cdf(v, logpdf=logpdf):
                grid = np.concatenate([[1e-12], np.geomspace(v.min() * 1e-6, v.max(), 200001)])
                mass = np.concatenate([[0], integrate.cumulative_trapezoid(np.exp(logpdf(grid)), grid)])
                return np.interp(v, grid, mass)
            found[name] = logpdf, 3, cdf
    law = stats.lognorm(np.sqrt(k2), scale=np.exp(k1))
    found["LogNormal"] = law.logpdf, 2, law.cdf
    shape = np.pi / np.sqrt(6 * k2)
    law = stats.weibull_min(shape, scale=np.exp(k1 + np.euler_gamma / shape))
    found["Weibull"] = law.logpdf, 2, law.cdf
    return {name: (2 * n - 2 * logpdf(x).sum(), cdf) for name, (logpdf, n, cdf) in found.items()}


def pairs(a, b, distance=3.0):
    d = np.array([[np.hypot(*(x - y)) for y in b] for x in a]).reshape(len(a), len(b))
    count = 0
    while d.size and d.min() <= distance:
        i, j = np.unravel_index(d.argmin(), d.shape)
        d[i, :] = d[:, j] = np.inf
        count += 1
    return count


def edges(i, share=0.01, window=7):
    mean = local_mean(i, window)
    reach, diagonal = window // 2 + 1, int(round((window // 2 + 1) / np.sqrt(2)))
    border = reach + window // 2
    steps = [(0, reach), (reach, 0), (diagonal, diagonal), (diagonal, -diagonal)]
    ratio = np.stack([np.abs(np.log(np.roll(mean, (-r, -c), (0, 1)) / np.roll(mean, (r, c), (0, 1)))) for r, c in steps])
    ratio[:, :border] = ratio[:, -border:] = 0
    ratio[:, :, :border] = ratio[:, :, -border:] = 0
    strength, way = ratio.max(0), ratio.argmax(0)
    ridge = np.zeros(i.shape, bool)
    for d, (r, c) in enumerate([(0, 1), (1, 0), (1, 1), (1, -1)]):
        before, after = np.roll(strength, (r, c), (0, 1)), np.roll(strength, (-r, -c), (0, 1))
        ridge |= (way == d) & (strength >= before) & (strength > after)
    ridge &= strength > 0
    order = np.argsort(-np.where(ridge, strength, -1).ravel(), kind="stable")[:int(round(share * i.size))]
    found = np.zeros(i.size, bool)
    found[order] = True
    return found.reshape(i.shape) & ridge, strength


def fill_small(x):
    return np.where(np.isnan(x), 0, x)


def local_mean(x, n):
    valid = ~np.isnan(x)
    return ndi.uniform_filter(np.nan_to_num(x), n) / ndi.uniform_filter(valid.astype(float), n)


def features(a):
    i = np.where(np.isfinite(a), a.astype(np.float32) ** 2, np.float32(0)).astype(np.float64)
    logs = np.log(np.maximum(i, 1e-6))
    out = [np.log(np.maximum(ndi.uniform_filter(i, n), 1e-6)) for n in (3, 7, 15, 31, 63)]
    for n in (7, 15, 31):
        m = ndi.uniform_filter(logs, n)
        v = (ndi.uniform_filter(logs ** 2, n) - m * m) * n * n / (n * n - 1)
        out.append(np.sqrt(v))
    return np.stack(out, -1)[2::4, 2::4]


def table(scenes):
    truths, images = [s["truth"] for s in scenes], [s["image"] for s in scenes]
    it, im = [a ** 2 for a in truths], [b ** 2 for b in images]
    pool = np.concatenate([a.ravel() for a in truths])
    power, ceiling = (pool ** 2).mean(), pool.mean() + 3 * pool.std()
    floor = 1e-6 * power
    db = lambda x: 10 * np.log10(np.maximum(x, floor))
    values = {}

    def hist(images, which, bins=150):
        return sum(log_histogram(i[s["classes"] == which] if which is not None else i, bins, power)
                   for i, s in zip(images, scenes))

    values["kl"] = kl(hist(it, None), hist(im, None))
    for name, which in (("fields", FIELDS), ("trees", TREES), ("paved", PAVED), ("built", BUILT)):
        values[f"kl-{name}"] = kl(hist(it, which), hist(im, which))
    def eight(images):
        x = np.concatenate([a[~np.isnan(a)] for a in images]) / ceiling
        return np.histogram(np.minimum(x, 0.99999), 256, (0, 1))[0]
    values["kl-8bit"] = kl(eight(truths), eight(images))
    p, q = hist(it, None), hist(im, None)
    p, q = p / p.sum(), q / q.sum()
    values["js"] = 0.5 * stats.entropy(p, (p + q) / 2) + 0.5 * stats.entropy(q, (p + q) / 2)
    made = np.concatenate([b[~np.isnan(b)] for b in images])
    values["w1"] = stats.wasserstein_distance(pool, made) / pool.mean()
    values["ks"] = stats.ks_2samp(pool, made).statistic
    values["power"] = max(abs(10 * np.log10(np.nanmean(i) / np.mean(t))) for i, t in zip(im, it))
    values["power-all"] = 10 * np.log10((made ** 2).mean() / power)
    largest = [np.nanmax(b) / a.max() for a, b in zip(truths, images)]
    values["largest"] = max(largest, key=lambda r: abs(np.log(r)))
    values["missing"] = 100 * np.mean([~(b > 0) for b in images])
    for n in (8, 16, 32):
        e = np.concatenate([(db(nanblocks(i, n)) - db(blocks(t, n))).ravel() for i, t in zip(im, it)])
        values[f"multilook-{n}"] = np.sqrt((e ** 2).mean())
    e = np.concatenate([(db(nanblocks(i, 16) + SAT_NOISE - AIR_NOISE) - db(blocks(s["satellite"] ** 2, 4))).ravel()
                        for i, s in zip(im, scenes)])
    values["seen-again"] = np.sqrt((e ** 2).mean())
    x, y = [], []
    for i, s in zip(im, scenes):
        field = blocks((s["classes"] == FIELDS).astype(float), 16) >= 0.95
        x.append(db(nanblocks(i, 16))[field])
        y.append(db(blocks(s["reflectivity"], 16))[field])
    values["fields-correlation"] = stats.pearsonr(np.concatenate(x), np.concatenate(y))[0]
    ratio = np.concatenate([(i / s["reflectivity"])[(s["flat"] == 1) & ~np.isnan(i)] for i, s in zip(im, scenes)])
    values["flat-enl"] = ratio.mean() ** 2 / ratio.var()
    values["flat-log"] = np.log(np.maximum(ratio, 1e-4)).var()
    d = []
    for i, s in zip(im, scenes):
        whole = blocks(s["flat"].astype(float), 8) == 1
        d.append((db(nanblocks(i, 8)) - db(blocks(s["reflectivity"], 8)))[whole])
    values["flat-8"] = np.concatenate(d).std()

    phases = np.zeros((2, 4, 4))
    for b in images:
        dev = (np.minimum(b / local_mean(b, 7), 3) - 1) ** 2
        for r in range(4):
            for c in range(4):
                v = dev[r::4, c::4]
                phases[0, r, c] += np.nansum(v)
                phases[1, r, c] += (~np.isnan(v)).sum()
    v = phases[0] / phases[1]
    values["lattice"] = 100 * (v.max() - v.min()) / v.mean()

    logs = lambda images: [np.log(np.maximum(fill_small(i), floor)) for i in images]
    hann = lambda n: 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    w = hann(ROWS)[:, None] * hann(COLUMNS)[None, :]
    fy, fx = np.meshgrid(np.fft.fftfreq(ROWS), np.fft.fftfreq(COLUMNS), indexing="ij")
    ring = (np.hypot(fx, fy) * 64).astype(int)
    near = (np.abs(np.rint(fy * ROWS)) <= 1) & (np.abs(np.rint(fx * COLUMNS)) <= 1)
    def rings(x):
        z = np.abs(np.fft.fft2((x - x.mean()) * w)) ** 2 / (w ** 2).sum()
        return np.array([z[(ring == k) & ~near].mean() if ((ring == k) & ~near).any() else np.nan for k in range(32)])
    a, b = sum(rings(x) for x in logs(it)), sum(rings(x) for x in logs(im))
    values["spectrum"] = np.sqrt(np.nanmean((10 * np.log10(b / a)) ** 2))
    for period in (4, 2):
        peak = beside = 0
        for x in logs(im):
            z = np.abs(np.fft.fft((x - x.mean(0)) * hann(ROWS)[:, None], axis=0)) ** 2
            k = ROWS // period
            others = [k - j for j in range(2, 10)] + [k + j for j in range(2, 10) if 2 * (k + j) <= ROWS]
            peak += z[k].mean()
            beside += z[others].mean()
        values[f"spike-{period}"] = 10 * np.log10(peak / beside)

    def contrast(images):
        out = []
        for x in images:
            grey = np.clip(np.nan_to_num(x) / ceiling * 32, 0, 31).astype(np.uint8) + 1
            grey[np.isnan(x)] = 0
            g = graycomatrix(grey, [1], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4], 33, symmetric=True).astype(float)
            g[0] = g[:, 0] = 0
            g = g[1:, 1:] / g[1:, 1:].sum((0, 1))
            out.append(graycoprops(g, "contrast").mean())
        return np.mean(out)
    values["glcm"] = contrast(images) / contrast(truths)

    hits = trues = founds = 0
    for t, i in zip(it, im):
        p, q = targets(t), targets(i)
        hits, trues, founds = hits + pairs(p, q), trues + len(p), founds + len(q)
    values["recall"], values["precision"] = hits / trues, hits / founds
    near_edges = all_edges = 0
    for i, s in zip(im, scenes):
        true, _ = edges(s["reflectivity"])
        found, _ = edges(i)
        near_edges += (true & ndi.binary_dilation(found, np.ones((5, 5)))).sum()
        all_edges += true.sum()
    values["edges"] = 100 * near_edges / all_edges

    x = np.concatenate([features(a).reshape(-1, 8) for a in truths])
    y = np.concatenate([s["classes"][2::4, 2::4].ravel() for s in scenes])
    laws = [stats.multivariate_normal(x[y == k].mean(0), np.cov(x[y == k].T) + 1e-6 * np.eye(8)) for k in range(5)]
    z = np.concatenate([features(b).reshape(-1, 8) for b in images])
    called = np.stack([law.logpdf(z) for law in laws], -1).argmax(1)
    values["classes"] = np.mean([(called[y == k] == k).mean() for k in range(5)])

    def vectors(images, side=32):
        out = []
        for i, l in zip(images, logs(images)):
            for r in range(0, ROWS, side):
                for c in range(0, COLUMNS, side):
                    x, y = fill_small(i)[r:r + side, c:c + side], l[r:r + side, c:c + side]
                    a, d, v = np.sqrt(x), y - y.mean(), y.var()
                    out.append([y.mean(), y.std(), stats.skew(y.ravel()), a.std() / a.mean(), np.log(x.max() / x.mean()),
                                np.log(blocks(x, 4)).std(), np.log(blocks(x, 8)).std(),
                                (d[:, :-1] * d[:, 1:]).mean() / v, (d[:-1] * d[1:]).mean() / v])
        return np.array(out)
    t, o = vectors(it), vectors(im)
    t, o = (t - t.mean(0)) / t.std(0), (o - t.mean(0)) / t.std(0)
    a, b = np.cov(t.T), np.cov(o.T)
    values["frechet"] = ((t.mean(0) - o.mean(0)) ** 2).sum() + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    k = lambda x, y: (x @ y.T / 9 + 1) ** 3
    off = lambda g: (g.sum() - np.trace(g)) / (len(g) * (len(g) - 1))
    values["kernel"] = off(k(t, t)) + off(k(o, o)) - 2 * k(t, o).mean()
    radius = np.sort(spatial.distance.cdist(t, t))[:, 5]
    within = spatial.distance.cdist(t, o) < radius[:, None]
    values["density"], values["coverage"] = within.sum() / (5 * len(o)), within.any(1).mean()

    more(values, scenes, truths, images, it, im, power, floor, hist, features, vectors)

    r0, c0, h, wd = WINDOW
    sd, err = [], []
    for t, s in zip(it, scenes):
        e = np.stack([db(blocks(x ** 2, 8)) for x in s["seeds"]])
        d = e.mean(0) - db(blocks(t[r0:r0 + h, c0:c0 + wd], 8))
        sd.append(e.std(0, ddof=1).ravel())
        err.append(np.abs(d).ravel())
    sd, err = np.concatenate(sd), np.concatenate(err)
    values["seeds-spread"] = np.sqrt((1 + 1 / 3) * (sd ** 2).mean() / (err ** 2).mean())
    values["seeds-correlation"] = stats.pearsonr(sd, err)[0]
    return values


def more(values, scenes, truths, images, it, im, power, floor, hist, features, vectors):
    """Distances by class, the clutter's law, targets against clutter, shadows, and of what use images are."""
    for kind, which in [("", None)] + [(f"-{n}", k) for n, k in
                                       (("fields", FIELDS), ("trees", TREES), ("paved", PAVED), ("built", BUILT))]:
        inside = lambda i, s: i[(s["classes"] == which if which is not None else True) & ~np.isnan(i)].ravel()
        a = np.concatenate([inside(i, s) for i, s in zip(it, scenes)])
        b = np.concatenate([inside(i, s) for i, s in zip(im, scenes)])
        values[f"w1-intensity{kind}"] = stats.wasserstein_distance(a, b) / a.mean()
        if kind:
            p, q = hist(it, which), hist(im, which)
            p, q = p / p.sum(), q / q.sum()
            values[f"js{kind}"] = 0.5 * stats.entropy(p, (p + q) / 2) + 0.5 * stats.entropy(q, (p + q) / 2)
            values[f"w1{kind}"] = stats.wasserstein_distance(np.sqrt(a), np.sqrt(b)) / np.sqrt(a).mean()
            values[f"ks{kind}"] = stats.ks_2samp(a, b).statistic

    k2, k3, shares, ks = np.zeros((2, 12)), np.zeros((2, 12)), {}, []
    for w, intensities in enumerate((it, im)):
        windows = [x for i in intensities for x in clutter_windows(i)]
        k2[w], k3[w] = [np.log(x).var(ddof=1) for x in windows], [stats.kstat(np.log(x), 3) for x in windows]
        fits = [laws(x) for x in windows]
        best = [min(f, key=lambda name: f[name][0]) for f in fits]
        for name in best:
            shares.setdefault(name, np.zeros(2))[w] += 1 / 12
        if w == 0:
            true_cdf = [f[name][1] for f, name in zip(fits, best)]
        else:
            ks = [stats.kstest(x, cdf).statistic for x, cdf in zip(windows, true_cdf)]
    values["clutter-k2"], values["clutter-k3"] = k2[1].mean() / k2[0].mean(), k3[1].mean() - k3[0].mean()
    values["clutter-family"] = 50 * sum(abs(s[1] - s[0]) for s in shares.values())
    values["clutter-ks"] = np.mean(ks)
    print("laws:", {k: list(np.round(12 * v)) for k, v in shares.items()})

    db = lambda x: 10 * np.log10(np.maximum(x, floor))
    mean_contrast = [np.concatenate([contrasts(i)[1] for i in x]).mean() for x in (it, im)]
    values["target-clutter"] = mean_contrast[1] - mean_contrast[0]
    values["target-places"] = np.mean([abs(at_target(i, *p) - at_target(t, *p)) for t, i in zip(it, im)
                                       for p in targets(t)])
    dark = [(shadows(t), shadows(i)) for t, i in zip(it, im)]
    values["shadow-area"] = sum(i.sum() for _, i in dark) / sum(t.sum() for t, _ in dark)
    values["shadow-overlap"] = sum((t & i).sum() for t, i in dark) / sum((t | i).sum() for t, i in dark)

    def use(task, truth, made, labels, score):
        confusion = {k: np.zeros((5, 5)) for k in ("train", "test", "true")}
        for s in range(2):
            def learnt(x):
                return {k: stats.multivariate_normal(x[labels[1 - s] == k].mean(0), np.cov(x[labels[1 - s] == k].T)
                        + 1e-6 * np.eye(x.shape[1])) for k in range(5) if (labels[1 - s] == k).sum() > x.shape[1]}
            from_truth, from_made = learnt(truth[1 - s]), learnt(made[1 - s])
            for key, classes, x in (("train", from_made, truth[s]), ("test", from_truth, made[s]),
                                    ("true", from_truth, truth[s])):
                names = np.array(list(classes))
                called = names[np.stack([classes[k].logpdf(x) for k in names], -1).argmax(1)]
                for k in names:
                    for j in names:
                        confusion[key][k, j] += ((labels[s] == k) & (called == j)).sum()
        print(task, {k: (score(c), c.sum()) for k, c in confusion.items()})
        for key in ("train", "test"):
            values[f"use-{task}-{key}"] = score(confusion[key]) / score(confusion["true"])

    def overlap(c):
        return np.mean([c[k, k] / (c[k].sum() + c[:, k].sum() - c[k, k]) for k in range(5) if c[k].sum() > 0])

    def recall(c):
        return np.mean([c[k, k] / c[k].sum() for k in range(5) if c[k].sum() > 0])

    pixels = [[features((a / np.sqrt(power)).astype(np.float32)).reshape(-1, 8) for a in x] for x in (truths, images)]
    use("segment", *pixels, [s["classes"][2::4, 2::4].ravel() for s in scenes], overlap)
    def square_labels(classes):
        out = []
        for r in range(0, ROWS, 8):
            for c in range(0, COLUMNS, 8):
                counts = np.bincount(classes[r:r + 8, c:c + 8].ravel(), minlength=6)
                out.append(counts.argmax() if counts.max() >= 0.6 * 64 and counts.argmax() != NONE else 255)
        return np.array(out)
    squares = [[vectors([i], 8) for i in x] for x in (it, im)]
    use("classify", *squares, [square_labels(s["classes"]) for s in scenes], recall)


if __name__ == "__main__":
    rng = np.random.default_rng(7)
    scenes = [scene(rng, k) for k in range(2)]
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-image": skimage.__version__}
    result = {"versions": versions, "rows": ROWS, "columns": COLUMNS,
              "values": {k: float(v) for k, v in table(scenes).items()}}
    with open("table.json", "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    print(json.dumps(result["values"], indent=1))
