// The statistics of a raster of any size in bounded memory: two passes over all pixels, then some
// blocks for what needs neighbours.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Statistics;

/// <summary>One run over a raster.</summary>
internal sealed class StreamedStatistics
{
    // Pixels of a band of whole lines; windows of ENL that are kept; side and number of the
    // blocks whose spectra are taken.
    private const int BandPixels = 1 << 21, MostWindows = 1 << 18, BlockSide = 1024, Blocks = 16;

    // Reach of the detector of point targets: half its window and half its guard.
    private const int TargetReach = 15 + 5;

    private readonly SarRaster raster;
    private readonly StatisticsOptions options;
    private readonly Action<double>? progress;
    private readonly int rows, columns, bandRows;
    private readonly List<MeasuredPart> measuredOn = [];

    public StreamedStatistics(SarRaster raster, StatisticsOptions options, Action<double>? progress)
    {
        (this.raster, this.options, this.progress) = (raster, options, progress);
        (rows, columns) = (raster.Rows, raster.Columns);
        bandRows = Math.Clamp(BandPixels / columns, 1, rows);
    }

    public ImageStatistics Compute()
    {
        var census = new PixelCensus();
        int window = options.HomogeneousWindow == 0 ? Enl.WindowFor(rows, columns)
            : Enl.RequireWindow(options.HomogeneousWindow);
        var homogeneous = new EnlWindowGrid(rows, columns, window, MostWindows);
        var median = new EnlWindowGrid(rows, columns, options.EnlWindow, MostWindows);
        float[] intensity = new float[bandRows * columns], amplitude = new float[intensity.Length];
        foreach (var band in Bands(0))
        {
            int count = band.Rows * columns;
            raster.ReadIntensity(band, intensity, amplitude);
            census.Add(intensity.AsSpan(0, count), amplitude.AsSpan(0, count));
            homogeneous.Add(intensity.AsSpan(0, count));
            median.Add(intensity.AsSpan(0, count));
        }
        var sums = census.Intensity();
        var (intensities, amplitudes) = (census.IntensityMoments(), census.AmplitudeMoments());
        long positive = sums.Count - sums.Zeros;
        measuredOn.Add(new("moments, log-cumulants, ENL of all pixels, histogram, co-occurrence, point targets",
            $"all {sums.Count} pixels with data"));
        var looks = Looks(census, sums, positive, homogeneous, median, window);

        var second = new SecondPass(this, amplitudes, positive);
        second.Run(intensity, amplitude);
        (intensity, amplitude) = ([], []);

        bool isLarge = Math.Min(rows, columns) >= 16 && positive >= 64;
        var (range, azimuth, circularity) = isLarge ? Spectra() : (null, null, null);
        var clutter = positive >= 64 ? SpeckleFit.Ranking(second.Sample, options.Looks) : [];
        if (clutter.Count > 0)
            measuredOn.Add(new("clutter laws", $"{second.Sample.Length} of {positive} positive pixels, evenly spaced"));
        return new ImageStatistics
        {
            Rows = rows,
            Columns = columns,
            Pixels = raster.Kind switch { PixelKind.Complex => "complex", PixelKind.Amplitude => "amplitude", _ =>
                "intensity" },
            Validity = raster.Validity,
            LeftOut = sums.NoData,
            MeasuredOn = measuredOn,
            Amplitude = amplitudes,
            Intensity = intensities,
            LogCumulants = census.LogCumulants(),
            Looks = looks,
            AmplitudeHistogram = second.Histogram.ToHistogram(),
            Clutter = clutter,
            Texture = second.Texture(),
            RangeSpectrum = range,
            AzimuthSpectrum = azimuth,
            Circularity = circularity,
            PointTargets = isLarge ? second.Targets : [],
            ImpulseResponses = isLarge && raster.Kind == PixelKind.Complex
                ? [.. second.Targets.Select(Response).OfType<PointTargetResponse>()] : [],
        };
    }

    private IEnumerable<RasterWindow> Bands(double done)
    {
        foreach (var band in RasterWindow.Cover(rows, columns, bandRows, columns))
        {
            yield return band;
            progress?.Invoke(done + 0.5 * (band.Row + band.Rows) / rows);
        }
    }

