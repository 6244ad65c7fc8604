// GELU and SiLU on the CPU in float32 and bfloat16: libtorch 1.13 computes them eight lanes at a time with full-precision erf.
#include "values.h"
#include "vectorised.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

using namespace systemtorch;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

constexpr int64_t piece = 512;       // values that are computed at once, in the first-level cache
constexpr int64_t grain = 32 << 10;  // values that are worth a thread

// The normal distribution function of x and exp(-x^2 / 2): Abramowitz and Stegun (1964), 7.1.26, error of erf under 1.5e-7.
inline float normal(float x, float& bell) {
    const float z = std::fabs(x) * 0.70710678f;
    const float t = 1.0f / (1.0f + 0.3275911f * z);
    bell = exponential(-z * z);
    const float tail = 0.5f * bell * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    return x >= 0 ? 1.0f - tail : tail;
}

ST_VECTORISED void gelu(const float* x, const float*, float* y, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        float bell;
        y[k] = x[k] * normal(x[k], bell);
    }
}

ST_VECTORISED void gelu_back(const float* x, const float* gradient, float* y, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        float bell;
        const float share = normal(x[k], bell);
        y[k] = gradient[k] * (share + x[k] * bell * 0.39894228f);
    }
}

ST_VECTORISED void silu(const float* x, const float*, float* y, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        const float minus = -x[k] > 88.0f ? 88.0f : -x[k];
        y[k] = x[k] / (1.0f + exponential(minus));
    }
}

typedef void (*Kernel)(const float*, const float*, float*, int64_t);

ST_VECTORISED void widen(const at::BFloat16* from, float* to, int64_t n) { for (int64_t k = 0; k < n; k++) to[k] = static_cast<float>(from[k]); }
ST_VECTORISED void narrow(const float* from, at::BFloat16* to, int64_t n) { for (int64_t k = 0; k < n; k++) to[k] = at::BFloat16(from[k]); }

void run(Kernel kernel, const float* x, const float* second, float* y, int64_t n) { kernel(x, second, y, n); }

void run(Kernel kernel, const at::BFloat16* x, const at::BFloat16* second, at::BFloat16* y, int64_t n) {
    float a[piece], b[piece], c[piece];
    widen(x, a, n);
    if (second) widen(second, b, n);
    kernel(a, b, c, n);
    narrow(c, y, n);
}

// Rows of dense values that lie a fixed step apart: a whole tensor, or one half of its last dimension.
struct Rows {
    at::Tensor tensor;
    int64_t width, step;
    explicit Rows(const at::Tensor& t) : tensor(t) {
        if (!regular(t)) tensor = t.contiguous();
        const bool whole = tensor.is_contiguous() || tensor.dim() < 2;
        width = whole ? tensor.numel() : tensor.size(-1);
        step = whole ? tensor.numel() : tensor.stride(-2);
    }
    static bool regular(const at::Tensor& t) {
        if (t.is_contiguous()) return true;
        if (t.dim() < 2 || t.stride(-1) != 1 || t.stride(-2) < t.size(-1)) return false;
        for (int64_t k = 0; k + 2 < t.dim(); k++)
            if (t.stride(k) != t.stride(k + 1) * t.size(k + 1)) return false;
        return true;
    }
};

template <typename T> void apply(Kernel kernel, const at::Tensor& input, const at::Tensor& second, const at::Tensor& result) {
    const Rows x(input), g(second.defined() ? second.contiguous() : input);
    const T *px = x.tensor.template data_ptr<T>(), *pg = second.defined() ? g.tensor.template data_ptr<T>() : nullptr;
    T* py = result.template data_ptr<T>();
    at::parallel_for(0, input.numel(), grain, [&](int64_t begin, int64_t end) {
        while (begin < end) {
            const int64_t row = begin / x.width, column = begin % x.width;
            const int64_t n = std::min({piece, end - begin, x.width - column});
            run(kernel, px + row * x.step + column, pg ? pg + begin : nullptr, py + begin, n);
            begin += n;
        }
    });
}

void apply(Kernel kernel, const at::Tensor& x, const at::Tensor& second, const at::Tensor& y) {
    RECORD_FUNCTION(kernel == silu ? "systemtorch::silu_" : kernel == gelu ? "systemtorch::gelu" : "systemtorch::gelu_backward", {});
    if (x.scalar_type() == at::kFloat) apply<float>(kernel, x, second, y);
    else apply<at::BFloat16>(kernel, x, second, y);
}

at::Tensor make(Kernel kernel, const at::Tensor& x, const at::Tensor& second) {
    at::Tensor y = at::empty(x.sizes(), x.options());
    apply(kernel, x, second, y);
    return y;
}

struct Gelu : torch::autograd::Function<Gelu> {
    static at::Tensor forward(AutogradContext* context, at::Tensor x) {
        context->save_for_backward({x});
        return make(gelu, x, at::Tensor());
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const at::Tensor x = context->get_saved_variables()[0];
        // A gradient that is to be differentiated again is libtorch's own.
        return {c10::GradMode::is_enabled() ? at::gelu_backward(gradients[0], x) : make(gelu_back, x, gradients[0])};
    }
};

}  // namespace

// GELU of a tensor on the CPU, float32 or bfloat16.
ST_EXPORT int32_t st_gelu(c10::TensorImpl* input, c10::TensorImpl** out) {
    return guarded([&] {
        at::Tensor x = borrow(input);
        *out = own(c10::GradMode::is_enabled() && x.requires_grad() ? Gelu::apply(x) : make(gelu, x, at::Tensor()));
        return 0;
    });
}

// SiLU over the tensor itself, which is dense, on the CPU, float32 or bfloat16, and not watched by autograd.
ST_EXPORT int32_t st_silu_over(c10::TensorImpl* tensor) {
    return guarded([&] {
        at::Tensor x = borrow(tensor);
        // A tensor whose channels are innermost is dense too: the order of its values does not matter here.
        apply(silu, x.is_contiguous() ? x : x.as_strided({x.numel()}, {1}), at::Tensor(), x);
        if (!x.is_inference()) x.unsafeGetTensorImpl()->bump_version();
        return 0;
    });
}
