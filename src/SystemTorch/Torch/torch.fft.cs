// torch.fft: discrete Fourier transforms.
namespace TorchSharp;

public static partial class torch
{
    public static partial class fft
    {
        public static Tensor fftshift(Tensor input, long[]? dim = null) => Aten.Call("fft_fftshift", input, dim);
        public static Tensor ifftshift(Tensor input, long[]? dim = null) => Aten.Call("fft_ifftshift", input, dim);
        private static string Name(FFTNormType norm) => norm.ToString().ToLowerInvariant();
        private static Arg Length(long n) => n < 0 ? Arg.None : n;
        private static readonly long[] LastTwo = [-2, -1];

        public static Tensor fft_(Tensor input, long n = -1, long dim = -1, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_fft", input, Length(n), dim, Name(norm));
        public static Tensor ifft(Tensor input, long n = -1, long dim = -1, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_ifft", input, Length(n), dim, Name(norm));
        public static Tensor rfft(Tensor input, long n = -1, long dim = -1, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_rfft", input, Length(n), dim, Name(norm));
        public static Tensor irfft(Tensor input, long n = -1, long dim = -1, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_irfft", input, Length(n), dim, Name(norm));
        public static Tensor hfft(Tensor input, long n = -1, long dim = -1, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_hfft", input, Length(n), dim, Name(norm));
        public static Tensor ihfft(Tensor input, long n = -1, long dim = -1, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_ihfft", input, Length(n), dim, Name(norm));
        public static Tensor fft2(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_fft2", input, s, dim ?? LastTwo, Name(norm));
        public static Tensor ifft2(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_ifft2", input, s, dim ?? LastTwo, Name(norm));
        public static Tensor rfft2(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_rfft2", input, s, dim ?? LastTwo, Name(norm));
        public static Tensor irfft2(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_irfft2", input, s, dim ?? LastTwo, Name(norm));
        public static Tensor hfft2(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_hfft2", input, s, dim ?? LastTwo, Name(norm));
        public static Tensor ihfft2(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_ihfft2", input, s, dim ?? LastTwo, Name(norm));
        public static Tensor fftn(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_fftn", input, s, dim, Name(norm));
        public static Tensor ifftn(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_ifftn", input, s, dim, Name(norm));
        public static Tensor rfftn(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_rfftn", input, s, dim, Name(norm));
        public static Tensor irfftn(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_irfftn", input, s, dim, Name(norm));
        public static Tensor hfftn(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_hfftn", input, s, dim, Name(norm));
        public static Tensor ihfftn(Tensor input, long[]? s = null, long[]? dim = null, FFTNormType norm = FFTNormType.Backward) => Aten.Call("fft_ihfftn", input, s, dim, Name(norm));
        public static Tensor fftfreq(long n, double d = 1, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Make(Aten.Call("fft_fftfreq", n, d, dtype, Arg.None, At(device)), requires_grad);
        public static Tensor rfftfreq(long n, double d = 1, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Make(Aten.Call("fft_rfftfreq", n, d, dtype, Arg.None, At(device)), requires_grad);
    }
}
