// The transform of eight lines of one length at once: factors, twiddles and butterflies.
// Stockham autosort, decimation in frequency (Van Loan 1992, ch. 1.7); Bluestein (1970) where a prime factor is large.
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Vector = System.Runtime.Intrinsics.Vector256<float>;

namespace SarSynth.Radar.Signal;

/// <summary>
/// What one length needs; immutable, shared by all threads. Buffers are laid out as element x (real, imaginary) x lane.
/// </summary>
internal sealed unsafe class FourierPlan
{
    /// <summary>Lines that are transformed at once.</summary>
    public const int Lanes = 8;

    private const int LargestRadix = 31;
    private static readonly ConcurrentDictionary<int, FourierPlan> Plans = new();

    private readonly int length;
    private readonly (int Radix, float[] Twiddles)[] stages;
    private readonly FourierPlan? convolution;
    private readonly float[] chirp = [];
    private readonly float[] chirpSpectrum = [];

    private FourierPlan(int length)
    {
        this.length = length;
        var radices = Factor(length);
        if (radices is not null)
        {
            stages = Stages(length, radices);
            return;
        }
        stages = [];
        var padded = NextSmooth(2 * length - 1);
        convolution = Of(padded);
        (chirp, chirpSpectrum) = Chirp(length, convolution);
    }

    /// <summary>The plan of a length, made once.</summary>
    public static FourierPlan Of(int length) => Plans.GetOrAdd(length, static n => new FourierPlan(n));

    /// <summary>Bytes of the work buffer: the lines in its first half.</summary>
    public nuint BufferBytes => (nuint)(convolution?.length ?? length) * 2 * 2 * Lanes * sizeof(float);

    /// <summary>Transforms the eight lines in the buffer's first half.</summary>
    /// <returns>Where the result lies: the first or the second half of the buffer.</returns>
    public float* Execute(float* buffer)
    {
        if (convolution is not null)
            return Bluestein(buffer);
        return Stockham(buffer, buffer + (long)length * 2 * Lanes);
    }

    private float* Stockham(float* x, float* y)
    {
        int n = length, stride = 1;
        foreach (var (radix, twiddles) in stages)
        {
            var m = n / radix;
            fixed (float* w = twiddles)
            {
                switch (radix)
                {
                    case 2: Radix2(x, y, m, stride, w); break;
                    case 3: Radix3(x, y, m, stride, w); break;
                    case 4: Radix4(x, y, m, stride, w); break;
                    case 5: Radix5(x, y, m, stride, w); break;
                    default: RadixAny(x, y, m, stride, w, radix); break;
                }
            }
            n = m;
            stride *= radix;
            var swap = x;
            x = y;
            y = swap;
        }
        return x;
    }

    private float* Bluestein(float* buffer)
    {
        var padded = convolution!.length;
        MultiplyByChirp(buffer, buffer, 1f);
        new Span<float>(buffer + (long)length * 2 * Lanes, (padded - length) * 2 * Lanes).Clear();
        var half = (long)padded * 2 * Lanes;
        var spectrum = convolution.Stockham(buffer, buffer + half);
        for (var k = 0; k < padded; k++)
        {
            var at = spectrum + (long)k * 2 * Lanes;
            Vector re = Vector256.LoadAligned(at), im = Vector256.LoadAligned(at + Lanes);
            float c = chirpSpectrum[2 * k], s = chirpSpectrum[2 * k + 1];
            // The parts are swapped, so that the next forward transform is an inverse one.
            (re * s + im * c).StoreAligned(at);
            (re * c - im * s).StoreAligned(at + Lanes);
        }
        var result = convolution.Stockham(spectrum, spectrum == buffer ? buffer + half : buffer);
        for (var k = 0; k < length; k++)
        {
            var at = result + (long)k * 2 * Lanes;
            Vector im = Vector256.LoadAligned(at), re = Vector256.LoadAligned(at + Lanes);
            re.StoreAligned(at);
            im.StoreAligned(at + Lanes);
        }
        MultiplyByChirp(result, result, 1f / padded);
        return result;
    }

    private void MultiplyByChirp(float* from, float* to, float scale)
    {
        for (var k = 0; k < length; k++)
        {
            var at = (long)k * 2 * Lanes;
            Vector re = Vector256.LoadAligned(from + at) * scale, im = Vector256.LoadAligned(from + at + Lanes) * scale;
            float c = chirp[2 * k], s = chirp[2 * k + 1];
            (re * c - im * s).StoreAligned(to + at);
            (re * s + im * c).StoreAligned(to + at + Lanes);
        }
    }

    private static void Radix2(float* x, float* y, int m, int stride, float* w)
    {
        long step = 2 * Lanes, far = (long)m * stride * step;
        for (var p = 0; p < m; p++, w += 2)
        {
            float c = w[0], s = w[1];
            float* a = x + p * stride * step, b = y + 2L * p * stride * step;
            for (var q = 0; q < stride; q++, a += step, b += step)
            {
                Vector ar = Vector256.LoadAligned(a), ai = Vector256.LoadAligned(a + Lanes);
                Vector br = Vector256.LoadAligned(a + far), bi = Vector256.LoadAligned(a + far + Lanes);
                (ar + br).StoreAligned(b);
                (ai + bi).StoreAligned(b + Lanes);
                Twisted(b + stride * step, ar - br, ai - bi, c, s);
            }
        }
    }

