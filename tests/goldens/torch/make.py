# Records what python3-torch computes, for tests/SystemTorch.Tests/GoldenTests.cs: values, gradients, random numbers, steps of optimizers.
# Usage: python3 make.py   (writes reference.json beside itself; made with PyTorch 1.13)
import json
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def pack(t):
    t = t.detach()
    kind = str(t.dtype).replace("torch.", "")
    if t.is_complex():
        t = torch.view_as_real(t)
    if not t.dtype.is_floating_point:
        values = t.long().flatten().tolist()
    elif t.dtype == torch.float64:
        values = t.flatten().tolist()
    else:  # nine digits give every float32 back
        values = [float("%.9g" % v) for v in t.double().flatten().tolist()]
    return {"dtype": kind, "shape": list(t.shape), "values": values}


g = torch.Generator().manual_seed(7)
A = torch.randn(3, 4, generator=g)
B = torch.randn(3, 4, generator=g)
SQ = torch.randn(4, 4, generator=g)
POS = torch.rand(3, 4, generator=g) + 0.1
IMG = torch.randn(2, 4, 6, 5, generator=g)
K = torch.randn(6, 4, 3, 3, generator=g)
KT = torch.randn(4, 3, 3, 3, generator=g)
BIAS = torch.randn(6, generator=g)
SEQ = torch.randn(2, 5, 8, generator=g)
Q, KEY, V = (torch.randn(2, 2, 5, 4, generator=g) for _ in range(3))
V4 = torch.randn(4, generator=g)
W4 = torch.randn(4, generator=g)
IDX = torch.tensor([[0, 2, 1, 1], [2, 2, 0, 1]])
TARGET = torch.tensor([1, 0, 3])
MASK = torch.tensor([[True, False, True, False], [False, False, True, True], [True, True, True, False]])

