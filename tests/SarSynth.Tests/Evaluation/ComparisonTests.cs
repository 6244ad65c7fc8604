// What is compared is called what it is: simulated what the simulator made, and nothing "real".
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Evaluation;

public class ComparisonTests
{
    private static readonly Random random = new(1);

    [Theory]
    [InlineData("airborne-x-040", "simulated airborne")]
    [InlineData("F-SAR", "airborne")]
    [InlineData(null, "airborne")]
    public void TheTruthIsCalledWhatItIs(string? sensor, string expected)
    {
        var truth = Image(sensor);
        var comparison = Comparison.Of(truth, Image(), [new Candidate("other", [Image()])], name: "fine");
        Assert.Equal(expected, comparison.Truth.Name);
        Assert.Equal(expected, comparison.Table.Reference.Name);
        Assert.Equal(["other", "fine"], comparison.Table.Rows.Select(r => r.Name));
    }

    [Fact]
    public void AnImageIsCalledAsItWasWritten()
    {
        var translated = Image();
        Assert.Equal("translated", Comparison.Of(Image(), translated).Candidates.Single().Name);
    }

    [Fact]
    public void ScenesOfBothKindsAreCalledNeither()
    {
        PairedScene[] scenes = [Scene("a", "airborne-x-040"), Scene("b", "F-SAR")];
        Assert.Equal("simulated airborne", Comparison.Of(scenes[..1], new Candidate("x", [Image()])).Truth.Name);
        var both = Comparison.Of(scenes, new Candidate("x", [Image(), Image()]));
        Assert.Equal("airborne", both.Truth.Name);
        Assert.Same(scenes, both.Scenes);
    }

    [Fact]
    public void WhatCannotBeComparedIsNamed()
    {
        var error = Assert.Throws<ArgumentException>(
            () => Comparison.Of([Scene("a", "F-SAR")], new Candidate("two", [Image(), Image()])));
        Assert.Contains("'two': found 2 images, expected 1", error.Message);
        Assert.Contains("found no image",
            Assert.Throws<ArgumentException>(() => Comparison.Of(Array.Empty<PairedScene>())).Message);
    }

    private static AmplitudeImage Image(string? sensor = null) => new(
        32, 32, [.. Enumerable.Range(0, 1024).Select(_ => (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))],
        new() { Sensor = sensor });

    private static PairedScene Scene(string name, string sensor) =>
        new(name, Image(sensor), new AmplitudeImage(8, 8, [.. Enumerable.Repeat(1f, 64)]), []);
}
