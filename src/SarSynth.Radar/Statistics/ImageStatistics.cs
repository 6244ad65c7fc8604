// Everything the kit measures on one image, as one record that serialises to JSON.
using SarSynth.Radar.Rasters;

namespace SarSynth.Radar.Statistics;

/// <summary>What <see cref="ImageStatistics.Compute(SarImage, StatisticsOptions?)"/> measures, and with which windows.</summary>
public sealed record StatisticsOptions
{
    /// <summary>Side of the windows whose ENL's median is given.</summary>
    public int EnlWindow { get; init; } = 25;

    /// <summary>Side of the windows among which homogeneous ones are chosen (even).</summary>
    public int HomogeneousWindow { get; init; } = 16;

    /// <summary>Bins of the amplitude histogram.</summary>
    public int HistogramBins { get; init; } = 256;
}

/// <summary>Statistics of one SAR image.</summary>
public sealed record ImageStatistics
{
    /// <summary>Rows.</summary>
    public required int Rows { get; init; }

    /// <summary>Columns.</summary>
    public required int Columns { get; init; }

    /// <summary>Kind of pixel: "complex", "amplitude" or "intensity".</summary>
    public required string Pixels { get; init; }

    /// <summary>Moments of the amplitude.</summary>
    public required Moments Amplitude { get; init; }

    /// <summary>Moments of the intensity.</summary>
    public required Moments Intensity { get; init; }

    /// <summary>Log-cumulants of the intensity; null where too few pixels are positive.</summary>
    public LogCumulants? LogCumulants { get; init; }

    /// <summary>Equivalent number of looks.</summary>
    public required LooksStatistics Looks { get; init; }

    /// <summary>Amplitude histogram from the smallest to the largest value.</summary>
    public required Histogram AmplitudeHistogram { get; init; }

    /// <summary>Measures an image.</summary>
    /// <param name="image">The image; NaN marks no data.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <exception cref="ArgumentException">No pixel with data, a negative or an infinite pixel.</exception>
    public static ImageStatistics Compute(SarImage image, StatisticsOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        options ??= new StatisticsOptions();
        var intensity = image.ToIntensity().Pixels;
        var amplitude = image.ToAmplitude().Pixels;
        var moments = Moments.Of(intensity);
        return new ImageStatistics
        {
            Rows = image.Rows,
            Columns = image.Columns,
            Pixels = image switch { ComplexImage => "complex", AmplitudeImage => "amplitude", _ => "intensity" },
            Amplitude = Moments.Of(amplitude),
            Intensity = moments,
            LogCumulants = moments.Count - moments.Zeros >= 8 ? LogCumulants.Of(intensity) : null,
            Looks = LooksStatistics.Compute(intensity, image.Rows, image.Columns, options),
            AmplitudeHistogram = Histogram.Linear(amplitude, options.HistogramBins),
        };
    }
}

/// <summary>Equivalent number of looks of an image, by every method. All but the last two take the whole image as one area.</summary>
/// <param name="ByMoments">mean² / variance of all pixels.</param>
/// <param name="ByLogCumulants">From the variance of ln I of all pixels.</param>
/// <param name="MaximumLikelihood">Gamma likelihood of all pixels.</param>
/// <param name="MedianOverWindows">Median of mean² / variance over windows.</param>
/// <param name="Homogeneous">Pooled over windows found homogeneous.</param>
/// <param name="HomogeneousWindows">Number of windows found homogeneous.</param>
public sealed record LooksStatistics(
    Estimate ByMoments, Estimate ByLogCumulants, Estimate MaximumLikelihood, Estimate MedianOverWindows, Estimate Homogeneous, int HomogeneousWindows)
{
    internal static LooksStatistics Compute(ReadOnlySpan<float> intensity, int rows, int columns, StatisticsOptions options)
    {
        var sums = PixelSums.Of(intensity);
        if (sums.Count - sums.Zeros < 32)
        {
            var none = Estimate.Undefined($"{sums.Count - sums.Zeros} positive pixels are too few, 32 are needed", sums.Count, "ENL");
            return new LooksStatistics(none, none, none, none, none, 0);
        }
        var homogeneous = Enl.Homogeneous(intensity, rows, columns, options.HomogeneousWindow);
        return new LooksStatistics(
            Enl.ByMoments(intensity), Enl.ByLogCumulants(intensity), Enl.MaximumLikelihood(intensity),
            Enl.MedianOverWindows(intensity, rows, columns, options.EnlWindow), homogeneous.Looks, homogeneous.Chosen.Count);
    }
}
