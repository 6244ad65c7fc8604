// The parts of a 3x3 convolution by tiles of 2x2 outputs, with 16 products where the sum itself has 36.
// Lavin and Gray (2016), "Fast algorithms for convolutional neural networks", F(2x2, 3x3). Channels are innermost everywhere.
#pragma once
#include "vectorised.h"

#include <algorithm>
#include <utility>

namespace systemtorch::winograd {

constexpr int64_t panel = 32;  // columns of a product that are computed together
constexpr int64_t points = 16; // products of a tile

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ST_WINOGRAD 1

// c [rows, panel] = a b (+ c), where a[r, k] = a[r * row + k * step] and b and c have dense rows of a panel, ldb and ldc apart.
typedef void (*Product)(int64_t depth, const float* a, int64_t row, int64_t step, const float* b, int64_t ldb, float* c, int64_t ldc, bool add);

typedef float Wide __attribute__((vector_size(64), aligned(4), may_alias));
typedef float Half __attribute__((vector_size(32), aligned(4), may_alias));

// Sums of R rows and two vectors stay in registers.
#define ST_PRODUCT(NAME, TARGET, V, LANES)                                                                                                                   \
    template <int R> __attribute__((target(TARGET))) void NAME(int64_t depth, const float* a, int64_t row, int64_t step, const float* b, int64_t ldb, float* c, int64_t ldc, bool add) { \
        for (int64_t half = 0; half < panel; half += 2 * LANES) {                                                                                            \
            V left[R], right[R];                                                                                                                             \
            _Pragma("GCC unroll 12") for (int r = 0; r < R; r++) {                                                                                           \
                left[r] = add ? *reinterpret_cast<const V*>(c + r * ldc + half) : V{};                                                                       \
                right[r] = add ? *reinterpret_cast<const V*>(c + r * ldc + half + LANES) : V{};                                                              \
            }                                                                                                                                                \
            const float *x = a, *y = b + half;                                                                                                               \
            for (int64_t k = 0; k < depth; k++, x += step, y += ldb) {                                                                                       \
                const V one = *reinterpret_cast<const V*>(y), two = *reinterpret_cast<const V*>(y + LANES);                                                  \
                _Pragma("GCC unroll 12") for (int r = 0; r < R; r++) {                                                                                       \
                    left[r] += x[r * row] * one;                                                                                                             \
                    right[r] += x[r * row] * two;                                                                                                            \
                }                                                                                                                                            \
            }                                                                                                                                                \
            _Pragma("GCC unroll 12") for (int r = 0; r < R; r++) {                                                                                           \
                *reinterpret_cast<V*>(c + r * ldc + half) = left[r];                                                                                         \
                *reinterpret_cast<V*>(c + r * ldc + half + LANES) = right[r];                                                                                \
            }                                                                                                                                                \
        }                                                                                                                                                    \
    }

ST_PRODUCT(product512, "avx512f", Wide, 16)
ST_PRODUCT(product256, "avx2,fma", Half, 8)

struct Products {
    int64_t rows = 0;  // at once; 0 where the processor has no such vectors
    Product by_rows[13] = {};
    Products() {
        if (__builtin_cpu_supports("avx512f")) {
            rows = 12;
            fill512(std::make_integer_sequence<int, 12>());
        } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
            rows = 6;
            fill256(std::make_integer_sequence<int, 6>());
        }
    }
private:
    template <int... R> void fill512(std::integer_sequence<int, R...>) { ((by_rows[R + 1] = product512<R + 1>), ...); }
    template <int... R> void fill256(std::integer_sequence<int, R...>) { ((by_rows[R + 1] = product256<R + 1>), ...); }
};
inline const Products products;

inline void multiply(int64_t rows, int64_t depth, const float* a, int64_t row, int64_t step, const float* b, int64_t ldb, float* c, int64_t ldc, bool add) {
    for (int64_t r = 0; r < rows; r += products.rows) {
        const int64_t n = std::min(products.rows, rows - r);
        products.by_rows[n](depth, a + r * row, row, step, b, ldb, c + r * ldc, ldc, add);
    }
}
#endif

// Bt d B of n channels: 4x4 pixels, whose rows and columns are `row` and `column` apart, to 16 values that are `plane` apart.
ST_VECTORISED inline void input_tile(const float* x, int64_t row, int64_t column, float* v, int64_t plane, int64_t n) {
    const float *a = x, *b = x + row, *c = x + 2 * row, *d = x + 3 * row;
    float *e = v, *f = v + 4 * plane, *g = v + 8 * plane, *h = v + 12 * plane;
    const int64_t c1 = column, c2 = 2 * column, c3 = 3 * column, p1 = plane, p2 = 2 * plane, p3 = 3 * plane;
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        const float a0 = a[k] - c[k], a1 = a[k + c1] - c[k + c1], a2 = a[k + c2] - c[k + c2], a3 = a[k + c3] - c[k + c3];
        const float b0 = b[k] + c[k], b1 = b[k + c1] + c[k + c1], b2 = b[k + c2] + c[k + c2], b3 = b[k + c3] + c[k + c3];
        const float m0 = c[k] - b[k], m1 = c[k + c1] - b[k + c1], m2 = c[k + c2] - b[k + c2], m3 = c[k + c3] - b[k + c3];
        const float d0 = b[k] - d[k], d1 = b[k + c1] - d[k + c1], d2 = b[k + c2] - d[k + c2], d3 = b[k + c3] - d[k + c3];
        e[k] = a0 - a2; e[k + p1] = a1 + a2; e[k + p2] = a2 - a1; e[k + p3] = a1 - a3;
        f[k] = b0 - b2; f[k + p1] = b1 + b2; f[k + p2] = b2 - b1; f[k + p3] = b1 - b3;
        g[k] = m0 - m2; g[k + p1] = m1 + m2; g[k + p2] = m2 - m1; g[k + p3] = m1 - m3;
        h[k] = d0 - d2; h[k + p1] = d1 + d2; h[k + p2] = d2 - d1; h[k + p3] = d1 - d3;
    }
}

