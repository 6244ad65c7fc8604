#!/usr/bin/python3
"""Reference values of ImageNet's ResNet-18 without onnxruntime: the file's own weights, run by torch.

Run it in this folder: /usr/bin/python3 make_resnet.py ResNet18.onnx ResNetPreprocess.onnx. It writes resnet18.json.
"""
import json
import struct
import sys
import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F


def varint(b, i):
    value = shift = 0
    while True:
        x = b[i]
        i += 1
        value |= (x & 127) << shift
        shift += 7
        if x < 128:
            return value, i


def fields(b):
    i = 0
    while i < len(b):
        key, i = varint(b, i)
        if key & 7 == 0:
            v, i = varint(b, i)
        else:
            n, i = varint(b, i) if key & 7 == 2 else (8 if key & 7 == 1 else 4, i)
            v, i = b[i:i + n], i + n
        yield key >> 3, v


def tensor(b):
    dims, name, data = [], "", None
    for f, v in fields(b):
        if f == 1:
            dims.append(v)
        elif f == 8:
            name = bytes(v).decode()
        elif f == 4:
            data = np.frombuffer(v, "<f4")
    return name, torch.from_numpy(data.reshape(dims).copy())


def attribute(b):
    name, ints, other = "", [], None
    for f, v in fields(b):
        if f == 1:
            name = bytes(v).decode()
        elif f == 8:
            ints.append(v)
        elif f == 3:
            other = v
        elif f == 2:
            other = struct.unpack("<f", v)[0]
    return name, ints or other


def node(b):
    ins, outs, op, attributes = [], [], "", {}
    for f, v in fields(b):
        if f == 1:
            ins.append(bytes(v).decode())
        elif f == 2:
            outs.append(bytes(v).decode())
        elif f == 4:
            op = bytes(v).decode()
        elif f == 5:
            attributes.update([attribute(v)])
    return op, ins, outs, attributes


def graph(path):
    nodes, weights = [], {}
    for f, g in fields(memoryview(open(path, "rb").read())):
        if f == 7:
            for k, v in fields(g):
                if k == 1:
                    nodes.append(node(v))
                elif k == 5:
                    weights.update([tensor(v)])
    return nodes, weights


def run(nodes, values):
    values = dict(values)
    for op, ins, outs, a in nodes:
        x = [values[i] for i in ins]
        if op in ("Conv", "MaxPool", "AveragePool"):
            top, left, bottom, right = a["pads"]
            padded = F.pad(x[0], (left, right, top, bottom), value=-np.inf if op == "MaxPool" else 0)
        if op == "Conv":
            y = F.conv2d(padded, x[1], stride=a["strides"])
        elif op == "BatchNormalization":
            y = F.batch_norm(x[0], x[3], x[4], x[1], x[2], eps=a["epsilon"])
        elif op == "Relu":
            y = F.relu(x[0])
        elif op == "MaxPool":
            y = F.max_pool2d(padded, a["kernel_shape"], a["strides"])
        elif op == "AveragePool":
            y = F.avg_pool2d(padded, a["kernel_shape"], a["strides"])
        elif op == "Add":
            y = x[0] + x[1]
        values[outs[0]] = y
    return values


def grey(side, k):
    r, c = np.mgrid[:side, :side].astype(np.float64)
    return np.clip(0.4 + 0.3 * np.sin(0.11 * r + 0.07 * c) + 0.2 * np.sin(0.5 * c * (1 + k) + 0.3 * r) * (k + 1) / 2, 0, 1)


STAGES = ["ReLU253_Output_0", "ReLU283_Output_0", "ReLU315_Output_0", "ReLU347_Output_0", "ReLU393_Output_0"]
torch.set_num_threads(1)
nodes, weights = graph(sys.argv[1])
mean = graph(sys.argv[2])[1]["MeanImage"]


def look(image):
    x = torch.from_numpy(image.astype(np.float32))[None, None]
    if image.shape[0] != 224:
        x = F.interpolate(x, size=(224, 224), mode="bilinear", align_corners=False)
    return run(nodes, {**weights, "Input247": 255 * x.repeat(1, 3, 1, 1) - mean})


def perceptual(a, b):
    total = 0
    for s in STAGES:
        u, v = [x[s] / (x[s].pow(2).sum(1, keepdim=True).sqrt() + 1e-10) for x in (a, b)]
        total += (u - v).pow(2).sum(1).mean().item()
    return total


a, b, small = look(grey(224, 0)), look(grey(224, 1)), look(grey(128, 0))
out = "Pooling395_Output_0"
rng = np.random.default_rng(3)
x, y = rng.normal(size=(9, 14)), rng.normal(0.3, 1.5, size=(11, 14))
p, q = np.cov(x.T), np.cov(y.T)
frechet = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(p + q - 2 * scipy.linalg.sqrtm(p @ q).real)
k = lambda s, t: (s @ t.T / 14 + 1) ** 3
off = lambda g: (g.sum() - np.trace(g)) / (len(g) * (len(g) - 1))
kernel = off(k(x, x)) + off(k(y, y)) - 2 * k(x, y).mean()
rounded = lambda t: [round(float(v), 5) for v in t.ravel()]
result = {"torch": torch.__version__, "features": rounded(a[out]), "features-128": rounded(small[out]),
          "perceptual": perceptual(a, b), "perceptual-small": perceptual(a, small),
          "x": x.tolist(), "y": y.tolist(), "frechet": float(frechet), "kernel": float(kernel)}
with open("resnet18.json", "w") as f:
    json.dump(result, f)
    f.write("\n")
print(result["features"][:5], result["features-128"][:5], result["perceptual"], result["perceptual-small"], frechet, kernel)
