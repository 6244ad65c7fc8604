#!/usr/bin/env python3
"""The models of the recorded cases in plain PyTorch, from config.json, with the checkpoints' names; written from the papers and the
published configurations. It checks itself against diffusers' recorded results, then records what those do not hold.

usage: reference.py check [FOLDER...]   float32 against outputs.safetensors, largest differences
       reference.py half FOLDER...      half_precision.json: PyTorch's own bfloat16 error of every output
       reference.py variants            variants/: configurations that published checkpoints have and the other folders do not
       reference.py autocast            autocast.json of each variant UNet: PyTorch's own error of loss and gradients under autocast
Needs torch (1.13, CPU, float32) and nothing else. Sources: Ho et al. (2020), Rombach et al. (2022), Podell et al. (2023), Zhang et al.
(2023), Radford et al. (2021).
"""
import json
import math
import os
import struct
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "F16": torch.float16, "BF16": torch.bfloat16, "BOOL": torch.bool}


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {k: torch.frombuffer(bytearray(data[e["data_offsets"][0]:e["data_offsets"][1]]) or bytearray(1), dtype=TYPES[e["dtype"]],
                                count=math.prod(e["shape"])).reshape(e["shape"]).clone() for k, e in header.items()}


def write(path, tensors):
    names = {v: k for k, v in TYPES.items()}
    header, data = {}, b""
    for key, value in sorted(tensors.items()):
        raw = value.detach().contiguous().numpy().tobytes()
        header[key] = {"dtype": names[value.dtype], "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def each(value, count):
    return list(value) if isinstance(value, (list, tuple)) else [value] * count


def sinusoid(t, width, flip=True, shift=0.0):
    half = width // 2
    angles = t[:, None].float() * torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32) / (half - shift))[None]
    parts = [angles.cos(), angles.sin()] if flip else [angles.sin(), angles.cos()]
    return F.pad(torch.cat(parts, -1), (0, width % 2))


# torch.autocast of CUDA computes norms and softmax in float32; that of the CPU in torch 1.13 leaves them out, so it is said here.
class GroupNorm(nn.GroupNorm):
    def forward(self, x):
        return super().forward(x.float() if torch.is_autocast_cpu_enabled() else x)


class LayerNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.float() if torch.is_autocast_cpu_enabled() else x)


class TimestepEmbedding(nn.Module):
    def __init__(self, cin, cout, cond=None):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(cin, cout), nn.Linear(cout, cout)
        self.cond_proj = nn.Linear(cond, cin, bias=False) if cond else None

    def forward(self, x, cond=None):
        if cond is not None and self.cond_proj is not None:
            x = x + self.cond_proj(cond)
        return self.linear_2(F.silu(self.linear_1(x)))


class Resnet(nn.Module):
    def __init__(self, cin, cout, emb, groups, eps):
        super().__init__()
        self.norm1, self.conv1 = GroupNorm(groups, cin, eps), nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(emb, cout) if emb else None
        self.norm2, self.conv2 = GroupNorm(groups, cout, eps), nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x, emb=None):
        h = self.conv1(F.silu(self.norm1(x)))
        if self.time_emb_proj is not None:
            h = h + self.time_emb_proj(F.silu(emb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.conv_shortcut(x) if self.conv_shortcut is not None else x) + h


class Attention(nn.Module):
    def __init__(self, c, ctx, heads, bias=False, upcast=False):
        super().__init__()
        self.heads, self.upcast = heads, upcast
        self.to_q, self.to_k, self.to_v = nn.Linear(c, c, bias), nn.Linear(ctx, c, bias), nn.Linear(ctx, c, bias)
        self.to_out = nn.ModuleList([nn.Linear(c, c)])

    def forward(self, x, ctx, mask=None):
        b, n, c = x.shape
        q, k, v = (t.reshape(b, t.shape[1], self.heads, -1).transpose(1, 2) for t in (self.to_q(x), self.to_k(ctx), self.to_v(ctx)))
        kind = q.dtype
        if self.upcast:
            q, k = q.float(), k.float()
        scores = torch.matmul(q, k.transpose(-1, -2)) * q.shape[-1] ** -0.5
        if mask is not None:
            scores = scores + mask[:, None].to(scores.dtype)
        weights = (scores.float() if torch.is_autocast_cpu_enabled() else scores).softmax(-1).to(kind)
        return self.to_out[0](torch.matmul(weights, v).transpose(1, 2).reshape(b, n, c))


class FeedForward(nn.Module):
    def __init__(self, c):
        super().__init__()
        first = nn.Module()
        first.proj = nn.Linear(c, 8 * c)
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(4 * c, c)])

    def forward(self, x):
        h, gate = self.net[0].proj(x).chunk(2, -1)
        return self.net[2](h * F.gelu(gate))


