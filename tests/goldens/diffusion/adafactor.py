"""Adafactor by the paper's own formulas in numpy, float64: Shazeer and Stern (2018), algorithms 4, 5 and 6, sums and not means.

Writes adafactor/cases.json: starting weights, five gradients, and the weights after each step. A kernel [out, in, k, k]
is the matrix [out, in k k].
Run: python3 adafactor.py
"""
import json
import os

import numpy as np

EPS1, EPS2, THRESHOLD, POWER = 1e-30, 1e-3, 1.0, 0.8


def rms(x):
    return np.sqrt(np.mean(x ** 2))


def steps(start, gradients, rate, relative, decay):
    x, seen = start.copy(), []
    matrix = x.ndim > 1 and x.shape[0] > 1 and x[0].size > 1
    rows = columns = whole = 0.0
    for t, gradient in enumerate(gradients, 1):
        beta = 1 - t ** -POWER
        g = gradient.reshape(len(gradient), -1) if matrix else gradient
        square = g ** 2 + EPS1
        if matrix:
            rows = beta * rows + (1 - beta) * square @ np.ones(g.shape[1])
            columns = beta * columns + (1 - beta) * np.ones(g.shape[0]) @ square
            v = np.outer(rows, columns) / rows.sum()
        else:
            v = whole = beta * whole + (1 - beta) * square
        u = g / np.sqrt(v)
        u = (u / max(1.0, rms(u) / THRESHOLD)).reshape(x.shape)
        alpha = max(EPS2, rms(x)) * rate if relative else rate
        x = x - alpha * decay * x - alpha * u
        seen.append(x.copy())
    return seen


def main():
    rng = np.random.default_rng(20180411)
    cases = []
    for name, shape in [("matrix", (5, 7)), ("kernel", (4, 3, 3, 3)), ("vector", (6,)), ("row", (1, 6))]:
        for relative, decay in [(False, 0.0), (False, 0.1), (True, 0.0), (True, 0.1)]:
            # Gradients whose size changes a thousandfold: the clipping of updates has something to do.
            start = rng.normal(size=shape) * 0.3
            gradients = [rng.normal(size=shape) * s for s in (1e-3, 2e-3, 1.0, 0.1, 1e-4)]
            after = steps(start, gradients, 0.02, relative, decay)
            cases.append({
                "name": f"{name}{'_relative' if relative else ''}{'_decay' if decay else ''}", "shape": list(shape),
                "rate": 0.02, "relative": relative, "decay": decay, "start": start.ravel().tolist(),
                "gradients": [g.ravel().tolist() for g in gradients], "after": [a.ravel().tolist() for a in after],
            })
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "adafactor")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "cases.json"), "w") as file:
        json.dump(cases, file)


main()