    private LooksStatistics Looks(PixelCensus census, PixelSums sums, long positive, EnlWindowGrid homogeneous,
        EnlWindowGrid median, int window)
    {
        if (positive < LooksStatistics.FewestPixels)
            return LooksStatistics.Undefined(positive, sums.Count);
        var pooled = Enl.Homogeneous(homogeneous.Facts, window);
        measuredOn.Add(new("ENL of homogeneous windows", Share(homogeneous, window)));
        measuredOn.Add(new("median ENL of windows", Share(median, options.EnlWindow)));
        var all = Enl.ByMoments(sums, census.IntensityVariance());
        return new LooksStatistics(all, Enl.ByLogCumulants(census.LogCumulants()!),
            Enl.MaximumLikelihood(census.LikelihoodGap(), positive),
            Enl.MedianOverWindows(median.Facts, options.EnlWindow), pooled.Looks,
                pooled.Chosen.Count) { UpperTail = pooled.UpperTail };
    }

    private static string Share(EnlWindowGrid grid, int window) => grid.Facts.Count == grid.Total
        ? $"all {grid.Total} windows of {window} x {window}"
            : $"{grid.Facts.Count} of {grid.Total} windows of {window} x {window}, evenly spaced";

    private PointTargetResponse? Response(PointTarget target)
    {
        // More than the chip, so that its place in the image decides where it is cut.
        var chip = new RasterWindow(target.Row, target.Column, 1, 1).Grown(80, rows, columns);
        var image = (ComplexImage)raster.Read(chip);
        return ImpulseResponse.OfWhole(image, target.Row - chip.Row, target.Column - chip.Column)?.Moved(chip.Row,
            chip.Column);
    }

    private (AxisSpectrum? Range, AxisSpectrum? Azimuth, TestResult? Circularity) Spectra()
    {
        int down = Math.Clamp(rows / BlockSide, 1, 4), across = Math.Clamp(columns / BlockSide, 1, Blocks / down);
        down = Math.Clamp(rows / BlockSide, 1, Blocks / across);
        int height = Math.Min(rows, BlockSide), width = Math.Min(columns, BlockSide), each = Blocks / (down * across);
        var circularity = new CircularitySums();
        List<double[]> ranges = [], azimuths = [];
        List<long> rangeSegments = [], azimuthSegments = [];
        for (int block = 0; block < down * across; block++)
        {
            // In the middle of equal parts of the raster.
            int row = (int)((rows - height) * (2L * (block / across) + 1) / (2 * down)),
                column = (int)((columns - width) * (2L * (block % across) + 1) / (2 * across));
            var pixels = BlockPixels(new RasterWindow(row, column, height, width));
            if (raster.Kind == PixelKind.Complex)
                circularity.Add(pixels);
            Take(Spectrum.Densities(pixels, width, ImageAxis.Range, width, height, Math.Min(Spectrum.Segment, width),
                each), ranges, rangeSegments);
            Take(Spectrum.Densities(pixels, width, ImageAxis.Azimuth, height, width, Math.Min(Spectrum.Segment, height),
                each), azimuths, azimuthSegments);
        }
        string where = down * across == 1 ? "all pixels"
            : $"{down * across} blocks of {height} x {width}, evenly spread";
        measuredOn.Add(new(raster.Kind == PixelKind.Complex ? "spectra, circularity" : "spectra", where));
        string errors = down * across == 1 ? "jackknife over lines" : "jackknife over blocks";
        return (Summary(ranges, rangeSegments, ImageAxis.Range, errors),
            Summary(azimuths, azimuthSegments, ImageAxis.Azimuth, errors),
            raster.Kind == PixelKind.Complex ? circularity.Test(1) : null);

        static void Take((double[][] Groups, long[] Segments) found, List<double[]> groups, List<long> segments)
        {
            groups.AddRange(found.Groups);
            segments.AddRange(found.Segments);
        }

        // Constant pixels, or a gap in every segment: there is no spectrum, and null says so.
        static AxisSpectrum? Summary(List<double[]> groups, List<long> segments, ImageAxis axis, string errors) =>
            segments.Sum() > 0 ? Spectrum.Summary(groups, segments, axis, errors) : null;
    }

    // Complex pixels, or the fluctuations of the intensity around its mean.
    private Complex32[] BlockPixels(RasterWindow window)
    {
        if (raster.Kind == PixelKind.Complex)
            return ((ComplexImage)raster.Read(window)).Pixels;
        var intensity = new float[window.Rows * window.Columns];
        raster.ReadIntensity(window, intensity);
        double mean = PixelSums.Of(intensity).Mean;
        return Array.ConvertAll(intensity, value => new Complex32((float)(value - mean), 0));
    }

