using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

/// <summary>What a training does when a file or a number breaks; processes that are killed: KilledTests.</summary>
public sealed class SurvivalTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("survival").FullName;
    private readonly List<string> said = [];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<string, string> Damages => new()
    {
        { "parameters.safetensors", "flip" }, { "optimizer.safetensors", "flip" }, { "ema.safetensors", "flip" },
        { "training.json", "flip" }, { "training.json", "cut" }, { "optimizer.safetensors", "cut" },
        { "ema.safetensors", "gone" }, { "training.json", "gone" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void ADamagedCheckpointIsSaidAndTheOneBeforeIsUsed(string name, string how)
    {
        float[] straight = Trained(Options(Path.Combine(folder, "straight")));
        var options = Options(Path.Combine(folder, "damaged"));
        Assert.Throws<IOException>(() => Trained(options, (step, loss) =>
            step == 20 ? throw new IOException("broken") : loss));
        var file = Path.Combine(options.Folder!, "step-00000020", name);
        var bytes = File.ReadAllBytes(file);
        switch (how)
        {
            case "gone": File.Delete(file); break;
            case "cut": File.WriteAllBytes(file, bytes[..(bytes.Length / 2)]); break;
            default:
                // One bit of one number: the loss scale's in the state, a weight's in the tensors.
                int at = name == "training.json"
                    ? System.Text.Encoding.UTF8.GetString(bytes).IndexOf("\"LossScale\": 1") + 13
                    : bytes.Length - 3;
                bytes[at] ^= 2;
                File.WriteAllBytes(file, bytes);
                break;
        }
        Assert.Equal(10, TrainingCheckpoint.Newest(options.Folder!)!.Value.Step);
        var steps = new List<long>();
        Assert.Equal(straight, Trained(options, seen: p => steps.Add(p.Step)));
        Assert.Equal(11, steps[0]);
        var message = Assert.Single(said);
        Assert.Contains("step-00000020 is damaged", message);
        Assert.Contains(name, message);
        Assert.Equal(30, TrainingCheckpoint.Newest(options.Folder!, said.Add)!.Value.Step);
        Assert.Single(said);
    }

    [Fact]
    public void AValidationThatFailsLosesNoStep()
    {
        using var weight = new Parameter(ones(2));
        var options = Options(Path.Combine(folder, "validated")) with { CheckpointEvery = 100, ValidateEvery = 7 };
        Assert.Throws<OutOfMemoryException>(() => Trainer.Run(options,
            new Dictionary<string, Parameter> { ["weight"] = weight }, at => at, (_, _) => weight.Squared().sum(),
            validate: _ => throw new OutOfMemoryException("a sample image")));
        Assert.Equal(7, TrainingCheckpoint.Newest(options.Folder!)!.Value.Step);
    }

    [Fact]
    public void WhereAllAreDamagedNothingBeginsAnewUnasked()
    {
        Trained(Options(folder));
        foreach (var file in Directory.EnumerateFiles(folder, "parameters.safetensors", SearchOption.AllDirectories))
            File.WriteAllBytes(file, [.. File.ReadAllBytes(file).SkipLast(1)]);
        Assert.Contains("all before it are damaged",
            Assert.Throws<CheckpointException>(() => Trained(Options(folder))).Message);
        Assert.Equal(2, said.Count);
    }

    [Fact]
    public void TheBestIsKeptBesideTheNewest()
    {
        // Validations at 4, 8, ..., 28 and 30; the lowest one is at 12, which is no step of the checkpoints' own.
        var values = new Dictionary<long, double>
        {
            [4] = 5, [8] = 4, [12] = 1, [16] = double.NaN, [20] = 2, [24] = 1, [28] = 3, [30] = 6,
        };
        var options = Options(folder) with { ValidateEvery = 4 };
        var asked = new List<(long, float)>();
        var seen = new List<TrainingProgress>();
        float[]? atBest = null;
        var (parameters, loss) = Model();
        using var result = Trainer.Run(options, parameters, at => at, loss, seen.Add, validate: point =>
        {
            Assert.False(is_grad_enabled());
            Assert.NotNull(point.Ema);
            using var drawn = rand(1, generator: point.Generator);
            asked.Add((point.Step, drawn.ToSingle()));
            if (point.Step == 12)
                atBest = Flat(parameters);
            return values[point.Step];
        });
        Assert.Equal(values.Keys, asked.Select(a => a.Item1));
        Assert.Single(asked.Select(a => a.Item2).Distinct()); // The same noise each time.
        Assert.Equal((12, 1.0), result.Best);
        Assert.Equal([12, 20, 30], Directory.EnumerateDirectories(folder)
            .Select(d => int.Parse(Path.GetFileName(d)[5..])).Order());
        Assert.Equal(values.Values, seen.Select(p => p.Validation).Where(v => v is not null).Select(v => v!.Value));
        Assert.Contains("step 16: the validation is NaN", Assert.Single(said));

        var best = TrainingCheckpoint.Best(folder)!.Value;
        Assert.Equal((12, 1.0), (best.Step, best.Value));
        TrainingCheckpoint.LoadParameters(best.Folder, parameters);
        Assert.Equal(atBest, Flat(parameters));
        File.WriteAllText(Path.Combine(best.Folder, "ema.safetensors"), "x");
        Assert.Contains("ema.safetensors",
            Assert.Throws<CheckpointException>(() => TrainingCheckpoint.Best(folder)).Message);
    }

    [Fact] // What was best before the kill is still known after it.
    public void TheBestIsRememberedOverAResumption()
    {
        var options = Options(folder) with { ValidateEvery = 5 };
        var (parameters, loss) = Model();
        double Validate(ValidationPoint point) => Math.Abs(point.Step - 5) + 1;
        Assert.Throws<IOException>(() => Trainer.Run(options, parameters, at => at, loss,
            p => { if (p.Step == 22) throw new IOException("broken"); }, validate: Validate));
        using var result = Trainer.Run(options, parameters, at => at, loss, validate: Validate);
        Assert.Equal((5, 1.0), result.Best);
        Assert.Equal(5, TrainingCheckpoint.Best(folder)!.Value.Step);
    }

    [Fact]
    public void StepsThatAreNotFiniteAreSkippedAndCounted()
    {
        var options = Options(Path.Combine(folder, "a")) with { Schedule = new LrSchedule(), SkipsInARow = 2 };
        var seen = new List<TrainingProgress>();
        var (parameters, loss) = Model();
        var values = new List<float[]>();
        using var result = Trainer.Run(options, parameters, at => at, (b, at) => at.Step switch
        {
            4 => loss(b, at).mul(double.NaN),
            // The loss is 0, its gradient 0 x infinity.
            5 => loss(b, at) + parameters["b"].detach().sub(parameters["b"]).abs().sqrt().sum(),
            20 or 21 => loss(b, at).add(double.PositiveInfinity),
            _ => loss(b, at),
        }, p =>
        {
            seen.Add(p);
            values.Add(Flat(parameters));
        });
        Assert.Equal(4, result.Skipped);
        Assert.Equal(30, result.Step);
        Assert.Equal([1, 2, 3, 4], seen.Select(p => p.Skipped).Where(s => s > 0).Distinct());
        Assert.Equal(values[3], values[4]);
        Assert.Equal(values[3], values[5]);
        Assert.NotEqual(values[5], values[6]);
        Assert.Equal(4, said.Count);
        Assert.Contains("step 5: the loss is NaN; tiles 4; skipped (1 in a row, 1 in all)", said[0]);
        Assert.Contains("step 6: the gradients of b are not finite", said[1]);
    }

    [Fact]
    public void TooManyInARowEndTheTrainingWithAReport()
    {
        var options = Options(folder) with { SkipsInARow = 2 };
        var (parameters, loss) = Model();
        var error = Assert.Throws<TrainingDivergedException>(() => Trainer.Run(options, parameters, at => at, (b, at) =>
            at.Step < 13 ? loss(b, at)
                : loss(b, at) + parameters["b"].detach().sub(parameters["b"]).abs().sqrt().sum()));
        Assert.Equal(16, error.Step);
        Assert.Equal(["b"], error.Gradients);
        Assert.Contains("step 16: the gradients of b are not finite; tiles 15; 3 such steps in a row", error.Message);
        Assert.Contains("the last checkpoint is of step 10", error.Message);
        Assert.Equal(10, TrainingCheckpoint.Newest(folder)!.Value.Step);
        Assert.All(parameters.Values, p => Assert.Null(p.grad));
    }

    [Fact]
    public void WhatIsLeftOfAnInterruptedWriteGoes()
    {
        Directory.CreateDirectory(Path.Combine(folder, "step-00000007.part"));
        Directory.CreateDirectory(Path.Combine(folder, "step-00000003.old"));
        Trained(Options(folder));
        Assert.Equal(["step-00000020", "step-00000030"],
            Directory.EnumerateDirectories(folder).Select(d => Path.GetFileName(d)!).Order());
    }

    private TrainerOptions Options(string to) => new()
    {
        Folder = to, Steps = 30, LearningRate = 0.05, CheckpointEvery = 10, Seed = 7, Ema = new EmaOptions(0.9),
        Schedule = new LrSchedule(LrShape.Cosine, 5), Warn = said.Add,
    };

    private static float[] Trained(TrainerOptions options, Func<long, Tensor, Tensor>? changed = null,
        Action<TrainingProgress>? seen = null)
    {
        var (parameters, loss) = Model();
        Trainer.Run(options, parameters, at => at,
            (b, at) => changed is null ? loss(b, at) : changed(at.Step, loss(b, at)), seen).Dispose();
        return Flat(parameters);
    }

    private static float[] Flat(Dictionary<string, Parameter> parameters) =>
        [.. parameters.Values.SelectMany(p => p.data<float>().ToArray())];

    private static (Dictionary<string, Parameter>, Func<TrainingStep, TrainingStep, Tensor>) Model()
    {
        var parameters = new Dictionary<string, Parameter> { ["w"] = new(zeros(2)), ["b"] = new(zeros(1)) };
        return (parameters, (_, at) =>
        {
            at.Note("tiles", [at.Index.ToString()]);
            var x = randn([16, 2], generator: at.Generator);
            var y = x.mv(tensor(new[] { 2f, -3f }));
            return (x.mv(parameters["w"]) + parameters["b"] - y).square().mean();
        });
    }
}
