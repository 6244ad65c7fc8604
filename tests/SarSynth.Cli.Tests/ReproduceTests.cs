// sarsynth reproduce and card as a shell sees them.
using System.Text.Json.Nodes;

namespace SarSynth.Cli.Tests;

public sealed class ReproduceTests : Shell
{
    [Fact]
    [Trait("Speed", "slow")]
    public void EachNumberIsSameDiffersOrMissing()
    {
        // Its own numbers, with one changed, one left out and one that nothing makes.
        var (first, _) = Good("reproduce", "--mode", "smoke", "-o", "first", "--threads", "1");
        Assert.Contains("nothing to compare with", first);
        Assert.True(File.Exists(In("first/figure-01-scales.pdf")));
        Assert.True(File.Exists(In("first/figure-06-amplitude.svg")));
        var recorded = JsonNode.Parse(File.ReadAllText(In("first/paper-figures.json")))!;
        var numbers = recorded["numbers"]!.AsArray();
        var (changed, left) = ((string)numbers[0]!["id"]!, (string)numbers[1]!["id"]!);
        numbers[0]!["value"] = 1e6;
        numbers[1]!["id"] = "scales/gone";
        File.WriteAllText(In("recorded.json"), recorded.ToJsonString());
        var (code, json, error) = Run("reproduce", "--mode", "smoke", "-o", "second", "--recorded", "recorded.json",
            "--json", "--threads", "1");
        Assert.True(code == 1, error);
        var states = JsonNode.Parse(json)!["numbers"]!.AsArray()
            .ToDictionary(n => (string)n!["id"]!, n => (string)n!["state"]!);
        Assert.Equal("differs", states[changed]);
        Assert.Equal("missing", states["scales/gone"]);
        Assert.Equal("missing", states[left]);
        // All else comes out again as it was, in another process.
        Assert.Equal(3, states.Count(s => s.Value != "same"));
    }

    [Theory]
    [InlineData("expected smoke, demo or full", "--mode", "quick")]
    [InlineData("there.json: does not exist", "--recorded", "there.json")]
    [InlineData("expected one of tiles", "--full", "empty")]
    public void WhatCannotBeIsSaidBeforeAnythingIsMade(string words, params string[] arguments)
    {
        Directory.CreateDirectory(In("empty"));
        var (code, _, error) = Run(["reproduce", .. arguments]);
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains(words, error);
        Assert.False(Directory.Exists(In("reproduction")));
    }

    [Fact]
    public void CardsAreShownAndOthersAreNamed()
    {
        var (text, _) = Good("card", "paired-scenes");
        Assert.Contains("## Must not be used for", text);
        var (code, _, error) = Run("card", "sarsynth-min");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("did you mean 'sarsynth-mini'?", error);
    }
}
