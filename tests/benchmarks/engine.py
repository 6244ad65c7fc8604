# The cases of Engine.cs in PyTorch: reads a case's name from a line, answers with the seconds of one call.
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(2)
torch.manual_seed(0)
a, b = torch.ones(1), torch.ones(1)
w = torch.ones(1, requires_grad=True)
x = torch.randn(4, 128, 64, 64)
weight = torch.randn(128, 128, 3, 3, requires_grad=True)
bias = torch.randn(128, requires_grad=True)
inp = torch.randn(4, 128, 64, 64, requires_grad=True)
m = torch.randn(512, 512)
linear = torch.nn.Linear(64, 64)
optimizer = torch.optim.AdamW(linear.parameters(), lr=1e-3, weight_decay=0, foreach=False)
small = torch.randn(32, 64)


def conv_back():
    F.conv2d(inp, weight, bias, padding=1).sum().backward()
    inp.grad = weight.grad = bias.grad = None


def step():
    optimizer.zero_grad(set_to_none=True)
    linear(small).pow(2).mean().backward()
    optimizer.step()


CASES = {
    "add": (200_000, lambda: a.add(b), True),
    "add_grad": (100_000, lambda: w + b, False),
    "conv": (10, lambda: F.conv2d(x, weight, bias, padding=1), True),
    "conv_back": (5, conv_back, False),
    "matmul": (40, lambda: m.matmul(m), True),
    "step": (1000, step, False),
}


def per_call(n, call):
    for _ in range(max(2, n // 10)):
        call()
    start = time.perf_counter()
    for _ in range(n):
        call()
    return (time.perf_counter() - start) / n


print("ready", flush=True)
for line in sys.stdin:
    n, call, quiet = CASES[line.strip()]
    with torch.set_grad_enabled(not quiet):
        print(per_call(n, call), flush=True)