    /// <summary>What needs the moments first: histogram, grey levels, an even sample, targets.</summary>
    private sealed class SecondPass(StreamedStatistics run, Moments amplitudes, long positive)
    {
        private readonly double top = amplitudes.Mean.Value
            + (amplitudes.Variance.IsDefined ? 3 * Math.Sqrt(amplitudes.Variance.Value) : 0);
        private readonly bool hasGaps = amplitudes.NoData > 0;
        private readonly bool hasTargets = Math.Min(run.rows, run.columns) >= 16 && positive >= 64;
        private readonly Cooccurrence?[] matrices = new Cooccurrence?[Glcm.FourAngles.Count];
        private readonly long sampleSize = Math.Min(positive, run.options.FitPixels);
        private List<PointTarget> targets = [];
        private float[] large = [], small = [];
        private long seen;
        private int sampled;

        public HistogramCounter Histogram { get; } = Statistics.Histogram.CounterFor(run.options.HistogramBins,
            amplitudes.Minimum, amplitudes.Maximum);

        public float[] Sample { get; } = new float[Math.Min(positive, run.options.FitPixels)];

        public IReadOnlyList<PointTarget> Targets => targets;

        public GlcmFeatures? Texture() => matrices[0] is null ? null
            : GlcmFeatures.Average(matrices.Select(m => m!.Features()));

        public void Run(float[] intensity, float[] amplitude)
        {
            int columns = run.columns;
            // A line before the band for pairs across its edge; lines before and after it
            // for the targets' surroundings.
            var grey = new byte[intensity.Length + columns];
            var mask = hasGaps ? new bool[grey.Length] : [];
            var around = hasTargets ? new float[intensity.Length + 2 * TargetReach * columns] : [];
            (large, small) = (new float[around.Length], new float[around.Length]);
            int held = 0;
            foreach (var band in run.Bands(0.5))
            {
                int count = band.Rows * columns;
                run.raster.ReadIntensity(band, intensity, amplitude);
                Histogram.Add(amplitude.AsSpan(0, count));
                TakeSample(intensity.AsSpan(0, count));
                if (top > 0)
                    CountPairs(amplitude.AsSpan(0, count), grey, mask, band);
                if (!hasTargets)
                    continue;
                intensity.AsSpan(0, count).CopyTo(around.AsSpan(held * columns));
                held += band.Rows;
                bool isLast = band.Row + band.Rows == run.rows;
                int firstRow = band.Row + band.Rows - held;
                Detect(around.AsSpan(0, held * columns), held, firstRow, isLast);
                int keep = Math.Min(held, 2 * TargetReach);
                around.AsSpan((held - keep) * columns, keep * columns).CopyTo(around);
                held = keep;
            }
        }

        private void TakeSample(ReadOnlySpan<float> pixels)
        {
            foreach (float value in pixels)
            {
                if (!(value > 0))
                    continue;
                if (sampled < sampleSize && seen == (long)((sampled + 0.5) * positive / sampleSize))
                    Sample[sampled++] = value;
                seen++;
            }
        }

        private void CountPairs(ReadOnlySpan<float> pixels, byte[] grey, bool[] mask, RasterWindow band)
        {
            int columns = run.columns, levels = run.options.GlcmLevels, length = pixels.Length + columns;
            var gaps = hasGaps ? mask.AsSpan(columns, pixels.Length) : default;
            Glcm.Quantise(pixels, levels, 0, top, grey.AsSpan(columns), gaps);
            Add(0, Glcm.Compute(grey.AsSpan(columns, pixels.Length), band.Rows, columns, levels, 1, Glcm.FourAngles[0],
                mask: gaps));
            int start = band.Row == 0 ? columns : 0;
            for (int angle = 1; angle < matrices.Length; angle++)
            {
                Add(angle, Glcm.Compute(grey.AsSpan(start, length - start), (length - start) / columns, columns, levels,
                    1, Glcm.FourAngles[angle],
                    mask: hasGaps ? mask.AsSpan(start, length - start) : default));
            }
            grey.AsSpan(length - columns, columns).CopyTo(grey);
            if (hasGaps)
                mask.AsSpan(length - columns, columns).CopyTo(mask);

            void Add(int angle, Cooccurrence pairs) => matrices[angle] = matrices[angle]?.Plus(pairs) ?? pairs;
        }

        // Lines near the edges of what is held wait for their neighbours, save at the borders of the raster.
        private void Detect(ReadOnlySpan<float> pixels, int held, int firstRow, bool isLast)
        {
            if (held < Math.Min(run.rows, 2 * TargetReach + 1))
                return;
            int from = firstRow == 0 ? 0 : TargetReach, to = isLast ? held : held - TargetReach;
            targets = [.. PointTargets.Detect(pixels, held, run.columns, large, small)
                .Where(target => target.Row >= from && target.Row < to)
                .Select(target => target with { Row = target.Row + firstRow })
                .Concat(targets)
                .OrderByDescending(target => target.SignalToClutter).Take(run.options.PointTargets)];
        }
    }
}
