// Group normalisation on the CPU, with SiLU behind it in the same pass if that is wanted: float32, bfloat16 and float16, forward and backward.
// Wu and He (2018), "Group normalization". Sums are float32 over some pixels, then float64; both orders of memory keep theirs.
#include "turns.h"
#include "values.h"
#include "vectorised.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

using namespace systemtorch;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

constexpr int64_t run = 64;  // values of a channel that are summed in float32

template <typename T> ST_VECTORISED void widen(const T* from, float* to, int64_t n) { for (int64_t k = 0; k < n; k++) to[k] = static_cast<float>(from[k]); }
template <typename T> ST_VECTORISED void narrow(const float* from, T* to, int64_t n) { for (int64_t k = 0; k < n; k++) to[k] = static_cast<T>(from[k]); }

// Values as float32: where they are if they are that, else in the buffer.
inline const float* wide(const float* x, float*, int64_t) { return x; }
template <typename T> const float* wide(const T* x, float* buffer, int64_t n) { widen(x, buffer, n); return buffer; }
inline float* target(float* y, float*) { return y; }
template <typename T> float* target(T*, float* buffer) { return buffer; }
inline void store(const float*, float*, int64_t) {}
template <typename T> void store(const float* buffer, T* y, int64_t n) { narrow(buffer, y, n); }

inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x > 88.0f ? 88.0f : -x)); }

// Channel by channel: sums of x - origin and of its square.
ST_VECTORISED void sums_across(const float* x, const float* origin, float* sum, float* square, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        const float d = x[k] - origin[k];
        sum[k] += d;
        square[k] += d * d;
    }
}

ST_VECTORISED void sums_along(const float* x, float origin, float& sum, float& square, int64_t n) {
    float s = 0, q = 0;
#pragma omp simd reduction(+ : s, q)
    for (int64_t k = 0; k < n; k++) {
        const float d = x[k] - origin;
        s += d;
        q += d * d;
    }
    sum = s;
    square = q;
}

ST_VECTORISED void scale_across(const float* x, const float* scale, const float* shift, float* y, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) y[k] = x[k] * scale[k] + shift[k];
}

ST_VECTORISED void scale_silu_across(const float* x, const float* scale, const float* shift, float* y, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        const float z = x[k] * scale[k] + shift[k];
        y[k] = z * sigmoid(z);
    }
}

ST_VECTORISED void scale_along(const float* x, float scale, float shift, bool silu, float* y, int64_t n) {
    if (silu) {
#pragma omp simd
        for (int64_t k = 0; k < n; k++) {
            const float z = x[k] * scale + shift;
            y[k] = z * sigmoid(z);
        }
    } else {
#pragma omp simd
        for (int64_t k = 0; k < n; k++) y[k] = x[k] * scale + shift;
    }
}

ST_VECTORISED void silu_over(float* y, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) y[k] *= sigmoid(y[k]);
}

inline float silu_slope(float z) {
    const float s = sigmoid(z);
    return s * (1 + z * (1 - s));
}

// Gradients before the activation, and their sums alone and with the normalised values, channel by channel.
ST_VECTORISED void back_across(const float* x, const float* g, const float* scale, const float* shift, const float* mean, const float* rstd, bool silu, float* d, float* sum, float* with, int64_t n) {
    if (silu) {
#pragma omp simd
        for (int64_t k = 0; k < n; k++) d[k] = g[k] * silu_slope(x[k] * scale[k] + shift[k]);
    } else {
#pragma omp simd
        for (int64_t k = 0; k < n; k++) d[k] = g[k];
    }
#pragma omp simd
    for (int64_t k = 0; k < n; k++) {
        sum[k] += d[k];
        with[k] += d[k] * (x[k] - mean[k]) * rstd[k];
    }
}

ST_VECTORISED void back_along(const float* x, const float* g, float scale, float shift, float mean, float rstd, bool silu, float* d, float& sum, float& with, int64_t n) {
    float s = 0, w = 0;
    if (silu) {
#pragma omp simd reduction(+ : s, w)
        for (int64_t k = 0; k < n; k++) {
            const float slope = g[k] * silu_slope(x[k] * scale + shift);
            d[k] = slope;
            s += slope;
            w += slope * (x[k] - mean) * rstd;
        }
    } else {
#pragma omp simd reduction(+ : s, w)
        for (int64_t k = 0; k < n; k++) {
            d[k] = g[k];
            s += g[k];
            w += g[k] * (x[k] - mean) * rstd;
        }
    }
    sum = s;
    with = w;
}

