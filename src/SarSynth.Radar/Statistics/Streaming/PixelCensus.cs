// All that the moments of a large raster need, band by band: the first pass of the streamed statistics.
using System.Buffers;

namespace SarSynth.Radar.Statistics;

/// <summary>Sums over amplitude, intensity and ln(intensity) of pixels that come in bands.</summary>
internal sealed class PixelCensus
{
    private readonly CentralSums intensity = new(4), amplitude = new(4), logarithm = new(6);
    private PixelSums intensities = Nothing, amplitudes = Nothing;

    private static PixelSums Nothing => new(0, 0, 0, 0, 0, double.PositiveInfinity, double.NegativeInfinity, 0);

    /// <summary>Takes in a band: the same pixels as intensity and as amplitude.</summary>
    public void Add(ReadOnlySpan<float> intensityPixels, ReadOnlySpan<float> amplitudePixels)
    {
        foreach (var (sums, central, logs) in PixelSums.Blocks(intensityPixels, static block =>
            Measure(block, wantLogarithms: true)))
        {
            intensities = intensities.With(sums);
            intensity.Merge(central);
            logarithm.Merge(logs!);
        }
        foreach (var (sums, central, _) in PixelSums.Blocks(amplitudePixels, static block =>
            Measure(block, wantLogarithms: false)))
        {
            amplitudes = amplitudes.With(sums);
            amplitude.Merge(central);
        }
    }

    /// <summary>Counts and mean of the intensity.</summary>
    /// <exception cref="ArgumentException">No pixel with data, a negative or an infinite one.</exception>
    public PixelSums Intensity()
    {
        intensities.ThrowIfUnusable("pixels");
        intensities.ThrowIfNegative("pixels");
        return intensities with { Mean = intensity.Mean };
    }

    public Moments IntensityMoments() => Of(intensities, intensity);

    public Moments AmplitudeMoments() => Of(amplitudes, amplitude);

    /// <summary>Biased central moment of the intensity of order 2.</summary>
    public double IntensityVariance() => intensity.Moments()[2];

    /// <summary>Null where fewer than 8 pixels are positive.</summary>
    public LogCumulants? LogCumulants() => logarithm.Count < 8 ? null
        : Statistics.LogCumulants.From(logarithm.Count, logarithm.Mean,
            logarithm.Moments()) with { Zeros = intensities.Zeros, NoData = intensities.NoData };

    /// <summary>ln(mean I) - mean(ln I) over the positive pixels.</summary>
    public double LikelihoodGap() => Math.Log(intensity.Mean * intensities.Count / logarithm.Count) - logarithm.Mean;

    private static Moments Of(PixelSums sums, CentralSums central)
    {
        var m = central.Moments();
        return Moments.From(sums with { Mean = central.Mean }, m[2], m[3], m[4]);
    }

    private static (PixelSums Sums, CentralSums Central, CentralSums? Logarithms) Measure(ReadOnlySpan<float> block,
        bool wantLogarithms)
    {
        var values = ArrayPool<double>.Shared.Rent(block.Length);
        int finite = 0;
        foreach (float value in block)
        {
            if (float.IsFinite(value))
                values[finite++] = value;
        }
        var central = CentralSums.Of(values.AsSpan(0, finite), 4);
        CentralSums? logarithms = null;
        if (wantLogarithms)
        {
            int positive = 0;
            for (int i = 0; i < finite; i++)
            {
                if (values[i] > 0)
                    values[positive++] = Math.Log(values[i]);
            }
            logarithms = CentralSums.Of(values.AsSpan(0, positive), 6);
        }
        ArrayPool<double>.Shared.Return(values);
        return (PixelSums.OfBlock(block), central, logarithms);
    }
}
