using System.Text.Json.Nodes;

namespace SarSynth.Cli.Tests;

public sealed class ModelsTests : Shell
{
    [Fact]
    public void TheKitsModelsAreListedAndTold()
    {
        Assert.Contains("sarsynth-small", Good("models", "list").Out);
        var (output, _) = Good("models", "info", "sarsynth-small");
        Assert.Contains("a pipeline (diffusers folder)", output);
        Assert.Matches(@"unet\s+│ UNet2DConditionModel", output);
        var json = JsonNode.Parse(Good("models", "info", "sarsynth-small", "--json").Out)!;
        Assert.Equal("controlnet", (string?)json["parts"]![0]!["name"]);
    }

    [Fact]
    public void ALoraIsTakenOutOfTwoModelsAndPutInAgain()
    {
        // A model in bfloat16 differs from its own float16 by rounding: a difference of full rank, but a difference.
        Good("models", "merge", "--base", "sarsynth-small", "--type", "bfloat16", "-o", "rounded");
        var (output, _) = Good("models", "extract", "--base", "sarsynth-small", "--tuned", "rounded", "--rank",
            "4", "--parts", "unet", "-o", "lora.safetensors");
        Assert.Matches(@"lora.safetensors: \d+ layers, \d+\.\d\d % of", output);
        Assert.Contains("rank 4", Good("models", "info", "lora.safetensors").Out);
        Good("models", "merge", "--base", "sarsynth-small", "--lora", "lora.safetensors", "--weight", "0.5", "-o",
            "out");
        Assert.True(File.Exists(In("out/model_index.json")) && File.Exists(In("out/sarsynth.json")));
        Assert.Contains("is there already", Run("models", "merge", "--base", "sarsynth-small", "--lora",
            "lora.safetensors", "-o", "out").Error);
        Assert.Contains("nothing to put in", Run("models", "merge", "--base", "sarsynth-small", "-o", "other").Error);
        Assert.Contains("lora.safetensor", Run("models", "info", "lora.safetensor").Error);
    }
}
