# The cases of Radar.cs in numpy and scipy: reads a case's name from a line, answers with the seconds of one call;
# to "memory NAME" with the bytes that numpy holds at the call's peak.
import sys
import time
import tracemalloc

import numpy as np
import scipy.fft
from scipy.ndimage import uniform_filter

try:
    from skimage.feature import graycomatrix, graycoprops
except ImportError:
    graycomatrix = None

rng = np.random.default_rng(1)
image = rng.exponential(size=(4096, 4096)).astype(np.float32)
samples = (rng.random((2048, 2048)) + 1j * rng.random((2048, 2048))).astype(np.complex64)
odd = samples[:1999, :1999].copy()


def lee():
    mean = uniform_filter(image, 7)
    variance = uniform_filter(image * image, 7) - mean * mean
    weight = np.maximum(1 - mean * mean / np.maximum(variance, 1e-30), 0)
    return mean + weight * (image - mean)


def enl():
    mean = uniform_filter(image, 7)
    return mean * mean / (uniform_filter(image * image, 7) - mean * mean)


ANGLES = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
grey = np.clip(image.ravel()[:1024 * 1024].reshape(1024, 1024) * 32 / 5, 0, 31).astype(np.uint8)
coarse = grey // 2


def glcm_map():
    """The plain loop over windows; timed on 1,000 of them, the answer is for all of them (see SCALE)."""
    for k in range(1000):
        y, x = 31 * (k // 32), 31 * (k % 32)
        graycoprops(graycomatrix(coarse[y:y + 31, x:x + 31], [1], ANGLES, 16, symmetric=True, normed=True), "contrast").mean()


SCALE = {"glcm_map": (1024 - 30) ** 2 / 1000}
CASES = {
    "enl": enl,
    "histogram": lambda: np.histogram(image, 256, (0, 10)),
    "glcm": lambda: graycomatrix(grey, [1], ANGLES, 32, symmetric=True, normed=True),
    "glcm_map": glcm_map,
    "lee": lee,
    "mean": lambda: uniform_filter(image, 7),
    "multilook": lambda: image.reshape(1024, 4, 1024, 4).mean(axis=(1, 3)),
    "fft": lambda: scipy.fft.ifft2(scipy.fft.fft2(samples, workers=2), workers=2),
    "fft_prime": lambda: scipy.fft.ifft2(scipy.fft.fft2(odd, workers=2), workers=2),
}

print("ready", flush=True)
for line in sys.stdin:
    *memory, name = line.split()
    if memory:
        tracemalloc.start()
        CASES[name]()
        print(tracemalloc.get_traced_memory()[1], flush=True)
        tracemalloc.stop()
        continue
    start = time.perf_counter()
    CASES[name]()
    print((time.perf_counter() - start) * SCALE.get(name, 1), flush=True)