// d * by + x * slope + offset.
ST_VECTORISED void finish_across(const float* d, const float* x, const float* by, const float* slope, const float* offset, float* y, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) y[k] = d[k] * by[k] + x[k] * slope[k] + offset[k];
}

ST_VECTORISED void finish_along(const float* d, const float* x, float by, float slope, float offset, float* y, int64_t n) {
#pragma omp simd
    for (int64_t k = 0; k < n; k++) y[k] = d[k] * by + x[k] * slope + offset;
}

struct Shape {
    int64_t n, channels, pixels, groups, width;
    bool innermost;  // channels are
    Shape(const at::Tensor& x, int64_t g) : n(x.size(0)), channels(x.size(1)), pixels(1), groups(g), width(channels / g), innermost(!x.is_contiguous()) {
        for (int64_t k = 2; k < x.dim(); k++) pixels *= x.size(k);
    }
    // Pieces of an image that a thread works on, the same for every number of threads.
    int64_t piece() const { return innermost ? std::max<int64_t>(run, ((32 << 10) / channels + run - 1) / run * run) : 0; }
    int64_t pieces() const { return innermost ? (pixels + piece() - 1) / piece() : groups; }
};

// One number for each sample and channel.
struct Table {
    at::Tensor tensor;
    float* data;
    int64_t channels;
    Table(const Shape& s) : tensor(at::empty({s.n, s.channels}, at::kFloat)), data(tensor.data_ptr<float>()), channels(s.channels) {}
    explicit Table(const at::Tensor& t) : tensor(t), data(tensor.data_ptr<float>()), channels(t.size(1)) {}
    float* row(int64_t n) const { return data + n * channels; }
};

std::vector<float> values(const at::Tensor& t, int64_t n, float otherwise) {
    std::vector<float> result(n, otherwise);
    if (t.defined()) {
        const at::Tensor dense = t.to(at::kFloat).contiguous();
        std::copy_n(dense.data_ptr<float>(), n, result.begin());
    }
    return result;
}

// Two sums for each sample, piece and channel: add(n, channel or first channel, x, sums) of at most `run` pixels at a time.
template <typename Add> std::vector<double> both_sums(const Shape& s, Add&& add) {
    std::vector<double> totals(2 * s.n * s.pieces() * s.channels, 0.0);
    in_turns(s.n * s.pieces(), [&](Turns& turns) {
        std::vector<float> scratch(2 * s.channels);
        for (int64_t task; turns.take(task);) {
            const int64_t i = task / s.pieces(), p = task % s.pieces();
            double* to = totals.data() + 2 * task * s.channels;
            if (s.innermost) {
                for (int64_t first = p * s.piece(); first < std::min(s.pixels, (p + 1) * s.piece()); first += run) {
                    std::fill(scratch.begin(), scratch.end(), 0.0f);
                    const int64_t last = std::min({s.pixels, (p + 1) * s.piece(), first + run});
                    for (int64_t k = first; k < last; k++) add(i, 0, (i * s.pixels + k) * s.channels, s.channels, scratch.data(), scratch.data() + s.channels);
                    for (int64_t k = 0; k < 2 * s.channels; k++) to[k] += scratch[k];
                }
            } else {
                for (int64_t c = p * s.width; c < (p + 1) * s.width; c++)
                    for (int64_t first = 0; first < s.pixels; first += 16 * run) {
                        float one, two;
                        add(i, c, (i * s.channels + c) * s.pixels + first, std::min(16 * run, s.pixels - first), &one, &two);
                        to[c] += one;
                        to[s.channels + c] += two;
                    }
            }
        }
    });
    // The pieces of a sample together, in their order.
    std::vector<double> result(2 * s.n * s.channels, 0.0);
    for (int64_t i = 0; i < s.n; i++)
        for (int64_t p = 0; p < s.pieces(); p++)
            for (int64_t k = 0; k < 2 * s.channels; k++) result[2 * i * s.channels + k] += totals[2 * (i * s.pieces() + p) * s.channels + k];
    return result;
}

