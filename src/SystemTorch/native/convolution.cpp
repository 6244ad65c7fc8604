// 3x3 convolutions of stride 1 on the CPU in float32, forward and backward, by winograd.h: libtorch sums all 36 products of a tile.
#include "turns.h"
#include "values.h"
#include "winograd.h"

#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

using namespace systemtorch;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

#ifdef ST_WINOGRAD

namespace {

using namespace winograd;

// [N, C, H, W] whose channels are innermost in memory, as three numbers and where it begins.
struct Image {
    at::Tensor tensor;
    float* data;
    int64_t n, channels, height, width;
    explicit Image(const at::Tensor& t)
        : tensor(t), data(t.data_ptr<float>()), n(t.size(0)), channels(t.size(1)), height(t.size(2)), width(t.size(3)) {}
    float* at(int64_t i, int64_t y, int64_t x) const { return data + ((i * height + y) * width + x) * channels; }
};

// columns x rows to rows x columns, n times.
void transpose(const float* from, float* to, int64_t n, int64_t rows, int64_t columns) {
    constexpr int64_t block = 32;
    const int64_t down = (rows + block - 1) / block, across = (columns + block - 1) / block;
    at::parallel_for(0, n * down * across, 16, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; task++) {
            const int64_t c0 = task % across * block, r0 = task / across % down * block, i = task / across / down;
            const float* source = from + i * rows * columns;
            float* target = to + i * rows * columns;
            for (int64_t r = r0; r < std::min(rows, r0 + block); r++)
                for (int64_t c = c0; c < std::min(columns, c0 + block); c++) target[r * columns + c] = source[c * rows + r];
        }
    });
}

at::Tensor make(int64_t n, int64_t channels, int64_t height, int64_t width, const at::Tensor& like, at::MemoryFormat order) {
    return at::empty({n, channels, height, width}, like.options(), order);
}

Image innermost(const at::Tensor& t) {
    if (t.is_contiguous(at::MemoryFormat::ChannelsLast)) return Image(t);
    if (!t.is_contiguous()) return Image(t.contiguous(at::MemoryFormat::ChannelsLast));
    at::Tensor result = make(t.size(0), t.size(1), t.size(2), t.size(3), t, at::MemoryFormat::ChannelsLast);
    transpose(t.data_ptr<float>(), result.data_ptr<float>(), t.size(0), t.size(2) * t.size(3), t.size(1));
    return Image(result);
}

at::Tensor outermost(const Image& image) {
    at::Tensor result = make(image.n, image.channels, image.height, image.width, image.tensor, at::MemoryFormat::Contiguous);
    transpose(image.data, result.data_ptr<float>(), image.n, image.channels, image.height * image.width);
    return result;
}

// The tiles of an output, in the order in which they lie in the image.
struct Tiles {
    int64_t height, width, down, across, count;
    Tiles(int64_t n, int64_t h, int64_t w) : height(h), width(w), down((h + 1) / 2), across((w + 1) / 2), count(n * down * across) {}
    int64_t image(int64_t t) const { return t / across / down; }
    int64_t y(int64_t t) const { return t / across % down * 2; }
    int64_t x(int64_t t) const { return t % across * 2; }
};

// The pixels that the outputs from (y, x) on need; what lies outside of the image is zero.
void take(const Image& image, int64_t i, int64_t y, int64_t x, float* v, int64_t plane, float* stage) {
    const int64_t c = image.channels;
    if (y >= 0 && x >= 0 && y + 4 <= image.height && x + 4 <= image.width) {
        input_tile(image.at(i, y, x), image.width * c, c, v, plane, c);
        return;
    }
    for (int64_t r = 0; r < 4; r++)
        for (int64_t s = 0; s < 4; s++) {
            float* to = stage + (4 * r + s) * c;
            if (y + r >= 0 && y + r < image.height && x + s >= 0 && x + s < image.width) memcpy(to, image.at(i, y + r, x + s), c * sizeof(float));
            else memset(to, 0, c * sizeof(float));
        }
    input_tile(stage, 4 * c, c, v, plane, c);
}

