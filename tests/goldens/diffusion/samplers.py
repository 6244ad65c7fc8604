#!/usr/bin/env python3
"""Runs of samplers that the recorded schedulers lack, from the papers' equations in numpy float64: samplers/NAME, in the same form.

Heun: Karras et al. (2022), algorithm 2 without churn. PNDM: Liu et al. (2022), eq. 11 and 12. DPM-Solver-3 multistep and the SDE forms: Lu et
al. (2022a), eq. 3.3 to 3.5 and (2022b), eq. 9 to 11, appendix A; steps even in lambda: (2022a), section 4. The model is m(x, t) =
0.1 x + 0.05 sin(t / 100) on the scaled input, as in the other runs; a second-order (PNDM: repeated) step is two calls and two entries.
usage: samplers.py
"""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reference import HERE, read, write  # noqa: E402

import torch  # noqa: E402

BAR = read(os.path.join(HERE, "schedulers", "betas.safetensors"))["scaled_linear.alphas_cumprod"].double().numpy()
SIGMA = np.sqrt((1 - BAR) / BAR)
BASE = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1, "timestep_spacing": "leading"}


def leading(n):
    return np.arange(n)[::-1] * (1000 // n) + 1


def time_of(sigma):
    return np.interp(np.log(sigma), np.log(SIGMA), np.arange(1000))


def spaced(kind, n, low, high):
    if kind == "karras":
        return (high ** (1 / 7) + np.linspace(0, 1, n) * (low ** (1 / 7) - high ** (1 / 7))) ** 7
    return np.exp(np.linspace(np.log(high), np.log(low), n))


def model(x, t):
    return 0.1 * x + 0.05 * np.sin(t / 100)


class Run:
    def __init__(self, prediction):
        self.prediction, self.inputs, self.path, self.x0 = prediction, [], [], []

    def call(self, x, t, alpha, sigma):
        """x0 and noise where x = alpha x0 + sigma noise."""
        self.inputs.append(x)
        out = model(x, t)
        if self.prediction == "epsilon":
            return (x - sigma * out) / alpha, out
        if self.prediction == "v_prediction":
            return alpha * x - sigma * out, alpha * out + sigma * x
        return out, (x - alpha * out) / sigma

    def at(self, x, sigma, t):
        """x0 where x = x0 + sigma noise: what the model sees is scaled to variance 1."""
        alpha = 1 / np.sqrt(1 + sigma ** 2)
        return self.call(x * alpha, t, alpha, sigma * alpha)[0]

    def step(self, x, x0):
        self.path.append(x)
        self.x0.append(x0)
        return x


def sigmas_of(kind, n):
    steps = leading(n)
    sigmas = SIGMA[steps]
    if kind:
        sigmas = spaced(kind, n, sigmas[-1], sigmas[0])
        steps = time_of(sigmas)
    return steps.astype(float), np.append(sigmas, 0.0)


def first_order(run, x, n, kind=None, second=False):
    steps, sigmas = sigmas_of(kind, n)
    start = np.sqrt(sigmas[0] ** 2 + 1)
    x = run.step(x * start, None)
    for i in range(n):
        s, s1 = sigmas[i], sigmas[i + 1]
        x0 = run.at(x, s, steps[i])
        d = (x - x0) / s
        guess = run.step(x + (s1 - s) * d, x0)
        if second and s1 > 0:
            x0 = run.at(guess, s1, steps[i + 1])
            x = run.step(x + (s1 - s) * (d + (guess - x0) / s1) / 2, x0)
        else:
            x = guess
    if second:
        steps, sigmas = np.append(steps[:1], steps[1:].repeat(2)), np.concatenate([sigmas[:1], sigmas[1:-1].repeat(2), sigmas[-1:]])
    return steps, sigmas, start


def pndm(run, x, n):
    steps, stride = leading(n), 1000 // n
    bar = lambda t: BAR[t] if t >= 0 else BAR[0]

    def transfer(x, e, t, s):
        # eq. 11: phi(x, e, t, s), written with both scales.
        a, b = bar(t), bar(s)
        return np.sqrt(b / a) * x - (b - a) / (np.sqrt(a) * (np.sqrt((1 - b) * a) + np.sqrt((1 - a) * b))) * e

    outs, listed = [], [steps[0], steps[1], *steps[1:]]
    x = run.step(x, None)
    t, begin = steps[0], x
    raw = lambda x, t: (run.inputs.append(x), model(x, t))[1]
    noise = lambda e, x, t: e if run.prediction == "epsilon" else np.sqrt(bar(t)) * e + np.sqrt(1 - bar(t)) * x
    clean = lambda e, x, t: (x - np.sqrt(1 - bar(t)) * e) / np.sqrt(bar(t))
    for i, t in enumerate(listed):
        e = raw(x, t)
        if i == 1:
            slope, source, (at, to) = (e + outs[-1]) / 2, begin, (t + stride, t)
        else:
            outs.append(e)
            slope = {1: lambda: outs[-1], 2: lambda: (3 * outs[-1] - outs[-2]) / 2, 3: lambda: (23 * outs[-1] - 16 * outs[-2] + 5 * outs[-3]) / 12}.get(
                len(outs), lambda: (55 * outs[-1] - 59 * outs[-2] + 37 * outs[-3] - 9 * outs[-4]) / 24)()
            source, (at, to) = x, (t, t - stride)
        slope = noise(slope, source, at)
        x = run.step(transfer(source, slope, at, to), clean(slope, source, at))
    return np.array(listed, float), None, 1.0


def dpm(run, x, n, order, data, sde, draws=None, lu=False):
    steps = np.arange(1, n + 1)[::-1] * (1000 // (n + 1)) + 1
    sigmas = SIGMA[steps]
    if lu:
        sigmas = spaced("lu", n, SIGMA[0], SIGMA[-1])
        steps = np.round(time_of(sigmas))
    # Even in lambda the last step is already at the smallest sigma: from there to zero in one first-order step.
    sigmas = np.append(sigmas, 0.0 if lu else SIGMA[0])
    alpha, std = 1 / np.sqrt(1 + sigmas ** 2), sigmas / np.sqrt(1 + sigmas ** 2)
    with np.errstate(divide="ignore"):
        lam = np.log(alpha / std)
    x = run.step(x, None)
    past = []
    for i in range(n):
        x0, noise = run.call(x, steps[i], alpha[i], std[i])
        past.insert(0, x0 if data else noise)
        few = n < 15
        k = min(order, len(past), 1 if (few or lu) and i == n - 1 else 2 if few and i == n - 2 else 3)
        h = lam[i + 1] - lam[i]
        m = past[0]
        if k > 1:
            r0 = (lam[i] - lam[i - 1]) / h
            d1 = (m - past[1]) / r0
        if k > 2:
            r1 = (lam[i - 1] - lam[i - 2]) / h
            d2 = (d1 - (past[1] - past[2]) / r1) / (r0 + r1)
            d1 = d1 + r0 / (r0 + r1) * (d1 - (past[1] - past[2]) / r1)
        e = np.expm1(h)
        z = draws[i] if sde else 0
        if data and sde:
            new = std[i + 1] / std[i] * np.exp(-h) * x - alpha[i + 1] * np.expm1(-2 * h) * m + std[i + 1] * np.sqrt(-np.expm1(-2 * h)) * z
            new = new - 0.5 * alpha[i + 1] * np.expm1(-2 * h) * d1 if k > 1 else new
        elif sde:
            new = alpha[i + 1] / alpha[i] * x - 2 * std[i + 1] * e * m + std[i + 1] * np.sqrt(np.expm1(2 * h)) * z
            new = new - std[i + 1] * e * d1 if k > 1 else new
        elif data:
            new = std[i + 1] / std[i] * x - alpha[i + 1] * np.expm1(-h) * m
            new = new - 0.5 * alpha[i + 1] * np.expm1(-h) * d1 if k == 2 else new
            new = new + alpha[i + 1] * (np.expm1(-h) / h + 1) * d1 - alpha[i + 1] * ((np.expm1(-h) + h) / h ** 2 - 0.5) * d2 if k > 2 else new
        else:
            new = alpha[i + 1] / alpha[i] * x - std[i + 1] * e * m
            new = new - 0.5 * std[i + 1] * e * d1 if k == 2 else new
            new = new - std[i + 1] * (e / h - 1) * d1 - std[i + 1] * ((e - h) / h ** 2 - 0.5) * d2 if k > 2 else new
        x = run.step(new, x0)
    return steps.astype(float), sigmas, 1.0


DPM = {"_class_name": "DPMSolverMultistepScheduler", "final_sigmas_type": "sigma_min"}
CASES = {
    "heun": ({"_class_name": "HeunDiscreteScheduler"}, lambda r, x, n, z: first_order(r, x, n, second=True)),
    "heun_karras": ({"_class_name": "HeunDiscreteScheduler", "use_karras_sigmas": True}, lambda r, x, n, z: first_order(r, x, n, "karras", True)),
    "euler_exponential": ({"_class_name": "EulerDiscreteScheduler", "use_exponential_sigmas": True}, lambda r, x, n, z: first_order(r, x, n, "exponential")),
    "pndm": ({"_class_name": "PNDMScheduler", "skip_prk_steps": True, "set_alpha_to_one": False}, lambda r, x, n, z: pndm(r, x, n)),
    "dpmsolver_3m": ({**DPM, "algorithm_type": "dpmsolver", "solver_order": 3}, lambda r, x, n, z: dpm(r, x, n, 3, False, False)),
    "dpmsolver_sde_2m": ({**DPM, "algorithm_type": "sde-dpmsolver", "solver_order": 2}, lambda r, x, n, z: dpm(r, x, n, 2, False, True, z)),
    "dpmpp_3m_lu": ({**DPM, "algorithm_type": "dpmsolver++", "solver_order": 3, "use_lu_lambdas": True, "final_sigmas_type": "zero"}, lambda r, x, n, z: dpm(r, x, n, 3, True, False, lu=True)),
    "dpmpp_sde_1": ({**DPM, "algorithm_type": "sde-dpmsolver++", "solver_order": 1}, lambda r, x, n, z: dpm(r, x, n, 1, True, True, z)),
}
for name, (config, sampler) in CASES.items():
    folder = os.path.join(HERE, "samplers", name)
    os.makedirs(folder, exist_ok=True)
    make = np.random.default_rng(77)
    start = make.standard_normal((1, 2, 4, 4)).astype(np.float32)
    inputs, outputs, runs = {"x_noise": torch.from_numpy(start)}, {}, {}
    for prediction in ["epsilon", "v_prediction"] + (["sample"] if name != "pndm" else []):
        for n in (5, 20):
            draws = make.standard_normal((n, *start.shape)).astype(np.float32)
            run = Run(prediction)
            steps, sigmas, sigma = sampler(run, start.astype(float), n, draws.astype(float))
            key = f"{prediction}.n{n}"
            runs[key] = {}
            if "sde" in name:
                inputs[key + ".step_noise"] = torch.from_numpy(draws)
            outputs[key + ".timesteps"] = torch.tensor(steps, dtype=torch.float64)
            outputs[key + ".init_noise_sigma"] = torch.tensor([sigma], dtype=torch.float32)
            if sigmas is not None:
                outputs[key + ".sigmas"] = torch.tensor(sigmas, dtype=torch.float32)
            for what, values in (("trajectory", run.path), ("scaled_inputs", run.inputs), ("pred_original", run.x0[1:])):
                outputs[f"{key}.{what}"] = torch.tensor(np.stack(values), dtype=torch.float32)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({**BASE, **config}, file, indent=1)
    with open(os.path.join(folder, "cases.json"), "w") as file:
        json.dump({"runs": runs}, file, indent=1)
    write(os.path.join(folder, "inputs.safetensors"), inputs)
    write(os.path.join(folder, "outputs.safetensors"), outputs)
    print(name, len(outputs))