// apply(n, first channel, offset, count, buffer) over all values.
template <typename Apply> void over_all(const Shape& s, Apply&& apply) {
    const int64_t length = s.innermost ? s.channels : 16 * run;
    in_turns(s.n * s.pieces(), [&](Turns& turns) {
        std::vector<float> buffer(3 * length);
        for (int64_t task; turns.take(task);) {
            const int64_t i = task / s.pieces(), p = task % s.pieces();
            if (s.innermost)
                for (int64_t k = p * s.piece(); k < std::min(s.pixels, (p + 1) * s.piece()); k++) apply(i, 0, (i * s.pixels + k) * s.channels, s.channels, buffer.data());
            else
                for (int64_t c = p * s.width; c < (p + 1) * s.width; c++)
                    for (int64_t first = 0; first < s.pixels; first += length)
                        apply(i, c, (i * s.channels + c) * s.pixels + first, std::min(length, s.pixels - first), buffer.data());
        }
    });
}

// Means and reciprocals of the deviations of each sample's groups, repeated for each channel.
template <typename T> void moments(const Shape& s, const T* x, double eps, const Table& mean, const Table& rstd) {
    const Table origin(s);
    for (int64_t i = 0; i < s.n; i++)
        for (int64_t c = 0; c < s.channels; c++) {
            const int64_t leader = c / s.width * s.width;  // the same for a whole group, so that its sums can be added
            origin.row(i)[c] = static_cast<float>(x[s.innermost ? i * s.pixels * s.channels + leader : (i * s.channels + leader) * s.pixels]);
        }
    const std::vector<double> sums = both_sums(s, [&](int64_t i, int64_t c, int64_t offset, int64_t count, float* one, float* two) {
        float buffer[1024];
        if (!s.innermost) {
            sums_along(wide(x + offset, buffer, count), origin.row(i)[c], *one, *two, count);
            return;
        }
        for (int64_t k = 0; k < count; k += 1024) {
            const int64_t n = std::min<int64_t>(1024, count - k);
            sums_across(wide(x + offset + k, buffer, n), origin.row(i) + k, one + k, two + k, n);
        }
    });
    const double size = static_cast<double>(s.width) * s.pixels;
    for (int64_t i = 0; i < s.n; i++)
        for (int64_t g = 0; g < s.groups; g++) {
            double sum = 0, square = 0;
            for (int64_t c = g * s.width; c < (g + 1) * s.width; c++) {
                sum += sums[2 * i * s.channels + c];
                square += sums[(2 * i + 1) * s.channels + c];
            }
            const double shift = sum / size, variance = square / size - shift * shift;
            const float m = static_cast<float>(origin.row(i)[g * s.width] + shift), r = static_cast<float>(1 / std::sqrt((variance < 0 ? 0 : variance) + eps));
            std::fill_n(mean.row(i) + g * s.width, s.width, m);
            std::fill_n(rstd.row(i) + g * s.width, s.width, r);
        }
}

// y = x scale + shift, from the moments and the parameters.
void affine(const Shape& s, const Table& mean, const Table& rstd, const std::vector<float>& weight, const std::vector<float>& bias, const Table& scale, const Table& shift) {
    for (int64_t i = 0; i < s.n; i++)
        for (int64_t c = 0; c < s.channels; c++) {
            scale.row(i)[c] = rstd.row(i)[c] * weight[c];
            shift.row(i)[c] = bias[c] - mean.row(i)[c] * scale.row(i)[c];
        }
}

template <typename T> void forward(const Shape& s, const T* x, const Table& scale, const Table& shift, bool silu, T* y) {
    over_all(s, [&](int64_t i, int64_t c, int64_t offset, int64_t count, float* buffer) {
        float* to = target(y + offset, buffer + count);
        const float* from = wide(x + offset, buffer, count);
        // Half precision is rounded between the two, as it is where they are two operators.
        const bool at_once = silu && std::is_same_v<T, float>;
        if (!s.innermost) scale_along(from, scale.row(i)[c], shift.row(i)[c], at_once, to, count);
        else if (at_once) scale_silu_across(from, scale.row(i), shift.row(i), to, count);
        else scale_across(from, scale.row(i), shift.row(i), to, count);
        store(to, y + offset, count);
        if (silu && !at_once) {
            wide(y + offset, to, count);
            silu_over(to, count);
            store(to, y + offset, count);
        }
    });
}

