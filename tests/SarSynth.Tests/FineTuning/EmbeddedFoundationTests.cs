using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Pipelines;
using static TorchSharp.torch;

namespace SarSynth.Tests.FineTuning;

/// <summary>The foundation that comes with the kit.</summary>
[Collection("engine")]
public sealed class EmbeddedFoundationTests
{
    private static readonly string folder = EmbeddedData.FindModel("sarsynth-foundation");

    [Fact]
    public void ItIsOfSdxlsFormAndSmall()
    {
        using var model = LatentDiffusion.Load(folder);
        Assert.NotNull(model.Prompts.Encoder);
        Assert.NotNull(model.Prompts.Encoder2);
        Assert.Equal("text_time", model.Unet.Config.AdditionEmbedType);
        Assert.Equal(3, model.Vae.Config.InChannels);
        var weights = Directory.GetFiles(folder, "*.safetensors", SearchOption.AllDirectories);
        Assert.Equal(4, weights.Length);
        Assert.True(weights.Sum(w => new FileInfo(w).Length) < 30_000_000);
        Assert.True(File.ReadAllLines(Path.Combine(folder, "losses.csv")).Length > 300);
        // The recipe that comes with the kit is the one that made it.
        var made = KitJson.Read<Provenance>(Path.Combine(folder, "training.provenance.json"));
        var recipe = KitJson.Read<SarSynth.FineTuning.FoundationRecipe>(EmbeddedData.FindRecipe("foundation"));
        Assert.Equal(Provenance.Of("train", recipe, recipe.Seed, [], []).Recipe.ToJsonString(),
            made.Recipe.ToJsonString());
    }

    [Fact]
    public void ItKnowsWords()
    {
        using var model = LatentDiffusion.Load(folder, new WeightOptions(Type: ScalarType.Float32));
        // Crowns of trees are rough, open water is smooth, concrete is brighter than water: in the mean of two draws.
        (double Mean, double Spread) Of(string prompt)
        {
            var each = Enumerable.Range(1, 2).Select(seed =>
            {
                using var image = model.Generate(new GenerationRequest
                {
                    Text = prompt, Seed = (ulong)seed, Steps = 25, Guidance = new Guidance(4), Height = 64, Width = 64,
                });
                var pixels = image.data<float>().ToArray();
                var mean = pixels.Average(p => (double)p);
                return (Mean: mean, Spread: Math.Sqrt(pixels.Average(p => (p - mean) * (p - mean))));
            }).ToList();
            return (each.Average(e => e.Mean), each.Average(e => e.Spread));
        }
        var (forest, water) = (Of("aerial photograph of dense forest"), Of("aerial photograph of water"));
        Assert.True(forest.Spread > 1.5 * water.Spread, $"{forest}, {water}");
        var concrete = Of("aerial photograph of concrete");
        Assert.True(concrete.Mean > water.Mean, $"{concrete}, {water}");
    }
}