class Block(nn.Module):
    def __init__(self, c, heads, ctx, only_cross, upcast):
        super().__init__()
        self.only_cross = only_cross
        self.norm1, self.norm2, self.norm3 = LayerNorm(c), LayerNorm(c), LayerNorm(c)
        self.attn1, self.attn2 = Attention(c, ctx if only_cross else c, heads, upcast=upcast), Attention(c, ctx, heads, upcast=upcast)
        self.ff = FeedForward(c)

    def forward(self, x, text, mask):
        y = self.norm1(x)
        x = self.attn1(y, text if self.only_cross else y, mask if self.only_cross else None) + x
        x = self.attn2(self.norm2(x), text, mask) + x
        return self.ff(self.norm3(x)) + x


class Transformer(nn.Module):
    def __init__(self, c, heads, depth, ctx, groups, linear, only_cross, upcast):
        super().__init__()
        self.linear, self.norm = linear, GroupNorm(groups, c, 1e-6)
        self.proj_in, self.proj_out = (nn.Linear(c, c), nn.Linear(c, c)) if linear else (nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 1))
        self.transformer_blocks = nn.ModuleList(Block(c, heads, ctx, only_cross, upcast) for _ in range(depth))

    def forward(self, x, text, mask):
        b, c, height, width = x.shape
        h = self.norm(x)
        h = h if self.linear else self.proj_in(h)
        h = h.permute(0, 2, 3, 1).reshape(b, height * width, c)
        h = self.proj_in(h) if self.linear else h
        for block in self.transformer_blocks:
            h = block(h, text, mask)
        h = self.proj_out(h) if self.linear else h
        h = h.reshape(b, height, width, c).permute(0, 3, 1, 2)
        return (h if self.linear else self.proj_out(h)) + x


class Conv(nn.Module):
    def __init__(self, c, stride, padding=1):
        super().__init__()
        self.pad, self.conv = stride == 2 and padding == 0, nn.Conv2d(c, c, 3, stride=stride, padding=padding)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)) if self.pad else x)


class Level(nn.Module):
    """A level of the way down, the middle, or the way up: residual layers, each with its transformer, then a change of size."""

    def __init__(self, layers, transformers, sampler=None, kind=None):
        super().__init__()
        self.resnets = nn.ModuleList(layers)
        if transformers:
            self.attentions = nn.ModuleList(transformers)
        if sampler is not None:
            setattr(self, kind, nn.ModuleList([sampler]))


