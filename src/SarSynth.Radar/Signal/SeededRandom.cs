// Random numbers that depend only on a seed and a name, never on threads: SplitMix64 (Steele, Lea and Flood, 2014)
// seeds xoshiro256** (Blackman and Vigna, 2021).
using System.Numerics;

namespace SarSynth.Radar.Signal;

/// <summary>
/// A named, seeded stream of random numbers: the same seed, name and index give the same numbers everywhere.
/// </summary>
internal struct SeededRandom
{
    private ulong a, b, c, d;

    /// <param name="seed">The user's seed.</param>
    /// <param name="stream">What the numbers are for.</param>
    /// <param name="index">Which part of it (a row, an object), so that parts may be drawn in any order.</param>
    public SeededRandom(ulong seed, string stream, long index = 0)
        : this(seed, StreamCode(stream), index)
    {
    }

    /// <summary>A stream whose name was hashed before by <see cref="StreamCode"/>.</summary>
    public SeededRandom(ulong seed, ulong stream, long index)
    {
        ulong state = Mix(seed ^ Mix(stream ^ Mix((ulong)index)));
        a = Next(ref state);
        b = Next(ref state);
        c = Next(ref state);
        d = Next(ref state);
    }

    /// <summary>The name of a stream as 64 bits (FNV-1a).</summary>
    public static ulong StreamCode(string stream)
    {
        ulong hash = 14695981039346656037;
        foreach (char character in stream)
            hash = (hash ^ character) * 1099511628211;
        return hash;
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        ulong result = BitOperations.RotateLeft(b * 5, 7) * 9;
        ulong t = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= t;
        d = BitOperations.RotateLeft(d, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double Uniform() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high).</summary>
    public double Uniform(double low, double high) => low + (high - low) * Uniform();

    /// <summary>An integer from low to high - 1.</summary>
    public int Integer(int low, int high) => low + (int)(Uniform() * (high - low));

    /// <summary>True with the given probability.</summary>
    public bool Chance(double probability) => Uniform() < probability;

    /// <summary>One of the choices, each as likely.</summary>
    public T Choose<T>(ReadOnlySpan<T> choices) => choices[Integer(0, choices.Length)];

    /// <summary>A standard normal number (Box-Muller).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Uniform())) * Math.Cos(2 * Math.PI * Uniform());

    /// <summary>
    /// Fills two spans with the real and imaginary parts of circular complex normal numbers of unit mean power.
    /// </summary>
    public void FillCircularNormal(Span<float> real, Span<float> imaginary)
    {
        const float step = 1f / (1 << 24);
        for (int i = 0; i < real.Length; i++)
        {
            ulong bits = NextBits();
            float radius = MathF.Sqrt(-MathF.Log(((bits >> 40) + 0.5f) * step));
            (float sin, float cos) = MathF.SinCos(2 * MathF.PI * ((bits & 0xFFFFFF) * step));
            real[i] = radius * cos;
            imaginary[i] = radius * sin;
        }
    }

    /// <summary>Fills a span with standard normal numbers.</summary>
    public void FillNormal(Span<float> values)
    {
        const float step = 1f / (1 << 24);
        for (int i = 0; i < values.Length; i += 2)
        {
            ulong bits = NextBits();
            float radius = MathF.Sqrt(-2 * MathF.Log(((bits >> 40) + 0.5f) * step));
            (float sin, float cos) = MathF.SinCos(2 * MathF.PI * ((bits & 0xFFFFFF) * step));
            values[i] = radius * cos;
            if (i + 1 < values.Length)
                values[i + 1] = radius * sin;
        }
    }

    private static ulong Next(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        return Mix(state);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
