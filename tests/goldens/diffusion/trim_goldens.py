#!/usr/bin/env python3
"""Copies what the tests need of the full golden collection (diffusers 0.27.2 on random tiny models; README.md).

usage: trim_goldens.py FULL_COLLECTION   (writes schedulers/, training/, lora/ and pipelines/ beside this file)
"""
import json
import os
import shutil
import struct
import sys

SOURCE, HERE = sys.argv[1], os.path.dirname(os.path.abspath(__file__))
PIPELINES = ["t2i_euler_prompt2_negsizes", "t2i_euler_v_rescale", "t2i_dpm_sde", "cn_euler_window", "i2i_ddim_rect"]
LORA = ["attn.peft", "attn.diffusers", "attn.attn_processor", "attn.kohya_alpha2", "attn.kohya_sgm_alpha2"]


def trim(source, target, keep=lambda name: True):
    with open(source, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        data = file.read()
    entries, offset, pieces = {}, 0, []
    for name, entry in header.items():
        if name == "__metadata__" or not keep(name):
            continue
        begin, end = entry["data_offsets"]
        pieces.append(data[begin:end])
        entries[name] = {**entry, "data_offsets": [offset, offset + end - begin]}
        offset += end - begin
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(pieces))


def copy(*parts):
    target = os.path.join(HERE, *parts)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(os.path.join(SOURCE, *parts), target)


for variant in sorted(os.listdir(os.path.join(SOURCE, "schedulers"))):
    if not os.path.isdir(os.path.join(SOURCE, "schedulers", variant)):
        continue
    for name in ["config.json", "cases.json"]:
        copy("schedulers", variant, name)
    for name in ["inputs.safetensors", "outputs.safetensors"]:
        trim(os.path.join(SOURCE, "schedulers", variant, name), os.path.join(HERE, "schedulers", variant, name),
             # Epsilon has no finite runs on a schedule that ends in pure noise: there velocity stands for both.
             lambda n: (variant == "ddim_trailing_zsnr" or not n.startswith("v_prediction.n20."))
             and not (".n20." in n and n.endswith(("scaled_inputs", "pred_original", "add_noise", "velocity"))))
copy("schedulers", "betas.safetensors")
for name in ["cases.json", "inputs.safetensors", "outputs.safetensors", "lr_schedules.json", "ema_decay.json"]:
    copy("training", name)
for name in LORA:
    copy("lora", name + ".safetensors")
copy("lora", "unet_te1_te2.diffusers.safetensors")
trim(os.path.join(SOURCE, "lora", "outputs.safetensors"), os.path.join(HERE, "lora", "outputs.safetensors"), lambda n: n.startswith(("attn", "base")))
copy("lora", "cases.json")
copy("pipelines", "README.json")
for case in PIPELINES:
    copy("pipelines", case, "case.json")
    copy("pipelines", case, "inputs.safetensors")
    trim(os.path.join(SOURCE, "pipelines", case, "outputs.safetensors"), os.path.join(HERE, "pipelines", case, "outputs.safetensors"),
         lambda n: n not in ("image", "unet_call0.encoder_hidden_states") and (n != "decoded" or case == "t2i_dpm_sde"))
