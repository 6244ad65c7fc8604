// The unit of the intensity does not matter over 40 decades: f(c I) = c f(I) for every filter, and estimates follow a
// power of c. All public functions of pixels are found by reflection: a new one fails here until it is listed.
using System.Reflection;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;
using Complex32 = MathNet.Numerics.Complex32;

namespace SarSynth.Radar.Tests;

public sealed class ScaleTests
{
    private const int Rows = 64, Columns = 72;

    /// <summary>
    /// c from 1e-20 to 1e20 by decades, and powers of four, whose amplitude is scaled without rounding.
    /// </summary>
    private static readonly double[] Scales =
        [.. Enumerable.Range(-20, 41).Select(k => Math.Pow(10, k)), .. ((int[])[-66, -40, 40, 66])
            .Select(k => Math.Pow(2, k))];

    // Two looks over three grounds, some bright points, and with gaps and zeros.
    private static readonly float[] Whole = Scene(7, gaps: false), Other = Scene(8, gaps: false),
        Gappy = Scene(9, gaps: true);

    private static readonly Complex32[] Samples = ComplexScene(10), OtherSamples = ComplexScene(11);

    private static readonly SpectralCrop Crop = new() { RowFactor = 2, ColumnFactor = 2, RowBandwidth = 0.8,
        ColumnBandwidth = 0.8 };

