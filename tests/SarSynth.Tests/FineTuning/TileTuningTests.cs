using System.Text.Json;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Training;
using SarSynth.FineTuning;
using static SarSynth.FineTuning.Strategies;
using static TorchSharp.torch;
using Adapter = SarSynth.Diffusion.Adapters.Lora;

namespace SarSynth.Tests.FineTuning;

[Collection("engine")]
public sealed class TileTuningTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-tune-").FullName;
    private readonly FineTuneRecipe recipe;

    public TileTuningTests() => recipe = new FineTuneRecipe
    {
        Base = TinyBase.Write(At("base")), Data = TinyBase.WriteTiles(At("tiles")), Steps = 6, Batch = 2,
            Accumulation = 2,
        Strategy = [.. Best, Control()], Schedule = new(LrShape.Constant), EmaDecay = 0.9, CheckpointEvery = 2,
        Validation = new ValidationRecipe { Every = 3, Tiles = 2, Prompts = ["water"], Steps = 2 },
            ConditionDropout = 0.2, Device = "cpu",
    };

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(params string[] path) => Path.Combine([folder, .. path]);

    [Fact]
    public void TheSumOfAllStrategiesTrainsAndWhatItLeavesOpens()
    {
        var lines = new List<FineTuneLine>();
        var result = FineTune.Run(recipe, At("out"), lines.Add);
        Assert.Equal([3, 6], lines.Select(l => l.Step));
        Assert.All(lines, l => Assert.True(double.IsFinite(l.Loss) && double.IsFinite(l.Validation!.Value)));
        Assert.All(lines, l => Assert.True(File.Exists(At("out", "training", l.Samples!.Single().File))));
        Assert.Equal(["controlnet satellite", "lora", "pipeline (unet)", "token <SAR>"], result.Made.Keys);

        using var tuned = LatentDiffusion.Load(At("out", "pipeline"));
        using var lora = Adapter.Load(At("out", result.Made["lora"]), new Dictionary<string, nn.Module>
            { ["text_encoder"] = tuned.Prompts.Encoder!, ["text_encoder_2"] = tuned.Prompts.Encoder2! });
        // Both encoders' attention: two layers of four projections each.
        Assert.Equal(16, lora.Layers.Count);
        using var control = ModelFolder.Load<ControlNetModel>(At("out", "controlnet"));
        Assert.Equal(1, control.Config.ConditioningChannels);
        using var token = SafeTensorsFile.Open(At("out", result.Made["token <SAR>"]));
        Assert.Equal([(1, 16), (1, 32)], token.Header.Entries.OrderBy(e => e.Shape[1])
            .Select(e => ((int)e.Shape[0], (int)e.Shape[1])));
        // The brightness of the training tiles, by the base's own autoencoder.
        var leak = KitJson.Read<SignalLeak>(At("out", FineTune.LeakFile));
        using (var source = Tiles.Open(recipe.Data, new TileOptions { Split = Split.Train, Conditions = [] }))
        {
            var latents = source.Sequence(new TileOrder { IsShuffled = false }).Take((int)source.Count!)
                .Select(step => step.Load()).Select(tile => tuned.Encode(
                    tensor(tile.ToUnitRange()).reshape(1, 1, tile.Rows, tile.Columns).expand(1, 3, -1, -1)));
            var expected = SignalLeak.Of(latents);
            Assert.All(leak.Mean.Zip(expected.Mean), m => Assert.Equal(m.Second, m.First, 1e-3f));
            Assert.All(leak.Deviation.Zip(expected.Deviation), d => Assert.Equal(d.Second, d.First, 1e-3f));
        }
        // A result is not written over.
        Assert.Contains("finished", Assert.Throws<IOException>(() => FineTune.Run(recipe, At("out"))).Message);
    }

    [Fact]
    public void ARunThatWasStoppedAnywhereEndsWithTheSameBytes()
    {
        FineTune.Run(recipe, At("whole"));
        foreach (var stop in new[] { 1, 2, 3, 5 })
        {
            // At a line of the log, and inside of a step, where the next batch has been drawn already.
            using var cancel = new CancellationTokenSource();
            var steps = 0;
            Assert.ThrowsAny<OperationCanceledException>(() => FineTune.Run(
                recipe with { Validation = recipe.Validation with { Every = stop, Prompts = [] } }, At("stopped"), _ =>
                    { if (++steps == 1) cancel.Cancel(); }, cancel.Token));
        }
        // Only with what it began with.
        var other = Assert.Throws<CheckpointException>(() =>
            FineTune.Run(recipe with { CaptionDropout = 0.5 }, At("stopped")));
        Assert.Contains("'captionDropout': found 0.5", other.Message);
        FineTune.Run(recipe, At("stopped"));
        string[] made = ["pytorch_lora_weights.safetensors", "learned_embeds.safetensors",
            "controlnet/diffusion_pytorch_model.safetensors",
            "pipeline/unet/diffusion_pytorch_model.safetensors"];
        Assert.All(made, file =>
            Assert.True(File.ReadAllBytes(At("whole", file)).AsSpan()
                .SequenceEqual(File.ReadAllBytes(At("stopped", file))), file));
    }

    [Theory]
    [InlineData("unet")]
    [InlineData("unet in bfloat16")]
    [InlineData("control satellite in bfloat16")]
    [InlineData("text_encoder_2 with a word")]
    [InlineData("text_encoder_2")]
    [InlineData("lora unet")]
    [InlineData("lora unet in bfloat16")]
    [InlineData("dora unet")]
    [InlineData("lora text")]
    [InlineData("token")]
    [InlineData("control satellite")]
    [InlineData("control classes")]
    public void EachStrategyAloneChangesWhatItNamesAndNothingElse(string which)
    {
        Strategy strategy = which switch
        {
            "unet" or "unet in bfloat16" => Full.Unet(1e-3),
            "text_encoder_2" or "text_encoder_2 with a word" => Full.TextEncoder(1e-3, second: true),
            "lora unet" or "lora unet in bfloat16" => FineTuningLora(["unet"]),
            "dora unet" => FineTuningLora(["unet"]) with { Dora = true, RankStabilized = true },
            "lora text" => FineTuningLora(["text_encoders"]),
            "token" => Token(vectors: 2),
            "control satellite" or "control satellite in bfloat16" => Control(learningRate: 1e-3),
            _ => Control("classes", 1e-3) with { Classes = [10, 20] },
        };
        var own = recipe with { Strategy = [strategy], Steps = 3, Accumulation = 1, EmaDecay = 0,
            Validation = recipe.Validation with { Prompts = [] } };
        if (which.EndsWith("bfloat16", StringComparison.Ordinal))
            own = own with { Precision = Precision.Bfloat16, EmaDecay = 0.9 };
        if (which.EndsWith("word", StringComparison.Ordinal))
            own = own with { Strategy = [strategy, Token()] };
        using var before = LatentDiffusion.Load(recipe.Base);
        var losses = new List<double>();
        FineTune.Run(own, At("out"), l => losses.Add(l.Validation ?? double.NaN));
        Assert.All(losses, l => Assert.True(double.IsFinite(l)));
        using var checkpoint = SafeTensorsFile.Open(Path.Combine(TrainingCheckpoint.Newest(At("out",
            "training"))!.Value.Folder, "parameters.safetensors"));
        Assert.All(checkpoint.Header.Entries.Where(e => !e.Name.StartsWith("token.", StringComparison.Ordinal)
            || which == "token"), e => Assert.StartsWith(which.Split(" in ")[0].Split(" with ")[0] switch
        {
            "unet" => "unet.", "text_encoder_2" => "text_encoder_2.", "token" => "token.", "control satellite" =>
                "controlnet_satellite.",
            "control classes" => "controlnet_classes.", _ => "lora_0.",
        }, e.Name));
        if (strategy is not FullStrategy)
            return;
        using var after = LatentDiffusion.Load(At("out", "pipeline"));
        foreach (var (name, (old, now)) in new Dictionary<string, (nn.Module, nn.Module)>
        {
            ["unet"] = (before.Unet, after.Unet), ["vae"] = (before.Vae, after.Vae),
            ["text_encoder"] = (before.Prompts.Encoder!, after.Prompts.Encoder!),
            ["text_encoder_2"] = (before.Prompts.Encoder2!, after.Prompts.Encoder2!),
        })
        {
            // A learned word makes the tables of both encoders longer.
            var grown = which.EndsWith("word", StringComparison.Ordinal)
                && name.StartsWith("text_", StringComparison.Ordinal);
            Assert.Equal(name != which.Split(' ')[0], old.parameters().Zip(now.parameters()).Skip(grown ? 1 : 0)
                .All(p => p.First.allclose(p.Second, 0, 0)));
        }
    }

    [Theory]
    [InlineData(0, 4, "no tile lies in the training part: all tiles")]
    [InlineData(4, 0, "no tile lies in the validation part")]
    public void WhereAPartIsMissingThatIsSaidAndWritten(int train, int validation, string words)
    {
        var own = recipe with
        {
            Data = TinyBase.WriteTiles(At("part"), train, validation), Strategy = [Lora.Unet(2)], Steps = 1,
        };
        var remarks = new List<string>();
        var result = FineTune.Run(own, At("out"), onRemark: remarks.Add);
        Assert.Contains(words, remarks.Single());
        Assert.Null(result.BestValidation);
        var written = File.ReadAllText(At("out", FineTune.ProvenanceFile));
        Assert.Equal(remarks.Single(),
            (string?)System.Text.Json.Nodes.JsonNode.Parse(written)!["remarks"]!.AsArray().Single());
        Assert.Contains(words, FineTune.Estimate(own).Remarks.Single());
    }

    [Fact]
    public void TheBasesOwnControlNetsStayWithAWholePipeline()
    {
        using (var model = LatentDiffusion.Load(recipe.Base))
        {
            using var first = ControlNetModel.FromUNet(model.Unet, 1, [16, 32]);
            using var second = ControlNetModel.FromUNet(model.Unet, 2, [16, 32]);
            model.Save(At("controlled"), controls: [first, second]);
        }
        FineTune.Run(recipe with { Base = At("controlled"), Strategy = [Full.Unet(1e-3)], Steps = 1 }, At("out"));
        using var net = ModelFolder.Load<ControlNetModel>(At("out", "pipeline", "controlnet_1"));
        Assert.Equal(2, net.Config.ConditioningChannels);
        Assert.Contains("MultiControlNetModel", File.ReadAllText(At("out", "pipeline", "model_index.json")));
    }

    [Fact]
    public void TheLossFallsOnTilesThatRepeat()
    {
        // Ground of two levels: what an epsilon model of random weights learns first is the noise itself.
        var losses = new List<double>();
        FineTune.Run(recipe with
        {
            Strategy = [Full.Unet(2e-3)], Steps = 60, Accumulation = 1, EmaDecay = 0, CheckpointEvery = 100,
            Validation = recipe.Validation with { Every = 20, Prompts = [] },
        }, At("out"), l => { if (l.Validation is { } v) losses.Add(v); });
        Assert.Equal(3, losses.Count);
        Assert.True(losses[^1] < 0.8 * losses[0], string.Join(", ", losses));
    }

    [Fact]
    public void AnEstimateCountsWhatIsTrained()
    {
        var estimate = FineTune.Estimate(recipe);
        // The word's vectors: 16 and 32 wide. LoRA of rank 16 on four projections of two layers of 16 and of 32.
        Assert.Equal(16, estimate.Trained["token.text_encoder.SAR"]);
        Assert.Equal(32, estimate.Trained["token.text_encoder_2.SAR"]);
        Assert.Equal(8 * 16 * (16 + 16 + 32 + 32), estimate.Trained["lora_1"]);
        using var model = LatentDiffusion.Load(recipe.Base);
        var unet = model.Unet.parameters().Sum(p => p.NumberOfElements);
        Assert.Equal(unet, estimate.Trained["unet"]);
        var all = estimate.Trained.Values.Sum();
        // AdamW's two moments and the average, float32; parameters beside them in each checkpoint.
        Assert.Equal(8 * all, estimate.Memory.Optimizer);
        Assert.Equal(4 * all, estimate.Memory.Average);
        Assert.Equal(16 * all * (recipe.KeepCheckpoints + 2), estimate.CheckpointBytes);
        Assert.True(estimate.Memory.Step > 0 && estimate.Memory.Validation > 0);
    }

    [Fact]
    public void ARecipeGoesThroughJson()
    {
        var json = KitJson.Serialize(recipe);
        var again = JsonSerializer.Deserialize<FineTuneRecipe>(json, KitJson.Options)!;
        Assert.Equal(json, KitJson.Serialize(again));
        Assert.Equal(recipe.Strategy.Select(s => s.GetType()), again.Strategy.Select(s => s.GetType()));
    }

    [Fact]
    public void WhatCannotBeIsNamedBeforeTheFirstStep()
    {
        string Message(FineTuneRecipe wrong) =>
            Assert.ThrowsAny<Exception>(() => FineTune.Run(wrong, At("out"))).Message;
        Assert.Contains("strategy.learningRate", Message(recipe with { Strategy = [Full.Unet(0)] }));
        var part = Message(recipe with { Strategy = [Full.Unet() with { Part = "transformer" }] });
        Assert.Contains("'transformer'", part);
        Assert.Contains("unet, text_encoder, text_encoder_2", part);
        Assert.Contains("attn_9", Message(recipe with { Strategy = [Lora.Unet() with { Targets = ["attn_9"] }] }));
        Assert.Contains("landcover", Message(recipe with { Strategy = [Control("landcover")] }));
        Assert.Contains("'crop'", Message(recipe with { Crop = 64 }));
        Assert.Contains("multiple of 4", Message(recipe with { Crop = 10 }));
        Assert.Contains("strategy.classes", Message(recipe with { Strategy = [Control("classes")] }));
        Assert.Contains("nowhere", Message(recipe with { Base = At("nowhere") }));
        Assert.False(File.Exists(At("out", FineTune.ProvenanceFile)));
    }

    private static LoraStrategy FineTuningLora(string[] parts) =>
        new() { Parts = parts, Rank = 4, LearningRate = 1e-3, Dropout = 0.1 };
}
