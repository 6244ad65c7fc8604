// torch.nn.functional: layers as functions.
namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            private static long[] Of(long? v, int n, long other) => Enumerable.Repeat(v ?? other, n).ToArray();
            private static long[] Of(long[]? v, int n, long other) => v is null ? Of((long?)null, n, other) : v.Length == 1 && n > 1 ? Of(v[0], n, other) : v;
            private static long[] Of((long, long)? v, long other) => v is { } x ? [x.Item1, x.Item2] : [other, other];

            // ---- linear and convolution ----

            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => Aten.Call("linear", input, weights, bias);
            public static Tensor bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias = null) => Aten.Call("bilinear", input1, input2, weight, bias);

            public static Tensor conv1d(Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? dilation = null, long groups = 1)
                => Aten.Call("conv1d", input, weight, bias, stride ?? 1, padding ?? 0, dilation ?? 1, groups);
            public static Tensor conv2d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? dilation = null, long groups = 1)
                => CpuKernels.Convolution(input, weight, bias, Of(strides, 2, 1), Of(padding, 2, 0), Of(dilation, 2, 1), groups);
            public static Tensor conv3d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? dilation = null, long groups = 1)
                => Aten.Call("conv3d", input, weight, bias, Of(strides, 3, 1), Of(padding, 3, 0), Of(dilation, 3, 1), groups);
            public static Tensor conv1d_padding(Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, Padding padding = Padding.Valid, long? dilation = null, long groups = 1)
                => Aten.Call("conv1d.padding", input, weight, bias, stride ?? 1, padding.ToString().ToLowerInvariant(), dilation ?? 1, groups);
            public static Tensor conv2d_padding(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, Padding padding = Padding.Valid, long[]? dilation = null, long groups = 1)
                => Aten.Call("conv2d.padding", input, weight, bias, Of(strides, 2, 1), padding.ToString().ToLowerInvariant(), Of(dilation, 2, 1), groups);
            public static Tensor conv3d_padding(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, Padding padding = Padding.Valid, long[]? dilation = null, long groups = 1)
                => Aten.Call("conv3d.padding", input, weight, bias, Of(strides, 3, 1), padding.ToString().ToLowerInvariant(), Of(dilation, 3, 1), groups);
            public static Tensor conv_transpose1d(Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? output_padding = null, long? dilation = null, long groups = 1)
                => Aten.Call("conv_transpose1d", input, weight, bias, stride ?? 1, padding ?? 0, output_padding ?? 0, groups, dilation ?? 1);
            public static Tensor conv_transpose2d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? output_padding = null, long[]? dilation = null, long groups = 1)
                => Aten.Call("conv_transpose2d.input", input, weight, bias, Of(strides, 2, 1), Of(padding, 2, 0), Of(output_padding, 2, 0), groups, Of(dilation, 2, 1));
            public static Tensor conv_transpose3d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? output_padding = null, long[]? dilation = null, long groups = 1)
                => Aten.Call("conv_transpose3d.input", input, weight, bias, Of(strides, 3, 1), Of(padding, 3, 0), Of(output_padding, 3, 0), groups, Of(dilation, 3, 1));
            public static Tensor unfold(Tensor input, long kernel_size, long dilation = 1, long padding = 0, long stride = 1) => Aten.Call("im2col", input, kernel_size, dilation, padding, stride);
            public static Tensor unfold(Tensor input, (long, long) kernel_size, (long, long)? dilation = null, (long, long)? padding = null, (long, long)? stride = null)
                => Aten.Call("im2col", input, kernel_size, Of(dilation, 1), Of(padding, 0), Of(stride, 1));
            public static Tensor fold(Tensor input, long output_size, long kernel_size, long dilation = 1, long padding = 0, long stride = 1) => Aten.Call("col2im", input, output_size, kernel_size, dilation, padding, stride);
            public static Tensor fold(Tensor input, (long, long) output_size, (long, long) kernel_size, (long, long)? dilation = null, (long, long)? padding = null, (long, long)? stride = null)
                => Aten.Call("col2im", input, output_size, kernel_size, Of(dilation, 1), Of(padding, 0), Of(stride, 1));

            // ---- normalisation ----

            public static Tensor group_norm(Tensor input, long num_groups, Tensor? weight = null, Tensor? bias = null, double eps = 1e-05) 
                => CpuKernels.GroupNorm(input, num_groups, weight, bias, eps, silu: false);
            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-05) 
                => CpuKernels.Widened(input, x => Aten.Call("layer_norm", x, normalized_shape, CpuKernels.Like(input, x, weight), CpuKernels.Like(input, x, bias), eps));
            public static Tensor batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight = null, Tensor? bias = null, bool training = false, double momentum = 0.1, double eps = 1e-05)
                => Aten.Call("batch_norm", input, weight, bias, running_mean, running_var, training, momentum, eps, true);
            public static Tensor instance_norm(Tensor input, Tensor? running_mean = null, Tensor? running_var = null, Tensor? weight = null, Tensor? bias = null, bool use_input_stats = true, double momentum = 0.1, double eps = 1e-05)
                => Aten.Call("instance_norm", input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, true);
            public static Tensor normalize(Tensor input, double p = 2, long dim = 1, double eps = 1e-12)
            {
                using var length = Aten.Call("norm.ScalarOpt_dim", input, p, dim, true);
                using var safe = length.clamp_min(eps);
                return input / safe;
            }

            // ---- dropout ----

            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => Drop("dropout", input, p, training, inplace);
            public static Tensor alpha_dropout(Tensor input, double p = 0.5, bool training = false, bool inplace = false) => Drop("alpha_dropout", input, p, training, inplace);
            public static Tensor feature_alpha_dropout(Tensor input, double p = 0.5, bool training = false, bool inplace = false) => Drop("feature_alpha_dropout", input, p, training, inplace);
            public static Tensor dropout1d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => Unbatched(input, 3, x => Drop("feature_dropout", x, p, training, inplace));
            public static Tensor dropout2d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => Drop("feature_dropout", input, p, training, inplace);
            public static Tensor dropout3d(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => Drop("feature_dropout", input, p, training, inplace);

            private static Tensor Drop(string name, Tensor input, double p, bool training, bool inplace)
                => p is < 0 or > 1 ? throw new ArgumentOutOfRangeException(nameof(p), $"dropout probability has to be between 0 and 1, but got {p}")
                    : inplace ? Aten.Self(name + "_", input, p, training) : Aten.Call(name, input, p, training);

            private static Tensor Unbatched(Tensor input, int batched, Func<Tensor, Tensor> f)
            {
                if (input.dim() == batched) return f(input);
                using var one = input.unsqueeze(0);
                return f(one).squeeze(0);
            }

            // ---- attention ----

            /// <summary>softmax(q kᵀ / sqrt(d) + mask) v; ATen's fused kernel where this libtorch has it, the same sum of operators where not.</summary>
            public static Tensor scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0, bool is_casual = false)
            {
                if (Fused) return Aten.Call("scaled_dot_product_attention", query, key, value, attn_mask, p, is_casual);
                if (p == 0 && !is_casual && CpuKernels.Attention(query, key, value, attn_mask) is { } attended) return attended;
                using var scope = NewDisposeScope();
                var scores = query.mul(1 / Math.Sqrt(query.shape[^1])).matmul(key.transpose(-2, -1));
                if (is_casual)
                {
                    if (attn_mask is not null) throw new ArgumentException("attn_mask and is_casual cannot both be given");
                    attn_mask = torch.ones(query.shape[^2], key.shape[^2], ScalarType.Bool, query.device).tril();
                }
                if (attn_mask is not null)
                    scores = attn_mask.dtype == ScalarType.Bool ? scores.masked_fill(attn_mask.logical_not(), double.NegativeInfinity) : scores.add(attn_mask);
                var weights = scores.softmax(-1);
                if (p > 0) weights = dropout(weights, p, true);
                return weights.matmul(value).MoveToOuterDisposeScope();
            }

            private static readonly bool Fused = Operator.Exists("scaled_dot_product_attention");

            // ---- padding ----

            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0)
                => mode is PaddingModes.Constant or PaddingModes.Zeros ? Aten.Call("constant_pad_nd", input, pad, value) : Aten.Call("pad", input, pad, mode.ToString().ToLowerInvariant());
            public static Tensor pad(Tensor input, ReadOnlySpan<long> pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => functional.pad(input, pad.ToArray(), mode, value);
            public static Tensor pad(Tensor input, (long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => functional.pad(input, [pad.Item1, pad.Item2], mode, value);
            public static Tensor pad(Tensor input, (long, long, long, long) pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => functional.pad(input, [pad.Item1, pad.Item2, pad.Item3, pad.Item4], mode, value);
            public static Tensor pad(Tensor input, long pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => functional.pad(input, [pad, pad], mode, value);

            public static Tensor one_hot(Tensor x, long num_classes = -1) => Aten.Call("one_hot", x, num_classes);
            public static Tensor pixel_shuffle(Tensor input, long upscale_factor) => Aten.Call("pixel_shuffle", input, upscale_factor);
            public static Tensor pixel_unshuffle(Tensor input, long downscale_factor) => Aten.Call("pixel_unshuffle", input, downscale_factor);
            public static Tensor cosine_similarity(Tensor x1, Tensor x2, long dim = 1, double eps = 1e-08) => Aten.Call("cosine_similarity", x1, x2, dim, eps);
            public static Tensor pairwise_distance(Tensor input1, Tensor input2, double p = 2, double eps = 1e-06, bool keepdim = false) => Aten.Call("pairwise_distance", input1, input2, p, eps, keepdim);

            // ---- resampling ----

            /// <summary>Resizes the spatial dimensions, to a size or by a factor.</summary>
            public static Tensor interpolate(Tensor x, long[]? size = null, double[]? scale_factor = null, InterpolationMode mode = InterpolationMode.Nearest, bool? align_corners = null, bool recompute_scale_factor = false, bool antialias = false)
            {
                var n = (int)x.dim() - 2;
                if (size is null == scale_factor is null) throw new ArgumentException("interpolate needs either a size or a scale_factor");
                if (size is { Length: 1 } && n > 1) size = Of(size[0], n, 0);
                if (scale_factor is { Length: 1 } && n > 1) scale_factor = Enumerable.Repeat(scale_factor[0], n).ToArray();
                if (size?.Length is { } k && k != n || scale_factor?.Length is { } j && j != n) throw new ArgumentException($"interpolate: the input has {n} spatial dimensions");
                if (mode == InterpolationMode.Area)
                {
                    var target = size ?? x.shape[2..].Select((s, i) => (long)Math.Floor(s * scale_factor![i])).ToArray();
                    return Aten.Call($"adaptive_avg_pool{n}d", x, target);
                }
                if (recompute_scale_factor && scale_factor is not null)
                {
                    size = x.shape[2..].Select((s, i) => (long)Math.Floor(s * scale_factor[i])).ToArray();
                    scale_factor = null;
                }
                if (mode is InterpolationMode.Nearest or InterpolationMode.NearestExact && align_corners is not null)
                    throw new ArgumentException("align_corners can only be set with the interpolating modes: linear, bilinear, bicubic, trilinear");
                var op = (mode, n) switch
                {
                    (InterpolationMode.Nearest, 1 or 2 or 3) => $"upsample_nearest{n}d",
                    (InterpolationMode.NearestExact, 1 or 2 or 3) => $"_upsample_nearest_exact{n}d",
                    (InterpolationMode.Linear, 1) => "upsample_linear1d",
                    (InterpolationMode.Bilinear, 2) => antialias ? "_upsample_bilinear2d_aa" : "upsample_bilinear2d",
                    (InterpolationMode.Bicubic, 2) => antialias ? "_upsample_bicubic2d_aa" : "upsample_bicubic2d",
                    (InterpolationMode.Trilinear, 3) => "upsample_trilinear3d",
                    _ => throw new ArgumentException($"interpolate: mode {mode} does not fit {n} spatial dimensions"),
                };
                return mode is InterpolationMode.Nearest or InterpolationMode.NearestExact
                    ? Aten.Call(op + ".vec", x, size, scale_factor)
                    : Aten.Call(op + ".vec", x, size, align_corners ?? false, scale_factor);
            }

            public static Tensor upsample(Tensor input, long[]? size = null, double[]? scale_factor = null, UpsampleMode mode = UpsampleMode.Nearest, bool align_corners = false)
                => interpolate(input, size, scale_factor, (InterpolationMode)(int)mode, mode == UpsampleMode.Nearest ? null : align_corners);
            public static Tensor upsample_nearest(Tensor x, long[]? size = null, double[]? scale_factor = null, bool align_corners = false) => interpolate(x, size, scale_factor);
            public static Tensor upsample_bilinear(Tensor x, long[]? size = null, double[]? scale_factor = null, bool align_corners = false) => interpolate(x, size, scale_factor, InterpolationMode.Bilinear, true);

            public static Tensor grid_sample(Tensor input, Tensor grid, GridSampleMode mode = GridSampleMode.Bilinear, GridSamplePaddingMode padding_mode = GridSamplePaddingMode.Zeros, bool? align_corners = null)
                => Aten.Call("grid_sampler", input, grid, mode == GridSampleMode.Bilinear ? 0 : 1, padding_mode switch { GridSamplePaddingMode.Zeros => 0, GridSamplePaddingMode.Border => 1, _ => 2 }, align_corners ?? false);
            public static Tensor affine_grid(Tensor theta, long[]? size = null, bool align_corners = false) => Aten.Call("affine_grid_generator", theta, size, align_corners);

            // ---- pooling ----

            public static Tensor avg_pool1d(Tensor input, long kernel_size, long? stride = null, long? padding = null, bool ceil_mode = false, bool count_include_pad = true)
                => Aten.Call("avg_pool1d", input, kernel_size, stride ?? kernel_size, padding ?? 0, ceil_mode, count_include_pad);
            public static Tensor avg_pool2d(Tensor input, long[] kernel_size, long[]? stride = null, long[]? padding = null, bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null)
                => Aten.Call("avg_pool2d", input, kernel_size, stride ?? kernel_size, Of(padding, 2, 0), ceil_mode, count_include_pad, divisor_override);
            public static Tensor avg_pool2d(Tensor input, long kernel_size, long? stride = null, long padding = 0, bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null)
                => avg_pool2d(input, Of(kernel_size, 2, 0), Of(stride ?? kernel_size, 2, 0), Of(padding, 2, 0), ceil_mode, count_include_pad, divisor_override);
            public static Tensor avg_pool2d(Tensor input, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null, bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null)
                => avg_pool2d(input, Of(kernel_size, 0), Of(stride ?? kernel_size, 0), Of(padding, 0), ceil_mode, count_include_pad, divisor_override);
            public static Tensor avg_pool3d(Tensor input, long[] kernel_size, long[]? stride = null, long[]? padding = null, bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null)
                => Aten.Call("avg_pool3d", input, kernel_size, stride ?? kernel_size, Of(padding, 3, 0), ceil_mode, count_include_pad, divisor_override);
            public static Tensor max_pool1d(Tensor input, long kernel_size, long? stride = null, long? padding = null, long? dilation = null, bool ceil_mode = false)
                => Aten.Call("max_pool1d", input, kernel_size, stride ?? kernel_size, padding ?? 0, dilation ?? 1, ceil_mode);
            public static Tensor max_pool2d(Tensor input, long[] kernel_size, long[]? strides = null, long[]? padding = null, long[]? dilation = null, bool ceil_mode = false)
                => Aten.Call("max_pool2d", input, kernel_size, strides ?? kernel_size, Of(padding, 2, 0), Of(dilation, 2, 1), ceil_mode);
            public static Tensor max_pool2d(Tensor input, long kernel_size, long? stride = null, long? padding = null, long? dilation = null, bool ceil_mode = false)
                => max_pool2d(input, Of(kernel_size, 2, 0), Of(stride ?? kernel_size, 2, 0), Of(padding, 2, 0), Of(dilation, 2, 1), ceil_mode);
            public static Tensor max_pool2d(Tensor input, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null, (long, long)? dilation = null, bool ceil_mode = false)
                => max_pool2d(input, Of(kernel_size, 0), Of(stride ?? kernel_size, 0), Of(padding, 0), Of(dilation, 1), ceil_mode);
            public static Tensor max_pool3d(Tensor input, long[] kernel_size, long[]? strides = null, long[]? padding = null, long[]? dilation = null, bool ceil_mode = false)
                => Aten.Call("max_pool3d", input, kernel_size, strides ?? kernel_size, Of(padding, 3, 0), Of(dilation, 3, 1), ceil_mode);
            public static (Tensor, Tensor) max_pool2d_with_indices(Tensor input, long[] kernel_size, long[]? strides = null, long[]? padding = null, long[]? dilation = null, bool ceil_mode = false)
                => Aten.Call2("max_pool2d_with_indices", input, kernel_size, strides ?? kernel_size, Of(padding, 2, 0), Of(dilation, 2, 1), ceil_mode);
            public static Tensor adaptive_avg_pool1d(Tensor input, long output_size) => Aten.Call("adaptive_avg_pool1d", input, output_size);
            public static Tensor adaptive_avg_pool2d(Tensor input, long output_size) => Aten.Call("adaptive_avg_pool2d", input, output_size);
            public static Tensor adaptive_avg_pool2d(Tensor input, long[] output_size) => Aten.Call("adaptive_avg_pool2d", input, output_size);
            public static Tensor adaptive_avg_pool2d(Tensor input, (long, long) output_size) => Aten.Call("adaptive_avg_pool2d", input, output_size);
            public static Tensor adaptive_avg_pool3d(Tensor input, long output_size) => Aten.Call("adaptive_avg_pool3d", input, output_size);
            public static Tensor adaptive_avg_pool3d(Tensor input, long[] output_size) => Aten.Call("adaptive_avg_pool3d", input, output_size);
            public static Tensor adaptive_max_pool1d(Tensor input, long output_size) => Aten.Call2("adaptive_max_pool1d", input, output_size).Item1;
            public static Tensor adaptive_max_pool2d(Tensor input, long[] output_size) => Aten.Call2("adaptive_max_pool2d", input, output_size).Item1;
        }
    }
}