    public static TheoryData<string> Filters => [.. typeof(SpeckleFilter).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(SpeckleFilter)) && !type.IsAbstract).Select(type => type.Name)
            .Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Filters))]
    public void AFilterScalesItsImage(string name)
    {
        var type = typeof(SpeckleFilter).Assembly.GetTypes().Single(t => t.Name == name);
        var constructor = type.GetConstructors()
            .Single(c => c.GetParameters() is [var first, ..] && first.ParameterType != type);
        var filter = (SpeckleFilter)constructor.Invoke([.. constructor.GetParameters().Select(p => p.DefaultValue)]);
        // Logarithms of single precision tell powers of two apart in their last digits; the others do not.
        var isExact = filter is not NonLocalFilter;
        foreach (var (kind, pixels) in (Dictionary<string, float[]>)new() { ["whole"] = Whole,
            ["with gaps and zeros"] = Gappy })
        {
            var expected = filter.Apply(new IntensityImage(Rows, Columns, pixels)).Pixels;
            foreach (var c in Scales)
            {
                var found = filter.Apply(new IntensityImage(Rows, Columns, Scaled(pixels, c))).Pixels;
                var tolerance = isExact && Math.Log2(c) % 1 == 0 ? 0 : 1e-3;
                for (var i = 0; i < found.Length; i++)
                {
                    Assert.True(Same(found[i], expected[i] * c, tolerance, float.Epsilon),
                        $"{name}, {kind}, c = {c:G3}, pixel {i}: {found[i] / c:G9} for {expected[i]:G9}");
                }
            }
        }
    }

    /// <summary>Every public function of pixels: what it gives for the test scene in units of c.</summary>
    private static readonly Dictionary<string, Func<double, object?>> Estimators = new()
    {
        ["Coherence.Circularity(Complex32[])"] = c => Coherence.Circularity(Scaled(Samples, c)),
        ["Coherence.Map(Complex32[], Complex32[])"] = c =>
            Coherence.Map(Scaled(Samples, c), Scaled(OtherSamples, c), Rows, Columns, 5),
        ["Coherence.Of(Complex32[], Complex32[])"] = 
            c => Coherence.Of(Scaled(Samples, c), Scaled(Samples.Zip(OtherSamples, (a, b) => a + b).ToArray(), c)),
        ["Displacement.Local(Single[], Single[])"] = c => Displacement.Local(Scaled(Whole, c), Whole, Rows, Columns,
            [new(12, 10, 40, 44)]),
        ["Distance.Hellinger(Single[], Single[])"] = c => Distance.Hellinger(Scaled(Whole, c), Scaled(Other, c)),
        ["Distance.JensenShannon(Single[], Single[])"] = c =>
            Distance.JensenShannon(Scaled(Whole, c), Scaled(Other, c)),
        ["Distance.KolmogorovSmirnov(Single[], Single[])"] = c =>
            Distance.KolmogorovSmirnov(Scaled(Whole, c), Scaled(Other, c)),
        ["Distance.KullbackLeibler(Single[], Single[])"] = c =>
            Distance.KullbackLeibler(Scaled(Whole, c), Scaled(Other, c)),
        ["Distance.MaximumMeanDiscrepancy(Single[], Single[])"] = c =>
            Distance.MaximumMeanDiscrepancy(Scaled(Whole, c), Scaled(Other, c)),
        ["Distance.Wasserstein1(Single[], Single[])"] = c => Distance.Wasserstein1(Scaled(Whole, c), Scaled(Other, c)),
        ["Enl.ByLogCumulants(Single[])"] = c => Enl.ByLogCumulants(Scaled(Whole, c)),
        ["Enl.ByMoments(Single[])"] = c => Enl.ByMoments(Scaled(Whole, c)),
        ["Enl.Homogeneous(Single[])"] = c => Enl.Homogeneous(Scaled(Whole, c), Rows, Columns),
        ["Enl.Map(Single[])"] = c => Enl.Map(Scaled(Gappy, c), Rows, Columns),
        ["Enl.MaximumLikelihood(Single[])"] = c => Enl.MaximumLikelihood(Scaled(Whole, c)),
        ["Enl.MedianOverWindows(Single[])"] = c => Enl.MedianOverWindows(Scaled(Whole, c), Rows, Columns, 8),
        ["Glcm.Quantise(Single[])"] = c => Glcm.Quantise(Scaled(Whole, c), 32, 0, 6 * c),
        ["GoodnessOfFit.Of(Single[])"] = c =>
            GoodnessOfFit.Of(Scaled(Whole, c), SpeckleFit.Fit(Scaled(Whole, c), ClutterFamily.Gamma).Law!),
        ["Histogram.Linear(Single[])"] = c =>
            (Histogram.Linear(Scaled(Whole, c)), Histogram.Linear(Scaled(Whole, c), 64, 0, 5 * c)),
        ["Histogram.Logarithmic(Single[])"] = c => Histogram.Logarithmic(Scaled(Whole, c), 64, 0.01 * c, 10 * c),
        ["ImageStatistics.Compute(SarImage)"] = c =>
            (ImageStatistics.Compute(new ComplexImage(Rows, Columns, Scaled(Samples, c))),
            ImageStatistics.Compute(new IntensityImage(Rows, Columns, Scaled(Gappy, c))),
            Streamed(new ComplexImage(Rows, Columns, Scaled(Samples, c)))),
        ["ImpulseResponse.Of(Complex32[])"] = c => ImpulseResponse.Of(Scaled(Samples, c), Rows, Columns, 32, 36, 32),
        ["ImpulseResponse.OfLine(Complex32[])"] = c =>
            ImpulseResponse.OfLine(Scaled(Samples, c).AsSpan(32 * Columns, Columns)),
        ["Lattice.ByPhase(Single[])"] = c => Lattice.ByPhase(Scaled(Gappy, c), Rows, Columns),
        ["Lattice.Spike(Single[])"] = c => Lattice.Spike(Scaled(Whole, c), Rows, Columns, ImageAxis.Range, 4, 4),
        ["LocalStatistics.Mean(Single[])"] = c => LocalStatistics.Mean(Scaled(Gappy, c), Rows, Columns, 5),
        ["LocalStatistics.MeanAndVariance(Single[])"] = c =>
            LocalStatistics.MeanAndVariance(Scaled(Gappy, c), Rows, Columns, 5),
        ["LogCumulants.Of(Single[])"] = c => LogCumulants.Of(Scaled(Gappy, c)),
        ["Moments.Of(Single[])"] = c => Moments.Of(Scaled(Gappy, c)),
        ["Multilook.Apply(SarImage)"] = c => Multilook.Apply(new ComplexImage(Rows, Columns, Scaled(Samples, c)), 3, 2),
        ["Multilook.PredictEnl(ComplexImage)"] = c =>
            Multilook.PredictEnl(new ComplexImage(Rows, Columns, Scaled(Samples, c)), 3, 2),
        ["NormalisationFit.Add(Single[])"] = 
            c => (new NormalisationFit().Add(Scaled(Whole, c)).Clipped(), new NormalisationFit(1e-3 * c)
                .Add(Scaled(Whole, c)).Log()),
        ["PointTargets.Detect(Single[])"] = c => PointTargets.Detect(Scaled(Whole, c), Rows, Columns, 15, 5, 1e-4),
        ["RadialSpectrum.Of(Single[])"] = c => RadialSpectrum.Of(Scaled(Whole, c), Rows, Columns, 8),
        ["RatioEdges.Detect(Single[])"] = c =>
            RatioEdges.Detect(Scaled(Gappy, c), Rows, Columns, 0.02).Select(edge => edge ? 1f : 0f).ToArray(),
        ["RatioEdges.Strength(Single[])"] = c => RatioEdges.Strength(Scaled(Gappy, c), Rows, Columns).Strength,
        ["ResolutionChange.Apply(ComplexImage)"] = c =>
            ResolutionChange.Apply(new ComplexImage(Rows, Columns, Scaled(Samples, c)), Crop),
        ["ResolutionChange.Centroids(ComplexImage)"] = c =>
            ResolutionChange.Centroids(new ComplexImage(Rows, Columns, Scaled(Samples, c))),
        ["SatelliteRecipe.Apply(ComplexImage)"] = c =>
            new SatelliteRecipe { RangeResolution = 3, AzimuthResolution = 3, RangeLooks = 2,
                AzimuthLooks = 2 }.Apply(new ComplexImage(Rows, Columns, Scaled(Samples, c),
                new SarMetadata { RangeSpacing = 1, AzimuthSpacing = 1 })),
        ["SpeckleFit.Best(Single[])"] = c => SpeckleFit.Best(Scaled(Whole, c)),
        ["SpeckleFit.Fit(Single[])"] = c => Enum.GetValues<ClutterFamily>()
            .Select(family => SpeckleFit.Fit(Scaled(Whole, c), family)).ToList(),
        ["SpeckleFit.Ranking(Single[])"] = c => SpeckleFit.Ranking(Scaled(Whole, c)),
        // By lines: a sample near 0 is the rounding of what cancels.
        ["SpeckleStream.Draw(IntensityImage)"] = c => SpeckleStream.Draw(
            new IntensityImage(Rows, Columns, Scaled(Whole, c)), Sensors.Named("airborne-x-040"), 5).Pixels
            .Chunk(Columns).Select(line => line.Sum(z => (double)z.MagnitudeSquared)).ToArray(),
        ["Spectrum.Of(Complex32[])"] = c => Spectrum.Of(Scaled(Samples, c), Rows, Columns, ImageAxis.Range),
        ["Spectrum.Of(Single[])"] = c => Spectrum.Of(Scaled(Whole, c), Rows, Columns, ImageAxis.Azimuth),
    };

    private const string Linear = "adds and multiplies by roots of one, with nothing squared";

    /// <summary>Functions of pixels that are not held to the rule, and why.</summary>
    private static readonly Dictionary<string, string> Exempt = new()
    {
        ["Calibration.Apply(ComplexImage)"] = "multiplies by the product's constants, with nothing squared",
        ["Calibration.Apply(SarImage)"] = "multiplies by the product's constants; noise has the unit of the product",
        ["Fourier.Forward(Complex32[])"] = Linear,
        ["Fourier.Forward2D(Complex32[])"] = Linear,
        ["Fourier.ForwardColumns(Complex32[])"] = Linear,
        ["Fourier.ForwardRows(Complex32[])"] = Linear,
        ["Fourier.Inverse(Complex32[])"] = Linear,
        ["Fourier.Inverse2D(Complex32[])"] = Linear,
        ["Fourier.InverseColumns(Complex32[])"] = Linear,
        ["Fourier.InverseRows(Complex32[])"] = Linear,
        ["HistogramCounter.Add(Single[])"] = "what Histogram counts with",
        ["Normalisation.Apply(SarImage)"] = "maps to model values by constants that have the unit of the data",
        ["Normalisation.Apply(Single[])"] = "maps to model values by constants that have the unit of the data",
        ["Normalisation.Invert(Single[])"] = "takes model values, which have no unit",
        ["ResolutionChange.CropFor(ComplexImage)"] = "looks at the image's facts only",
        ["Scene.FromMaps(Single[])"] = "takes heights in metres, no image",
        ["SpeckleFilter.Apply(IntensityImage)"] = "held for each filter",
        ["SpeckleStream.Add(Single[])"] = "what SpeckleStream.Draw adds lines with",
    };

    private static readonly string[] Rooms = ["Signal", "Radiometry", "Statistics", "Simulation"];

    private const BindingFlags Everything = BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance;

    public static TheoryData<string> Names => [.. Estimators.Keys];

    [Fact]
    public void EveryFunctionOfPixelsIsListed()
    {
        var found = typeof(SarImage).Assembly.GetExportedTypes()
            .Where(type => Rooms.Any(room => type.Namespace == "SarSynth.Radar." + room))
            .SelectMany(type => type.GetMethods(Everything | BindingFlags.DeclaredOnly)
                .Where(method => method.GetBaseDefinition() == method)
                .Select(method => (Name: $"{type.Name}.{method.Name}",
                    Pixels: method.GetParameters().Select(p => PixelsOf(p.ParameterType)).OfType<string>().ToList())))
            .Where(method => method.Pixels.Count > 0)
            .Select(method => $"{method.Name}({string.Join(", ", method.Pixels)})")
            .Distinct().Order(StringComparer.Ordinal).ToList();
        var listed = Estimators.Keys.Concat(Exempt.Keys).ToList();
        Assert.Empty(found.Except(listed));
        Assert.Empty(listed.Except(found));
    }

    [Theory, MemberData(nameof(Names))]
    public void AnEstimateFollowsOnePowerOfTheScale(string name)
    {
        var estimate = Estimators[name];
        List<(string Path, double Value)> unit = Leaves(estimate(1)), four = Leaves(estimate(4));
        Assert.True(unit.Count > 0, $"{name} gave no number");
        // What the scale does to each number is seen at c = 4, where nothing overflows; it must do the
        // same 20 decades up and down.
        var laws = unit.Zip(four, (a, b) => Law(a.Value, b.Value, $"{name}: {a.Path}")).ToList();
        foreach (var c in Scales.Where(c => Math.Log10(c) % 5 == 0 || Math.Log2(c) % 1 == 0))
        {
            var found = Leaves(estimate(c));
            Assert.Equal(unit.Select(leaf => leaf.Path), found.Select(leaf => leaf.Path));
            for (var i = 0; i < found.Count; i++)
            {
                var expected = laws[i](c);
                Assert.True(Same(found[i].Value, expected, 2e-3, expected == unit[i].Value ? Trace : 0),
                    $"{name}, c = {c:G3}, {found[i].Path}: "
                        + $"{found[i].Value:G9} for {expected:G9} ({unit[i].Value:G9} at c = 1)");
            }
        }
    }

    // a c^d with d a multiple of a half, or a + s ln c where that is what the number does (a logarithm,
    // a log-likelihood, decibels).
    private static Func<double, double> Law(double atOne, double atFour, string what)
    {
        if (Same(atOne, atFour, 2e-4, Trace))
            return _ => atOne;
        for (var twice = -8; twice <= 8; twice++)
        {
            var power = twice / 2.0;
            if (Same(atOne * Math.Pow(4, power), atFour, 2e-4, 0))
                return c => atOne * Math.Pow(c, power);
        }
        var slope = (atFour - atOne) / Math.Log(4);
        Assert.True(double.IsFinite(slope), $"{what} is {atOne:G9} at c = 1 and {atFour:G9} at c = 4");
        return c => atOne + slope * Math.Log(c);
    }

    // What rounding leaves of a phase or a share that is 0.
    private const double Trace = 1e-6;

    private static bool Same(double a, double b, double tolerance, double trace) =>
        a.Equals(b) || Math.Abs(a - b) <= trace + tolerance * Math.Max(Math.Abs(a), Math.Abs(b));

    /// <summary>Every number in a result, with its place.</summary>
    private static List<(string Path, double Value)> Leaves(object? result)
    {
        var leaves = new List<(string, double)>();
        Walk(result, "", 0);
        return leaves;

        void Walk(object? value, string path, int depth)
        {
            if (value is null or string or SarMetadata or Delegate || depth > 8)
                return;
            if (value is Enum or bool)
                leaves.Add((path, Convert.ToInt32(value)));
            else if (value is Complex32 complex)
                leaves.AddRange([(path + ".re", complex.Real), (path + ".im", complex.Imaginary)]);
            else if (value is IConvertible)
                leaves.Add((path, Convert.ToDouble(value)));
            else if (value is System.Collections.IDictionary map)
                foreach (System.Collections.DictionaryEntry entry in map)
                    Walk(entry.Value, $"{path}[{entry.Key}]", depth + 1);
            else if (value is System.Collections.IEnumerable list)
                foreach (var (item, i) in list.Cast<object?>().Select((item, i) => (item, i)))
                    Walk(item, $"{path}[{i}]", depth + 1);
            else
                foreach (var member in value.GetType().GetMembers(BindingFlags.Public | BindingFlags.Instance))
                {
                    if (member is PropertyInfo property && property.GetIndexParameters().Length == 0)
                        Walk(property.GetValue(value), $"{path}.{member.Name}", depth + 1);
                    else if (member is FieldInfo field)
                        Walk(field.GetValue(value), $"{path}.{member.Name}", depth + 1);
                }
        }
    }

    private static ImageStatistics Streamed(SarImage image)
    {
        var path = Path.Combine(Path.GetTempPath(), $"sarsynth-scale-{Guid.NewGuid():N}.tif");
        try
        {
            GeoTiff.Write(image, path);
            using var raster = SarRaster.Open(path);
            return ImageStatistics.Compute(raster, new StatisticsOptions { WholeImagePixels = 1 });
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string? PixelsOf(Type type) =>
        type == typeof(ReadOnlySpan<float>) || type == typeof(float[]) ? "Single[]"
        : type == typeof(ReadOnlySpan<Complex32>) || type == typeof(Complex32[]) ? "Complex32[]"
        : type.IsAssignableTo(typeof(SarImage)) ? type.Name : null;

    private static float[] Scaled(float[] intensity, double c) =>
        Array.ConvertAll(intensity, value => (float)(value * c));

    private static Complex32[] Scaled(Complex32[] samples, double c)
    {
        var root = Math.Sqrt(c);
        return Array.ConvertAll(samples, s => new Complex32((float)(s.Real * root), (float)(s.Imaginary * root)));
    }

    private static float[] Scene(int seed, bool gaps)
    {
        var random = new Random(seed);
        var pixels = new float[Rows * Columns];
        for (var i = 0; i < pixels.Length; i++)
        {
            var ground = i % Columns < 24 ? 0.05 : i / Columns < 32 ? 1 : 4;
            pixels[i] = (float)(-ground * Math.Log((1 - random.NextDouble()) * (1 - random.NextDouble())) / 2);
        }
        pixels[40 * Columns + 50] = 900;
        pixels[10 * Columns + 12] = 60;
        if (gaps)
        {
            for (var i = 0; i < pixels.Length; i += random.Next(1, 90))
                pixels[i] = i % 3 == 0 ? 0 : float.NaN;
            Array.Fill(pixels, float.NaN, 20 * Columns, 3 * Columns);
        }
        return pixels;
    }

    private static Complex32[] ComplexScene(int seed)
    {
        var random = new Random(seed);
        var intensity = Scene(seed, gaps: false);
        var samples = Array.ConvertAll(
            intensity, value =>
                Complex32.FromPolarCoordinates(MathF.Sqrt(value), (float)(2 * Math.PI * random.NextDouble())));
        samples[32 * Columns + 36] = new Complex32(40, 10);
        return samples;
    }
}
