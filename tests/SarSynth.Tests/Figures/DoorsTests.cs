// The verbs of a notebook: titles that need not be told, parts of all images on one ground, comparisons drawn.
using System.Buffers.Binary;
using System.Text.RegularExpressions;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using static SarSynth.Figures.Doors;

namespace SarSynth.Tests.Figures;

public class DoorsTests
{
    private static readonly string file =
        Path.Combine(EmbeddedData.Scenes, PairedDataset.Open(EmbeddedData.Scenes).Scenes[0].Airborne.Path);

    [Fact]
    public void ImagesAreCalledAsTheyAreWritten()
    {
        var scene = new PairedScene("s", Image(64, "airborne-x-040"), Image(16), []);
        var (fine, leeFiltered) = (Image(64), Image(64));
        Assert.Equal("satellite, fine, lee filtered, simulated airborne",
            Panel(scene.Satellite, fine, leeFiltered, scene.Airborne).ToString());
        var scenes = new[] { new PairedScene("measured", Image(64, "F-SAR"), Image(16), []) };
        Assert.Equal("satellite, airborne", Panel(scenes[0].Satellite, scenes[0].Airborne).ToString());
        Assert.Equal("SarSynth", Panel(fine, "SarSynth").ToString());
        Assert.Equal("SarSynth, after 3 steps", Panel(("SarSynth", fine), ("after 3 steps", fine)).ToString());
        Assert.Equal("fine", Evaluate(scene.Airborne, fine).Candidates.Single().Name);
    }

    [Fact]
    public void ZoomShowsOneGroundInAllImages()
    {
        var panel = Panel(Image(64), Image(16)).Zoom(32);
        var html = panel.ToHtml();
        Assert.Equal([(64, 64), (16, 16), (32, 32), (8, 8)], Pictures(html));
        // Both outlines at the same place: a quarter from each side.
        Assert.Equal(2, Regex.Count(html, "left:25%;top:25%;width:50%;height:50%"));
        // Places are whole pixels of the coarse image: 5 of 8 down is 20 of the fine image's 64.
        var corner = Panel(Image(64), Image(16)).Zoom(32, down: 0.6, across: 1).ToHtml();
        Assert.Equal(2, Regex.Count(corner, "left:50%;top:31.25%;width:50%;height:50%"));
        Assert.Throws<ArgumentOutOfRangeException>(() => Panel(Image(64)).Zoom(128));
        Assert.Throws<InvalidOperationException>(() => new ImagePanel().Zoom(8));
    }

    [Fact]
    public void PartsOfARasterAreThoseOfItsImage()
    {
        using var raster = SarRaster.Open(file);
        var image = raster.Read();
        Assert.Equal(Panel((Path.GetFileName(file), image)).Zoom(64).ToHtml(), Panel(raster).Zoom(64).ToHtml());
    }

    [Fact]
    public void AComparisonIsDrawnAsWhatItIs()
    {
        var scene = new PairedScene("s", Image(64, "airborne-x-040"), Image(16), []);
        var check = Evaluate([scene], [new Candidate("made", [Image(64)]), .. Baselines.All(scene)]);
        var html = check.Table.ToTable().ToHtml();
        Assert.Contains("KL(simulated airborne || image)", html);
        Assert.Contains("Statistics against simulated airborne images of the same ground", html);
        Assert.Equal("s: satellite, made, bicubic, bicubic + speckle, Lee x speckle, simulated airborne",
            check.ToPanel().ToString());
        foreach (var chart in new[] { Plots.Amplitude(check), Plots.Spectrum(check) })
            Assert.Contains("simulated airborne, made, bicubic, bicubic + speckle, Lee x speckle", chart.ToWords());
    }

    /// <summary>White noise is flat, and a wave of one eighth of the sampling rate is a peak there.</summary>
    [Fact]
    public void SpectraAreThoseOfTheIntensity()
    {
        var wave = new AmplitudeImage(256, 256, [.. Enumerable.Range(0, 65536)
            .Select(i => (float)Math.Sqrt(2 + Math.Cos(2 * Math.PI * (i % 256) / 8)))]);
        var chart = ChartJson.Write(Plots.Spectrum(Evaluate(Image(256), wave)));
        var traces = System.Text.Json.Nodes.JsonNode.Parse(chart)!["data"]!.AsArray();
        double[] Values(int trace, string axis) => [.. traces[trace]![axis]!.AsArray().Select(v => (double)v!)];
        Assert.All(Values(0, "y"), d => Assert.InRange(d, 0.5, 2));
        var (x, y) = (Values(1, "x"), Values(1, "y"));
        Assert.Equal(0.125, x[Array.IndexOf(y, y.Max())], 1e-6);
        Assert.All(y.Where((_, i) => Math.Abs(x[i] - 0.125) > 0.02), d => Assert.InRange(d, 0, 1e-3 * y.Max()));
    }

    private static AmplitudeImage Image(int side, string? sensor = null)
    {
        var random = new Random(side);
        return new(side, side,
            [.. Enumerable.Range(0, side * side).Select(_ => (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))],
            new() { Sensor = sensor });
    }

    private static (int, int)[] Pictures(string html) =>
        [.. Regex.Matches(html, "src=\"data:image/png;base64,([^\"]+)\"")
        .Select(m => Convert.FromBase64String(m.Groups[1].Value))
        .Select(png => (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)),
            BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16))))];
}
