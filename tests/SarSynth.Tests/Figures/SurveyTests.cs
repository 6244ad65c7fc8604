// Statistics of several images side by side: laws that were drawn come out, and every table names every image.
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MathNet.Numerics;
using MathNet.Numerics.Distributions;
using SarSynth.Data;
using SarSynth.Figures;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Figures;

public sealed class SurveyTests : IDisposable
{
    private const int Side = 128;
    private static readonly AmplitudeImage speckle = Gamma(1, 1);
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-survey-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void LooksAreThoseThatWereDrawn()
    {
        var cells = Cells(new Survey(("one look", speckle), ("four looks", Gamma(2, 4))).Looks());
        // ENL of the whole image; standard error of 16,384 pixels: 1.1 % for one look, 1 % for four.
        Assert.Equal(1, Number(cells[0][3]), 0.05);
        Assert.Equal(4, Number(cells[1][3]), 0.2);
        // Rayleigh's coefficient of variation.
        Assert.Equal(Math.Sqrt(4 / Math.PI - 1), Number(cells[0][2]), 0.01);
    }

    [Fact]
    public void TheLawThatWasDrawnIsTheBest()
    {
        var cells = Cells(new Survey(("speckle", speckle), ("log-normal", LogNormals())).Laws());
        Assert.Contains(cells[0][0], new[] { "speckle: Exponential", "speckle: Gamma" });
        Assert.Equal("log-normal: LogNormal", cells[4][0]);
        Assert.All(cells, row => Assert.True(Number(row[1]) >= 0));
    }

    [Fact]
    public void EveryTableAndChartNamesTheImages()
    {
        var complex = new ComplexImage(Side, Side, [.. speckle.Pixels.Select(a => new Complex32(a, 0))]);
        var survey = new Survey(("complex", complex), ("other", Gamma(3, 4)));
        Assert.Equal("complex, other", survey.Panel().ToString());
        Assert.Equal(["complex, left - right", "complex - other"], Cells(survey.Distances()).Select(r => r[0]));
        Assert.Equal(["complex", "other"], Cells(survey.Texture()).Select(r => r[0]));
        Assert.Equal(["complex, range", "complex, azimuth", "other, range", "other, azimuth"],
            Cells(survey.Spectra()).Select(r => r[0]));
        Assert.Contains("complex, range, complex, azimuth.", survey.SpectraOfComplexImages().ToWords());
        Assert.Contains("K, one look, complex, other.", survey.LogCumulantDiagram().ToWords());
        Assert.Contains("pixels, Exponential, K, Fisher", survey.LawsOfTheFirst().ToWords());
        // The same ground differs less from itself than one look from four.
        var distances = Cells(survey.Distances()).Select(r => Number(r[1])).ToArray();
        Assert.True(distances[0] < 0.1 * distances[1], $"{distances[0]} against {distances[1]}");
    }

    [Fact]
    public void NoWindowIsToldAndNotDrawn()
    {
        var dark = new AmplitudeImage(64, 64, new float[4096]);
        Assert.Contains("64 x 64", Assert.Throws<InvalidOperationException>(
            () => new Survey(("dark", dark)).LogCumulantDiagram()).Message);
    }

    [Fact]
    public void SpeckleIsDrawnBesideItsLaw()
    {
        var traces = JsonNode.Parse(ChartJson.Write(Plots.Speckle(Gamma(4, 4), looks: 4)))!["data"]!.AsArray();
        Assert.Equal("4 looks", (string)traces[1]!["name"]!);
        double[] X(int t, string axis) => [.. traces[t]![axis]!.AsArray().Select(v => (double)v!)];
        var (x, law) = (X(1, "x"), X(1, "y"));
        // Nakagami's density: 2 L^L a^(2L - 1) exp(-L a²) / Gamma(L).
        for (var i = 0; i < x.Length; i++)
            Assert.Equal(2 * 256 * Math.Pow(x[i], 7) * Math.Exp(-4 * x[i] * x[i]) / 6, law[i], 1e-4);
        var counted = X(0, "y");
        Assert.All(law.Zip(counted), p => Assert.Equal(p.First, p.Second, 0.25));
    }

    [Fact]
    public void LossesAreReadByStage()
    {
        File.WriteAllLines(Path.Combine(folder, "losses.csv"),
            ["autoencoder,10,0.5", "autoencoder,20,0.25", "denoiser,10,1"]);
        Assert.Contains("autoencoder, denoiser.", Plots.Losses(folder).ToWords());
        File.AppendAllText(Path.Combine(folder, "losses.csv"), "denoiser,x,1\n");
        Assert.Contains("losses.csv, line 4: found 'denoiser,x,1'",
            Assert.Throws<InvalidDataException>(() => Plots.Losses(folder)).Message);
        File.Delete(Path.Combine(folder, "losses.csv"));
        Assert.Throws<FileNotFoundException>(() => Plots.Losses(folder));
        Assert.Contains("control", Plots.Losses("sarsynth-small").ToWords());
    }

    [Fact]
    public void TheMiddleOfARasterIsItsMiddle()
    {
        using var raster = SarRaster.Open(EmbeddedData.SatelliteFile);
        Assert.Equal(new RasterWindow((raster.Rows - 64) / 2, (raster.Columns - 64) / 2, 64, 64),
            Doors.Middle(raster, 64));
        Assert.Equal(new RasterWindow(0, 0, raster.Rows, raster.Columns), Doors.Middle(raster, 1 << 20));
    }

    private static AmplitudeImage Gamma(int seed, double looks)
    {
        var law = new Gamma(looks, looks, new Random(seed));
        return new(Side, Side, [.. Enumerable.Range(0, Side * Side).Select(_ => (float)Math.Sqrt(law.Sample()))]);
    }

    private static AmplitudeImage LogNormals()
    {
        var law = new LogNormal(0, 1, new Random(5));
        return new(Side, Side, [.. Enumerable.Range(0, Side * Side).Select(_ => (float)Math.Sqrt(law.Sample()))]);
    }

    private static string[][] Cells(ReportTable table) => [.. Regex.Matches(table.ToHtml(), "<tr>(.*?)</tr>").Skip(1)
        .Select(row => Regex.Matches(row.Groups[1].Value, "<t[hd][^>]*>(.*?)</t[hd]>")
            .Select(c => Regex.Replace(c.Groups[1].Value, "<[^>]+>", "")).ToArray())];

    private static double Number(string cell) =>
        double.Parse(cell.Replace('\u2212', '-'), CultureInfo.InvariantCulture);
}
