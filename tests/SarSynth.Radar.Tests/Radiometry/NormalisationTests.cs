// The formulas by hand, exact inverses, JSON and bad constants.
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Radar.Tests.Radiometry;

public class NormalisationTests
{
    private static readonly float[] Amplitudes = [0f, 0.001f, 0.25f, 1f, 3f, 6f, 250f, float.NaN];

    [Fact]
    public void ClippedIsThePapersFormula()
    {
        var normalised = new ClippedNormalisation(2, 0.5).Apply(new AmplitudeImage(1, 8, Amplitudes));
        float[] expected = [0, 0.001f / 3.5f, 0.25f / 3.5f, 1 / 3.5f, 3 / 3.5f, 1, 1, float.NaN];
        Assert.Equal(expected, normalised, (a, b) => float.IsNaN(a) ? float.IsNaN(b) : MathF.Abs(a - b) < 1e-7f);
    }

    [Fact]
    public void LogIsItsFormula()
    {
        var normalised = new LogNormalisation(-1, 2, 0.01).Apply(new AmplitudeImage(1, 8, Amplitudes));
        for (var i = 0; i < 7; i++)
            Assert.Equal((Math.Log(Amplitudes[i] + 0.01) + 1) / 2, normalised[i], 1e-6);
        Assert.True(float.IsNaN(normalised[7]));
    }

    [Fact]
    public void DecibelsAreOfTheIntensity()
    {
        var normalised = new DecibelNormalisation(-20, 20).Apply(new AmplitudeImage(1, 4, [1, 10, 0.1f, 0]));
        Assert.Equal([0.5f, 1f, 0f, 0f], normalised, (a, b) => MathF.Abs(a - b) < 1e-6f);
    }

    public static TheoryData<Normalisation> All => new(
        new ClippedNormalisation(10, 80) { Scope = NormalisationScope.Scene },
        new DecibelNormalisation(-70, 60, Clip: false) { Scope = NormalisationScope.Tile },
        new LogNormalisation(0.3, 1.7, 1e-4));

    [Theory, MemberData(nameof(All))]
    public void TheInverseBringsBackWhatWasNotClipped(Normalisation normalisation)
    {
        var there = new float[Amplitudes.Length];
        normalisation.Apply(Amplitudes, there);
        var back = normalisation.Invert(there, 2, 4).Pixels;
        for (var i = 0; i < 7; i++)
            Assert.InRange(back[i], Amplitudes[i] * (1 - 3e-6f) - 4e-4f, Amplitudes[i] * (1 + 3e-6f) + 4e-4f);
        Assert.True(float.IsNaN(back[7]));
    }

    [Theory, MemberData(nameof(All))]
    public void JsonKeepsEverything(Normalisation normalisation) =>
        Assert.Equal(normalisation, Normalisation.FromJson(normalisation.ToJson()));

    [Theory]
    [InlineData("{}"), InlineData("null"), InlineData("[1"), InlineData("""{"kind":"cubic"}""")]
    [InlineData("""{"kind":"log","mean":0,"standardDeviation":0,"epsilon":1}"""),
        InlineData("""{"kind":"log","mean":0}""")]
    public void BadJsonIsSaidSo(string json) =>
        Assert.StartsWith("normalisation: ", Assert.Throws<FormatException>(() => Normalisation.FromJson(json))
            .Message);

    [Fact]
    public void FitsInPiecesEqualTheWhole()
    {
        var random = new Random(3);
        var values = Enumerable.Range(0, 10000).Select(_ => 1000 + random.NextSingle()).ToArray();
        var fit = new NormalisationFit(0.5);
        foreach (var piece in values.Chunk(777))
            fit.Add(new NormalisationFit(0.5).Add(piece));
        fit.Add([float.NaN, float.PositiveInfinity]);
        var mean = values.Average(v => (double)v);
        var deviation = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
        Assert.Equal(10000, fit.Count);
        Assert.Equal(mean, fit.Clipped().Mean, 1e-9);
        Assert.Equal(deviation, fit.Clipped().StandardDeviation, 1e-9);
        Assert.Equal(values.Average(v => Math.Log(v + 0.5)), fit.Log().Mean, 1e-12);
    }

    [Fact]
    public void NothingToFitOnIsSaidSo()
    {
        Assert.Contains("no valid pixel",
            Assert.Throws<InvalidOperationException>(() => new NormalisationFit().Add([float.NaN]).Log()).Message);
        Assert.Contains("every pixel is zero",
            Assert.Throws<InvalidOperationException>(() => new NormalisationFit().Add([0, 0]).Clipped()).Message);
        Assert.Contains("same value",
            Assert.Throws<InvalidOperationException>(() => new NormalisationFit().Add([4, 4]).Log()).Message);
    }
}
