using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.FineTuning;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.FineTuning;

/// <summary>The kit's recipes of fine-tuning, one for each strategy: they run, and losses fall as they say.</summary>
[Collection("engine")]
public sealed class SmokeRecipeTests(SmokeRecipeTests.Base tiny) : IClassFixture<SmokeRecipeTests.Base>
{
    public const string Foundation = "sarsynth-foundation";

    private static string Folder => Path.Combine(TestData.Root, "data-manifests", "recipes");

    public static TheoryData<string> Recipes => [.. Names];

    private static IReadOnlyList<string> Names =>
        [.. Directory.GetFiles(Folder, "finetune-*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Order()];

    /// <summary>The short version: a base of random weights, a few steps, the same draws with and without
    /// learning.</summary>
    [Theory]
    [MemberData(nameof(Recipes))]
    public void ARecipeLearnsInAFewSteps(string name)
    {
        var recipe = Read(name) with { Base = tiny.Model, Steps = 10, Batch = 1, Crop = 32, Device = "cpu" };
        var still = Losses(Still(recipe, recipe.Strategy), name + "-still");
        Assert.InRange(Losses(recipe, name), 0, still * (1 - 1e-6));
        // What the long version compares with, whichever part would learn.
        Assert.Equal(still, Losses(Still(recipe, Cheapest(recipe)), name + "-cheapest"), 1e-6 * still);
    }

    /// <summary>The recipe as it is, on the base that it names.</summary>
    [FoundationTheory, Trait("Speed", "slow")]
    [MemberData(nameof(Recipes))]
    public void ARecipesLossFallsAsItSays(string name)
    {
        var recipe = Read(name) with { Device = "cpu" };
        var alone = Still(recipe, Cheapest(recipe));
        var key = KitJson.Serialize(alone with { Name = "" });
        if (!tiny.Alone.TryGetValue(key, out var still))
            tiny.Alone[key] = still = Losses(alone, name + "-alone");
        Assert.InRange(100 * (1 - Losses(recipe, name + "-whole") / still), Told(name), 100);
    }

    [Fact]
    public void EachStrategyHasARecipe()
    {
        var kinds = Names.SelectMany(name => Read(name).Strategy).Select(s => s.GetType());
        Assert.Equal(typeof(Strategy).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Strategy)))
            .OrderBy(t => t.Name), kinds.Distinct().OrderBy(t => t.Name));
        Assert.All(Names, name => Assert.InRange(Told(name), 0.1, 90));
        Assert.All(Names, name => Assert.Equal(Foundation, Read(name).Base));
    }

    private static FineTuneRecipe Read(string name) =>
        KitJson.Read<FineTuneRecipe>(Path.Combine(Folder, name + ".json"));

    /// <summary>What the first line of a recipe's file says: "... falls by 12 % or more".</summary>
    private static double Told(string name)
    {
        var line = File.ReadLines(Path.Combine(Folder, name + ".json")).First();
        var words = line.Split(' ');
        return double.Parse(words[Array.IndexOf(words, "%") - 1], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>The same tiles, noise and timesteps without learning.</summary>
    private static FineTuneRecipe Still(FineTuneRecipe recipe, IReadOnlyList<Strategy> parts) =>
        recipe with { Strategy = [.. parts.Select(s => s with { LearningRate = 1e-30 })], WeightDecay = 0 };

    /// <summary>The least to compute of those that have the same losses before they learn: a word changes captions, so
    /// it stays.</summary>
    private static IReadOnlyList<Strategy> Cheapest(FineTuneRecipe recipe) =>
        recipe.Strategy.OfType<TokenStrategy>().ToArray() is { Length: > 0 } words ? words
            : recipe.Strategy.Any(s => s is VaeStrategy) ? [Vae.Decoder()] : [Lora.TextEncoders(8)];

    /// <summary>Sum of the losses of the second half of the steps.</summary>
    private double Losses(FineTuneRecipe recipe, string name)
    {
        var folder = Path.Combine(tiny.Folder, name);
        FineTune.Run(recipe, folder, onRemark: _ => { });
        var log = Directory.GetFiles(folder, "log.jsonl", SearchOption.AllDirectories).Single();
        return File.ReadLines(log).Skip(recipe.Steps / 2).Sum(l => (double)JsonNode.Parse(l)!["loss"]!);
    }

    /// <summary>A base of random weights.</summary>
    public sealed class Base : IDisposable
    {
        public string Folder { get; } = Directory.CreateTempSubdirectory("sarsynth-smoke-").FullName;

        public string Model { get; }

        /// <summary>Losses of a base alone, by the recipe that they were computed with.</summary>
        public Dictionary<string, double> Alone { get; } = [];

        public Base() => Model = TinyBase.Write(Path.Combine(Folder, "base"));

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A theory that needs the kit's small foundation; reported skipped, by name, where it is not there.</summary>
public sealed class FoundationTheoryAttribute : TheoryAttribute
{
    public FoundationTheoryAttribute()
    {
        if (!Directory.Exists(Path.Combine(EmbeddedData.Folder, SmokeRecipeTests.Foundation)))
            Skip = $"the model '{SmokeRecipeTests.Foundation}' is not in this checkout";
    }
}
