// Loops that the compiler turns into vector instructions of the machine that they run on, and the exponential for them.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ST_VECTORISED __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define ST_VECTORISED
#endif

namespace systemtorch {

// exp of x <= 88, relative error under 2e-7; NaN stays NaN (Cephes' expf).
inline float exponential(float x) {
    const float low = x < -87.0f ? -87.0f : x;
    const float shifted = low * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: the nearest integer is in the low bits
    const float n = shifted - 12582912.0f;
    const float r = (low - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits;
    memcpy(&bits, &shifted, 4);
    bits = (bits - 0x4B400000 + 127) << 23;
    float power;
    memcpy(&power, &bits, 4);
    return x < -87.0f ? 0.0f : p * power;
}

}  // namespace systemtorch
