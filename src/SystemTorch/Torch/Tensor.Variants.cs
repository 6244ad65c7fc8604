// torch.Tensor: operators whose C# signature differs from ATen's schema (optional dimensions, rounding modes, tuples).
namespace TorchSharp;

public static partial class torch
{
    private static string? Name(RoundingMode mode) => mode == RoundingMode.None ? null : mode.ToString();

    public partial class Tensor
    {
        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None ? Aten.Call("div.Tensor", this, target) : Aten.Call("div.Tensor_mode", this, target, Name(rounding_mode));
        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None ? Aten.Call("div.Scalar", this, target) : Aten.Call("div.Scalar_mode", this, target, Name(rounding_mode));
        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => Aten.Self("div_.Tensor_mode", this, target, Name(rounding_mode));
        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => Aten.Self("div_.Scalar_mode", this, target, Name(rounding_mode));
        public Tensor divide(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => div(target, rounding_mode);
        public Tensor divide(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => div(target, rounding_mode);
        public Tensor divide_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => div_(target, rounding_mode);
        public Tensor divide_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => div_(target, rounding_mode);

        public Tensor round(long decimals = 0) => decimals == 0 ? Aten.Call("round", this) : Aten.Call("round.decimals", this, decimals);
        public Tensor round_(long decimals = 0) => decimals == 0 ? Aten.Self("round_", this) : Aten.Self("round_.decimals", this, decimals);

        public Tensor gelu() => CpuKernels.Gelu(this);
        public Tensor arctan(Tensor other) => arctan2(other);
        public Tensor arctan_(Tensor other) => arctan2_(other);
        public Tensor polygamma(long p) => Aten.Call("polygamma", p, this);
        public Tensor isin(Tensor test_elements, bool assumeUnique = false, bool invert = false) => Aten.Call("isin.Tensor_Tensor", this, test_elements, assumeUnique, invert);
        public Tensor equal(Tensor target) => eq(target);
        public Tensor binomial(Tensor prob, Generator? generator = null) => Aten.Call("binomial", this, prob, generator);
        public Tensor where(Tensor condition, Tensor y) => Aten.Call("where.self", condition, this, y);

        public Tensor amax(long[] dims, bool keepdim = false, Tensor? @out = null) => @out is null ? Aten.Call("amax", this, dims, keepdim) : Into(@out, "amax.out", this, dims, keepdim, @out);
        public Tensor amax(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => amax(dims.ToArray(), keepdim, @out);
        public Tensor amax(params long[] dims) => Aten.Call("amax", this, dims);
        public Tensor amin(long[] dims, bool keepdim = false, Tensor? @out = null) => @out is null ? Aten.Call("amin", this, dims, keepdim) : Into(@out, "amin.out", this, dims, keepdim, @out);
        public Tensor amin(ReadOnlySpan<long> dims, bool keepdim = false, Tensor? @out = null) => amin(dims.ToArray(), keepdim, @out);
        public Tensor amin(params long[] dims) => Aten.Call("amin", this, dims);
        public (Tensor, Tensor) aminmax(long? dim = null, bool keepdim = false) => Aten.Call2("aminmax", this, dim, keepdim);

        internal static Tensor Into(Tensor result, string name, params ReadOnlySpan<Arg> args)
        {
            Aten.Call(name, args).Dispose();
            return result;
        }

        public Tensor max() => Aten.Call("max", this);
        public Tensor max(Tensor other) => Aten.Call("max.other", this, other);
        public (Tensor, Tensor) max(long dim, bool keepdim = false) => Aten.Call2("max.dim", this, dim, keepdim);
        public Tensor min() => Aten.Call("min", this);
        public Tensor min(Tensor other) => Aten.Call("min.other", this, other);
        public (Tensor, Tensor) min(long dim, bool keepdim = false) => Aten.Call2("min.dim", this, dim, keepdim);
        public (Tensor, Tensor) sort(long dim = -1, bool descending = false, bool stable = false) => Aten.Call2("sort.stable", this, stable, dim, descending);
        public (Tensor, Tensor) kthvalue(long k, long? dim, bool keepdim = false) => Aten.Call2("kthvalue", this, k, dim ?? -1, keepdim);
        public static (Tensor, Tensor) kthvalue(Tensor input, long k, long? dim, bool keepdim = false) => input.kthvalue(k, dim, keepdim);
        public (Tensor, Tensor, Tensor) unique(bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null)
            => dim is null ? Aten.Call3("_unique2", this, sorted, return_inverse, return_counts) : Aten.Call3("unique_dim", this, (int)dim, sorted, return_inverse, return_counts);
        public (Tensor, Tensor, Tensor) unique_consecutive(bool return_inverse = false, bool return_counts = false, int? dim = null) => Aten.Call3("unique_consecutive", this, return_inverse, return_counts, dim);
        public Tensor histc(long bins = 100, long min = 0, long max = 0) => Aten.Call("histc", this, bins, min, max);
        public Tensor nanmedian() => Aten.Call("nanmedian", this);

        public Tensor sum(ScalarType? type = null) => Aten.Call("sum", this, type);
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("sum.dim_IntList", this, dim, keepdim, type);
        public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("sum.dim_IntList", this, dim, keepdim, type);
        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => Aten.Call("sum.dim_IntList", this, dim, keepdim, type);
        public Tensor sum(long dim0, long dim1, bool keepdim = false, ScalarType? type = null) => Aten.Call("sum.dim_IntList", this, (dim0, dim1), keepdim, type);
        public Tensor sum(long dim0, long dim1, long dim2, bool keepdim = false, ScalarType? type = null) => Aten.Call("sum.dim_IntList", this, (dim0, dim1, dim2), keepdim, type);
        public Tensor mean() => Aten.Call("mean", this);
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) => Aten.Call("mean.dim", this, dimensions, keepdim, type);
        public Tensor nanmean(int? dim = null, bool keepdim = false, ScalarType? dtype = null) => Aten.Call("nanmean", this, dim, keepdim, dtype);

        private Tensor Spread(string name, Arg dim, bool unbiased, bool keepdim, ScalarType? type)
        {
            if (type is null || type == dtype) return Aten.Call(name + ".dim", this, dim, unbiased, keepdim);
            using var wider = to_type(type.Value);
            return Aten.Call(name + ".dim", wider, dim, unbiased, keepdim);
        }

        private (Tensor, Tensor) SpreadAndMean(string name, Arg dim, bool unbiased, bool keepdim, ScalarType? type)
        {
            if (type is null || type == dtype) return Aten.Call2(name + ".dim", this, dim, unbiased, keepdim);
            using var wider = to_type(type.Value);
            return Aten.Call2(name + ".dim", wider, dim, unbiased, keepdim);
        }

        public Tensor std(bool unbiased = true) => Aten.Call("std", this, unbiased);
        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("std", dim, unbiased, keepdim, type);
        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("std", dimensions, unbiased, keepdim, type);
        public Tensor std(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("std", dimensions, unbiased, keepdim, type);
        public Tensor std((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("std", dim, unbiased, keepdim, type);
        public Tensor std((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("std", dim, unbiased, keepdim, type);
        public Tensor var(bool unbiased = true) => Aten.Call("var", this, unbiased);
        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("var", dim, unbiased, keepdim, type);
        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("var", dimensions, unbiased, keepdim, type);
        public Tensor var(ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("var", dimensions, unbiased, keepdim, type);
        public Tensor var((long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("var", dim, unbiased, keepdim, type);
        public Tensor var((long, long, long) dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => Spread("var", dim, unbiased, keepdim, type);
        public (Tensor, Tensor) std_mean(bool unbiased = true) => Aten.Call2("std_mean", this, unbiased);
        public (Tensor, Tensor) std_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => SpreadAndMean("std_mean", dim, unbiased, keepdim, type);
        public (Tensor, Tensor) std_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => SpreadAndMean("std_mean", dimensions, unbiased, keepdim, type);
        public (Tensor, Tensor) var_mean(bool unbiased = true) => Aten.Call2("var_mean", this, unbiased);
        public (Tensor, Tensor) var_mean(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => SpreadAndMean("var_mean", dim, unbiased, keepdim, type);
        public (Tensor, Tensor) var_mean(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) => SpreadAndMean("var_mean", dimensions, unbiased, keepdim, type);

        public Tensor norm(float p = 2) => Aten.Call("norm.Scalar", this, (double)p);
        public Tensor norm(int dim, bool keepdim = false, float p = 2) => Aten.Call("norm.ScalarOpt_dim", this, (double)p, dim, keepdim);

        public Tensor expand(params long[] sizes) => Aten.Call("expand", this, sizes);
        public Tensor expand(long[] sizes, bool isImplicit = false) => Aten.Call("expand", this, sizes, isImplicit);
        public Tensor expand(ReadOnlySpan<long> sizes, bool isImplicit = false) => Aten.Call("expand", this, sizes, isImplicit);
        public Tensor expand(Size sizes, bool isImplicit = false) => Aten.Call("expand", this, sizes.Shape, isImplicit);
        public Tensor squeeze(long? dim = null) => dim is { } d ? Aten.Call("squeeze.dim", this, d) : Aten.Call("squeeze", this);
        public Tensor squeeze_(long? dim = null) => dim is { } d ? Aten.Self("squeeze_.dim", this, d) : Aten.Self("squeeze_", this);
        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Aten.Call("flatten.using_ints", this, start_dim, end_dim);
        public Tensor unflatten(long dim, params long[] sizes) => Aten.Call("unflatten.int", this, dim, sizes);
        public Tensor unflatten(long dim, Size sizes) => Aten.Call("unflatten.int", this, dim, sizes.Shape);
        public Tensor permute(IEnumerable<long> permutation) => permute(permutation.ToArray());
        public Tensor roll(long shifts, long? dims = null) => Aten.Call("roll", this, shifts, dims is { } d ? d : Array.Empty<long>());
        public Tensor roll(long[] shifts) => Aten.Call("roll", this, shifts);
        public Tensor roll(long[] shifts, long[] dims) => Aten.Call("roll", this, shifts, dims);
        public Tensor roll((long, long) shifts, (long, long) dims) => Aten.Call("roll", this, shifts, dims);
        public Tensor roll((long, long, long) shifts, (long, long, long) dims) => Aten.Call("roll", this, shifts, dims);
        public Tensor roll(ReadOnlySpan<long> shifts, ReadOnlySpan<long> dims = default) => Aten.Call("roll", this, shifts, dims);
        public Tensor rot90(long k = 1, (long, long)? dims = null) => Aten.Call("rot90", this, k, dims ?? (0L, 1L));
        public Tensor select(long dim, long index) => Aten.Call("select.int", this, dim, index);
        public Tensor[] split(long size, int dim = 0) => Aten.CallList("split.Tensor", this, size, dim);
        public Tensor[] split(params long[] sizes) => Aten.CallList("split_with_sizes", this, sizes);
        public Tensor[] split(long[] sizes, long dim = 0) => Aten.CallList("split_with_sizes", this, sizes, dim);
        public Tensor[] split(ReadOnlySpan<long> sizes, long dim = 0) => Aten.CallList("split_with_sizes", this, sizes, dim);
        public Tensor[] unbind(long dimension = 0) => Aten.CallList("unbind.int", this, dimension);
        public Tensor tensordot(Tensor b, long dims = 2) => Aten.Call("tensordot", this, b, Enumerable.Range((int)(dim() - dims), (int)dims).Select(d => (long)d).ToArray(), Enumerable.Range(0, (int)dims).Select(d => (long)d).ToArray());
        public Tensor trapezoid(double dx = 1, long dim = -1) => Aten.Call("trapezoid.dx", this, dx, dim);
        public Tensor trapezoid(Tensor x, long dim = -1) => Aten.Call("trapezoid.x", this, x, dim);
        public Tensor cumulative_trapezoid(double dx = 1, long dim = -1) => Aten.Call("cumulative_trapezoid.dx", this, dx, dim);
        public Tensor cumulative_trapezoid(Tensor x, long dim = -1) => Aten.Call("cumulative_trapezoid.x", this, x, dim);
        public Tensor vander(long N = -1, bool increasing = false) => Aten.Call("linalg_vander", this, N < 0 ? (long?)null : N) is var v && increasing ? v : v.flip(-1);
        public Tensor pinverse(double rcond = 1e-15, bool hermitian = false) => Aten.Call("linalg_pinv", this, rcond, hermitian);

        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) => Aten.Call("multinomial", this, num_samples, replacement, generator);
        public Tensor normal_(double mean = 0, double std = 1, Generator? generator = null) => Aten.Self("normal_", this, mean, std, generator);
        public Tensor uniform_(double from, double to, Generator? generator = null) => Aten.Self("uniform_", this, from, to, generator);
        public Tensor random_(double from, double to, Generator? generator = null) => Aten.Self("random_.from", this, (long)from, (long)to, generator);

        public Tensor stft(long n_fft, long hop_length = -1, long win_length = -1, Tensor? window = null, bool center = true, PaddingModes pad_mode = PaddingModes.Reflect, bool normalized = false, bool? onesided = null, bool? return_complex = null)
            => Aten.Call("stft.center", this, n_fft, Positive(hop_length), Positive(win_length), window, center, pad_mode.ToString().ToLowerInvariant(), normalized, onesided, return_complex);
        public Tensor istft(long n_fft, long hop_length = -1, long win_length = -1, Tensor? window = null, bool center = true, bool normalized = false, bool? onesided = null, long length = -1, bool return_complex = false)
            => Aten.Call("istft", this, n_fft, Positive(hop_length), Positive(win_length), window, center, normalized, onesided, Positive(length), return_complex);
        private static long? Positive(long v) => v < 0 ? null : v;

        public Tensor T => Aten.Call("numpy_T", this);
        public Tensor H => Aten.Call("matrix_H", this);
        public Tensor mT => Aten.Call("mT", this);
        public Tensor mH => Aten.Call("mH", this);
        public Tensor real => Aten.Call("real", this);
        public Tensor imag => Aten.Call("imag", this);

        public IList<Tensor> nonzero_as_list() => Aten.CallList("nonzero_numpy", this);

        private static Tensor Wanting(Tensor t, bool requires_grad) => requires_grad ? t.requires_grad_() : t;

        public Tensor zeros_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("zeros_like", this, dtype, Arg.None, device), requires_grad);
        public Tensor ones_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("ones_like", this, dtype, Arg.None, device), requires_grad);
        public Tensor empty_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("empty_like", this, dtype, Arg.None, device), requires_grad);
        public Tensor full_like(Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("full_like", this, value, dtype, Arg.None, device), requires_grad);
        public Tensor rand_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("rand_like", this, dtype, Arg.None, device), requires_grad);
        public Tensor randn_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("randn_like", this, dtype, Arg.None, device), requires_grad);
        public Tensor randint_like(long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("randint_like.low_dtype", this, low, high, dtype, Arg.None, device), requires_grad);

        public Tensor new_zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("new_zeros", this, size, dtype, Arg.None, device), requires_grad);
        public Tensor new_zeros(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => new_zeros(size.ToArray(), dtype, device, requires_grad);
        public Tensor new_zeros(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => new_zeros([size], dtype, device, requires_grad);
        public Tensor new_zeros(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => new_zeros([rows, columns], dtype, device, requires_grad);
        public Tensor new_ones(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("new_ones", this, new[] { size }, dtype, Arg.None, device), requires_grad);
        public Tensor new_ones(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("new_ones", this, (rows, columns), dtype, Arg.None, device), requires_grad);
        public Tensor new_empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("new_empty", this, size, dtype, Arg.None, device), requires_grad);
        public Tensor new_full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Wanting(Aten.Call("new_full", this, size, value, dtype, Arg.None, device), requires_grad);
    }
}
