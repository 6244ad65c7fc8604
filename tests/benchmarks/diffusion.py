# The models of Diffusion.cs in plain PyTorch, operator by operator as diffusers 0.27 computes them: attention is one fused
# operator from torch 2.0 on, and two products with a softmax between them before.
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
ON = sys.argv[2] if len(sys.argv) > 2 else "cpu"
if ON != "cpu":
    torch.set_default_device(ON)
torch.manual_seed(0)


def wait():
    """Until a GPU has done what it was given."""
    if ON != "cpu":
        torch.cuda.synchronize()


def attend_in_steps(q, k, v):
    b, heads, n, d = q.shape
    q, k, v = (x.reshape(b * heads, -1, d) for x in (q, k, v))
    scores = torch.baddbmm(torch.empty(q.shape[0], q.shape[1], k.shape[1], dtype=q.dtype), q, k.transpose(-1, -2), beta=0, alpha=d ** -0.5)
    return torch.bmm(scores.softmax(-1).to(q.dtype), v).reshape(b, heads, n, d)


attend = getattr(F, "scaled_dot_product_attention", attend_in_steps)


class Resnet(nn.Module):
    def __init__(self, cin, cout, temb, groups=32, eps=1e-5):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, cin, eps), nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(temb, cout) if temb else None
        self.norm2, self.conv2 = nn.GroupNorm(groups, cout, eps), nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x, temb):
        h = self.conv1(F.silu(self.norm1(x)))
        if temb is not None:
            h = h + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        if self.conv_shortcut is not None:
            x = self.conv_shortcut(x)
        return (x + h) / 1.0


