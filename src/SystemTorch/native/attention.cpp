// Attention on the CPU in one pass, for libtorch 1.13, which has no fused kernel: blocks of queries whose scores stay in the cache.
// Forward and backward as in Dao et al. (2022), "FlashAttention", algorithms 1 and 4, with whole rows of scores.
#include "turns.h"
#include "values.h"
#include "vectorised.h"

#include <ATen/ops/empty.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <dlfcn.h>

using namespace systemtorch;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

typedef void (*Sgemm)(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*, const float*, const int*, const float*, float*, const int*);

// The BLAS that libtorch itself uses; a libtorch with another BLAS inside has no such library in the process.
Sgemm find_sgemm() {
    void* library = dlopen("libblas.so.3", RTLD_NOW | RTLD_NOLOAD);
    return library ? reinterpret_cast<Sgemm>(dlsym(library, "sgemm_")) : nullptr;
}
const Sgemm sgemm = find_sgemm();

// Row-major: c = alpha op(a) op(b) + beta c, with c of m rows and n columns.
void multiply(bool turn_a, bool turn_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
    const int im = static_cast<int>(m), in = static_cast<int>(n), ik = static_cast<int>(k);
    const int ia = static_cast<int>(lda), ib = static_cast<int>(ldb), ic = static_cast<int>(ldc);
    sgemm(turn_b ? "T" : "N", turn_a ? "T" : "N", &in, &im, &ik, &alpha, b, &ib, a, &ia, &beta, c, &ic);
}

// Softmax of a row in place; returns the logarithm of the sum of exponentials.
ST_VECTORISED float softmax_row(float* x, int64_t n) {
    float most = -INFINITY;
#pragma omp simd reduction(max : most)
    for (int64_t k = 0; k < n; k++) most = x[k] > most ? x[k] : most;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < n; k++) {
        x[k] = exponential(x[k] - most);
        sum += x[k];
    }
    const float scale = 1 / sum;
#pragma omp simd
    for (int64_t k = 0; k < n; k++) x[k] *= scale;
    return most + std::log(sum);
}

ST_VECTORISED void add_row(float* x, const float* y, int64_t step, int64_t n) {
    if (step == 1) {
#pragma omp simd
        for (int64_t k = 0; k < n; k++) x[k] += y[k];
    } else {
        for (int64_t k = 0; k < n; k++) x[k] += y[k * step];
    }
}

// The weights of a row from its scores, when the logarithm of their sum is known.
ST_VECTORISED void weights_row(float* x, float logsum, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) x[k] = exponential(x[k] - logsum);
}

ST_VECTORISED float dot(const float* x, const float* y, int64_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < n; k++) sum += x[k] * y[k];
    return sum;
}

// Gradient of the scores from that of the weights: p (dp - offset) scale.
ST_VECTORISED void softmax_back_row(const float* p, float* dp, float offset, float scale, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) dp[k] = p[k] * (dp[k] - offset) * scale;
}

// [B, H, L, D] with the last dimension dense.
struct Heads {
    at::Tensor tensor;
    float* data;
    int64_t batch, head, row;
    explicit Heads(const at::Tensor& t)
        : tensor(t.stride(3) == 1 && (t.stride(2) >= t.size(3) || t.size(2) == 1) ? t : t.contiguous()), data(tensor.data_ptr<float>()),
          batch(tensor.stride(0)), head(tensor.stride(1)), row(std::max(tensor.stride(2), tensor.size(3))) {}
    float* at(int64_t b, int64_t h, int64_t l = 0) const { return data + b * batch + h * head + l * row; }
};

// Memory in the order [B, L, H, D], so that joining the heads again copies nothing.
at::Tensor tokens_first(int64_t b, int64_t h, int64_t l, int64_t d, const at::Tensor& like) { return at::empty({b, l, h, d}, like.options()).transpose(1, 2); }

struct Sizes {
    int64_t b, h, l, s, d, dv, rows, blocks;
    Sizes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)
        : b(q.size(0)), h(q.size(1)), l(q.size(2)), s(k.size(2)), d(q.size(3)), dv(v.size(3)) {
        constexpr int64_t scores = 128 << 10;  // half a megabyte of them: half of a core's second-level cache
        rows = std::min(l, std::clamp<int64_t>(scores / std::max<int64_t>(1, s) / 16 * 16, 16, 128));
        blocks = (l + rows - 1) / rows;
    }
};

void add_mask(const at::Tensor& mask, float* scores, int64_t b, int64_t h, int64_t first, int64_t count, int64_t s) {
    if (!mask.defined()) return;
    const float* start = mask.data_ptr<float>() + b * mask.stride(0) + h * mask.stride(1);
    for (int64_t r = 0; r < count; r++) add_row(scores + r * s, start + (first + r) * mask.stride(2), mask.stride(3), s);
}

at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& mask, float scale, at::Tensor* logsum) {
    RECORD_FUNCTION("systemtorch::attention", {});
    const Sizes n(query, key, value);
    const Heads q(query), k(key), v(value);
    const Heads out(tokens_first(n.b, n.h, n.l, n.dv, query));
    if (logsum) *logsum = at::empty({n.b, n.h, n.l}, query.options());
    float* sums = logsum ? logsum->data_ptr<float>() : nullptr;
    in_turns(n.b * n.h * n.blocks, [&](Turns& turns) {
        std::unique_ptr<float[]> scores(new float[n.rows * n.s]);
        for (int64_t task; turns.take(task);) {
            const int64_t block = task % n.blocks, h = task / n.blocks % n.h, b = task / n.blocks / n.h;
            const int64_t first = block * n.rows, count = std::min(n.rows, n.l - first);
            multiply(false, true, count, n.s, n.d, scale, q.at(b, h, first), q.row, k.at(b, h), k.row, 0, scores.get(), n.s);
            add_mask(mask, scores.get(), b, h, first, count, n.s);
            for (int64_t r = 0; r < count; r++) {
                const float sum = softmax_row(scores.get() + r * n.s, n.s);
                if (sums) sums[(b * n.h + h) * n.l + first + r] = sum;
            }
            multiply(false, false, count, n.dv, n.s, 1, scores.get(), n.s, v.at(b, h), v.row, 0, out.at(b, h, first), out.row);
        }
    });
    return out.tensor;
}