template <typename T> void backward(const Shape& s, const T* x, const T* g, const Table& mean, const Table& rstd, const std::vector<float>& weight, const std::vector<float>& bias, bool silu, T* y,
                                    float* weight_gradient, float* bias_gradient) {
    const Table scale(s), shift(s), by(s), slope(s), offset(s);
    affine(s, mean, rstd, weight, bias, scale, shift);
    // Gradients before the activation wait in the result.
    const std::vector<double> sums = both_sums(s, [&](int64_t i, int64_t c, int64_t first, int64_t count, float* one, float* two) {
        float a[1024], b[1024], d[1024];
        if (!s.innermost) {
            float* to = target(y + first, d);
            back_along(wide(x + first, a, count), wide(g + first, b, count), scale.row(i)[c], shift.row(i)[c], mean.row(i)[c], rstd.row(i)[c], silu, to, *one, *two, count);
            store(to, y + first, count);
            return;
        }
        for (int64_t k = 0; k < count; k += 1024) {
            const int64_t n = std::min<int64_t>(1024, count - k);
            float* to = target(y + first + k, d);
            back_across(wide(x + first + k, a, n), wide(g + first + k, b, n), scale.row(i) + k, shift.row(i) + k, mean.row(i) + k, rstd.row(i) + k, silu, to, one + k, two + k, n);
            store(to, y + first + k, n);
        }
    });
    const double size = static_cast<double>(s.width) * s.pixels;
    std::vector<double> weights(s.channels, 0.0), biases(s.channels, 0.0);
    for (int64_t i = 0; i < s.n; i++) {
        const double *alone = sums.data() + 2 * i * s.channels, *with = alone + s.channels;
        for (int64_t c = 0; c < s.channels; c++) {
            biases[c] += alone[c];
            weights[c] += with[c];
        }
        for (int64_t group = 0; group < s.groups; group++) {
            double one = 0, two = 0;
            for (int64_t c = group * s.width; c < (group + 1) * s.width; c++) {
                one += weight[c] * alone[c];
                two += weight[c] * with[c];
            }
            for (int64_t c = group * s.width; c < (group + 1) * s.width; c++) {
                const double r = rstd.row(i)[c], m = mean.row(i)[c];
                by.row(i)[c] = static_cast<float>(r * weight[c]);
                slope.row(i)[c] = static_cast<float>(-r * r * two / size);
                offset.row(i)[c] = static_cast<float>(r * r * m * two / size - r * one / size);
            }
        }
    }
    for (int64_t c = 0; c < s.channels; c++) {
        weight_gradient[c] = static_cast<float>(weights[c]);
        bias_gradient[c] = static_cast<float>(biases[c]);
    }
    over_all(s, [&](int64_t i, int64_t c, int64_t first, int64_t count, float* buffer) {
        float* to = target(y + first, buffer);
        const float *d = wide(y + first, buffer, count), *from = wide(x + first, buffer + count, count);
        if (s.innermost) finish_across(d, from, by.row(i), slope.row(i), offset.row(i), to, count);
        else finish_along(d, from, by.row(i)[c], slope.row(i)[c], offset.row(i)[c], to, count);
        store(to, y + first, count);
    });
}

template <typename F> void by_type(const at::Tensor& t, F&& f) {
    if (t.scalar_type() == at::kFloat) f(static_cast<float*>(nullptr));
    else if (t.scalar_type() == at::kBFloat16) f(static_cast<at::BFloat16*>(nullptr));
    else f(static_cast<at::Half*>(nullptr));
}

at::Tensor dense(const at::Tensor& t) {
    return t.is_contiguous() || t.is_contiguous(at::MemoryFormat::ChannelsLast) ? t : t.contiguous();
}

at::Tensor normalise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t groups, double eps, bool silu, at::Tensor* mean_out, at::Tensor* rstd_out) {
    RECORD_FUNCTION(silu ? "systemtorch::group_norm_silu" : "systemtorch::group_norm", {});
    const Shape s(x, groups);
    at::Tensor result = at::empty_like(x);
    const Table mean(s), rstd(s), scale(s), shift(s);
    by_type(x, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        moments(s, x.data_ptr<T>(), eps, mean, rstd);
        affine(s, mean, rstd, values(weight, s.channels, 1), values(bias, s.channels, 0), scale, shift);
        forward(s, x.data_ptr<T>(), scale, shift, silu, result.data_ptr<T>());
    });
    if (mean_out) {
        *mean_out = mean.tensor;
        *rstd_out = rstd.tensor;
    }
    return result;
}