class Attention(nn.Module):
    def __init__(self, c, heads, ctx=None, bias=False):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = nn.Linear(c, c, bias), nn.Linear(ctx or c, c, bias), nn.Linear(ctx or c, c, bias)
        self.to_out = nn.Linear(c, c)

    def split(self, x):
        b, n, c = x.shape
        return x.view(b, n, self.heads, c // self.heads).transpose(1, 2)

    def forward(self, x, ctx=None):
        ctx = x if ctx is None else ctx
        out = attend(self.split(self.to_q(x)), self.split(self.to_k(ctx)), self.split(self.to_v(ctx)))
        return self.to_out(out.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    def __init__(self, c, heads, ctx):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(c), nn.LayerNorm(c), nn.LayerNorm(c)
        self.attn1, self.attn2 = Attention(c, heads), Attention(c, heads, ctx)
        self.proj, self.out = nn.Linear(c, 8 * c), nn.Linear(4 * c, c)

    def forward(self, x, ctx):
        x = self.attn1(self.norm1(x)) + x
        x = self.attn2(self.norm2(x), ctx) + x
        h, gate = self.proj(self.norm3(x)).chunk(2, dim=-1)
        return self.out(h * F.gelu(gate)) + x


class Transformer(nn.Module):
    def __init__(self, c, heads, layers, ctx):
        super().__init__()
        self.norm, self.proj_in, self.proj_out = nn.GroupNorm(32, c, 1e-6), nn.Linear(c, c), nn.Linear(c, c)
        self.blocks = nn.ModuleList(Block(c, heads, ctx) for _ in range(layers))

    def forward(self, x, ctx):
        b, c, h, w = x.shape
        t = self.proj_in(self.norm(x).permute(0, 2, 3, 1).reshape(b, h * w, c))
        for block in self.blocks:
            t = block(t, ctx)
        return self.proj_out(t).reshape(b, h, w, c).permute(0, 3, 1, 2).contiguous() + x


def sinusoid(t, dim):
    f = torch.exp(-torch.log(torch.tensor(10000.0)) * torch.arange(dim // 2) / (dim // 2))
    a = t[:, None].float() * f[None]
    return torch.cat([a.cos(), a.sin()], -1)


class UNet(nn.Module):
    def __init__(self, ch=(64, 128, 256), depth=(0, 1, 2), heads=(1, 2, 4), ctx=256, layers=2):
        super().__init__()
        e = 4 * ch[0]
        self.conv_in = nn.Conv2d(4, ch[0], 3, padding=1)
        self.time = nn.Sequential(nn.Linear(ch[0], e), nn.SiLU(), nn.Linear(e, e))
        self.add = nn.Sequential(nn.Linear(640, e), nn.SiLU(), nn.Linear(e, e))
        self.down = nn.ModuleList()
        for i, c in enumerate(ch):
            level = nn.ModuleDict({"r": nn.ModuleList(), "a": nn.ModuleList()})
            for j in range(layers):
                level["r"].append(Resnet(ch[max(i - 1, 0)] if j == 0 else c, c, e))
                if depth[i]:
                    level["a"].append(Transformer(c, heads[i], depth[i], ctx))
            if i < len(ch) - 1:
                level["s"] = nn.Conv2d(c, c, 3, stride=2, padding=1)
            self.down.append(level)
        c = ch[-1]
        self.mid = nn.ModuleList([Resnet(c, c, e), Transformer(c, heads[-1], depth[-1], ctx), Resnet(c, c, e)])
        self.up = nn.ModuleList()
        for i in reversed(range(len(ch))):
            c, prev, skip = ch[i], ch[min(i + 1, len(ch) - 1)], ch[max(i - 1, 0)]
            level = nn.ModuleDict({"r": nn.ModuleList(), "a": nn.ModuleList()})
            for j in range(layers + 1):
                level["r"].append(Resnet((prev if j == 0 else c) + (skip if j == layers else c), c, e))
                if depth[i]:
                    level["a"].append(Transformer(c, heads[i], depth[i], ctx))
            if i > 0:
                level["s"] = nn.Conv2d(c, c, 3, padding=1)
            self.up.append(level)
        self.norm_out, self.conv_out = nn.GroupNorm(32, ch[0]), nn.Conv2d(ch[0], 4, 3, padding=1)

    def forward(self, x, t, ctx, pooled, ids):
        t = t.expand(x.shape[0])
        temb = self.time(sinusoid(t, 64).to(x.dtype))
        temb = temb + self.add(torch.cat([pooled, sinusoid(ids.flatten(), 64).reshape(x.shape[0], -1).to(x.dtype)], -1))
        h = self.conv_in(x)
        skips = [h]
        for level in self.down:
            for j, r in enumerate(level["r"]):
                h = r(h, temb)
                if len(level["a"]):
                    h = level["a"][j](h, ctx)
                skips.append(h)
            if "s" in level:
                h = level["s"](h)
                skips.append(h)
        h = self.mid[2](self.mid[1](self.mid[0](h, temb), ctx), temb)
        for level in self.up:
            for j, r in enumerate(level["r"]):
                h = r(torch.cat([h, skips.pop()], 1), temb)
                if len(level["a"]):
                    h = level["a"][j](h, ctx)
            if "s" in level:
                h = level["s"](F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


class Decoder(nn.Module):
    def __init__(self, ch=(128, 128, 64, 32)):
        super().__init__()
        self.post_quant, self.conv_in = nn.Conv2d(4, 4, 1), nn.Conv2d(4, ch[0], 3, padding=1)
        self.mid = nn.ModuleList([Resnet(ch[0], ch[0], None, eps=1e-6), Resnet(ch[0], ch[0], None, eps=1e-6)])
        self.norm, self.attn = nn.GroupNorm(32, ch[0], 1e-6), Attention(ch[0], 1, bias=True)
        self.up, self.sample = nn.ModuleList(), nn.ModuleList()
        for i, c in enumerate(ch):
            self.up.append(nn.ModuleList(Resnet(ch[max(i - 1, 0)] if j == 0 else c, c, None, eps=1e-6) for j in range(3)))
            if i < len(ch) - 1:
                self.sample.append(nn.Conv2d(c, c, 3, padding=1))
        self.norm_out, self.conv_out = nn.GroupNorm(32, ch[-1], 1e-6), nn.Conv2d(ch[-1], 3, 3, padding=1)

    def forward(self, z):
        h = self.mid[0](self.conv_in(self.post_quant(z)), None)
        b, c, y, x = h.shape
        h = self.attn(self.norm(h.view(b, c, y * x)).transpose(1, 2)).transpose(-1, -2).reshape(b, c, y, x) + h
        h = self.mid[1](h, None)
        for i, level in enumerate(self.up):
            for r in level:
                h = r(h, None)
            if i < len(self.sample):
                h = self.sample[i](F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


def inputs(n, dtype=torch.float32):
    return torch.randn(n, 4, 64, 64).to(dtype), torch.tensor([500] if n == 1 else [213, 871]), torch.randn(n, 77, 256).to(dtype), torch.randn(n, 256).to(dtype), torch.randn(n, 6)


def make(case):
    if case == "conv":
        x, conv = torch.randn(4, 128, 64, 64), nn.Conv2d(128, 128, 3, padding=1)
        return lambda: conv(x)
    if case == "attention":
        q, k, v = (torch.randn(2, 4096, 640).view(2, 4096, 10, 64).transpose(1, 2) for _ in range(3))
        return lambda: attend(q, k, v).transpose(1, 2).reshape(2, 4096, 640)
    if case in ("unet", "bf16"):
        dtype = torch.bfloat16 if case == "bf16" else torch.float32
        model, given = UNet().to(dtype), inputs(1, dtype)
        return lambda: model(*given)
    if case == "vae":
        model, z = Decoder(), torch.randn(1, 4, 32, 32)
        return lambda: model(z)
    model, given, noise = UNet(), inputs(2), torch.randn(2, 4, 64, 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.mse_loss(model(*given), noise).backward()
        optimizer.step()
    return step


def peak():
    """The most memory that was resident in this process so far, in MB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


def blas():
    """The BLAS that was loaded: Debian's reference one is some twenty times slower than OpenBLAS."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    with open("/proc/self/maps") as maps:
        paths = sorted({line.split()[-1] for line in maps if "blas" in line and ".so" in line})
    return next((p for p in paths if "openblas" in p), paths[0] if paths else "within")


if __name__ == "__main__":
    made = {}
    print("ready", torch.__version__, blas(), flush=True)
    for line in sys.stdin:
        case = line.strip()
        if case == "peak":
            print(peak(), flush=True)
            continue
        with torch.set_grad_enabled(case == "train"):
            if case not in made:
                made[case] = make(case)
                made[case]()
                wait()
            start, cpu = time.perf_counter(), time.process_time()
            made[case]()
            wait()
            print(time.perf_counter() - start, time.process_time() - cpu, flush=True)