int64_t padded(int64_t channels) { return (channels + panel - 1) / panel * panel; }

// Filters [16, panels, from, panel] of weights whose element [o, i, y, x] is at the given strides; turned by half a turn for a gradient.
at::Tensor filters(const at::Tensor& weight, bool back) {
    const int64_t to = weight.size(back ? 1 : 0), from = weight.size(back ? 0 : 1), panels = padded(to) / panel;
    const int64_t step_to = weight.stride(back ? 1 : 0), step_from = weight.stride(back ? 0 : 1), down = weight.stride(2), across = weight.stride(3);
    at::Tensor result = at::empty({points, panels, from, panel}, weight.options());
    float* u = result.data_ptr<float>();
    const float* w = weight.data_ptr<float>();
    at::parallel_for(0, panels * from, 64, [&](int64_t begin, int64_t end) {
        float rows[9][panel] = {};
        for (int64_t task = begin; task < end; task++) {
            const int64_t p = task / from, i = task % from, n = std::min(panel, to - p * panel);
            const float* source = w + p * panel * step_to + i * step_from;
            for (int e = 0; e < 9; e++) {
                const float* element = source + (back ? 2 - e / 3 : e / 3) * down + (back ? 2 - e % 3 : e % 3) * across;
                for (int64_t k = 0; k < n; k++) rows[e][k] = element[k * step_to];
                for (int64_t k = n; k < panel; k++) rows[e][k] = 0;
            }
            filter_panel(rows, u + task * panel, panels * from * panel);
        }
    });
    return result;
}

// The convolution, or with `back` the gradient of its input.
Image convolve(const Image& input, const at::Tensor& weight, const at::Tensor& bias, int64_t pad_y, int64_t pad_x, bool back) {
    const int64_t from = input.channels, to = weight.size(back ? 1 : 0), wide = padded(to), panels = wide / panel;
    const Image out(make(input.n, to, input.height + 2 * pad_y - 2, input.width + 2 * pad_x - 2, input.tensor, at::MemoryFormat::ChannelsLast));
    const Tiles tiles(out.n, out.height, out.width);
    const at::Tensor transformed = filters(weight, back);
    const float* u = transformed.data_ptr<float>();
    std::vector<float> offsets(to, 0.0f);
    if (bias.defined()) {
        const at::Tensor dense = bias.contiguous();
        std::copy_n(dense.data_ptr<float>(), to, offsets.begin());
    }
    // What a block of tiles becomes stays in half of a core's second-level cache.
    const int64_t block = std::clamp<int64_t>((512 << 10) / (4 * points * (from + wide)) / products.rows * products.rows, products.rows, 8 * products.rows);
    const int64_t blocks = (tiles.count + block - 1) / block;
    in_turns(blocks, [&](Turns& turns) {
        std::unique_ptr<float[]> scratch(new float[points * block * (from + wide) + points * from + wide]);
        float *v = scratch.get(), *m = v + points * block * from, *stage = m + points * block * wide, *spare = stage + points * from;
        for (int64_t b; turns.take(b);) {
            const int64_t first = b * block, count = std::min(block, tiles.count - first);
            for (int64_t t = 0; t < count; t++)
                take(input, tiles.image(first + t), tiles.y(first + t) - pad_y, tiles.x(first + t) - pad_x, v + t * from, block * from, stage);
            for (int64_t p = 0; p < points; p++)
                for (int64_t k = 0; k < panels; k++)
                    multiply(count, from, v + p * block * from, from, 1, u + (p * panels + k) * from * panel, panel, m + p * block * wide + k * panel, wide, false);
            for (int64_t t = 0; t < count; t++) {
                const int64_t i = tiles.image(first + t), y = tiles.y(first + t), x = tiles.x(first + t);
                const bool below = y + 1 < out.height, right = x + 1 < out.width;
                output_tile(m + t * wide, block * wide, offsets.data(), out.at(i, y, x), right ? out.at(i, y, x + 1) : spare, below ? out.at(i, y + 1, x) : spare,
                            below && right ? out.at(i, y + 1, x + 1) : spare, to);
            }
        }
    });
    return out;
}

