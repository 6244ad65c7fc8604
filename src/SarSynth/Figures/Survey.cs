// Several images beside each other, one statistic at a time, in tables and charts.
using Plotly.NET;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Statistics;
using Chart = Plotly.NET.CSharp.Chart;

namespace SarSynth.Figures;

/// <summary>Named images, and their statistics beside each other.</summary>
/// <param name="images">At least one image, of 64 x 64 pixels or more.</param>
public sealed class Survey(params IReadOnlyList<(string Name, SarImage Image)> images)
{
    /// <summary>Side of the windows that clutter laws are fitted in.</summary>
    public const int LawWindow = 64;

    // Textured, but not torn by a border: plain speckle of one look has a second log-cumulant of pi²/6 = 1.64.
    private const double WantedK2 = 2.2;
    private const int TextureLevels = 32;

    private readonly Lazy<IReadOnlyList<(string Name, float[] Pixels)>> windows = new(() =>
        [.. from i in images let pixels = Textured(i.Image) where pixels is not null select (i.Name, pixels)]);

    /// <summary>The images.</summary>
    public IReadOnlyList<(string Name, SarImage Image)> Images { get; } = images;

    /// <summary>The images as pictures.</summary>
    public ImagePanel Panel() => Images.Aggregate(new ImagePanel(pictureSize: 240),
        (panel, i) => panel.Add(i.Name, i.Image, $"{i.Image.Rows} x {i.Image.Columns}"));

    /// <summary>Mean, coefficient of variation and equivalent number of looks.</summary>
    public ReportTable Looks()
    {
        var table = new ReportTable("Moments and equivalent number of looks", "image",
            new("mean amplitude"), new("std / mean"), new("ENL, whole image"),
            new("ENL, median of windows"), new("ENL, homogeneous"), new("windows", "", Best.None, "F0"));
        foreach (var (name, image) in Images)
        {
            var intensity = image.ToIntensity().Pixels;
            var homogeneous = Enl.Homogeneous(intensity, image.Rows, image.Columns);
            var amplitude = Moments.Of(image.ToAmplitude().Pixels);
            table.Row(name, amplitude.Mean.Value, amplitude.CoefficientOfVariation.Value,
                Enl.MaximumLikelihood(intensity).Value,
                Enl.MedianOverWindows(intensity, image.Rows, image.Columns).Value,
                homogeneous.Looks.Value, homogeneous.Chosen.Count);
        }
        return table;
    }

    /// <summary>
    /// Clutter laws fitted to one textured window of each image (that whose second log-cumulant is nearest to 2.2), the
    /// four best by the Bayesian information criterion.
    /// </summary>
    public ReportTable Laws()
    {
        var table = new ReportTable("Laws of one textured window, best first", "image and law",
            new("BIC over the best"), new("Kolmogorov-Smirnov"), new("Anderson-Darling"));
        foreach (var (name, pixels) in windows.Value)
        {
            var ranking = SpeckleFit.Ranking(pixels);
            foreach (var fit in ranking.Take(4))
                table.Row($"{name}: {fit.Family}", fit.Bic - ranking[0].Bic,
                    fit.Goodness?.KolmogorovSmirnov.Statistic.Value, fit.Goodness?.AndersonDarling.Statistic.Value);
        }
        return table;
    }

    /// <summary>The intensity of the first image's textured window, and three laws fitted to it.</summary>
    /// <exception cref="InvalidOperationException">No image has a window without zeros.</exception>
    public GenericChart LawsOfTheFirst()
    {
        var (name, pixels) = FirstWindow();
        var mean = pixels.Average();
        var x = Enumerable.Range(0, 150).Select(i => 0.04 * (i + 0.5)).ToArray();
        var laws = new[] { ClutterFamily.Exponential, ClutterFamily.K, ClutterFamily.Fisher }
            .Select(family => (family, SpeckleFit.Fit(pixels, family).Law)).Where(f => f.Law is not null)
            .Select(f => Plots.Line(x, x.Select(v => f.Law!.Density(v * mean) * mean), $"{f.family}"))
            .Prepend(Plots.Histogram(pixels.Select(v => v / mean), 60, "pixels", (0, 6)));
        return Chart.Combine(laws).WithTitle($"Intensity over its mean, {name}")
            .WithXAxis("intensity / mean").WithYAxis("density");
    }

    /// <summary>The log-cumulants of the textured windows (95 % regions) among the curves of laws.</summary>
    /// <exception cref="InvalidOperationException">No image has a window without zeros.</exception>
    public GenericChart LogCumulantDiagram()
    {
        FirstWindow();
        var curves = new[] { ClutterFamily.Gamma, ClutterFamily.LogNormal, ClutterFamily.Weibull }
            .Select(f => (Name: $"{f}", Points: Radar.Statistics.LogCumulantDiagram.Curve(f, 4)))
            .Append((Name: "K, one look", Points: Radar.Statistics.LogCumulantDiagram.Curve(ClutterFamily.K, 4, 1)))
            .Select(c => Plots.Line(c.Points.Select(p => p.K2), c.Points.Select(p => p.K3), c.Name, LineStyle.Dash));
        var ellipses = windows.Value
            .Select(w => (w.Name, Points: Radar.Statistics.LogCumulantDiagram.Ellipse(LogCumulants.Of(w.Pixels))))
            .Select(e => Plots.Line(e.Points.Select(p => p.K2), e.Points.Select(p => p.K3), e.Name));
        return Chart.Combine([.. curves, .. ellipses]).WithTitle("Log-cumulants")
            .WithXAxis("second", range: (0.5, 4)).WithYAxis("third", range: (-8, 1));
    }