    private static void Radix3(float* x, float* y, int m, int stride, float* w)
    {
        const float sin60 = 0.86602540378443864676f;
        long step = 2 * Lanes, far = (long)m * stride * step, near = stride * step;
        for (var p = 0; p < m; p++, w += 4)
        {
            float* a = x + p * stride * step, b = y + 3L * p * stride * step;
            for (var q = 0; q < stride; q++, a += step, b += step)
            {
                Vector ar = Vector256.LoadAligned(a), ai = Vector256.LoadAligned(a + Lanes);
                Vector br = Vector256.LoadAligned(a + far), bi = Vector256.LoadAligned(a + far + Lanes);
                Vector cr = Vector256.LoadAligned(a + 2 * far), ci = Vector256.LoadAligned(a + 2 * far + Lanes);
                Vector sr = br + cr, si = bi + ci, dr = (br - cr) * sin60, di = (bi - ci) * sin60;
                Vector tr = ar - sr * 0.5f, ti = ai - si * 0.5f;
                (ar + sr).StoreAligned(b);
                (ai + si).StoreAligned(b + Lanes);
                Twisted(b + near, tr + di, ti - dr, w[0], w[1]);
                Twisted(b + 2 * near, tr - di, ti + dr, w[2], w[3]);
            }
        }
    }

    private static void Radix4(float* x, float* y, int m, int stride, float* w)
    {
        long step = 2 * Lanes, far = (long)m * stride * step, near = stride * step;
        for (var p = 0; p < m; p++, w += 6)
        {
            float* a = x + p * stride * step, b = y + 4L * p * stride * step;
            for (var q = 0; q < stride; q++, a += step, b += step)
            {
                Vector ar = Vector256.LoadAligned(a), ai = Vector256.LoadAligned(a + Lanes);
                Vector br = Vector256.LoadAligned(a + far), bi = Vector256.LoadAligned(a + far + Lanes);
                Vector cr = Vector256.LoadAligned(a + 2 * far), ci = Vector256.LoadAligned(a + 2 * far + Lanes);
                Vector dr = Vector256.LoadAligned(a + 3 * far), di = Vector256.LoadAligned(a + 3 * far + Lanes);
                Vector apcr = ar + cr, apci = ai + ci, amcr = ar - cr, amci = ai - ci;
                Vector bpdr = br + dr, bpdi = bi + di, bmdr = br - dr, bmdi = bi - di;
                (apcr + bpdr).StoreAligned(b);
                (apci + bpdi).StoreAligned(b + Lanes);
                Twisted(b + near, amcr + bmdi, amci - bmdr, w[0], w[1]);
                Twisted(b + 2 * near, apcr - bpdr, apci - bpdi, w[2], w[3]);
                Twisted(b + 3 * near, amcr - bmdi, amci + bmdr, w[4], w[5]);
            }
        }
    }

    private static void Radix5(float* x, float* y, int m, int stride, float* w)
    {
        const float c1 = 0.30901699437494742410f, c2 = -0.80901699437494742410f;
        const float s1 = 0.95105651629515357212f, s2 = 0.58778525229247312917f;
        long step = 2 * Lanes, far = (long)m * stride * step, near = stride * step;
        for (var p = 0; p < m; p++, w += 8)
        {
            float* a = x + p * stride * step, b = y + 5L * p * stride * step;
            for (var q = 0; q < stride; q++, a += step, b += step)
            {
                Vector x0r = Vector256.LoadAligned(a), x0i = Vector256.LoadAligned(a + Lanes);
                Vector x1r = Vector256.LoadAligned(a + far), x1i = Vector256.LoadAligned(a + far + Lanes);
                Vector x2r = Vector256.LoadAligned(a + 2 * far), x2i = Vector256.LoadAligned(a + 2 * far + Lanes);
                Vector x3r = Vector256.LoadAligned(a + 3 * far), x3i = Vector256.LoadAligned(a + 3 * far + Lanes);
                Vector x4r = Vector256.LoadAligned(a + 4 * far), x4i = Vector256.LoadAligned(a + 4 * far + Lanes);
                Vector p1r = x1r + x4r, p1i = x1i + x4i, m1r = x1r - x4r, m1i = x1i - x4i;
                Vector p2r = x2r + x3r, p2i = x2i + x3i, m2r = x2r - x3r, m2i = x2i - x3i;
                (x0r + p1r + p2r).StoreAligned(b);
                (x0i + p1i + p2i).StoreAligned(b + Lanes);
                Vector ur = x0r + p1r * c1 + p2r * c2, ui = x0i + p1i * c1 + p2i * c2;
                Vector vr = x0r + p1r * c2 + p2r * c1, vi = x0i + p1i * c2 + p2i * c1;
                Vector fr = m1r * s1 + m2r * s2, fi = m1i * s1 + m2i * s2;
                Vector gr = m1r * s2 - m2r * s1, gi = m1i * s2 - m2i * s1;
                Twisted(b + near, ur + fi, ui - fr, w[0], w[1]);
                Twisted(b + 2 * near, vr + gi, vi - gr, w[2], w[3]);
                Twisted(b + 3 * near, vr - gi, vi + gr, w[4], w[5]);
                Twisted(b + 4 * near, ur - fi, ui + fr, w[6], w[7]);
            }
        }
    }

