"""DoRA by its formula, with nothing but Python's own floats: W' = m (W + s B A) / |W + s B A|, Liu et al. (2024), eq. 5.

Writes dora/cases.json: small layers with their adapters, the scale, and the adapted weight, all float64.
Run: python3 dora.py
"""
import json
import math
import os
import random

random.seed(20240214)


def tensor(*shape):
    if len(shape) == 1:
        return [random.uniform(-1, 1) for _ in range(shape[0])]
    return [tensor(*shape[1:]) for _ in range(shape[0])]


def flat(value):
    return [x for v in value for x in flat(v)] if isinstance(value, list) else [value]


def case(name, out, inputs, kernel, rank, alpha, axis):
    """A layer [out, inputs, kernel, kernel]; axis 0: a magnitude for each output, 1: for each input."""
    k2 = kernel * kernel
    w, a, b = tensor(out, inputs * k2), tensor(rank, inputs * k2), tensor(out, rank)
    m = [abs(x) + 0.5 for x in tensor(out if axis == 0 else inputs)]
    scale = alpha / rank
    v = [[w[o][i] + scale * sum(b[o][r] * a[r][i] for r in range(rank)) for i in range(inputs * k2)] for o in range(out)]
    result = [[0.0] * (inputs * k2) for _ in range(out)]
    for o in range(out):
        for i in range(inputs * k2):
            group = v[o] if axis == 0 else [v[p][j] for p in range(out) for j in range(inputs * k2) if j // k2 == i // k2]
            norm = math.sqrt(sum(x * x for x in group))
            result[o][i] = m[o if axis == 0 else i // k2] * v[o][i] / norm
    shape = [out, inputs] if kernel == 1 else [out, inputs, kernel, kernel]
    return {"name": name, "shape": shape, "rank": rank, "alpha": alpha, "axis": axis, "weight": flat(w), "down": flat(a),
            "up": flat(b), "magnitude": m, "adapted": flat(result)}


cases = [
    case("linear_outputs", 5, 7, 1, 2, 2, 0),
    case("linear_outputs_alpha", 6, 4, 1, 3, 1.5, 0),
    case("linear_inputs", 5, 7, 1, 2, 4, 1),
    case("linear_square", 6, 6, 1, 2, 2, 0),
    case("convolution_outputs", 4, 3, 3, 2, 1, 0),
    case("convolution_inputs", 4, 3, 3, 2, 1, 1),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dora", "cases.json")
with open(path, "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
