using System.Text.Json.Nodes;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

public sealed class TrainTests : Shell
{
    [Fact]
    public void WhatBelongsToStrategiesAloneIsRefusedElsewhere()
    {
        foreach (var arguments in (string[][])[["--dry-run"], ["--base", "model"]])
        {
            var (code, _, error) = Run(["train", "--recipe", "smoke", .. arguments]);
            Assert.Equal(Failures.BadInput, code);
            Assert.Contains("expected one of strategies", error);
        }
    }

    [Fact]
    public void AFieldOfTheComparisonThatCannotBeIsNamedBeforeAnythingIsMade()
    {
        var recipe = JsonNode.Parse(File.ReadAllText(
            Path.Combine(TestData.Root, "data-manifests", "recipes", "strategies.json")))!;
        recipe["seeds"] = new JsonArray(1, 1);
        File.WriteAllText(In("mine.json"), recipe.ToJsonString());
        var (code, _, error) = Run("train", "--recipe", "mine.json", "-o", "out");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("'seeds': found 1, 1", error);
        recipe["seeds"] = new JsonArray(1, 2);
        recipe["base"] = "sarsynth-small";
        File.WriteAllText(In("mine.json"), recipe.ToJsonString());
        Assert.Contains("has a normalisation of its own", Run("train", "-r", "mine.json", "-o", "out").Error);
        Assert.False(Directory.Exists(In("out")));
    }
}