    private static void RadixAny(float* x, float* y, int m, int stride, float* w, int radix)
    {
        long step = 2 * Lanes, far = (long)m * stride * step, near = stride * step;
        // After the twiddles of all p come the radix roots of unity.
        var roots = w + (long)m * (radix - 1) * 2;
        for (var p = 0; p < m; p++, w += 2 * (radix - 1))
        {
            float* a = x + p * stride * step, b = y + (long)radix * p * stride * step;
            for (var q = 0; q < stride; q++, a += step, b += step)
            {
                for (var k = 0; k < radix; k++)
                {
                    Vector re = Vector256.LoadAligned(a), im = Vector256.LoadAligned(a + Lanes);
                    for (int j = 1, root = k; j < radix; j++, root = (root + k) % radix)
                    {
                        Vector ar = Vector256.LoadAligned(a + j * far), ai = Vector256.LoadAligned(a + j * far + Lanes);
                        float c = roots[2 * root], s = roots[2 * root + 1];
                        re += ar * c - ai * s;
                        im += ar * s + ai * c;
                    }
                    if (k == 0)
                        Twisted(b, re, im, 1, 0);
                    else
                        Twisted(b + k * near, re, im, w[2 * k - 2], w[2 * k - 1]);
                }
            }
        }
    }

    private static void Twisted(float* to, Vector re, Vector im, float c, float s)
    {
        (re * c - im * s).StoreAligned(to);
        (re * s + im * c).StoreAligned(to + Lanes);
    }

    private static List<int>? Factor(int length)
    {
        var radices = new List<int>();
        foreach (var radix in (ReadOnlySpan<int>)[4, 2, 3, 5])
        {
            for (; length % radix == 0; length /= radix)
                radices.Add(radix);
        }
        for (var radix = 7; length > 1 && radix <= LargestRadix; radix += 2)
        {
            for (; length % radix == 0; length /= radix)
                radices.Add(radix);
        }
        return length == 1 ? radices : null;
    }

    private static (int, float[])[] Stages(int length, List<int> radices)
    {
        var stages = new (int, float[])[radices.Count];
        var n = length;
        for (var i = 0; i < stages.Length; i++)
        {
            int radix = radices[i], m = n / radix;
            var twiddles = new float[2 * (m * (radix - 1) + radix)];
            var at = 0;
            for (var p = 0; p < m; p++)
            {
                for (var k = 1; k < radix; k++, at += 2)
                    (twiddles[at], twiddles[at + 1]) = Root((long)p * k, n);
            }
            for (var k = 0; k < radix; k++, at += 2)
                (twiddles[at], twiddles[at + 1]) = Root(k, radix);
            stages[i] = (radix, twiddles);
            n = m;
        }
        return stages;
    }

    private static (float Cosine, float Sine) Root(long numerator, long denominator)
    {
        var (sine, cosine) = Math.SinCos(-2 * Math.PI * (numerator % denominator) / denominator);
        return ((float)cosine, (float)sine);
    }

    private static (float[] Chirp, float[] Spectrum) Chirp(int length, FourierPlan convolution)
    {
        var padded = convolution.length;
        var chirp = new float[2 * length];
        // exp(-i pi k^2 / n), with k^2 reduced modulo 2n before it becomes an angle.
        for (var k = 0; k < length; k++)
            (chirp[2 * k], chirp[2 * k + 1]) = Root((long)k * k % (2L * length), 2L * length);
        var buffer = (float*)NativeMemory.AlignedAlloc(convolution.BufferBytes, 64);
        try
        {
            new Span<byte>(buffer, checked((int)convolution.BufferBytes)).Clear();
            for (var k = 0; k < length; k++)
            {
                foreach (var at in (ReadOnlySpan<long>)[k, (padded - k) % padded])
                {
                    buffer[at * 2 * Lanes] = chirp[2 * k];
                    buffer[at * 2 * Lanes + Lanes] = -chirp[2 * k + 1];
                }
            }
            var result = convolution.Execute(buffer);
            var spectrum = new float[2 * padded];
            for (var k = 0L; k < padded; k++)
                (spectrum[2 * k], spectrum[2 * k + 1]) = (result[k * 2 * Lanes], result[k * 2 * Lanes + Lanes]);
            return (chirp, spectrum);
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    private static int NextSmooth(int atLeast)
    {
        for (var n = atLeast; ; n++)
        {
            var rest = n;
            foreach (var radix in (ReadOnlySpan<int>)[2, 3, 5])
            {
                while (rest % radix == 0)
                    rest /= radix;
            }
            if (rest == 1)
                return n;
        }
    }
}