// At m A + bias of n channels to four pixels.
ST_VECTORISED inline void output_tile(const float* m, int64_t plane, const float* bias, float* y00, float* y01, float* y10, float* y11, int64_t n) {
    const float *a = m, *b = m + 4 * plane, *c = m + 8 * plane, *d = m + 12 * plane;
    const int64_t p1 = plane, p2 = 2 * plane, p3 = 3 * plane;
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        const float s0 = a[k] + b[k] + c[k], s1 = a[k + p1] + b[k + p1] + c[k + p1], s2 = a[k + p2] + b[k + p2] + c[k + p2], s3 = a[k + p3] + b[k + p3] + c[k + p3];
        const float t0 = b[k] - c[k] - d[k], t1 = b[k + p1] - c[k + p1] - d[k + p1], t2 = b[k + p2] - c[k + p2] - d[k + p2], t3 = b[k + p3] - c[k + p3] - d[k + p3];
        y00[k] = s0 + s1 + s2 + bias[k];
        y01[k] = s1 - s2 - s3 + bias[k];
        y10[k] = t0 + t1 + t2 + bias[k];
        y11[k] = t1 - t2 - t3 + bias[k];
    }
}

// A y At of n channels: the gradient of four pixels to 16 values.
ST_VECTORISED inline void gradient_tile(const float* y00, const float* y01, const float* y10, const float* y11, float* z, int64_t plane, int64_t n) {
    float *e = z, *f = z + 4 * plane, *g = z + 8 * plane, *h = z + 12 * plane;
    const int64_t p1 = plane, p2 = 2 * plane, p3 = 3 * plane;
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        const float a = y00[k], b = y01[k], c = y10[k], d = y11[k];
        e[k] = a; e[k + p1] = a + b; e[k + p2] = a - b; e[k + p3] = -b;
        f[k] = a + c; f[k + p1] = a + b + c + d; f[k + p2] = a - b + c - d; f[k + p3] = -b - d;
        g[k] = a - c; g[k + p1] = a + b - c - d; g[k + p2] = a - b - c + d; g[k + p3] = d - b;
        h[k] = -c; h[k + p1] = -c - d; h[k + p2] = d - c; h[k + p3] = d;
    }
}

// G w Gt of a panel of filters: nine rows of a panel to 16, `plane` apart.
ST_VECTORISED inline void filter_panel(const float (*w)[panel], float* u, int64_t plane) {
#pragma omp simd
    for (int64_t k = 0; k < panel; k++) {
        float a[3], b[3], c[3], d[3];
        for (int x = 0; x < 3; x++) {
            const float top = w[x][k], middle = w[3 + x][k], bottom = w[6 + x][k];
            a[x] = top;
            b[x] = 0.5f * (top + middle + bottom);
            c[x] = 0.5f * (top - middle + bottom);
            d[x] = bottom;
        }
        float* to = u + k;
        to[0] = a[0]; to[plane] = 0.5f * (a[0] + a[1] + a[2]); to[2 * plane] = 0.5f * (a[0] - a[1] + a[2]); to[3 * plane] = a[2];
        to += 4 * plane;
        to[0] = b[0]; to[plane] = 0.5f * (b[0] + b[1] + b[2]); to[2 * plane] = 0.5f * (b[0] - b[1] + b[2]); to[3 * plane] = b[2];
        to += 4 * plane;
        to[0] = c[0]; to[plane] = 0.5f * (c[0] + c[1] + c[2]); to[2 * plane] = 0.5f * (c[0] - c[1] + c[2]); to[3 * plane] = c[2];
        to += 4 * plane;
        to[0] = d[0]; to[plane] = 0.5f * (d[0] + d[1] + d[2]); to[2 * plane] = 0.5f * (d[0] - d[1] + d[2]); to[3 * plane] = d[2];
    }
}

// Gt u G of a panel: the gradient of 16 values to that of nine filter elements.
ST_VECTORISED inline void filter_gradient(const float* u, int64_t plane, float (*w)[panel]) {
#pragma omp simd
    for (int64_t k = 0; k < panel; k++) {
        float top[4], middle[4], bottom[4];
        for (int x = 0; x < 4; x++) {
            const float a = u[x * plane + k], b = u[(4 + x) * plane + k], c = u[(8 + x) * plane + k], d = u[(12 + x) * plane + k];
            top[x] = a + 0.5f * (b + c);
            middle[x] = 0.5f * (b - c);
            bottom[x] = 0.5f * (b + c) + d;
        }
        w[0][k] = top[0] + 0.5f * (top[1] + top[2]); w[1][k] = 0.5f * (top[1] - top[2]); w[2][k] = 0.5f * (top[1] + top[2]) + top[3];
        w[3][k] = middle[0] + 0.5f * (middle[1] + middle[2]); w[4][k] = 0.5f * (middle[1] - middle[2]); w[5][k] = 0.5f * (middle[1] + middle[2]) + middle[3];
        w[6][k] = bottom[0] + 0.5f * (bottom[1] + bottom[2]); w[7][k] = 0.5f * (bottom[1] - bottom[2]); w[8][k] = 0.5f * (bottom[1] + bottom[2]) + bottom[3];
    }
}

}  // namespace systemtorch::winograd
