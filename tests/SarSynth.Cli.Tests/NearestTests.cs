namespace SarSynth.Cli.Tests;

public sealed class NearestTests
{
    [Theory]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("stats", "stats", 0)]
    [InlineData("inof", "info", 1)]
    [InlineData("ca", "abc", 3)]
    public void DistanceIsThatOfTheTextbook(string a, string b, int distance) =>
        Assert.Equal(distance, Nearest.Distance(a, b));

    [Fact]
    public void WhatIsFarIsNotSuggested()
    {
        Assert.Null(Nearest.To("sentinel", ["info", "stats"]));
        Assert.Equal("multilook", Nearest.To("multi", ["multilook", "info"]));
        Assert.Null(Nearest.To("-m", ["-?", "-q"]));
    }
}