struct Normalisation : torch::autograd::Function<Normalisation> {
    static at::Tensor forward(AutogradContext* context, at::Tensor given, OptionalTensor w, OptionalTensor b, int64_t groups, double eps, bool silu) {
        const at::Tensor x = dense(given), weight = w ? *w : at::Tensor(), bias = b ? *b : at::Tensor();
        at::Tensor mean, rstd;
        at::Tensor result = normalise(x, weight, bias, groups, eps, silu, &mean, &rstd);
        // What was given is kept as it is, so that a gradient of the gradient finds its way.
        context->save_for_backward({given, weight, bias, mean, rstd});
        context->saved_data["groups"] = groups;
        context->saved_data["eps"] = eps;
        context->saved_data["silu"] = silu;
        return result;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const auto kept = context->get_saved_variables();
        const int64_t groups = context->saved_data["groups"].toInt();
        const double eps = context->saved_data["eps"].toDouble();
        const bool silu = context->saved_data["silu"].toBool();
        if (c10::GradMode::is_enabled()) return again(kept, gradients[0], groups, eps, silu);
        const at::Tensor x = dense(kept[0]);
        const Shape s(x, groups);
        const at::Tensor upstream = gradients[0].to(x.scalar_type()).contiguous(s.innermost ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
        RECORD_FUNCTION(silu ? "systemtorch::group_norm_silu_backward" : "systemtorch::group_norm_backward", {});
        at::Tensor result = at::empty_like(x), weights = at::empty({s.channels}, at::kFloat), biases = at::empty({s.channels}, at::kFloat);
        by_type(x, [&](auto* type) {
            using T = std::remove_pointer_t<decltype(type)>;
            ::backward(s, x.data_ptr<T>(), upstream.data_ptr<T>(), Table(kept[3]), Table(kept[4]), values(kept[1], s.channels, 1), values(kept[2], s.channels, 0), silu, result.data_ptr<T>(),
                       weights.data_ptr<float>(), biases.data_ptr<float>());
        });
        const auto like = [](const at::Tensor& gradient, const at::Tensor& parameter) { return parameter.defined() ? gradient.to(parameter.scalar_type()) : at::Tensor(); };
        return {result, like(weights, kept[1]), like(biases, kept[2]), at::Tensor(), at::Tensor(), at::Tensor()};
    }

    // A gradient that is to be differentiated again: that of libtorch's operators.
    static variable_list again(const variable_list& kept, const at::Tensor& upstream, int64_t groups, double eps, bool silu) {
        at::Tensor result = at::group_norm(kept[0], groups, kept[1], kept[2], eps);
        if (silu) result = at::silu(result);
        variable_list wanted, all(6);
        for (int k = 0; k < 3; k++)
            if (kept[k].defined() && kept[k].requires_grad()) wanted.push_back(kept[k]);
        const auto found = torch::autograd::grad({result}, wanted, {upstream}, true, true, true);
        for (size_t k = 0, next = 0; k < 3; k++)
            if (kept[k].defined() && kept[k].requires_grad()) all[k] = found[next++];
        return all;
    }
};

bool suits(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t groups) {
    const auto type = x.scalar_type();
    const auto fits = [&](const at::Tensor& t) { return !t.defined() || (t.device().is_cpu() && t.dim() == 1 && t.size(0) == x.size(1) && (t.scalar_type() == type || t.scalar_type() == at::kFloat)); };
    return x.device().is_cpu() && x.layout() == at::kStrided && (type == at::kFloat || type == at::kBFloat16 || type == at::kHalf) && x.dim() >= 2 && x.numel() > 0 && groups > 0 &&
           x.size(1) % groups == 0 && fits(weight) && fits(bias);
}

}  // namespace

// Group normalisation, then SiLU if silu is not 0; weight and bias may be null. 1 where it does not suit: then the caller has libtorch's.
ST_EXPORT int32_t st_group_norm(c10::TensorImpl* input, c10::TensorImpl* weight, c10::TensorImpl* bias, int64_t groups, double eps, int32_t silu, c10::TensorImpl** out) {
    return guarded([&] {
        const at::Tensor x = borrow(input), w = borrow(weight), b = borrow(bias);
        if (!suits(x, w, b, groups)) return 1;
        const auto optional = [](const at::Tensor& t) { return t.defined() ? OptionalTensor(t) : OptionalTensor(); };
        const bool recorded = c10::GradMode::is_enabled() && (x.requires_grad() || (w.defined() && w.requires_grad()) || (b.defined() && b.requires_grad()));
        *out = own(recorded ? Normalisation::apply(x, optional(w), optional(b), groups, eps, silu != 0) : normalise(dense(x), w, b, groups, eps, silu != 0, nullptr, nullptr));
        return 0;
    });
}
