# CLIP's two towers and its loss in plain PyTorch (nn.MultiheadAttention, cross_entropy), tiny, random weights.
# Run: python3 clip.py; writes clip_model/ beside itself. PyTorch 1.13 made the recorded values.
import json, os, struct, torch
from torch import nn
torch.manual_seed(0)
torch.set_num_threads(1)
TW, VW, P, L, H, V, T, S, PS, C = 16, 24, 12, 2, 2, 40, 10, 8, 4, 1
w = {}
def r(name, *shape, std=0.3):
    w[name] = torch.randn(*shape) * std
def layer(prefix, width):
    for n in ("k", "v", "q", "out"):
        r(f"{prefix}.self_attn.{n}_proj.weight", width, width); r(f"{prefix}.self_attn.{n}_proj.bias", width)
    for n in (1, 2):
        r(f"{prefix}.layer_norm{n}.weight", width, std=.1); w[f"{prefix}.layer_norm{n}.weight"] += 1
        r(f"{prefix}.layer_norm{n}.bias", width)
    r(f"{prefix}.mlp.fc1.weight", 2 * width, width); r(f"{prefix}.mlp.fc1.bias", 2 * width)
    r(f"{prefix}.mlp.fc2.weight", width, 2 * width); r(f"{prefix}.mlp.fc2.bias", width)
def norm(name, width):
    r(name + ".weight", width, std=.1); w[name + ".weight"] += 1; r(name + ".bias", width)
r("text_model.embeddings.token_embedding.weight", V, TW); r("text_model.embeddings.position_embedding.weight", T, TW)
for i in range(L): layer(f"text_model.encoder.layers.{i}", TW)
norm("text_model.final_layer_norm", TW); r("text_projection.weight", P, TW)
r("vision_model.embeddings.class_embedding", VW); r("vision_model.embeddings.patch_embedding.weight", VW, C, PS, PS)
r("vision_model.embeddings.position_embedding.weight", (S // PS) ** 2 + 1, VW)
norm("vision_model.pre_layrnorm", VW)
for i in range(L): layer(f"vision_model.encoder.layers.{i}", VW)
norm("vision_model.post_layernorm", VW); r("visual_projection.weight", P, VW)
w["logit_scale"] = torch.tensor(1.3)

def ln(name, x): return nn.functional.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-5)
def encode(prefix, x, causal):
    n, t, width = x.shape
    for i in range(L):
        p = f"{prefix}.encoder.layers.{i}"
        a = nn.MultiheadAttention(width, H, batch_first=True)
        s = p + ".self_attn."
        a.in_proj_weight = nn.Parameter(torch.cat([w[s + f"{k}_proj.weight"] for k in "qkv"]))
        a.in_proj_bias = nn.Parameter(torch.cat([w[s + f"{k}_proj.bias"] for k in "qkv"]))
        a.out_proj.weight = nn.Parameter(w[s + "out_proj.weight"]); a.out_proj.bias = nn.Parameter(w[s + "out_proj.bias"])
        y = ln(p + ".layer_norm1", x)
        mask = torch.full((t, t), float("-inf")).triu(1) if causal else None
        x = x + a(y, y, y, attn_mask=mask, need_weights=False)[0]
        y = nn.functional.linear(ln(p + ".layer_norm2", x), w[p + ".mlp.fc1.weight"], w[p + ".mlp.fc1.bias"])
        y = y * torch.sigmoid(1.702 * y)
        x = x + nn.functional.linear(y, w[p + ".mlp.fc2.weight"], w[p + ".mlp.fc2.bias"])
    return x
ids = torch.tensor([[38, 3, 7, 9, 39, 39, 39, 39, 39, 39], [38, 11, 39, 39, 39, 39, 39, 39, 39, 39],
                    [38, 5, 6, 7, 8, 9, 10, 11, 12, 39], [38, 39, 39, 39, 39, 39, 39, 39, 39, 39]])
pixels = torch.randn(4, C, S, S)
with torch.no_grad():
    x = w["text_model.embeddings.token_embedding.weight"][ids] + w["text_model.embeddings.position_embedding.weight"]
    x = ln("text_model.final_layer_norm", encode("text_model", x, True))
    texts = x[torch.arange(4), (ids == 39).int().argmax(1)] @ w["text_projection.weight"].T
    y = nn.functional.conv2d(pixels, w["vision_model.embeddings.patch_embedding.weight"], stride=PS).flatten(2).transpose(1, 2)
    y = torch.cat([w["vision_model.embeddings.class_embedding"].expand(4, 1, -1), y], 1)
    y = ln("vision_model.pre_layrnorm", y + w["vision_model.embeddings.position_embedding.weight"])
    y = encode("vision_model", y, False)
    images = ln("vision_model.post_layernorm", y[:, 0]) @ w["visual_projection.weight"].T
    cos = nn.functional.normalize(images, dim=1) @ nn.functional.normalize(texts, dim=1).T
    logits = cos * w["logit_scale"].exp()
    own = torch.arange(4)
    loss = (nn.functional.cross_entropy(logits, own) + nn.functional.cross_entropy(logits.T, own)) / 2

def save(path, tensors):
    kinds = {torch.float32: "F32", torch.int64: "I64"}
    head, data = {}, b""
    for k, t in tensors.items():
        raw = bytes(t.contiguous().reshape(-1).view(torch.uint8).tolist())
        head[k] = {"dtype": kinds[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode(); text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clip_model"); os.makedirs(out, exist_ok=True)
save(f"{out}/model.safetensors", w)
save(f"{out}/inputs.safetensors", {"input_ids": ids, "pixel_values": pixels})
save(f"{out}/outputs.safetensors", {"text_embeds": texts, "image_embeds": images, "loss": loss.reshape(1)})
json.dump({"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": P, "logit_scale_init_value": 1.3,
 "text_config": {"model_type": "clip_text_model", "vocab_size": V, "hidden_size": TW, "intermediate_size": 2 * TW, "num_hidden_layers": L,
  "num_attention_heads": H, "max_position_embeddings": T, "bos_token_id": 38, "eos_token_id": 39, "pad_token_id": 39},
 "vision_config": {"model_type": "clip_vision_model", "hidden_size": VW, "intermediate_size": 2 * VW, "num_hidden_layers": L,
  "num_attention_heads": H, "num_channels": C, "image_size": S, "patch_size": PS}}, open(f"{out}/config.json", "w"), indent=1)
