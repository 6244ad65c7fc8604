// How pixels without data look in memory, whatever told it.
using MathNet.Numerics;

namespace SarSynth.Radar.Formats;

/// <summary>Turns a stored value that means no data into NaN.</summary>
internal static class NoData
{
    /// <summary>A complex sample without data.</summary>
    public static readonly Complex32 Sample = new(float.NaN, float.NaN);

    /// <summary>Marks real pixels of that value.</summary>
    public static void Mark(Span<float> pixels, float value)
    {
        foreach (ref var pixel in pixels)
        {
            if (pixel == value)
                pixel = float.NaN;
        }
    }

    /// <summary>Marks complex samples v + 0i and v + vi: a real part of v alone is signal.</summary>
    public static void Mark(Span<Complex32> pixels, float value)
    {
        foreach (ref var pixel in pixels)
        {
            if (pixel.Real == value && (pixel.Imaginary == 0 || pixel.Imaginary == value))
                pixel = Sample;
        }
    }
}
