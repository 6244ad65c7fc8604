// sarsynth stats FILE: the SAR statistics of an image.
using System.CommandLine;
using System.Globalization;
using SarSynth.Data;
using SarSynth.Radar.Statistics;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class StatsCommand
{
    private const int ShownLaws = 3;

    // The usual of the nineteen; --json has all.
    private static readonly GlcmFeature[] shownFeatures =
    [
        GlcmFeature.Contrast, GlcmFeature.Dissimilarity, GlcmFeature.Homogeneity, GlcmFeature.Energy,
        GlcmFeature.Correlation, GlcmFeature.Entropy,
    ];

    public static Command Create()
    {
        var command = new Command("stats",
            "Statistics of a raster of any size: moments, ENL, clutter laws, texture, spectra, targets.")
        {
            RasterInput.File, CommonOptions.Json,
        };
        RasterInput.AddTo(command);
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(RasterInput.File);
            using var raster = RasterInput.Open(path, RasterInput.Options(parsed));
            ImageStatistics statistics;
            using (var progress = Progress.Begin($"statistics of {Path.GetFileName(path)}"))
            {
                statistics = ImageStatistics.Compute(raster, progress: share => progress.At(share));
                progress.At(1);
            }
            if (parsed.GetValue(CommonOptions.Json))
                Terminal.Line(KitJson.Serialize(statistics));
            else
                Print(path, statistics, raster.Metadata.SlantRange == true);
        });
        return command;
    }

    private static void Print(string path, ImageStatistics s, bool slant)
    {
        Terminal.Line($"{path}  {s.Rows} x {s.Columns}, {s.Pixels}");
        var table = Terminal.Table("statistic", "estimate", "how");
        void Add(string name, string value, string how) =>
            table.AddRow(Markup.Escape(name), Markup.Escape(value), Markup.Escape(how));
        void Row(string name, Estimate e) => Add(name, Short(e), e.Reason ?? e.Method);
        void Head(string name) => table.AddRow($"[bold]{name}[/]", "", "");
        Head("moments");
        Row("mean amplitude", s.Amplitude.Mean);
        Row("mean intensity", s.Intensity.Mean);
        Row("amplitude std / mean", s.Amplitude.CoefficientOfVariation);
        Add("intensity skewness", Number(s.Intensity.Skewness), "excess kurtosis "
            + Number(s.Intensity.ExcessKurtosis));
        if (s.LogCumulants is { } cumulants)
        {
            Row("kappa 2 of ln intensity", cumulants.K2);
            Row("kappa 3 of ln intensity", cumulants.K3);
        }
        Head("looks");
        Row("ENL, whole image", s.Looks.ByMoments);
        Row("ENL, log-cumulants", s.Looks.ByLogCumulants);
        Row("ENL, median of windows", s.Looks.MedianOverWindows);
        Row("ENL, homogeneous", s.Looks.Homogeneous);
        if (s.Looks.UpperTail is { } tail)
            Row("ENL, upper end", tail);
        Head("clutter laws");
        if (s.Clutter.Count == 0)
            Add("", "none", "too few positive pixels");
        foreach (var (i, fit) in s.Clutter.Where(f => f.Law is not null).Take(ShownLaws).Index())
        {
            Add($"{i + 1}. {fit.Family}", string.Join(", ",
                fit.Parameters.Select(p => $"{p.Name} {Number(p.Estimate.Value)}")),
                $"AIC {(i == 0 ? Number(fit.Aic) : "+" + Number(fit.Aic - s.Clutter[0].Aic))}");
        }
        Head("texture");
        if (s.Texture is { } texture)
        {
            foreach (var feature in shownFeatures)
                Add($"GLCM {feature.ToString().ToLowerInvariant()}", Number(texture[feature]),
                    "distance 1, four angles");
        }
        else
            Add("", "none", "no amplitude above 0");
        Head("spectra");
        Spectrum(slant ? "range" : "along columns", s.RangeSpectrum);
        Spectrum(slant ? "azimuth" : "along rows", s.AzimuthSpectrum);
        if (s.Circularity is { } circularity)
            Add("circularity", Short(circularity.Statistic), "p " + Number(circularity.PValue));
        Head("point targets");
        if (s.PointTargets.Count == 0)
            Add("", "none", "no pixel stands out of its clutter");
        foreach (var (i, target) in s.PointTargets.Index())
        {
            Add($"row {target.Row}, column {target.Column}",
                Decibels(target.SignalToClutter), "over its clutter" + Response(s, i, slant));
        }
        Add("left out", $"{s.LeftOut} of {s.LeftOut + s.Amplitude.Count} pixels", $"no data: {s.Validity}");
        Terminal.Out.Write(table);
        foreach (var part in s.MeasuredOn)
            Terminal.Line($"  {part.What}: {part.On}");
        PrintHistogram(s.AmplitudeHistogram);

        void Spectrum(string axis, AxisSpectrum? spectrum)
        {
            if (spectrum is null)
            {
                Add(axis, "none", "too small, constant or full of gaps");
                return;
            }
            Row($"{axis}: bandwidth", spectrum.EffectiveBandwidth);
            Row($"{axis}: correlation", spectrum.AutocorrelationLength);
        }
    }

    // The answers of a complex image lie in the order of its targets where all have one.
    private static string Response(ImageStatistics s, int target, bool slant) =>
        s.ImpulseResponses.Count == s.PointTargets.Count && s.ImpulseResponses[target] is { } r
            ? $"; width {(slant ? "range" : "columns")} {Number(r.Range.Width.Value)}, {(slant ? "azimuth" : "rows")} "
                + $"{Number(r.Azimuth.Width.Value)} pixels"
            : "";

    // Value and error; the interval is in the JSON.
    private static string Short(Estimate e) => !e.IsDefined ? "undefined"
        : double.IsNaN(e.StandardError) ? Number(e.Value)
            : $"{Number(e.Value)} ± {e.StandardError.ToString("G2", CultureInfo.InvariantCulture)}";

    private static string Number(double value) =>
        double.IsNaN(value) ? "undefined" : value.ToString("G5", CultureInfo.InvariantCulture);

    private static string Decibels(double ratio) =>
        (10 * Math.Log10(ratio)).ToString("F1", CultureInfo.InvariantCulture) + " dB";

    /// <summary>A histogram of 64 columns in eighths of a character.</summary>
    private static void PrintHistogram(Histogram histogram)
    {
        const string Blocks = " ▁▂▃▄▅▆▇█";
        var per = Math.Max(1, histogram.Counts.Count / 64);
        var columns = histogram.Counts.Chunk(per).Select(c => (double)c.Sum()).ToArray();
        var highest = Math.Max(columns.Max(), 1);
        for (var line = 4; line >= 1; line--)
        {
            Terminal.Line("  " + string.Concat(columns.Select(c =>
                Blocks[(int)Math.Clamp(8 * (5 * c / highest - line + 1), 0, 8)])).TrimEnd());
        }
        Terminal.Line($"  amplitude {Text.Number(histogram.Minimum)} ... {Text.Number(histogram.Maximum)}");
    }
}