# name: (function, inputs); every output of floating point is differentiated with a fixed cotangent.
CASES = {
    "add_alpha": (lambda a, b: torch.add(a, b, alpha=0.5), [A, B]),
    "rsub": (lambda a: 2.5 - a, [A]),
    "div_floor": (lambda a, b: torch.div(a, b, rounding_mode="floor"), [A, POS]),
    "reciprocal_scaled": (lambda a: 3 / a, [POS]),
    "pow": (lambda a: a ** 2.5, [POS]),
    "exp_log_sqrt": (lambda a: a.exp() + a.log() * a.sqrt(), [POS]),
    "trigonometry": (lambda a: a.sin() * a.cos() + a.tanh() + a.atan(), [A]),
    "lgamma_digamma": (lambda a: a.lgamma() + a.digamma(), [POS]),
    "erf_erfinv": (lambda a: a.erf() + (a * 0.1).erfinv(), [A]),
    "clamp": (lambda a: a.clamp(-0.5, 0.7), [A]),
    "clamp_min": (lambda a: a.clamp_min(0.1), [A]),
    "where_mask": (lambda a, b, m: torch.where(m, a, b), [A, B, MASK]),
    "masked_fill": (lambda a, m: a.masked_fill(m, -1.5), [A, MASK]),
    "masked_select": (lambda a, m: a.masked_select(m), [A, MASK]),
    "lerp": (lambda a, b, w: torch.lerp(a, b, w), [A, B, POS]),
    "sum_dims": (lambda a: a.sum(dim=[1, 2], keepdim=True), [IMG]),
    "mean_all": (lambda a: a.mean(), [A]),
    "std_dim": (lambda a: a.std(dim=1), [A]),
    "var_biased": (lambda a: a.var(dim=[0, 1], unbiased=False), [A]),
    "logsumexp": (lambda a: a.logsumexp(1), [A]),
    "cumsum_cumprod": (lambda a: a.cumsum(0) + a.cumprod(1), [A]),
    "max_dim": (lambda a: a.max(dim=1)[0], [A]),
    "argmax": (lambda a: a.argmax(dim=1), [A]),
    "sort_descending": (lambda a: a.sort(dim=1, descending=True)[0], [A]),
    "topk": (lambda a: a.topk(2, dim=1)[0], [A]),
    "norm_p": (lambda a: a.norm(p=3), [A]),
    "quantile": (lambda a, q: a.quantile(q, dim=1), [A, torch.tensor([0.25, 0.5])]),
    "histc": (lambda a: a.histc(5, -2, 2), [A.detach()]),
    "matmul": (lambda a, b: a.matmul(b.t()), [A, B]),
    "bmm": (lambda a, b: torch.bmm(a, b.transpose(1, 2)), [SEQ, SEQ * 0.5]),
    "baddbmm": (lambda a, b: torch.baddbmm(torch.ones(2, 5, 5), a, b.transpose(1, 2), beta=0.5, alpha=2.0), [SEQ, SEQ * 0.5]),
    "einsum": (lambda a, b: torch.einsum("bnd,bmd->bnm", a, b), [SEQ, SEQ * 0.3]),
    "inverse_det": (lambda a: torch.linalg.inv(a) * torch.linalg.det(a), [SQ]),
    "solve": (lambda a, v: torch.linalg.solve(a, v), [SQ, V4]),
    "cholesky": (lambda a: torch.linalg.cholesky(a @ a.t() + torch.eye(4)), [SQ]),
    "svdvals": (lambda a: torch.linalg.svdvals(a), [SQ]),
    "outer_diag": (lambda v, w: torch.outer(v, w).diagonal(), [V4, W4]),
    "views": (lambda a: a.permute(0, 2, 3, 1).reshape(2, -1, 4).transpose(1, 2).unsqueeze(0).squeeze(0), [IMG]),
    "flip_roll": (lambda a: a.flip([2, 3]).roll([1, 2], [2, 3]), [IMG]),
    "chunk_cat": (lambda a: torch.cat(list(a.chunk(2, 1))[::-1], 1), [IMG]),
    "stack_split": (lambda a, b: torch.stack([a, b], 1).split([1, 1], 1)[1], [A, B]),
    "gather_scatter": (lambda a, i: a.gather(0, i) + torch.zeros(3, 4).scatter_add(0, i, a[:2]).sum(), [A, IDX]),
    "index": (lambda a: a[1:, [0, 2, 3]] + a[None, 0, ::2].sum() + a[..., -1].sum(), [A]),
    "index_mask": (lambda a, m: a[m].sum() * a[0, 1], [A, MASK]),
    "index_select_pad": (lambda a: F.pad(a.index_select(1, torch.tensor([3, 0])), [1, 2, 0, 1], value=0.5), [A]),
    "pad_reflect": (lambda a: F.pad(a, [1, 1, 2, 2], mode="reflect"), [IMG]),
    "tril_triu": (lambda a: a.tril(-1) + a.triu(2), [SQ]),
    "repeat_expand": (lambda v: v.expand(3, 4) + v.repeat(3, 1), [V4]),
    "relu_family": (lambda a: F.relu(a) + F.leaky_relu(a, 0.2) + F.elu(a, 0.7) + F.softplus(a) + F.hardtanh(a, -0.4, 0.6), [A]),
    "gelu_silu_mish": (lambda a: F.gelu(a) + F.silu(a) + F.mish(a) + torch.sigmoid(a), [A]),
    "glu": (lambda a: F.glu(a, 1), [A]),
    "softmax": (lambda a: F.softmax(a, 1) + F.log_softmax(a, 0), [A]),
    "linear": (lambda x, w: F.linear(x, w[:, :, 0, 0].repeat(1, 2), None), [SEQ, K]),
    "conv2d": (lambda x, k, b: F.conv2d(x, k, b, stride=2, padding=1), [IMG, K, BIAS]),
    "conv2d_dilated_groups": (lambda x, k: F.conv2d(x, k[:, :2], None, padding=2, dilation=2, groups=2), [IMG, K]),
    "conv1d": (lambda x, k: F.conv1d(x.flatten(2), k[:, :, 0], None, padding=1), [IMG, K]),
    "conv_transpose2d": (lambda x, k: F.conv_transpose2d(x, k, None, stride=2, padding=1, output_padding=1), [IMG, KT]),
    "unfold_fold": (lambda x: F.fold(F.unfold(x, 3, padding=1), (6, 5), 3, padding=1), [IMG]),
    "group_norm": (lambda x, v, w: F.group_norm(x, 2, v, w, 1e-6), [IMG, V4, W4]),
    "layer_norm": (lambda x: F.layer_norm(x, [8], eps=1e-5), [SEQ]),
    "batch_norm_train": (lambda x, v, w: F.batch_norm(x, torch.zeros(4), torch.ones(4), v, w, True, 0.1, 1e-5), [IMG, V4, W4]),
    "instance_norm": (lambda x: F.instance_norm(x), [IMG]),
    "normalize": (lambda x: F.normalize(x, dim=-1), [SEQ]),
    "pools": (lambda x: F.avg_pool2d(x, 2) + F.max_pool2d(x, 2, ceil_mode=False) + F.adaptive_avg_pool2d(x, (3, 2)), [IMG]),
    "nearest_up": (lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest"), [IMG]),
    "bilinear": (lambda x: F.interpolate(x, size=(9, 4), mode="bilinear", align_corners=False), [IMG]),
    "bilinear_antialias": (lambda x: F.interpolate(x, size=(3, 3), mode="bilinear", antialias=True), [IMG]),
    "bicubic_corners": (lambda x: F.interpolate(x, size=(8, 8), mode="bicubic", align_corners=True), [IMG]),
    "grid_sample": (lambda x, t: F.grid_sample(x, F.affine_grid(t.view(1, 2, 2).repeat(2, 1, 1).matmul(torch.eye(2, 3)) * 0.3, [2, 4, 3, 3], align_corners=False), align_corners=False), [IMG, V4]),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2) + F.pixel_shuffle(F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2), 2), [IMG]),
    "attention": (lambda q, k, v: (q @ k.transpose(-2, -1) / 2).softmax(-1) @ v, [Q, KEY, V]),
    "attention_causal": (lambda q, k, v: ((q @ k.transpose(-2, -1) / 2).masked_fill(~torch.ones(5, 5, dtype=torch.bool).tril(), float("-inf"))).softmax(-1) @ v, [Q, KEY, V]),
    "embedding": (lambda w, i: F.embedding(i, w), [A, IDX]),
    "mse_l1_huber": (lambda a, b: F.mse_loss(a, b) + F.l1_loss(a, b) + F.huber_loss(a, b, delta=0.5) + F.smooth_l1_loss(a, b, beta=0.3), [A, B]),
    "cross_entropy": (lambda a, t: F.cross_entropy(a, t, label_smoothing=0.1), [A, TARGET]),
    "bce_logits": (lambda a, p: F.binary_cross_entropy_with_logits(a, p.clamp(0, 1)), [A, POS]),
    "kl_div": (lambda a, b: F.kl_div(a.log_softmax(1), b.log_softmax(1), log_target=True, reduction="sum"), [A, B]),
    "fft_power": (lambda x: torch.fft.fft2(x).abs() ** 2, [IMG]),
    "rfft_roundtrip": (lambda x: torch.fft.irfft(torch.fft.rfft(x, dim=-1, norm="ortho"), n=8, dim=-1, norm="ortho"), [SEQ]),
    "complex_parts": (lambda a, b: (torch.complex(a, b) * torch.complex(b, a)).imag + torch.complex(a, b).abs() + torch.complex(a, b).angle(), [A, B]),
    "double": (lambda a: (a * a).sum() + a.cosh().mean(), [A.double()]),
    "bfloat16": (lambda a, b: (a.bfloat16() @ b.bfloat16().t()).float(), [A, B]),
    "half": (lambda a, b: (a.half() * b.half()).float(), [A, B]),
    "inplace": (lambda a, b: a.clone().mul_(b).add_(1).clamp_(-1, 2).pow_(2), [A, B]),
    "int_arithmetic": (lambda i: (i * 3 + 1) % 4 - torch.div(i, 2, rounding_mode="floor"), [IDX]),
    "type_promotion": (lambda i: i + 0.5, [IDX]),
    "bucketize": (lambda a, q: torch.bucketize(a, q), [A, torch.tensor([-0.5, 0.0, 0.5])]),
    "unique": (lambda i: i.unique(), [IDX]),
    "cdist": (lambda a, b: torch.cdist(a, b), [A, B]),
}


