// Everything the kit measures on one image, as one record that serialises to JSON.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Statistics;

/// <summary>
/// What <see cref="ImageStatistics.Compute(SarImage, StatisticsOptions?)"/> measures, and with which windows.
/// </summary>
public sealed record StatisticsOptions
{
    /// <summary>Side of the windows whose ENL's median is given.</summary>
    public int EnlWindow { get; init; } = 25;

    /// <summary>
    /// Side of the windows among which homogeneous ones are chosen (even); 0 takes it from the image's size.
    /// </summary>
    public int HomogeneousWindow { get; init; }

    /// <summary>Bins of the amplitude histogram.</summary>
    public int HistogramBins { get; init; } = 256;

    /// <summary>Grey levels of the co-occurrence matrices, 2 to 256.</summary>
    public int GlcmLevels { get; init; } = 32;

    /// <summary>Known number of looks for the K and Fisher laws; null estimates it.</summary>
    public double? Looks { get; init; }

    /// <summary>Clutter laws are fitted to at most this many pixels, evenly spaced.</summary>
    public int FitPixels { get; init; } = 200_000;

    /// <summary>At most this many candidates of point targets are measured.</summary>
    public int PointTargets { get; init; } = 5;

    /// <summary>
    /// Rasters of at most this many pixels are measured as one image in memory; larger ones are streamed.
    /// </summary>
    public long WholeImagePixels { get; init; } = 1L << 22;
}

/// <summary>Which pixels a statistic was measured on.</summary>
/// <param name="What">The statistics.</param>
/// <param name="On">The pixels or windows, in words.</param>
public sealed record MeasuredPart(string What, string On);

/// <summary>Statistics of one SAR image.</summary>
public sealed record ImageStatistics
{
    /// <summary>Rows.</summary>
    public required int Rows { get; init; }

    /// <summary>Columns.</summary>
    public required int Columns { get; init; }

    /// <summary>Kind of pixel: "complex", "amplitude" or "intensity".</summary>
    public required string Pixels { get; init; }

    /// <summary>What tells which pixels hold data; null where the image did not come from a file.</summary>
    public Validity? Validity { get; init; }

    /// <summary>Pixels without data: they are left out of every statistic.</summary>
    public long LeftOut { get; init; }

    /// <summary>What was measured on which pixels.</summary>
    public IReadOnlyList<MeasuredPart> MeasuredOn { get; init; } = [];

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

    /// <summary>Clutter laws fitted to the intensity, best first; empty where too few pixels are positive.</summary>
    public IReadOnlyList<ClutterFit> Clutter { get; init; } = [];

    /// <summary>
    /// Mean features of the co-occurrence matrices at distance 1 over four
    /// angles, of the amplitude over mean + 3 sigma.
    /// </summary>
    public GlcmFeatures? Texture { get; init; }

    /// <summary>
    /// Spectrum along range: of the complex pixels, or of the intensity's fluctuations; null where the image is too
    /// small, constant or full of gaps.
    /// </summary>
    public AxisSpectrum? RangeSpectrum { get; init; }

    /// <summary>Spectrum along azimuth.</summary>
    public AxisSpectrum? AzimuthSpectrum { get; init; }

    /// <summary>Circularity of complex pixels; null for detected ones.</summary>
    public TestResult? Circularity { get; init; }

    /// <summary>Candidates of point targets, the strongest against their clutter.</summary>
    public IReadOnlyList<PointTarget> PointTargets { get; init; } = [];

    /// <summary>
    /// Impulse responses of these candidates in a complex image, in order; those beside pixels without data have none.
    /// </summary>
    public IReadOnlyList<PointTargetResponse> ImpulseResponses { get; init; } = [];

