using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Training;
using SarSynth.Tests.Support;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

/// <summary>Adafactor against its formulas in numpy (tests/goldens/diffusion/adafactor.py); groups of
/// parameters.</summary>
public sealed class OptimizerTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string folder = Directory.CreateTempSubdirectory("optimizer").FullName;

    public void Dispose()
    {
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    public static TheoryData<string> Cases => [.. All().Select(c => c.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void AdafactorIsThePapers(string name)
    {
        var golden = All().Single(c => c.GetProperty("name").GetString() == name);
        long[] shape = [.. golden.GetProperty("shape").EnumerateArray().Select(v => v.GetInt64())];
        Tensor Values(JsonElement list) =>
            tensor(list.EnumerateArray().Select(v => (float)v.GetDouble()).ToArray()).reshape(shape);
        var weight = new Parameter(Values(golden.GetProperty("start")));
        var options = new AdafactorOptions(
            Relative: golden.GetProperty("relative").GetBoolean(),
            WeightDecay: golden.GetProperty("decay").GetDouble());
        using var optimizer = options.Over(new Dictionary<string, Parameter> { ["w"] = weight });
        foreach (var (gradient, after) in golden.GetProperty("gradients").EnumerateArray()
            .Zip(golden.GetProperty("after").EnumerateArray()))
        {
            // Half of the gradient, doubled by the scale.
            weight.grad = Values(gradient).mul(0.5);
            optimizer.Step(golden.GetProperty("rate").GetDouble(), gradientScale: 2);
            Goldens.Near($"{name}, step {optimizer.Steps}", weight.detach(), Values(after), 2e-6);
        }
    }

    [Fact]
    public void AdafactorKeepsOneNumberForEachRowAndColumn()
    {
        var parameters = new Dictionary<string, Parameter> { ["w"] = new(zeros(300, 200)), ["b"] = new(zeros(300)) };
        using var optimizer = new AdafactorOptions().Over(parameters);
        Assert.Equal(300 + 200 + 300, optimizer.State().Values.Sum(t => t.numel()));
    }

    [Theory] // Both optimizers go on where they were, in float32 and with masters of bfloat16.
    [InlineData(true, ScalarType.Float32)]
    [InlineData(true, ScalarType.BFloat16)]
    [InlineData(false, ScalarType.BFloat16)]
    public void TheStateOfAnOptimizerGoesOn(bool adafactor, ScalarType type)
    {
        float[] Trained(string to, bool broken)
        {
            var parameters = new Dictionary<string, Parameter>
            {
                ["w"] = new(randn([6, 4], generator: new Generator(1)).to(type)), ["b"] = new(zeros([6], type)),
            };
            var options = new TrainerOptions
            {
                Folder = Path.Combine(folder, to), Steps = 12, LearningRate = 0.01, CheckpointEvery = 5, Seed = 3,
                Optimizer = adafactor ? new AdafactorOptions(Relative: true) : new AdamWOptions(),
            };
            void Run(bool fails) => Trainer.Run(options, parameters, at => at, (at, step) =>
            {
                if (fails && at.Step == 7)
                    throw new IOException("broken");
                using var x = randn([5, 4], generator: step.Generator).to(type);
                return (x.mm(parameters["w"].t()) + parameters["b"]).to(ScalarType.Float32).square().mean();
            }).Dispose();
            if (broken)
            {
                Assert.Throws<IOException>(() => Run(true));
                foreach (var parameter in parameters.Values)
                    using (no_grad())
                        parameter.zero_();
            }
            Run(false);
            return [.. parameters.Values.SelectMany(p =>
                p.to(ScalarType.Float32).detach().flatten().data<float>().ToArray())];
        }
        Assert.Equal(Trained("straight", false), Trained("broken", true));
    }

    [Fact] // AdamW's first step is the rate times the sign of the gradient: one sees each rate.
    public void EachGroupHasItsOwnRateAndDecay()
    {
        var names = new[] { "unet.a", "unet.mid.b", "text_encoder.a", "text_encoder_2.a", "token" };
        var parameters = names.ToDictionary(n => n, _ => new Parameter(ones(3)));
        var options = new TrainerOptions
        {
            Steps = 10, LearningRate = 0.5, Schedule = new LrSchedule(LrShape.Linear), ClipNorm = null,
            Optimizer = new AdamWOptions(WeightDecay: 0),
            Groups =
            [
                new("unet", 0.01), new("unet.mid", 0.02, WeightDecay: 0.5), new("text_encoder", 0.04), new("token", 0),
            ],
        };
        var seen = new List<TrainingProgress>();
        using var end = new CancellationTokenSource();
        Trainer.Run(options, parameters, _ => 0,
            (_, _) => parameters.Values.Select(p => p.sum()).Aggregate((a, b) => a + b),
            p =>
            {
                seen.Add(p);
                end.Cancel();
            }, end.Token).Dispose();
        var moved = parameters.ToDictionary(p => p.Key, p => 1 - p.Value[0].ToDouble());
        Assert.Equal(0.01, moved["unet.a"], 1e-6);
        Assert.Equal(0.02 + 0.02 * 0.5, moved["unet.mid.b"], 1e-6);
        Assert.Equal(0.04, moved["text_encoder.a"], 1e-6);
        Assert.Equal(0.5, moved["text_encoder_2.a"], 1e-6); // Another component, not a part of text_encoder.
        Assert.Equal(0, moved["token"]);
        Assert.Equal(0.5, seen[0].LearningRate);
        Assert.Equal(new Dictionary<string, double>
        {
            ["unet"] = 0.01, ["unet.mid"] = 0.02, ["text_encoder"] = 0.04, ["token"] = 0,
        }, seen[0].Rates);
    }

    [Fact]
    public void TheScheduleGoesForAllGroups()
    {
        var parameters = new Dictionary<string, Parameter> { ["a"] = new(ones(1)), ["b"] = new(ones(1)) };
        var options = new TrainerOptions
        {
            Steps = 8, LearningRate = 1, Schedule = new LrSchedule(LrShape.Cosine, 2), Groups = [new("b", 0.1)],
        };
        var seen = new List<TrainingProgress>();
        Trainer.Run(options, parameters, _ => 0, (_, _) => parameters["a"].sum() + parameters["b"].sum(),
            seen.Add).Dispose();
        // Two steps up, then half a cosine over six.
        double[] expected = [0, 0.5, .. Enumerable.Range(0, 6).Select(i => 0.5 * (1 + Math.Cos(Math.PI * i / 6)))];
        Assert.Equal(expected, seen.Select(p => p.LearningRate), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(expected.Select(r => r * 0.1), seen.Select(p => p.Rates["b"]), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void AGroupThatHoldsNothingIsNamed()
    {
        var parameters = new Dictionary<string, Parameter>
        {
            ["unet.a"] = new(ones(1)), ["text_encoder_2.a"] = new(ones(1)),
        };
        string Refused(params ParameterGroup[] groups) => Assert.Throws<ArgumentException>(() => Trainer.Run(
            new TrainerOptions { Steps = 1, Groups = groups }, parameters, _ => 0, (_, _) => zeros(1))).Message;
        Assert.Contains("group 'text_encoder' holds no parameter; the parameters begin with text_encoder_2, unet",
            Refused(new ParameterGroup("text_encoder", 1e-4)));
        Assert.Contains("'unet' is there twice", Refused(new("unet", 1e-4), new("unet", 1e-5)));
        Assert.Contains("learning rate -1", Refused(new ParameterGroup("unet", -1)));
    }

    private static JsonElement[] All() =>
        [.. JsonDocument.Parse(File.ReadAllText(TestData.Golden("diffusion/adafactor/cases.json")))
            .RootElement.EnumerateArray()];
}
