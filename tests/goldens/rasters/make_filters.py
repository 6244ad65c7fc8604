"""Golden values of the despeckling filters: each written out pixel by pixel in numpy from its paper.

Run: /usr/bin/python3 make_filters.py    (numpy, scipy; writes filter-*.f32, raw little-endian float32, 37 x 45, beside this file)
"""
import os
import numpy as np
from scipy import ndimage

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)
rows, columns, looks = 37, 45, 2.0
scene = np.ones((rows, columns))
scene[:, 20:] = 6.0
scene[25:, :15] = 0.3
scene[10, 33] = 400.0
image = (scene * rng.gamma(looks, 1 / looks, scene.shape)).astype(np.float32)


def windows(x, half):
    p = np.pad(x.astype(np.float64), half, mode="symmetric")
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            yield r, c, p[r:r + 2 * half + 1, c:c + 2 * half + 1]


def save(name, x):
    x.astype("<f4").tofile(os.path.join(here, f"filter-{name}.f32"))


def local(function, size=7):
    out = np.empty(image.shape)
    for r, c, w in windows(image, size // 2):
        out[r, c] = function(float(image[r, c]), w, w.mean(), w.var())
    return out


def lee(x, w, m, v):
    return m + max(1 - m * m / looks / v, 0) * (x - m)


def kuan(x, w, m, v):
    return m + max(1 - m * m / looks / v, 0) / (1 + 1 / looks) * (x - m)


def enhanced(x, w, m, v):
    ci, cu, cmax = np.sqrt(v) / m, 1 / np.sqrt(looks), np.sqrt(1 + 2 / looks)
    if ci <= cu:
        return m
    if ci >= cmax:
        return x
    k = np.exp(-(ci - cu) / (cmax - ci))
    return m * k + x * (1 - k)


def gamma_map(x, w, m, v):
    ci2, cu2 = v / m ** 2, 1 / looks
    if ci2 <= cu2:
        return m
    if ci2 >= 2 * cu2:
        return x
    a = (1 + cu2) / (ci2 - cu2)
    # a R^2 + (looks + 1 - a) m R - looks m x = 0
    return np.roots([a, (looks + 1 - a) * m, -looks * m * x]).real.max()


def frost(x, w, m, v):
    h = w.shape[0] // 2
    y, z = np.mgrid[-h:h + 1, -h:h + 1]
    k = np.exp(-2 * v / m ** 2 * np.hypot(y, z))
    return (k * w).sum() / k.sum()


def refined(x, w, m, v):
    means = np.array([[w[1 + 2 * i - 1:1 + 2 * i + 2, 1 + 2 * j - 1:1 + 2 * j + 2].mean() for j in range(3)] for i in range(3)])
    kernels = [np.array([[-1, 0, 1]] * 3), np.array([[-1] * 3, [0] * 3, [1] * 3]),
               np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]]), np.array([[0, -1, -1], [1, 0, -1], [1, 1, 0]])]
    d = int(np.argmax([abs((k * means).sum()) for k in kernels]))
    ends = [((1, 2), (1, 0)), ((2, 1), (0, 1)), ((2, 2), (0, 0)), ((2, 0), (0, 2))][d]
    forward = abs(means[ends[0]] - means[1, 1]) <= abs(means[ends[1]] - means[1, 1])
    y, z = np.mgrid[-3:4, -3:4]
    side = [z, y, y + z, y - z][d] * (1 if forward else -1) >= 0
    m, v = w[side].mean(), w[side].var()
    return m + max((v - m * m / looks) / (1 + 1 / looks), 0) / v * (x - m)


def non_local(patch=5, search=9, strength=0.2):
    hp, hs = patch // 2, search // 2
    p = np.pad(image.astype(np.float64), hp + hs, mode="symmetric")
    a = np.sqrt(p)
    out = np.empty(image.shape)
    for r in range(rows):
        for c in range(columns):
            r0, c0 = r + hp + hs, c + hp + hs
            own = a[r0 - hp:r0 + hp + 1, c0 - hp:c0 + hp + 1]
            total = value = largest = 0.0
            for dr in range(-hs, hs + 1):
                for dc in range(-hs, hs + 1):
                    if dr == 0 and dc == 0:
                        continue
                    other = a[r0 + dr - hp:r0 + dr + hp + 1, c0 + dc - hp:c0 + dc + hp + 1]
                    d = np.log((own / other + other / own) / 2).sum()
                    k = np.exp(-(2 * looks - 1) * d / (strength * patch * patch))
                    total, value, largest = total + k, value + k * p[r0 + dr, c0 + dc], max(largest, k)
            out[r, c] = (value + largest * p[r0, c0]) / (total + largest)
    return out


save("input", image)
save("boxcar", ndimage.uniform_filter(image.astype(np.float64), 7, mode="reflect"))
for name, function in dict(lee=lee, kuan=kuan, enhancedLee=enhanced, gammaMap=gamma_map, frost=frost, refinedLee=refined).items():
    save(name, local(function))
save("nonLocal", non_local())