def case(f, inputs):
    leaves = [t.clone().requires_grad_(t.is_floating_point()) for t in inputs]
    out = f(*leaves)
    record = {"inputs": [pack(t) for t in inputs], "output": pack(out)}
    if out.requires_grad and out.is_floating_point():
        cotangent = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape) if out.numel() > 1 else torch.ones_like(out)
        record["gradients"] = [None if x is None else pack(x) for x in torch.autograd.grad(out, [t for t in leaves if t.requires_grad], cotangent, allow_unused=True)]
    return record


def draws():
    def seeded(f):
        torch.manual_seed(1234)
        return pack(f())

    def own():
        x = torch.Generator().manual_seed(99)
        return torch.cat([torch.randn(5, generator=x), torch.rand(5, generator=x), torch.empty(5).normal_(1, 2, generator=x)])

    def resumed():
        torch.rand(3)
        state = torch.get_rng_state()
        first = torch.rand(4)
        torch.set_rng_state(state)
        assert torch.equal(first, torch.rand(4))
        torch.set_rng_state(state)
        return torch.randn(20)

    return {
        "randn_short": seeded(lambda: torch.randn(7)),
        "randn_long": seeded(lambda: torch.randn(40)),
        "randn_double": seeded(lambda: torch.randn(20, dtype=torch.float64)),
        "rand": seeded(lambda: torch.rand(3, 5)),
        "rand_double": seeded(lambda: torch.rand(9, dtype=torch.float64)),
        "randint": seeded(lambda: torch.randint(-5, 100, (20,))),
        "randperm": seeded(lambda: torch.randperm(30)),
        "normal": seeded(lambda: torch.normal(2.0, 3.0, (18,))),
        "bernoulli": seeded(lambda: torch.bernoulli(torch.full((30,), 0.3))),
        "multinomial": seeded(lambda: torch.multinomial(torch.tensor([0.1, 0.2, 0.7]), 20, True)),
        "exponential": seeded(lambda: torch.empty(12).exponential_(1.5)),
        "poisson": seeded(lambda: torch.poisson(torch.full((15,), 4.0))),
        "dropout": seeded(lambda: F.dropout(torch.ones(4, 8), 0.4)),
        "dropout2d": seeded(lambda: F.dropout2d(torch.ones(3, 6, 2, 2), 0.5)),
        "sequence": seeded(lambda: torch.cat([torch.randn(3), torch.rand(2), torch.randn(17), torch.randperm(5).float()])),
        "own_generator": seeded(own),
        "resumed": seeded(resumed),
    }


