"""Backscatter of rough ground, water and canopies, computed with numpy from the papers' equations; writes backscatter.json.

Oh, Sarabandi and Ulaby (1992), eqs. 1-3; first-order Bragg scattering on Phillips' spectrum (Wright 1968, Valenzuela 1978);
geometric optics (Ulaby, Moore and Fung, vol. II, 12-5); water cloud (Attema and Ulaby 1978).
"""
import json
import os
import numpy as np

C = 299792458.0


def fresnel(eps, theta):
    """Power reflectivities (horizontal, vertical) of a half-space, from the transmitted angle by Snell's law."""
    n = np.sqrt(eps)
    cos_t = np.sqrt(1 - (np.sin(theta) / n) ** 2)
    h = (np.cos(theta) - n * cos_t) / (np.cos(theta) + n * cos_t)
    v = (n * np.cos(theta) - cos_t) / (n * np.cos(theta) + cos_t)
    return abs(h) ** 2, abs(v) ** 2


def oh(eps, s, ghz, theta, pol):
    ks = 2 * np.pi * ghz * 1e9 / C * s
    g0 = fresnel(eps, 0.0)[0]
    root_p = 1 - (2 * theta / np.pi) ** (1 / (3 * g0)) * np.exp(-ks)
    g = 0.7 * (1 - np.exp(-0.65 * ks ** 1.8))
    vv = g * np.cos(theta) ** 3 / root_p * sum(fresnel(eps, theta))
    return vv if pol == "VV" else root_p ** 2 * vv


def bragg(eps, ghz, theta, pol):
    k = 2 * np.pi * ghz * 1e9 / C
    s, c = np.sin(theta), np.cos(theta)
    root = np.sqrt(eps - s ** 2)
    if pol == "VV":
        alpha = (eps - 1) * (s ** 2 - eps * (1 + s ** 2)) / (eps * c + root) ** 2
    else:
        alpha = (eps - 1) / (c + root) ** 2
    wavenumber = 2 * k * s
    return 4 * np.pi * k ** 4 * c ** 4 * abs(alpha) ** 2 * 0.006 * wavenumber ** -4


def optics(eps, slope, theta):
    m2 = slope ** 2
    return fresnel(eps, 0.0)[0] * np.exp(-np.tan(theta) ** 2 / (2 * m2)) / (2 * m2 * np.cos(theta) ** 4)


cases = []
for ghz in (1.2575, 5.405, 9.6):
    for degrees in (20, 35, 45, 60):
        theta = np.radians(degrees)
        for pol in ("HH", "VV"):
            base = dict(frequency=ghz, incidence=degrees, polarisation=pol)
            for eps, s in ((8 - 1.5j, 0.009), (4.5 - 0.3j, 0.003)):
                cases.append(dict(base, model="rough", permittivity=eps.real, loss=-eps.imag, rmsHeight=s, sigma=float(oh(eps, s, ghz, theta, pol))))
            eps = 60 - 30j
            cases.append(dict(base, model="water", permittivity=60, loss=30, sigma=float(bragg(eps, ghz, theta, pol))))
            eps = 5 - 0.5j
            cases.append(dict(base, model="optics", permittivity=5, loss=0.5, rmsSlope=0.25, sigma=float(optics(eps, 0.25, theta))))
            gamma, tau = 0.14, 0.8
            a, t = gamma * (ghz / 9.6) ** 0.3, tau * (ghz / 9.6) ** 0.9
            through = np.exp(-2 * t / np.cos(theta))
            cloud = a * np.cos(theta) * (1 - through) + through * oh(9 - 1.8j, 0.01, ghz, theta, pol)
            cases.append(dict(base, model="canopy", permittivity=9, loss=1.8, rmsHeight=0.01, canopyGamma=gamma, opticalDepth=tau, sigma=float(cloud)))
with open(os.path.join(os.path.dirname(__file__), "backscatter.json"), "w") as out:
    json.dump(cases, out, indent=0)
    out.write("\n")