    /// <summary>Measures a raster of any size in bounded memory (about 200 MB beside the reader's cache).</summary>
    /// <param name="raster">The raster.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <returns>
    /// As of the whole image, but for spectra and circularity (of 16 blocks of 1024 x 1024, evenly spread) and for the
    /// windows of the ENL (where there are more than half a million, evenly spaced ones of them);
    /// <see cref="MeasuredOn"/> tells.
    /// </returns>
    /// <exception cref="RasterException">The raster cannot be read.</exception>
    /// <exception cref="ArgumentException">No pixel with data, a negative or an infinite pixel.</exception>
    public static ImageStatistics Compute(SarRaster raster, StatisticsOptions? options = null,
        Action<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(raster);
        options ??= new StatisticsOptions();
        return (long)raster.Rows * raster.Columns <= options.WholeImagePixels
            ? Compute(raster.Read(), options) with { Validity = raster.Validity }
            : new StreamedStatistics(raster, options, progress).Compute();
    }

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
        var amplitudes = Moments.Of(amplitude);
        long positive = moments.Count - moments.Zeros;
        bool isLarge = Math.Min(image.Rows, image.Columns) >= 16 && positive >= 64;
        var complex = image as ComplexImage;
        var targets = isLarge ? Statistics.PointTargets.Detect(intensity, image.Rows, image.Columns)
            .Take(options.PointTargets).ToList() : [];
        return new ImageStatistics
        {
            Rows = image.Rows,
            Columns = image.Columns,
            Pixels = image switch { ComplexImage => "complex", AmplitudeImage => "amplitude", _ => "intensity" },
            LeftOut = moments.NoData,
            MeasuredOn = [new("all but the clutter laws", $"all {moments.Count} pixels with data"),
                .. positive >= 64
                    ? [new MeasuredPart("clutter laws",
                    $"{Math.Min(positive, options.FitPixels)} of {positive} positive pixels, evenly spaced")]
                    : (MeasuredPart[])[]],
            Amplitude = amplitudes,
            Intensity = moments,
            LogCumulants = moments.Count - moments.Zeros >= 8 ? LogCumulants.Of(intensity) : null,
            Looks = LooksStatistics.Compute(intensity, image.Rows, image.Columns, options),
            AmplitudeHistogram = Histogram.Linear(amplitude, options.HistogramBins),
            Clutter = positive >= 64 ? SpeckleFit.Ranking(Thinned(intensity, options.FitPixels), options.Looks) : [],
            Texture = Glcms(amplitude, image.Rows, image.Columns, options.GlcmLevels, amplitudes),
            RangeSpectrum = isLarge ? Spectra(image, complex, intensity, ImageAxis.Range) : null,
            AzimuthSpectrum = isLarge ? Spectra(image, complex, intensity, ImageAxis.Azimuth) : null,
            Circularity = complex is not null && positive >= 8 ? Coherence.Circularity(complex.Pixels) : null,
            PointTargets = targets,
            ImpulseResponses = complex is null ? []
                : [.. targets.Select(t => ImpulseResponse.OfWhole(complex, t.Row, t.Column))
                    .OfType<PointTargetResponse>()],
        };
    }

    private static AxisSpectrum? Spectra(SarImage image, ComplexImage? complex, float[] intensity, ImageAxis axis)
    {
        try
        {
            return complex is not null ? Spectrum.Of(complex.Pixels, image.Rows, image.Columns, axis)
                : Spectrum.Of(intensity, image.Rows, image.Columns, axis);
        }
        catch (ArgumentException)
        {
            // Constant pixels, or a gap in every segment: there is no spectrum, and null says so.
            return null;
        }
    }

    private static float[] Thinned(float[] pixels, int count)
    {
        if (pixels.Length <= count)
            return pixels;
        var positive = Array.FindAll(pixels, p => p > 0);
        return positive.Length <= count ? positive
            : [.. Enumerable.Range(0, count).Select(i => positive[(int)((i + 0.5) * positive.Length / count)])];
    }

    private static GlcmFeatures? Glcms(float[] amplitude, int rows, int columns, int levels, Moments moments)
    {
        double top = moments.Mean.Value + (moments.Variance.IsDefined ? 3 * Math.Sqrt(moments.Variance.Value) : 0);
        if (!(top > 0))
            return null;
        var mask = new bool[amplitude.Length];
        var grey = Glcm.Quantise(amplitude, levels, 0, top, mask);
        var matrices = Glcm.Compute(grey, rows, columns, levels, [1.0], Glcm.FourAngles, mask: moments.NoData > 0
            ? mask : default);
        return GlcmFeatures.Average(matrices.Cast<Cooccurrence>().Select(m => m.Features()));
    }
}

/// <summary>
/// Equivalent number of looks of an image, by every method. All but the last two take the whole image as one area.
/// </summary>
/// <param name="ByMoments">mean² / variance of all pixels.</param>
/// <param name="ByLogCumulants">From the variance of ln I of all pixels.</param>
/// <param name="MaximumLikelihood">Gamma likelihood of all pixels.</param>
/// <param name="MedianOverWindows">Median of mean² / variance over windows.</param>
/// <param name="Homogeneous">Pooled over windows found homogeneous.</param>
/// <param name="HomogeneousWindows">Number of windows found homogeneous.</param>
public sealed record LooksStatistics(
    Estimate ByMoments, Estimate ByLogCumulants, Estimate MaximumLikelihood, Estimate MedianOverWindows,
        Estimate Homogeneous, int HomogeneousWindows)
{
    /// <summary>
    /// By the upper end of the windows' ENL, which texture does not reach: see <see
    /// cref="HomogeneousWindows.UpperTail"/>.
    /// </summary>
    public Estimate? UpperTail { get; init; }

    internal const int FewestPixels = 32;

    internal static LooksStatistics Undefined(long positive, long count)
    {
        var none = Estimate.Undefined($"{positive} positive pixels are too few, {FewestPixels} are needed", count,
            "ENL");
        return new LooksStatistics(none, none, none, none, none, 0);
    }

    internal static LooksStatistics Compute(ReadOnlySpan<float> intensity, int rows, int columns,
        StatisticsOptions options)
    {
        var sums = PixelSums.Of(intensity);
        if (sums.Count - sums.Zeros < FewestPixels)
            return Undefined(sums.Count - sums.Zeros, sums.Count);
        var homogeneous = Enl.Homogeneous(intensity, rows, columns, options.HomogeneousWindow);
        return new LooksStatistics(
            Enl.ByMoments(intensity), Enl.ByLogCumulants(intensity), Enl.MaximumLikelihood(intensity),
            Enl.MedianOverWindows(intensity, rows, columns, options.EnlWindow), homogeneous.Looks,
                homogeneous.Chosen.Count) { UpperTail = homogeneous.UpperTail };
    }
}