def modules():
    out = {}
    for name, make, x in [
        ("linear", lambda: nn.Linear(8, 5), SEQ),
        ("conv2d", lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1), IMG),
        ("conv2d_reflect", lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), IMG),
        ("conv_transpose2d", lambda: nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1), IMG),
        ("group_norm", lambda: nn.GroupNorm(2, 4), IMG),
        ("layer_norm", lambda: nn.LayerNorm(8), SEQ),
        ("batch_norm", lambda: nn.BatchNorm2d(4), IMG),
        ("embedding", lambda: nn.Embedding(10, 6), IDX),
        ("sequential", lambda: nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Dropout(0.0), nn.Linear(16, 3)), SEQ),
    ]:
        torch.manual_seed(5)
        module = make()
        state = {k: pack(v) for k, v in module.state_dict().items()}
        result = module(x)
        after = {k: pack(v) for k, v in module.state_dict().items()}
        module.eval()
        out[name] = {"input": pack(x), "state": state, "train": pack(result), "after": after, "eval": pack(module(x))}
    return out


def optimizers():
    out = {}
    for name, make in {
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
        "adamw_amsgrad": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.01, amsgrad=True),
        "adam_decay": lambda p: torch.optim.Adam(p, lr=0.03, weight_decay=0.2),
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "sgd_nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True),
    }.items():
        w, b = A.clone().requires_grad_(), V4.clone().requires_grad_()
        optimizer = make([w, b])
        losses = []
        for k in range(6):
            optimizer.zero_grad()
            loss = ((w * b - B) ** 2).mean() + (w.sin().sum() if k != 3 else 0) * 0.1
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        out[name] = {"w": pack(w), "b": pack(b), "losses": losses}
    return out


def schedules():
    s = torch.optim.lr_scheduler
    out = {}
    for name, make in {
        "step": lambda o: s.StepLR(o, 3, 0.5),
        "multistep": lambda o: s.MultiStepLR(o, [2, 5], 0.1),
        "exponential": lambda o: s.ExponentialLR(o, 0.9),
        "cosine": lambda o: s.CosineAnnealingLR(o, 8, 0.01),
        "linear": lambda o: s.LinearLR(o, 0.1, 1.0, 4),
        "constant": lambda o: s.ConstantLR(o, 0.25, 3),
        "lambda": lambda o: s.LambdaLR(o, lambda e: 1 / (1 + e)),
        "multiplicative": lambda o: s.MultiplicativeLR(o, lambda e: 0.8),
    }.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
        schedule = make(optimizer)
        rates = [optimizer.param_groups[0]["lr"]]
        for _ in range(8):
            optimizer.step()
            schedule.step()
            rates.append(optimizer.param_groups[0]["lr"])
        out[name] = rates
    return out


reference = {
    "torch": torch.__version__,
    "cases": {name: case(*c) for name, c in CASES.items()},
    "draws": draws(),
    "modules": modules(),
    "optimizers": optimizers(),
    "schedules": schedules(),
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json")
with open(path + ".part", "w") as f:
    json.dump(reference, f, separators=(",", ":"))
os.replace(path + ".part", path)
print(path, os.path.getsize(path))
