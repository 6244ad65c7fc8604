// A step of Adam or AdamW in one pass over memory, on the CPU in float32: libtorch 1.13 takes a dozen passes.
// Kingma and Ba (2015), algorithm 1; Loshchilov and Hutter (2019), algorithm 2; the arithmetic of PyTorch's single-tensor steps.
#include "values.h"
#include "vectorised.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <cmath>

using namespace systemtorch;

namespace {

struct Settings {
    float keep, penalty, sign, beta1, beta2, epsilon, root, rate;
};

ST_VECTORISED void step(float* p, const float* gradient, float* mean, float* square, const Settings s, int64_t n) {
    const float first = 1 - s.beta1, second = 1 - s.beta2;
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        const float g = s.sign * gradient[k] + s.penalty * p[k];
        mean[k] = mean[k] * s.beta1 + g * first;
        square[k] = square[k] * s.beta2 + g * g * second;
        p[k] = p[k] * s.keep - s.rate * mean[k] / (__builtin_sqrtf(square[k]) / s.root + s.epsilon);
    }
}

ST_VECTORISED void step_most(float* p, const float* gradient, float* mean, float* square, float* most, const Settings s, int64_t n) {
    const float first = 1 - s.beta1, second = 1 - s.beta2;
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        const float g = s.sign * gradient[k] + s.penalty * p[k];
        mean[k] = mean[k] * s.beta1 + g * first;
        square[k] = square[k] * s.beta2 + g * g * second;
        most[k] = most[k] > square[k] ? most[k] : square[k];
        p[k] = p[k] * s.keep - s.rate * mean[k] / (__builtin_sqrtf(most[k]) / s.root + s.epsilon);
    }
}

}  // namespace

// keep: what is left of a weight after decoupled decay; penalty: share of a weight that is added to its gradient; root: that of the
// second correction; rate: with the first correction. most is null without amsgrad. 1 where the tensors do not suit.
ST_EXPORT int32_t st_adam(c10::TensorImpl* parameter, c10::TensorImpl* gradient, c10::TensorImpl* mean, c10::TensorImpl* square, c10::TensorImpl* most, int32_t maximize, double keep, double penalty,
                          double beta1, double beta2, double epsilon, double root, double rate) {
    return guarded([&] {
        const at::Tensor p = borrow(parameter), g = borrow(gradient), all[] = {p, g, borrow(mean), borrow(square), borrow(most)};
        for (const auto& t : all)
            if (t.defined() && (t.scalar_type() != at::kFloat || !t.device().is_cpu() || t.layout() != at::kStrided || !t.is_contiguous() || t.sizes() != p.sizes())) return 1;
        RECORD_FUNCTION("systemtorch::adam_", {});
        const auto f = [](double x) { return static_cast<float>(x); };
        const Settings s{f(keep), f(penalty), maximize ? -1.0f : 1.0f, f(beta1), f(beta2), f(epsilon), f(root), f(rate)};
        float *x = p.data_ptr<float>(), *m = all[2].data_ptr<float>(), *v = all[3].data_ptr<float>(), *w = all[4].defined() ? all[4].data_ptr<float>() : nullptr;
        const float* d = g.data_ptr<float>();
        at::parallel_for(0, p.numel(), 16 << 10, [&](int64_t begin, int64_t end) {
            if (w) step_most(x + begin, d + begin, m + begin, v + begin, w + begin, s, end - begin);
            else step(x + begin, d + begin, m + begin, v + begin, s, end - begin);
        });
        for (const auto& t : {p, all[2], all[3], all[4]})
            if (t.defined() && !t.is_inference()) t.unsafeGetTensorImpl()->bump_version();
        return 0;
    });
}