class Encoder(nn.Module):
    """What UNet and ControlNet share."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        ch, n = c["block_out_channels"], len(c["block_out_channels"])
        emb = c.get("time_embedding_dim") or 4 * ch[0]
        kernel = c.get("conv_in_kernel", 3)
        self.conv_in = nn.Conv2d(c.get("in_channels", 4), ch[0], kernel, padding=kernel // 2)
        self.time_embedding = TimestepEmbedding(ch[0], emb, c.get("time_cond_proj_dim"))
        kind = c.get("class_embed_type")
        width = c.get("projection_class_embeddings_input_dim")
        self.class_embedding = (nn.Embedding(c["num_class_embeds"], emb) if kind is None and c.get("num_class_embeds") else
                                TimestepEmbedding(ch[0], emb) if kind == "timestep" else TimestepEmbedding(width, emb) if kind == "projection" else
                                nn.Identity() if kind == "identity" else None)
        self.add_embedding = TimestepEmbedding(width, emb) if c.get("addition_embed_type") == "text_time" else None
        self.groups, self.eps, self.emb = c.get("norm_num_groups", 32), c.get("norm_eps", 1e-5), emb
        self.layers, self.depths = each(c.get("layers_per_block", 2), n), each(c.get("transformer_layers_per_block", 1), n)
        self.heads, self.ctx, self.only = each(c.get("attention_head_dim", 8), n), each(c.get("cross_attention_dim", 1280), n), each(c.get("only_cross_attention", False), n)
        self.down_blocks = nn.ModuleList()
        for i, out in enumerate(ch):
            cin = ch[max(i - 1, 0)]
            attends = c["down_block_types"][i].startswith("CrossAttn")
            depths = each(self.depths[i], self.layers[i])
            self.down_blocks.append(Level([self.resnet(cin if j == 0 else out, out) for j in range(self.layers[i])],
                                          [self.transformer(i, out, depths[j]) for j in range(self.layers[i])] if attends else None,
                                          Conv(out, 2, c.get("downsample_padding", 1)) if i < n - 1 else None, "downsamplers"))
        kind = c.get("mid_block_type", "UNetMidBlock2DCrossAttn")
        cross = kind == "UNetMidBlock2DCrossAttn"
        self.mid_block = kind and Level([self.resnet(ch[-1], ch[-1]) for _ in range(2 if cross else 1)],
                                        [self.transformer(n - 1, ch[-1], each(self.depths[-1], 1)[0], False)] if cross else None)

    def resnet(self, cin, cout):
        return Resnet(cin, cout, self.emb, self.groups, self.eps)

    def transformer(self, i, c, depth, only=None):
        return Transformer(c, self.heads[i], depth, self.ctx[i], self.groups, self.c.get("use_linear_projection", False),
                           self.only[i] if only is None else only, bool(self.c.get("upcast_attention")))

    def encode(self, values, width):
        return sinusoid(values, width, self.c.get("flip_sin_to_cos", True), self.c.get("freq_shift", 0))

    def embed(self, g):
        x = g["sample"]
        t = g["timestep"].reshape(-1)
        e = self.time_embedding(self.encode(t.expand(x.shape[0]), self.c["block_out_channels"][0]).to(x.dtype), g.get("timestep_cond"))
        if self.class_embedding is not None:
            labels = g["class_labels"]
            if self.c.get("class_embed_type") == "timestep":
                labels = self.encode(labels, self.c["block_out_channels"][0]).to(x.dtype)
            e = e + self.class_embedding(labels)
        if self.add_embedding is not None:
            ids = self.encode(g["time_ids"].flatten(), self.c["addition_time_embed_dim"]).reshape(x.shape[0], -1)
            e = e + self.add_embedding(torch.cat([g["text_embeds"].float(), ids], -1).to(x.dtype))
        return e

    def down(self, h, e, text, mask):
        skips = [h]
        for level in self.down_blocks:
            for j, resnet in enumerate(level.resnets):
                h = resnet(h, e)
                if hasattr(level, "attentions"):
                    h = level.attentions[j](h, text, mask)
                skips.append(h)
            if hasattr(level, "downsamplers"):
                skips.append(h := level.downsamplers[0](h))
        return h, skips

    def middle(self, h, e, text, mask):
        if not self.mid_block:
            return h
        h = self.mid_block.resnets[0](h, e)
        if hasattr(self.mid_block, "attentions"):
            h = self.mid_block.resnets[1](self.mid_block.attentions[0](h, text, mask), e)
        return h

    def mask(self, g):
        mask = g.get("encoder_attention_mask")
        return None if mask is None else ((1 - mask.to(g["sample"].dtype)) * -10000.0)[:, None]


class UNet(Encoder):
    def __init__(self, c):
        super().__init__(c)
        ch, n = c["block_out_channels"], len(c["block_out_channels"])
        reverse = c.get("reverse_transformer_layers_per_block")
        self.up_blocks = nn.ModuleList()
        for i in range(n):
            level = n - 1 - i
            out, prev, skip, layers = ch[level], ch[min(level + 1, n - 1)], ch[max(level - 1, 0)], self.layers[level] + 1
            depths = each(reverse[i] if reverse else self.depths[level], layers)
            self.up_blocks.append(Level([self.resnet((prev if j == 0 else out) + (skip if j == layers - 1 else out), out) for j in range(layers)],
                                        [self.transformer(level, out, depths[j]) for j in range(layers)] if c["up_block_types"][i].startswith("CrossAttn") else None,
                                        Conv(out, 1) if level > 0 else None, "upsamplers"))
        self.conv_norm_out = GroupNorm(self.groups, ch[0], self.eps)
        kernel = c.get("conv_out_kernel", 3)
        self.conv_out = nn.Conv2d(ch[0], c.get("out_channels", 4), kernel, padding=kernel // 2)

    def forward(self, g):
        x, text, mask, e = g["sample"], g["encoder_hidden_states"], self.mask(g), self.embed(g)
        h, skips = self.down(self.conv_in(2 * x - 1 if self.c.get("center_input_sample") else x), e, text, mask)
        residuals = [g[f"down_res_{i}"] for i in range(len(skips)) if f"down_res_{i}" in g]
        skips = [s + r for s, r in zip(skips, residuals)] if residuals else skips
        h = self.middle(h, e, text, mask)
        h = h + g["mid_res"] if "mid_res" in g else h
        for level in self.up_blocks:
            for j, resnet in enumerate(level.resnets):
                h = resnet(torch.cat([h, skips.pop()], 1), e)
                if hasattr(level, "attentions"):
                    h = level.attentions[j](h, text, mask)
            if hasattr(level, "upsamplers"):
                h = level.upsamplers[0](F.interpolate(h.float(), size=skips[-1].shape[2:], mode="nearest").to(h.dtype))
        return {"sample": self.conv_out(F.silu(self.conv_norm_out(h)))}


class ControlNet(Encoder):
    def __init__(self, c):
        super().__init__(c)
        ch, cond = c["block_out_channels"], c.get("conditioning_embedding_out_channels", [16, 32, 96, 256])
        self.controlnet_cond_embedding = nn.Module()
        self.controlnet_cond_embedding.conv_in = nn.Conv2d(c.get("conditioning_channels", 3), cond[0], 3, padding=1)
        self.controlnet_cond_embedding.blocks = nn.ModuleList(
            nn.Conv2d(cond[i], cond[i + k], 3, padding=1, stride=1 + k) for i in range(len(cond) - 1) for k in (0, 1))
        self.controlnet_cond_embedding.conv_out = nn.Conv2d(cond[-1], ch[0], 3, padding=1)
        widths = [ch[0]] + [w for i, w in enumerate(ch) for _ in range(self.layers[i] + (i < len(ch) - 1))]
        self.controlnet_down_blocks = nn.ModuleList(nn.Conv2d(w, w, 1) for w in widths)
        self.controlnet_mid_block = nn.Conv2d(ch[-1], ch[-1], 1)

    def forward(self, g, conditioning_scale=1.0, guess_mode=False):
        text, mask, e, cond = g["encoder_hidden_states"], self.mask(g), self.embed(g), g["controlnet_cond"]
        if self.c.get("controlnet_conditioning_channel_order", "rgb") == "bgr":
            cond = cond.flip(1)
        net = self.controlnet_cond_embedding
        y = F.silu(net.conv_in(cond))
        for block in net.blocks:
            y = F.silu(block(y))
        h, skips = self.down(self.conv_in(g["sample"]) + net.conv_out(y), e, text, mask)
        out = [conv(s) for conv, s in zip(self.controlnet_down_blocks, skips)] + [self.controlnet_mid_block(self.middle(h, e, text, mask))]
        pools = self.c.get("global_pool_conditions", False)
        scales = torch.logspace(-1, 0, len(out)).tolist() if guess_mode and not pools else [1.0] * len(out)
        out = [o * s * conditioning_scale for o, s in zip(out, scales)]
        out = [o.mean((2, 3), keepdim=True) for o in out] if pools else out
        return {**{f"down_{i}": o for i, o in enumerate(out[:-1])}, "mid": out[-1]}


class VaeAttention(nn.Module):
    def __init__(self, c, groups):
        super().__init__()
        self.group_norm = GroupNorm(groups, c, 1e-6)
        inner = Attention(c, c, 1, bias=True)
        self.to_q, self.to_k, self.to_v, self.to_out = inner.to_q, inner.to_k, inner.to_v, inner.to_out
        self.run = [inner]

    def forward(self, x):
        b, c, height, width = x.shape
        tokens = self.group_norm(x).reshape(b, c, -1).transpose(1, 2)
        return self.run[0](tokens, tokens).transpose(1, 2).reshape(x.shape) + x


class VaeHalf(nn.Module):
    def __init__(self, c, encodes):
        super().__init__()
        ch, groups = c["block_out_channels"], c.get("norm_num_groups", 32)
        ch = ch if encodes else ch[::-1]
        n, latent, layers = len(ch), c.get("latent_channels", 4), c.get("layers_per_block", 1) + (not encodes)
        make = lambda cin, cout: Resnet(cin, cout, None, groups, 1e-6)
        self.conv_in = nn.Conv2d(c.get("in_channels", 3) if encodes else latent, ch[0], 3, padding=1)
        levels = nn.ModuleList(Level([make(ch[max(i - 1, 0)] if j == 0 else ch[i], ch[i]) for j in range(layers)], None,
                                     Conv(ch[i], 2 if encodes else 1, 0 if encodes else 1) if i < n - 1 else None,
                                     "downsamplers" if encodes else "upsamplers") for i in range(n))
        wide = ch[-1] if encodes else ch[0]
        self.mid_block = Level([make(wide, wide), make(wide, wide)], [VaeAttention(wide, groups)] if c.get("mid_block_add_attention", True) else None)
        setattr(self, "down_blocks" if encodes else "up_blocks", levels)
        self.conv_norm_out = GroupNorm(groups, ch[-1], 1e-6)
        self.conv_out = nn.Conv2d(ch[-1], 2 * latent if encodes else c.get("out_channels", 3), 3, padding=1)
        self.encodes = encodes

    def middle(self, h):
        h = self.mid_block.resnets[0](h)
        h = self.mid_block.attentions[0](h) if hasattr(self.mid_block, "attentions") else h
        return self.mid_block.resnets[1](h)

    def forward(self, x):
        h = self.conv_in(x)
        h = h if self.encodes else self.middle(h)
        for level in self.down_blocks if self.encodes else self.up_blocks:
            for resnet in level.resnets:
                h = resnet(h)
            if hasattr(level, "downsamplers"):
                h = level.downsamplers[0](h)
            if hasattr(level, "upsamplers"):
                h = level.upsamplers[0](F.interpolate(h.float(), scale_factor=2.0, mode="nearest").to(h.dtype))
        h = self.middle(h) if self.encodes else h
        return self.conv_out(F.silu(self.conv_norm_out(h)))


class Vae(nn.Module):
    def __init__(self, c):
        super().__init__()
        latent = c.get("latent_channels", 4)
        self.encoder, self.decoder = VaeHalf(c, True), VaeHalf(c, False)
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1) if c.get("use_quant_conv", True) else nn.Identity()
        self.post_quant_conv = nn.Conv2d(latent, latent, 1) if c.get("use_post_quant_conv", True) else nn.Identity()

    def forward(self, g):
        if "latents" in g:
            return {"sample": self.decoder(self.post_quant_conv(g["latents"]))}
        mean, logvar = self.quant_conv(self.encoder(g["image"])).chunk(2, 1)
        logvar = logvar.clamp(-30, 20)
        return {"mean": mean, "logvar": logvar, "std": (0.5 * logvar).exp(), "kl": 0.5 * (mean ** 2 + logvar.exp() - 1 - logvar).sum((1, 2, 3))}


class ClipLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, self.heads, self.quick = c["hidden_size"], c["num_attention_heads"], c.get("hidden_act", "quick_gelu") == "quick_gelu"
        self.self_attn, self.mlp = nn.Module(), nn.Module()
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            setattr(self.self_attn, name, nn.Linear(width, width))
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, c["intermediate_size"]), nn.Linear(c["intermediate_size"], width)
        self.layer_norm1, self.layer_norm2 = LayerNorm(width, c.get("layer_norm_eps", 1e-5)), LayerNorm(width, c.get("layer_norm_eps", 1e-5))

    def forward(self, x, mask):
        b, n, width = x.shape
        y, a = self.layer_norm1(x), self.self_attn
        q, k, v = (t.reshape(b, n, self.heads, -1).transpose(1, 2) for t in (a.q_proj(y) * (width // self.heads) ** -0.5, a.k_proj(y), a.v_proj(y)))
        weights = (torch.matmul(q, k.transpose(-1, -2)) + mask).softmax(-1)
        x = x + a.out_proj(torch.matmul(weights, v).transpose(1, 2).reshape(b, n, width))
        y = self.mlp.fc1(self.layer_norm2(x))
        return x + self.mlp.fc2(y * torch.sigmoid(1.702 * y) if self.quick else F.gelu(y))


class Clip(nn.Module):
    def __init__(self, c, projects):
        super().__init__()
        self.eos, width = c.get("eos_token_id", 49407), c["hidden_size"]
        model = self.text_model = nn.Module()
        model.embeddings, model.encoder = nn.Module(), nn.Module()
        model.embeddings.token_embedding = nn.Embedding(c["vocab_size"], width)
        model.embeddings.position_embedding = nn.Embedding(c.get("max_position_embeddings", 77), width)
        model.encoder.layers = nn.ModuleList(ClipLayer(c) for _ in range(c["num_hidden_layers"]))
        model.final_layer_norm = LayerNorm(width, c.get("layer_norm_eps", 1e-5))
        self.text_projection = nn.Linear(width, c["projection_dim"], bias=False) if projects else None

    def forward(self, g):
        ids, model = g["input_ids"], self.text_model
        n = ids.shape[1]
        h = model.embeddings.token_embedding(ids) + model.embeddings.position_embedding.weight[:n]
        hidden = torch.ones(n, n, dtype=torch.bool).triu(1)[None, None]
        if "attention_mask" in g:
            hidden = hidden | (g["attention_mask"][:, None, None] == 0)
        mask = torch.zeros(hidden.shape, dtype=h.dtype).masked_fill(hidden, torch.finfo(h.dtype).min)
        states = [h]
        for layer in model.encoder.layers:
            states.append(h := layer(h, mask))
        last = model.final_layer_norm(h)
        end = ids.argmax(-1) if self.eos == 2 else (ids == self.eos).int().argmax(-1)
        pooled = last[torch.arange(len(ids)), end]
        out = {"last_hidden_state": last, "pooled_before_projection": pooled, "pooler_output": pooled}
        if self.text_projection is not None:
            out["text_embeds"] = self.text_projection(pooled)
        return {**out, **{f"hidden_states.{i}": s for i, s in enumerate(states)}}


def build(config, weights):
    name = config.get("_class_name") or (config.get("architectures") or [""])[0] or config.get("model_type")
    model = {"UNet2DConditionModel": UNet, "ControlNetModel": ControlNet, "AutoencoderKL": Vae}.get(name)
    model = model(config) if model else Clip(config, "text_projection.weight" in weights) if "clip" in name.lower() else None
    if model is not None:
        model.load_state_dict({k: v for k, v in weights.items() if not k.endswith("position_ids")})
    return model


def run(folder, dtype):
    """Every output of a folder, computed in dtype."""
    load = lambda name: read(os.path.join(folder, name + ".safetensors"))
    config, weights, given = json.load(open(os.path.join(folder, "config.json"))), load("weights"), load("inputs")
    path = os.path.join(folder, "cases.json")
    cases = json.load(open(path)) if os.path.exists(path) else {}
    results = {}
    for name in dict.fromkeys(k.split(".")[0] for k in load("outputs")):
        settings = cases.get(name) if isinstance(cases.get(name), dict) else {}
        source = settings.get("inputs_of", name)
        own = dict(config)
        if name.startswith("eos"):
            own["eos_token_id"] = int(name[3:])
        model = build(own, weights).to(dtype)
        g = {k[len(source) + 1:]: v for k, v in given.items() if k.startswith(source + ".")}
        if "input_ids" in given and "input_ids" not in g:
            g["input_ids"] = given["input_ids"]
        g = {k: v.to(dtype) if v.is_floating_point() and k not in ("timestep", "time_ids") else v for k, v in g.items()}
        arguments = {k: settings[k] for k in ("conditioning_scale", "guess_mode") if k in settings}
        if name in ("base", "encode", "decode") and os.path.exists(os.path.join(folder, "intermediates.safetensors")):
            modules = dict(model.named_modules())
            for key in load("intermediates"):
                if isinstance(model, Vae) and key.startswith(("decoder", "post")) != (name == "decode"):
                    continue
                last(modules[key]).register_forward_hook(lambda _, __, out, key=key: results.__setitem__("intermediates/" + key, out))
        with torch.no_grad():
            results.update({f"{name}.{k}": v for k, v in model(g, **arguments).items()})
    return results


def last(module):
    """The part whose result is the module's."""
    if isinstance(module, Level):
        parts = getattr(module, "downsamplers", None) or getattr(module, "upsamplers", None) or getattr(module, "attentions", None)
        return module.resnets[-1] if parts is None or isinstance(parts[0], VaeAttention) or len(parts) < len(module.resnets) and not isinstance(parts[0], Conv) else parts[-1]
    return module.conv_out if hasattr(module, "blocks") else module