// The gradient of the weights: products over all tiles, some thousand tiles at a time.
at::Tensor weight_gradient(const Image& input, const Image& gradient, const at::Tensor& weight, int64_t pad_y, int64_t pad_x) {
    const int64_t from = input.channels, to = gradient.channels, wide = padded(to), panels = wide / panel;
    const Tiles tiles(gradient.n, gradient.height, gradient.width);
    const int64_t chunk = std::min(tiles.count, std::max<int64_t>(192, (16 << 20) / (4 * points * (from + wide)) / 192 * 192));
    at::Tensor sums = at::zeros({points, panels, from, panel}, weight.options());
    float* u = sums.data_ptr<float>();
    at::Tensor scratch = at::empty({points * chunk * (from + wide)}, weight.options());
    float *v = scratch.data_ptr<float>(), *z = v + points * chunk * from;
    const std::vector<float> zeros(to, 0.0f);
    for (int64_t first = 0; first < tiles.count; first += chunk) {
        const int64_t count = std::min(chunk, tiles.count - first);
        in_turns(count, [&](Turns& turns) {
            std::unique_ptr<float[]> stage(new float[points * from]);
            for (int64_t t; turns.take(t);) {
                const int64_t i = tiles.image(first + t), y = tiles.y(first + t), x = tiles.x(first + t);
                take(input, i, y - pad_y, x - pad_x, v + t * from, chunk * from, stage.get());
                const bool below = y + 1 < gradient.height, right = x + 1 < gradient.width;
                gradient_tile(gradient.at(i, y, x), right ? gradient.at(i, y, x + 1) : zeros.data(), below ? gradient.at(i, y + 1, x) : zeros.data(),
                              below && right ? gradient.at(i, y + 1, x + 1) : zeros.data(), z + t * wide, chunk * wide, to);
                for (int64_t p = 0; p < points; p++)
                    for (int64_t k = to; k < wide; k++) z[(p * chunk + t) * wide + k] = 0;
            }
        });
        in_turns(points * panels, [&](Turns& turns) {
            constexpr int64_t depth = 192;  // a panel of so many rows stays in the first-level cache
            for (int64_t task; turns.take(task);) {
                const int64_t p = task / panels, k = task % panels;
                for (int64_t t = 0; t < count; t += depth)
                    multiply(from, std::min(depth, count - t), v + (p * chunk + t) * from, 1, from, z + (p * chunk + t) * wide + k * panel, wide, u + task * from * panel, panel, true);
            }
        });
    }
    at::Tensor result = at::empty(weight.sizes(), weight.options());
    float* w = result.data_ptr<float>();
    at::parallel_for(0, panels * from, 64, [&](int64_t begin, int64_t end) {
        float rows[9][panel];
        for (int64_t task = begin; task < end; task++) {
            const int64_t p = task / from, i = task % from;
            filter_gradient(u + task * panel, panels * from * panel, rows);
            for (int64_t k = 0; k < std::min(panel, to - p * panel); k++)
                for (int e = 0; e < 9; e++) w[((p * panel + k) * from + i) * 9 + e] = rows[e][k];
        }
    });
    return result;
}

at::Tensor bias_gradient(const Image& gradient) {
    at::Tensor rows = gradient.tensor.permute({0, 2, 3, 1}).reshape({-1, gradient.channels});
    return rows.sum(0);
}

at::Tensor forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t pad_y, int64_t pad_x) {
    RECORD_FUNCTION("systemtorch::convolution", {});
    const bool last = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast || weight.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
    const Image out = convolve(innermost(x), weight, bias, pad_y, pad_x, false);
    return last ? out.tensor : outermost(out);
}

variable_list backward(const at::Tensor& upstream, const at::Tensor& x, const at::Tensor& weight, int64_t pad_y, int64_t pad_x, bool want_x, bool want_weight, bool want_bias) {
    RECORD_FUNCTION("systemtorch::convolution_backward", {});
    const Image gradient = innermost(upstream);
    variable_list result(5);
    if (want_x) {
        const Image back = convolve(gradient, weight, at::Tensor(), 2 - pad_y, 2 - pad_x, true);
        result[0] = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast ? back.tensor : outermost(back);
    }
    if (want_weight) result[1] = weight_gradient(innermost(x), gradient, weight, pad_y, pad_x);
    if (want_bias) result[2] = bias_gradient(gradient);
    return result;
}