    /// <summary>
    /// Distances of the first image's amplitudes over their mean to those of the others, and of its left half to its
    /// right half: what the ground alone makes.
    /// </summary>
    public ReportTable Distances()
    {
        var table = new ReportTable("Distances of amplitude over its mean", "pair",
            new("Kullback-Leibler", "nat"), new("Jensen-Shannon", "nat"), new("Hellinger"),
            new("Wasserstein-1"), new("Kolmogorov-Smirnov"), new("MMD²"));
        var (title, first) = Images[0];
        var half = new RasterWindow(0, 0, first.Rows, first.Columns / 2);
        var right = half with { Column = first.Columns - half.Columns };
        Row($"{title}, left - right", first.Crop(half), first.Crop(right));
        foreach (var (name, image) in Images.Skip(1))
            Row($"{title} - {name}", first, image);
        return table;

        void Row(string name, SarImage a, SarImage b)
        {
            var (p, q) = (OverMean(a), OverMean(b));
            table.Row(name, Distance.KullbackLeibler(p, q).Value, Distance.JensenShannon(p, q).Value,
                Distance.Hellinger(p, q).Value, Distance.Wasserstein1(p, q).Value,
                Distance.KolmogorovSmirnov(p, q).Statistic.Value, Distance.MaximumMeanDiscrepancy(p, q).Value);
        }
    }

    /// <summary>Haralick features of grey-level co-occurrence: distance 1, mean of four angles, 32 levels.</summary>
    public ReportTable Texture()
    {
        var table = new ReportTable($"Haralick features, {TextureLevels} levels", "image", new("contrast"),
            new("homogeneity"), new("correlation"), new("entropy", "nat"));
        foreach (var (name, image) in Images)
        {
            var grey = Grey(image, TextureLevels);
            var angles = Glcm.Compute(grey, image.Rows, image.Columns, TextureLevels, [1.0], Glcm.FourAngles);
            var features = GlcmFeatures.Average(angles.Cast<Cooccurrence>().Select(m => m.Features()));
            table.Row(name, features[GlcmFeature.Contrast], features[GlcmFeature.Homogeneity],
                features[GlcmFeature.Correlation], features[GlcmFeature.Entropy]);
        }
        return table;
    }

    /// <summary>Bandwidth, resolution, correlation and flatness of the spectra along both axes.</summary>
    public ReportTable Spectra()
    {
        var table = new ReportTable("Spectra", "image and axis",
            new("effective bandwidth", "of the sampling rate"), new("resolution", "pixels"),
            new("autocorrelation length", "pixels"), new("flatness"));
        foreach (var (name, image) in Images)
        {
            foreach (var axis in new[] { ImageAxis.Range, ImageAxis.Azimuth })
            {
                var s = SpectrumOf(image, axis);
                table.Row($"{name}, {axis.ToString().ToLowerInvariant()}", s.EffectiveBandwidth.Value,
                    s.EquivalentResolution.Value, s.AutocorrelationLength.Value, s.Flatness.Value);
            }
        }
        return table;
    }

    /// <summary>Power spectral densities of the complex images: of the intensity's where none is complex.</summary>
    public GenericChart SpectraOfComplexImages()
    {
        var shown = Images.Where(i => i.Image is ComplexImage).DefaultIfEmpty(Images[0]).ToArray();
        var lines = shown.SelectMany(i => new[] { ImageAxis.Range, ImageAxis.Azimuth }.Select(axis =>
        {
            var density = SpectrumOf(i.Image, axis).PowerDensity;
            return Plots.Line(Enumerable.Range(0, density.Count).Select(k => (double)k / density.Count - 0.5),
                density.Select(d => Math.Max(d, 1e-6)), $"{i.Name}, {axis.ToString().ToLowerInvariant()}");
        }));
        return Chart.Combine([.. lines]).WithTitle("Power spectral density").WithSize(600, 360)
            .WithXAxis("cycles per pixel").WithYAxis("density over its mean", AxisScale.Log);
    }

    /// <summary>Amplitude as grey levels from 0 to mu + 3 sigma, as co-occurrence takes it.</summary>
    /// <param name="image">The image.</param>
    /// <param name="levels">How many levels.</param>
    internal static byte[] Grey(SarImage image, int levels)
    {
        var amplitude = image.ToAmplitude().Pixels;
        var ceiling = new NormalisationFit().Add(amplitude).Clipped().Ceiling;
        return Glcm.Quantise(amplitude, levels, 0, ceiling, new bool[amplitude.Length]);
    }

    private static AxisSpectrum SpectrumOf(SarImage image, ImageAxis axis) => image is ComplexImage c
        ? Spectrum.Of(c.Pixels, c.Rows, c.Columns, axis)
        : Spectrum.Of(image.ToIntensity().Pixels, image.Rows, image.Columns, axis);

    private static float[] OverMean(SarImage image)
    {
        var pixels = image.ToAmplitude().Pixels.Where(float.IsFinite).ToArray();
        var mean = pixels.Average();
        return Array.ConvertAll(pixels, a => a / mean);
    }

    private static float[]? Textured(SarImage image) => RasterWindow
        .Cover(image.Rows, image.Columns, LawWindow, LawWindow)
        .Where(w => w.Rows == LawWindow && w.Columns == LawWindow)
        .Select(w => image.Crop(w).ToIntensity().Pixels).Where(pixels => pixels.All(p => p > 0))
        .MinBy(pixels => Math.Abs(LogCumulants.Of(pixels).K2.Value - WantedK2));

    private (string Name, float[] Pixels) FirstWindow() => windows.Value.Count > 0 ? windows.Value[0]
        : throw new InvalidOperationException($"no image has a window of {LawWindow} x {LawWindow} pixels above 0.");
}