def recorded(folder):
    expected = read(os.path.join(folder, "outputs.safetensors"))
    path = os.path.join(folder, "intermediates.safetensors")
    return {**expected, **({"intermediates/" + k: v for k, v in read(path).items()} if os.path.exists(path) else {})}


def check(folders):
    for folder in folders:
        expected, actual = recorded(folder), run(folder, torch.float32)
        error = max((actual[k] - v).abs().max().item() for k, v in expected.items())
        print(f"{os.path.basename(folder)}: {len(expected)} outputs, largest difference {error:.2e}")
        assert error < 5e-5, folder


def half(folders):
    for folder in folders:
        expected, actual = recorded(folder), run(folder, torch.bfloat16)
        errors = {k: ((actual[k].double() - v.double()).norm() / v.double().norm()).item() for k, v in sorted(expected.items())}
        with open(os.path.join(folder, "half_precision.json"), "w") as file:
            json.dump({"source": f"reference.py, torch {torch.__version__}, CPU: relative L2 distance of bfloat16 from the recorded outputs", "bfloat16": errors}, file, indent=1)
        print(os.path.basename(folder), f"{min(errors.values()):.4f} .. {max(errors.values()):.4f}")


UNET = {"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "sample_size": 8, "block_out_channels": [8, 16], "norm_num_groups": 4,
        "layers_per_block": 1, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
        "attention_head_dim": 2, "cross_attention_dim": 12}