struct Convolution : torch::autograd::Function<Convolution> {
    static at::Tensor forward(AutogradContext* context, at::Tensor x, at::Tensor weight, OptionalTensor given, int64_t pad_y, int64_t pad_x) {
        const at::Tensor bias = given ? *given : at::Tensor();
        context->save_for_backward({x, weight});
        context->saved_data["pad_y"] = pad_y;
        context->saved_data["pad_x"] = pad_x;
        context->saved_data["x"] = x.requires_grad();
        context->saved_data["weight"] = weight.requires_grad();
        context->saved_data["bias"] = bias.defined() && bias.requires_grad();
        return ::forward(x, weight, bias, pad_y, pad_x);
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto kept = context->get_saved_variables();
        const int64_t pad_y = context->saved_data["pad_y"].toInt(), pad_x = context->saved_data["pad_x"].toInt();
        const bool x = context->saved_data["x"].toBool(), weight = context->saved_data["weight"].toBool(), bias = context->saved_data["bias"].toBool();
        if (!c10::GradMode::is_enabled()) return ::backward(gradients[0], kept[0], kept[1], pad_y, pad_x, x, weight, bias);
        // A gradient that is to be differentiated again is libtorch's own.
        const std::vector<int64_t> sizes{kept[1].size(0)}, one{1, 1}, none{0, 0}, pad{pad_y, pad_x};
        auto all = at::convolution_backward(gradients[0], kept[0], kept[1], at::IntArrayRef(sizes), one, pad, one, false, none, 1, {x, weight, bias});
        return {std::get<0>(all), std::get<1>(all), std::get<2>(all), at::Tensor(), at::Tensor()};
    }
};

// Where the sixteen products are fewer than the nine of each pixel by enough to pay for the way there and back.
bool suits(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t pad_y, int64_t pad_x) {
    const auto plain = [](const at::Tensor& t) { return t.scalar_type() == at::kFloat && t.device().is_cpu() && t.layout() == at::kStrided; };
    if (products.rows == 0 || x.dim() != 4 || weight.dim() != 4 || !plain(x) || !plain(weight)) return false;
    if (bias.defined() && (bias.dim() != 1 || !plain(bias) || bias.size(0) != weight.size(0))) return false;
    const int64_t from = weight.size(1), to = weight.size(0), height = x.size(2) + 2 * pad_y - 2, width = x.size(3) + 2 * pad_x - 2;
    return x.size(1) == from && weight.size(2) == 3 && weight.size(3) == 3 && pad_y >= 0 && pad_x >= 0 && pad_y <= 2 && pad_x <= 2 && height >= 4 && width >= 4 && from >= 24 &&
           to >= 24 && Tiles(x.size(0), height, width).count >= 48;
}

}  // namespace

// A 3x3 convolution of stride 1, or 1 where it does not suit (then the caller has libtorch's): bias may be null.
ST_EXPORT int32_t st_convolution(c10::TensorImpl* input, c10::TensorImpl* weight, c10::TensorImpl* bias, int64_t pad_y, int64_t pad_x, c10::TensorImpl** out) {
    return guarded([&] {
        at::Tensor x = borrow(input), w = borrow(weight), b = borrow(bias);
        if (!suits(x, w, b, pad_y, pad_x)) return 1;
        const bool recorded = c10::GradMode::is_enabled() && (x.requires_grad() || w.requires_grad() || (b.defined() && b.requires_grad()));
        *out = own(recorded ? Convolution::apply(x, w, b.defined() ? OptionalTensor(b) : OptionalTensor(), pad_y, pad_x) : forward(x, w, b, pad_y, pad_x));
        return 0;
    });
}

#else

ST_EXPORT int32_t st_convolution(c10::TensorImpl*, c10::TensorImpl*, c10::TensorImpl*, int64_t, int64_t, c10::TensorImpl**) { return 1; }

#endif