variable_list attend_back(const at::Tensor& gradient, const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& mask, const at::Tensor& result,
                          const at::Tensor& logsum, float scale) {
    RECORD_FUNCTION("systemtorch::attention_backward", {});
    const Sizes n(query, key, value);
    const Heads q(query), k(key), v(value), o(result), go(gradient);
    const Heads gq(tokens_first(n.b, n.h, n.l, n.d, query)), gk(tokens_first(n.b, n.h, n.s, n.d, key)), gv(tokens_first(n.b, n.h, n.s, n.dv, value));
    const float* sums = logsum.data_ptr<float>();
    in_turns(n.b * n.h, [&](Turns& turns) {
        std::unique_ptr<float[]> scratch(new float[2 * n.rows * n.s]);
        float *p = scratch.get(), *dp = p + n.rows * n.s;
        for (int64_t task; turns.take(task);) {
            const int64_t h = task % n.h, b = task / n.h;
            for (int64_t first = 0; first < n.l; first += n.rows) {
                const int64_t count = std::min(n.rows, n.l - first);
                const float keep = first == 0 ? 0.0f : 1.0f;
                multiply(false, true, count, n.s, n.d, scale, q.at(b, h, first), q.row, k.at(b, h), k.row, 0, p, n.s);
                add_mask(mask, p, b, h, first, count, n.s);
                for (int64_t r = 0; r < count; r++) weights_row(p + r * n.s, sums[(b * n.h + h) * n.l + first + r], n.s);
                multiply(true, false, n.s, n.dv, count, 1, p, n.s, go.at(b, h, first), go.row, keep, gv.at(b, h), gv.row);
                multiply(false, true, count, n.s, n.dv, 1, go.at(b, h, first), go.row, v.at(b, h), v.row, 0, dp, n.s);
                for (int64_t r = 0; r < count; r++)
                    softmax_back_row(p + r * n.s, dp + r * n.s, dot(go.at(b, h, first + r), o.at(b, h, first + r), n.dv), scale, n.s);
                multiply(false, false, count, n.d, n.s, 1, dp, n.s, k.at(b, h), k.row, 0, gq.at(b, h, first), gq.row);
                multiply(true, false, n.s, n.d, count, 1, dp, n.s, q.at(b, h, first), q.row, keep, gk.at(b, h), gk.row);
            }
        }
    });
    return {gq.tensor, gk.tensor, gv.tensor, at::Tensor(), at::Tensor()};
}

// A tensor that autograd does not look at.
struct Mask { at::Tensor tensor; };

// Keeps queries, keys, values, the result and one number a row; the weights, which are L / D times larger, are computed again.
struct Attention : torch::autograd::Function<Attention> {
    static at::Tensor forward(AutogradContext* context, at::Tensor q, at::Tensor k, at::Tensor v, Mask mask, double scale) {
        at::Tensor logsum;
        at::Tensor result = attend(q, k, v, mask.tensor, static_cast<float>(scale), &logsum);
        context->save_for_backward({q, k, v, mask.tensor, result, logsum});
        context->saved_data["scale"] = scale;
        return result;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        TORCH_CHECK(!c10::GradMode::is_enabled(), "the gradient of scaled_dot_product_attention cannot be differentiated again on this libtorch");
        auto kept = context->get_saved_variables();
        return attend_back(gradients[0], kept[0], kept[1], kept[2], kept[3], kept[4], kept[5], static_cast<float>(context->saved_data["scale"].toDouble()));
    }
};

}  // namespace

// Whether st_attention can be used with this libtorch.
ST_EXPORT int32_t st_attention_ready() { return sgemm != nullptr; }

// float32 on the CPU: query [B, H, L, D], key [B, H, S, D], value [B, H, S, E], and a mask or null that is added to the scores,
// which expands to [B, H, L, S] and gets no gradient. The result is [B, H, L, E].
ST_EXPORT int32_t st_attention(c10::TensorImpl* query, c10::TensorImpl* key, c10::TensorImpl* value, c10::TensorImpl* mask, double scale, c10::TensorImpl** out) {
    return guarded([&] {
        at::Tensor q = borrow(query), k = borrow(key), v = borrow(value), m = borrow(mask);
        TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && v.dim() == 4 && q.size(0) == k.size(0) && q.size(1) == k.size(1) && q.size(3) == k.size(3) &&
                        v.size(0) == k.size(0) && v.size(1) == k.size(1) && v.size(2) == k.size(2),
                    "scaled_dot_product_attention: query ", q.sizes(), ", key ", k.sizes(), " and value ", v.sizes(), " do not fit");
        if (m.defined()) m = m.expand({q.size(0), q.size(1), q.size(2), k.size(2)});
        const bool recorded = c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
        *out = own(recorded ? Attention::apply(q, k, v, Mask{m}, scale) : attend(q, k, v, m, static_cast<float>(scale), nullptr));
        return 0;
    });
}