XL = {"addition_embed_type": "text_time", "addition_time_embed_dim": 6, "use_linear_projection": True}
VARIANTS = {
    "unet_refiner": {**UNET, **XL, "projection_class_embeddings_input_dim": 10 + 5 * 6, "attention_head_dim": [2, 4], "transformer_layers_per_block": 2},
    "unet_upscaler": {**UNET, "in_channels": 7, "num_class_embeds": 30, "only_cross_attention": [False, True], "layers_per_block": [2, 1], "use_linear_projection": True},
    "unet_unclip": {**UNET, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 9, "use_linear_projection": True, "upcast_attention": True},
    "unet_lcm": {**UNET, "time_cond_proj_dim": 14, "freq_shift": 1, "flip_sin_to_cos": False, "downsample_padding": 0},
    "unet_timestep_class": {**UNET, "class_embed_type": "timestep", "center_input_sample": True, "conv_in_kernel": 5, "conv_out_kernel": 1, "time_embedding_dim": 24},
    "unet_identity_class": {**UNET, "class_embed_type": "identity", "cross_attention_dim": [12, 12], "norm_eps": 1e-6, "act_fn": "swish"},
    "unet_distilled_xl": {**UNET, **XL, "projection_class_embeddings_input_dim": 10 + 6 * 6, "block_out_channels": [8, 8, 16], "layers_per_block": 2,
                          "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                          "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "mid_block_type": "UNetMidBlock2D",
                          "transformer_layers_per_block": [1, [2, 1], [1, 3]], "reverse_transformer_layers_per_block": [[3, 1, 2], [1, 2, 1], 1]},
    "unet_distilled_sd15": {**UNET, "mid_block_type": None},
    "unet_inpaint": {**UNET, "in_channels": 9, "block_out_channels": [8, 8, 16, 16], "layers_per_block": 2,
                     "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3},
    "controlnet_sd15": {**{k: v for k, v in UNET.items() if k not in ("out_channels", "up_block_types", "sample_size")}, "_class_name": "ControlNetModel",
                        "conditioning_embedding_out_channels": [4, 6, 8], "controlnet_conditioning_channel_order": "bgr", "conditioning_channels": 3},
    "controlnet_pooled": {**{k: v for k, v in UNET.items() if k not in ("out_channels", "up_block_types", "sample_size")}, "_class_name": "ControlNetModel",
                          "conditioning_embedding_out_channels": [4, 6], "global_pool_conditions": True, "conditioning_channels": 1},
    "vae_16": {"_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": 6, "block_out_channels": [8, 16], "layers_per_block": 1, "norm_num_groups": 4,
               "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2, "use_quant_conv": False, "use_post_quant_conv": False,
               "mid_block_add_attention": False, "force_upcast": False},
    "vae_grey": {"_class_name": "AutoencoderKL", "in_channels": 1, "out_channels": 2, "latent_channels": 3, "block_out_channels": [8, 8, 16], "layers_per_block": 1, "norm_num_groups": 4,
                 "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3},
    "clip_gelu": {"architectures": ["CLIPTextModelWithProjection"], "model_type": "clip_text_model", "vocab_size": 60, "hidden_size": 12, "intermediate_size": 20, "projection_dim": 7,
                  "num_hidden_layers": 2, "num_attention_heads": 3, "max_position_embeddings": 16, "hidden_act": "gelu", "eos_token_id": 59, "bos_token_id": 58, "layer_norm_eps": 1e-6},
}


def inputs(config, make):
    if "vocab_size" in config:
        ids = torch.randint(0, 58, (3, 16), generator=make)
        ids[:, 0], ids[0, 9], ids[1, 15], ids[2, 4], ids[2, 7] = 58, 59, 59, 59, 59
        mask = torch.ones(3, 16, dtype=torch.int64)
        mask[0, 10:] = 0
        return {"base.input_ids": ids, "masked.input_ids": ids, "masked.attention_mask": mask}
    normal = lambda *shape: torch.randn(*shape, generator=make)
    if config["_class_name"] == "AutoencoderKL":
        factor = 2 ** (len(config["block_out_channels"]) - 1)
        return {"encode.image": normal(2, config["in_channels"], 4 * factor, 6 * factor), "decode.latents": normal(2, config["latent_channels"], 4, 6)}
    g = {"sample": normal(2, config["in_channels"], 8, 8), "timestep": torch.tensor([17, 803]), "encoder_hidden_states": normal(2, 5, 12)}
    if "addition_embed_type" in config:
        g["text_embeds"] = normal(2, 10)
        count = (config["projection_class_embeddings_input_dim"] - 10) // 6
        g["time_ids"] = torch.tensor([[512.0, 640, 0, 16, 6, 1024][:count], [1024.0, 768, 32, 0, 2.5, 512][:count]])
    kind = config.get("class_embed_type")
    if "num_class_embeds" in config:
        g["class_labels"] = torch.tensor([3, 29])
    elif kind:
        g["class_labels"] = torch.tensor([40.0, 250.0]) if kind == "timestep" else normal(2, 9 if kind == "projection" else 32)
    if "time_cond_proj_dim" in config:
        g["timestep_cond"] = normal(2, config["time_cond_proj_dim"])
    if config["_class_name"] == "ControlNetModel":
        factor = 2 ** (len(config["conditioning_embedding_out_channels"]) - 1)
        g["controlnet_cond"] = torch.rand(2, config["conditioning_channels"], 8 * factor, 8 * factor, generator=make)
    return {f"base.{k}": v for k, v in g.items()}


def variants():
    for seed, (name, config) in enumerate(VARIANTS.items()):
        folder = os.path.join(HERE, "variants", name)
        os.makedirs(folder, exist_ok=True)
        make = torch.Generator().manual_seed(9000 + seed)
        model = {"UNet2DConditionModel": UNet, "ControlNetModel": ControlNet, "AutoencoderKL": Vae}.get(config.get("_class_name"))
        model = model(config) if model else Clip(config, True)
        weights = {}
        for key, value in model.state_dict().items():
            spread = 0.3 if "embedding.weight" in key else 0.1 if key.endswith("bias") else 1.0 / math.sqrt(max(1, value[0].numel())) if value.dim() > 1 else 0.1
            weights[key] = spread * torch.randn(value.shape, generator=make) + (1.0 if "norm" in key and key.endswith("weight") else 0.0)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(config, file, indent=1)
        write(os.path.join(folder, "weights.safetensors"), weights)
        write(os.path.join(folder, "inputs.safetensors"), inputs(config, make))
        if config.get("_class_name") == "ControlNetModel":
            with open(os.path.join(folder, "cases.json"), "w") as file:
                json.dump({"base": {}, "guess": {"inputs_of": "base", "conditioning_scale": 0.8, "guess_mode": True}}, file, indent=1)
        names = ["encode", "decode"] if config.get("_class_name") == "AutoencoderKL" else ["base", "masked"] if "vocab_size" in config else \
            ["base", "guess"] if config["_class_name"] == "ControlNetModel" else ["base"]
        write(os.path.join(folder, "outputs.safetensors"), {f"{n}.x": torch.zeros(1) for n in names})
        outputs = run(folder, torch.float64)
        exact = run(folder, torch.float32)
        write(os.path.join(folder, "outputs.safetensors"), {k: v.float() for k, v in outputs.items()})
        print(name, sum(v.numel() for v in weights.values()), "parameters; float32 is within", f"{max((exact[k] - v).abs().max().item() for k, v in outputs.items()):.1e}")


def autocast():
    """The loss is the mean square of the prediction of the recorded inputs, in float32 and under torch.autocast in bfloat16.

    The error of one draw says little: an input that is another one by a thousandth gives up to six times as much. So the sample is
    varied by a thousandth 48 times, and the root mean square of the errors recorded: that of eight lies up to a quarter off.
    """
    for name in sorted(n for n in VARIANTS if n.startswith("unet")):
        folder = os.path.join(HERE, "variants", name)
        config, weights, given = json.load(open(os.path.join(folder, "config.json"))), read(os.path.join(folder, "weights.safetensors")), read(os.path.join(folder, "inputs.safetensors"))
        given = {k[5:]: v for k, v in given.items()}
        make = torch.Generator().manual_seed(9100)

        def step(sample, low):
            model = build(config, weights)
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                predicted = model({**given, "sample": sample})["sample"]
            loss = predicted.float().square().mean()
            loss.backward()
            return loss.item(), torch.cat([p.grad.double().flatten() for p in model.parameters() if p.grad is not None])

        loss, exact = step(given["sample"], False)
        errors = []
        for _ in range(48):
            sample = given["sample"] * (1 + 1e-3 * torch.randn(given["sample"].shape, generator=make))
            own = step(sample, False)[1]
            errors.append(((step(sample, True)[1] - own).norm() / own.norm()).item())
        result = {"source": f"reference.py, torch {torch.__version__}, CPU, torch.autocast bfloat16 with float32 norms and softmax", "loss": loss, "gradient_norm": exact.norm().item(),
                  "gradient_errors": [float(f"{e:.4g}") for e in errors], "gradient_error": math.sqrt(sum(e * e for e in errors) / len(errors))}
        with open(os.path.join(folder, "autocast.json"), "w") as file:
            json.dump(result, file, indent=1)
        print(name, loss, result["gradient_error"])


if __name__ == "__main__":
    torch.set_num_threads(2)
    what, given = sys.argv[1], sys.argv[2:]
    models = [os.path.join(HERE, n) for n in ("unet_sdxl", "unet_sd15", "vae", "controlnet_sdxl", "clip_text", "clip_text_proj")]
    {"check": lambda: check(given or models), "half": lambda: half(given or models), "variants": variants, "autocast": autocast}[what]()
