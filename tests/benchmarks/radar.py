# The cases of Radar.cs in numpy and scipy: reads a case's name from a line, answers with the seconds of one call.
import sys
import time

import numpy as np
import scipy.fft
from scipy.ndimage import uniform_filter

rng = np.random.default_rng(1)
image = rng.exponential(size=(4096, 4096)).astype(np.float32)
samples = (rng.random((2048, 2048)) + 1j * rng.random((2048, 2048))).astype(np.complex64)
odd = samples[:1999, :1999].copy()


def lee():
    mean = uniform_filter(image, 7)
    variance = uniform_filter(image * image, 7) - mean * mean
    weight = np.maximum(1 - mean * mean / np.maximum(variance, 1e-30), 0)
    return mean + weight * (image - mean)


CASES = {
    "lee": lee,
    "mean": lambda: uniform_filter(image, 7),
    "multilook": lambda: image.reshape(1024, 4, 1024, 4).mean(axis=(1, 3)),
    "fft": lambda: scipy.fft.ifft2(scipy.fft.fft2(samples, workers=2), workers=2),
    "fft_prime": lambda: scipy.fft.ifft2(scipy.fft.fft2(odd, workers=2), workers=2),
}

print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    CASES[line.strip()]()
    print(time.perf_counter() - start, flush=True)
