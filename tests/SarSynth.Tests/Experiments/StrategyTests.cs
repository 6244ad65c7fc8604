using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Evaluation;
using SarSynth.Experiments;
using SarSynth.FineTuning;
using SarSynth.Radar.Images;
using SarSynth.Tests.FineTuning;
using SarSynth.Tests.Support;
using static TorchSharp.torch;
using Adapter = SarSynth.FineTuning.Lora;

namespace SarSynth.Tests.Experiments;

[Collection("engine")]
public sealed class StrategyTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-strategies-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void IntervalsAreStudents()
    {
        // The 97.5 % quantile of Student's law with two degrees of freedom is 4.302653 (any table).
        var interval = SeedInterval.Of([1, 2, 3]);
        Assert.Equal(2, interval.Mean, 9);
        Assert.Equal(4.302653 / Math.Sqrt(3), interval.HalfWidth, 5);
        Assert.True(double.IsNaN(SeedInterval.Of([1]).HalfWidth));
        Assert.Equal("1.000", SeedInterval.Of([1]).ToString());
    }

    [Fact]
    public void TheMeasuresAreThoseOfTheClosedForms()
    {
        using var words = Words();
        // Half of the pixels dark and half bright, against a quarter and three.
        AmplitudeImage Image(int dark, int from) => new(64, 64,
            [.. Enumerable.Range(0, 64 * 64).Select(i => (i + from) % 4 < dark ? 0.25f : 0.75f)]);
        AmplitudeImage[] truth = [Image(2, 0), Image(2, 1), Image(2, 2)];
        var judge = new StrategyJudge(truth, words);
        var same = judge.Measure(truth, ["a", "b", "c"]);
        Assert.Equal(0, same.AmplitudeKl, 9);
        Assert.Equal(0, same.GlcmDistance, 9);
        var other = judge.Measure([Image(1, 0)], ["a"]);
        Assert.Equal(0.5 * Math.Log(0.5 / 0.25) + 0.5 * Math.Log(0.5 / 0.75), other.AmplitudeKl, 0.005);
        Assert.True(other.GlcmDistance > 0.1);
        Assert.Equal(words.Score(truth, ["a", "b", "c"]), same.TextAlignment, 9);
    }

    [Fact]
    public void AComparisonThatWasStoppedGoesOnAndKeepsWhatItHas()
    {
        var recipe = Tiny();
        var at = Path.Combine(folder, "out");
        using var cancel = new CancellationTokenSource();
        var told = new List<string>();
        // Killed in the training of the third run: two are finished.
        Assert.Throws<OperationCanceledException>(() => StrategyComparison.Run(recipe, at, run =>
        {
            told.Add($"{run.Strategy} {run.Seed}");
            if (told.Count == 2)
                cancel.Cancel();
        }, cancel.Token));
        Assert.Equal(["none 1", "token 1"], told);
        var first = File.ReadAllText(Path.Combine(at, "runs", "token-1.json"));

        var table = StrategyComparison.Run(recipe, at, run => told.Add($"{run.Strategy} {run.Seed}"));
        Assert.Equal(["none 1", "token 1", "both 1", "none 2", "token 2", "both 2"], told);
        Assert.Equal(first, File.ReadAllText(Path.Combine(at, "runs", "token-1.json")));
        Assert.Equal(["none", "token", "both"], table.Rows.Select(r => r.Strategy));
        Assert.Equal((6, 6), (table.Finished, table.Expected));
        Assert.All(table.Rows, r => Assert.True(double.IsFinite(r.AmplitudeKl.HalfWidth), r.Strategy));
        // A word of one vector in encoders of 16 and 32; the base trains nothing.
        Assert.Equal([0, 16 + 32], table.Rows.Take(2).Select(r => r.Trained));
        Assert.True(table.Rows[2].Trained > 10_000);
        Assert.Equal("best", table.Rows[2].Paper);
        Assert.NotNull(table.OtherTiles);
        Assert.True(File.Exists(Path.Combine(at, "runs", "both-2.png")));
        var markdown = File.ReadAllText(Path.Combine(at, "strategies.md"));
        Assert.Contains("6 of 6 runs", markdown);
        Assert.Contains("| both |", markdown);
        Assert.Equal(4, File.ReadAllLines(Path.Combine(at, "strategies.csv")).Length);

        // All is there: nothing runs. Other settings would not be comparable.
        StrategyComparison.Run(recipe, at, _ => Assert.Fail("ran again"));
        var error = Assert.Throws<IOException>(() => StrategyComparison.Run(recipe with { Guidance = 9 }, at));
        Assert.Contains("another comparison", error.Message);
        var plan = StrategyComparison.Plan(recipe with { Seeds = [1, 2, 3] }, at);
        Assert.Equal((9, 6), (plan.All, plan.Finished));
        Assert.True(plan.Seconds > 0 && plan.Strategies["both"] > 0);
    }

    [Fact]
    public void AnAutoencodersTrainedNumbersAreThoseOfItsFile()
    {
        var vae = Path.Combine(TinyBase.Write(Path.Combine(folder, "base")), "vae");
        using var model = ModelFolder.Load<AutoencoderKL>(vae);
        using var file = SafeTensorsFile.Open(Path.Combine(vae, "diffusion_pytorch_model.safetensors"));
        long Of(Func<string, bool> counts) => file.Header.Entries.Where(e => counts(e.Name))
            .Sum(e => e.Shape.Aggregate(1L, (a, b) => a * b));
        Assert.Equal(Of(_ => true), StrategyComparison.VaeNumbers(Vae.Full(), model));
        Assert.Equal(Of(n => n.StartsWith("decoder.", StringComparison.Ordinal)
            || n.StartsWith("post_quant_conv.", StringComparison.Ordinal)),
            StrategyComparison.VaeNumbers(Vae.Decoder(), model));
    }

    [Fact]
    public void TheKitsRecipeComparesWhatThePaperDoes()
    {
        var recipe = KitJson.Read<StrategiesRecipe>(
            Path.Combine(TestData.Root, "data-manifests", "recipes", "strategies.json"));
        recipe.Check();
        Assert.Equal(3, recipe.Seeds.Count);
        Assert.Equal("best", recipe.Strategies.Single(s => s.Name == "unet-full+text-lora+token").Paper);
        var error = Assert.Throws<ArgumentException>(() => (recipe with { Seeds = [1, 1] }).Check());
        Assert.Contains("'seeds': found 1, 1", error.Message);
        var named = Assert.Throws<ArgumentException>(
            () => (recipe with { Strategies = [new("a b", recipe.Strategies[0].Strategy)] }).Check());
        Assert.Contains("'strategies.name': found 'a b'", named.Message);
    }

    private StrategiesRecipe Tiny() => new()
    {
        Base = TinyBase.Write(Path.Combine(folder, "base")),
        Device = "cpu",
        Data = new() { Train = 2, Validation = 1, Test = 1, Size = 64, Tile = 32, Phrasings = 1, Seed = 90 },
        SarText = new()
        {
            Steps = 2, Batch = 2, Warmup = 1, Vocabulary = 560, Clip = Clip(32),
        },
        Strategies =
        [
            new("token", [Strategies.Token()]) { Paper = "compared" },
            new("both", [Full.Unet(), Adapter.TextEncoders(rank: 2), Strategies.Token()]) { Paper = "best" },
        ],
        Seeds = [1, 2],
        Budget = new() { Steps = 2, Batch = 2, CheckpointEvery = 1 },
        Images = 2,
        SamplerSteps = 2,
    };

    private static SarTextModel Words()
    {
        manual_seed(3);
        var tokenizer = ClipTokenizer.Train(["a b c"], 520, 16);
        var json = Clip(64);
        json["text_config"]!["vocab_size"] = tokenizer.VocabularySize;
        json["text_config"]!["eos_token_id"] = tokenizer.EndId;
        return new(new CLIPModel(CLIPConfig.FromJson(json.ToJsonString())), tokenizer, 0.5, 0.5);
    }

    private static JsonObject Clip(int side) => (JsonObject)JsonNode.Parse($$$"""
        {"projection_dim": 8,
         "text_config": {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                         "max_position_embeddings": 48, "projection_dim": 8},
         "vision_config": {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                           "num_channels": 1, "image_size": {{{side}}}, "patch_size": 8}}
        """)!;
}
