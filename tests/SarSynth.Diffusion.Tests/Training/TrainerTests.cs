using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("trainer").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ATrainingFindsTheLeastSquaresSolution()
    {
        var (parameters, batch, loss) = Regression();
        var options = new TrainerOptions { Steps = 600, LearningRate = 0.05,
            Schedule = new LrSchedule(LrShape.Cosine, 10), Optimizer = new AdamWOptions(WeightDecay: 0) };
        var result = Trainer.Run(options, parameters, batch, loss);
        Assert.Equal(600, result.Step);
        // The data are y = 2 a - 3 b + 1 exactly.
        Assert.Equal([2f, -3f], parameters["weight"].data<float>().ToArray(), (a, b) => Math.Abs(a - b) < 0.02);
        Assert.Equal(1, parameters["bias"].data<float>()[0], 0.02);
    }

    [Theory]
    [InlineData(true, 21)]   // The process was killed: the last checkpoint of the schedule was at step 20.
    [InlineData(false, 24)]  // Something threw: the step before is kept.
    public void ABrokenTrainingGoesOnWithTheSameNumbers(bool killed, long next)
    {
        var options = Options(Path.Combine(folder, "whole"));
        var (whole, batch, loss) = Regression();
        var straight = Trainer.Run(options, whole, batch, loss);

        var (first, batch1, loss1) = Regression();
        int calls = 0;
        options = Options(Path.Combine(folder, "broken"));
        Assert.Throws<IOException>(() =>
            Trainer.Run(options, first, batch1, (b, at) => ++calls > 2 * 23
            ? throw new IOException("broken") : loss1(b, at)));
        if (killed)
            Directory.Delete(Path.Combine(options.Folder!, "step-00000023"), recursive: true);
        var (second, batch2, loss2) = Regression();
        var steps = new List<long>();
        var resumed = Trainer.Run(options, second, batch2, loss2, p => steps.Add(p.Step));

        Assert.Equal(next, steps[0]);
        Assert.Equal(straight.LastLoss, resumed.LastLoss);
        foreach (var (name, parameter) in whole)
        {
            Assert.Equal(parameter.data<float>().ToArray(), second[name].data<float>().ToArray());
            Assert.Equal(straight.Ema!.Values[name].data<float>().ToArray(),
                resumed.Ema!.Values[name].data<float>().ToArray());
        }
    }

    [Fact]
    public void CheckpointsAppearWholeAndOldOnesGo()
    {
        var (parameters, batch, loss) = Regression();
        Trainer.Run(Options(folder), parameters, batch, loss);
        var names = Directory.EnumerateDirectories(folder).Select(d => Path.GetFileName(d)!).Order().ToArray();
        Assert.Equal(["step-00000030", "step-00000040"], names);
        var newest = TrainingCheckpoint.Newest(folder)!.Value;
        Assert.Equal(40, newest.Step);
        var (other, _, _) = Regression();
        TrainingCheckpoint.LoadParameters(newest.Folder, other);
        Assert.Equal(parameters["weight"].data<float>().ToArray(), other["weight"].data<float>().ToArray());
    }

    [Fact]
    public void AFolderOfAnotherTrainingIsRefusedByName()
    {
        var (parameters, batch, loss) = Regression();
        Trainer.Run(Options(folder), parameters, batch, loss);
        var renamed = new Dictionary<string, Parameter> { ["weight"] = parameters["weight"],
            ["offset"] = parameters["bias"] };
        Assert.Contains("'offset' is missing",
            Assert.Throws<CheckpointException>(() => Trainer.Run(Options(folder), renamed, batch, loss)).Message);
    }

    public static TheoryData<string, TrainerOptions> Others => new()
    {
        { "Seed is 7, this training has 8", Options("") with { Seed = 8 } },
        { "Steps is 40, this training has 50", Options("") with { Steps = 50 } },
        { "LearningRate is 0.05, this training has 0.1", Options("") with { LearningRate = 0.1 } },
        { "Schedule.Warmup is 5, this training has 6",
            Options("") with { Schedule = new LrSchedule(LrShape.Cosine, 6) } },
        { "Schedule.Shape is \"Cosine\", this training has \"Linear\"",
            Options("") with { Schedule = new(LrShape.Linear, 5) } },
        { "Groups.weight is none, this training has",
            Options("") with { Groups = [new ParameterGroup("weight", 0.1)] } },
        { "Optimizer.Kind is \"AdamW\", this training has \"Adafactor\"",
            Options("") with { Optimizer = new AdafactorOptions() } },
        { "Optimizer.Beta1 is 0.9, this training has 0.8", Options("") with { Optimizer = new AdamWOptions(0.8) } },
        { "ClipNorm is 1, this training has none", Options("") with { ClipNorm = null } },
        { "Accumulation is 2, this training has 3", Options("") with { Accumulation = 3 } },
        { "Ema.Decay is 0.9, this training has 0.99", Options("") with { Ema = new EmaOptions(0.99) } },
        { "this training has none", Options("") with { Ema = null } },
        { "LossScale is none, this training has 128", Options("") with { LossScale = 128 } },
        { "LossScaleGrowth is 2000, this training has 10", Options("") with { LossScaleGrowth = 10 } },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void EverySettingThatDiffersIsNamed(string named, TrainerOptions other)
    {
        var (parameters, batch, loss) = Regression();
        Trainer.Run(Options(folder), parameters, batch, loss).Dispose();
        var error = Assert.Throws<CheckpointException>(() =>
            Trainer.Run(other with { Folder = folder }, parameters, batch, loss));
        Assert.Contains(named, error.Message);
        Assert.Contains("training.json", error.Message);
    }

    [Fact] // Where no setting that numbers hang on is changed, a training goes on: more steps at a constant rate.
    public void ATrainingAtAConstantRateMayBeMadeLonger()
    {
        var options = Options(folder) with { Schedule = new LrSchedule(LrShape.ConstantWithWarmup, 5) };
        var (parameters, batch, loss) = Regression();
        Trainer.Run(options, parameters, batch, loss).Dispose();
        options = options with { Steps = 60, CheckpointEvery = 7, KeepCheckpoints = 1 };
        using var longer = Trainer.Run(options, parameters, batch, loss);
        var (whole, batch2, loss2) = Regression();
        using var straight = Trainer.Run(options with { Folder = null }, whole, batch2, loss2);
        Assert.Equal(60, longer.Step);
        Assert.Equal(straight.LastLoss, longer.LastLoss);
    }

    [Fact]
    public void ALossScaleGoesOnWhereItWas()
    {
        var options = new TrainerOptions
        {
            Steps = 12, LearningRate = 0.1, LossScale = 65536, LossScaleGrowth = 3, CheckpointEvery = 100,
                Folder = folder,
            Optimizer = new AdamWOptions(WeightDecay: 0),
        };
        // The loss of a step is what its scale lets through: at 1e34 the scaled gradient overflows from 2^14 on.
        double[] Values(string to, int? broken)
        {
            var weight = new Parameter(ones(4));
            var parameters = new Dictionary<string, Parameter> { ["w"] = weight };
            var values = new List<double>();
            void Run(int? fail) => Trainer.Run(options with { Folder = to }, parameters, step => step.Step,
                (step, _) => step == fail ? throw new IOException("broken") : weight.sum().mul(step < 6 ? 1e34 : 1),
                p => values.Add(weight[0].ToDouble())).Dispose();
            if (broken is { } at)
                Assert.Throws<IOException>(() => Run(at));
            Run(null);
            return [.. values];
        }
        var straight = Values(Path.Combine(folder, "straight"), null);
        Assert.Equal(straight, Values(Path.Combine(folder, "broken"), 4));
        Assert.Equal(1, straight[0]);
        Assert.NotEqual(1, straight[^1]);
    }

    [Fact]
    public void WhatEndsATrainingIsThrownThoughNoCheckpointCanBeWritten()
    {
        // A folder below a file cannot be made.
        var file = Path.Combine(folder, "file");
        File.WriteAllText(file, "");
        var (parameters, batch, loss) = Regression();
        var options = Options(Path.Combine(file, "training")) with { CheckpointEvery = 100 };
        var error = Assert.Throws<FormatException>(() => Trainer.Run(options, parameters, batch, loss,
            p => { if (p.Step == 3) throw new FormatException("of the callback"); }));
        Assert.Equal("of the callback", error.Message);
        Assert.Contains("step 3", (string)error.Data["checkpoint"]!);
        Assert.All(parameters.Values, p => Assert.Null(p.grad));
        // Alone, the failure to write is what is thrown.
        Assert.ThrowsAny<IOException>(() => Trainer.Run(options with { Steps = 2 }, parameters, batch, loss));
    }

    [Fact]
    public void TheAverageGoesWithTheTrainingThatFails()
    {
        var (parameters, batch, loss) = Regression();
        for (int i = 0; i < 2; i++) // What the engine makes once is made in the first round.
        {
            long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            Assert.Throws<IOException>(() => Trainer.Run(Options(folder) with { Folder = null }, parameters, batch,
                (b, at) => at.Step == 3 ? throw new IOException("broken") : loss(b, at)));
            using (Trainer.Run(Options(folder) with { Folder = null }, parameters, batch, loss))
            {
            }
            if (i == 1)
                Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    [Fact]
    public void MicroBatchesDifferInTheirDrawsAndPlaces()
    {
        var (parameters, batch, loss) = Regression();
        var places = new List<long>();
        var draws = new HashSet<float>();
        var options = Options(folder) with { Folder = null, Steps = 10, Accumulation = 3 };
        Trainer.Run(options, parameters, at =>
        {
            places.Add(at.Index);
            using var drawn = rand(1, generator: at.Generator);
            draws.Add(drawn.ToSingle());
            return batch(at);
        }, loss).Dispose();
        Assert.Equal(Enumerable.Range(0, 30).Select(i => (long)i), places);
        Assert.Equal(30, draws.Count);
    }

    [Fact]
    public void TheAverageFollowsItsDefinition()
    {
        var weight = new Parameter(zeros(3));
        var parameters = new Dictionary<string, Parameter> { ["w"] = weight };
        var options = new EmaOptions(Decay: 0.9);
        using var ema = new Ema(parameters, options);
        double expected = 0;
        for (int step = 1; step <= 50; step++)
        {
            using (no_grad())
                weight.fill_(Math.Sin(step));
            ema.Update(parameters, step);
            expected = options.DecayAt(step) * expected + (1 - options.DecayAt(step)) * (float)Math.Sin(step);
        }
        Assert.Equal(expected, ema.Values["w"].data<float>()[0], 1e-6);
        Assert.Equal((float)expected, ema.With(parameters, () => weight.data<float>()[1]), 1e-6f);
        Assert.Equal((float)Math.Sin(50), weight.data<float>()[2]);
    }

    [Fact]
    public void BothPathsOfAdamWAgreeOnAStridedParameter()
    {
        using var scope = NewDisposeScope();
        var start = randn([70_000, 2], generator: new Generator(1));
        var gradient = randn([70_000, 2], generator: new Generator(2));
        var packed = new Parameter(start.clone());
        // A transposed view is not contiguous: it takes the path of engine operators.
        var strided = new Parameter(start.t().contiguous().t());
        Assert.False(strided.is_contiguous());
        using var fast = new AdamWOptimizer(new Dictionary<string, Parameter> { ["p"] = packed });
        using var slow = new AdamWOptimizer(new Dictionary<string, Parameter> { ["p"] = strided });
        for (int i = 0; i < 5; i++)
        {
            packed.grad = gradient.mul(i + 1).clone();
            strided.grad = gradient.mul(i + 1).clone();
            fast.Step(1e-2, 0.7);
            slow.Step(1e-2, 0.7);
        }
        Goldens.Near("parameters", packed, strided, 1e-6);
    }

    [Fact]
    public void StepsSmallerThanBfloat16AreNotLost()
    {
        // At 1 the spacing of bfloat16 is 2^-8; a hundred steps of 1e-4 must arrive all the same.
        var weight = new Parameter(ones([8], ScalarType.BFloat16));
        var parameters = new Dictionary<string, Parameter> { ["w"] = weight };
        var options = new TrainerOptions { Steps = 100, LearningRate = 1e-4,
            Optimizer = new AdamWOptions(WeightDecay: 0), Ema = new EmaOptions(0.5), Folder = folder };
        var result = Trainer.Run(options, parameters, _ => 0, (_, _) => weight.sum());
        Assert.Equal(0.9900, result.Ema!.Values["w"].data<float>()[0], 3e-4);
        Assert.Equal(ScalarType.BFloat16, weight.dtype);
        Assert.Equal(0.98828125f, weight.to(ScalarType.Float32).data<float>()[0]); // 0.99 rounded to bfloat16.
        using var state = SafeTensorsFile.Open(Path.Combine(TrainingCheckpoint.Newest(folder)!.Value.Folder,
            "optimizer.safetensors"));
        Assert.Equal(0.9900, state.Read("w.master").data<float>()[0], 1e-5);
    }

    [Fact]
    public void CheckpointedBlocksGiveTheSameGradients()
    {
        using var scope = NewDisposeScope();
        var x = randn([8, 16], generator: new Generator(3));
        Tensor[] Gradients(bool recompute, bool inputWantsGradient)
        {
            var layers = new[] { nn.Linear(16, 32), nn.Linear(32, 16) };
            using (no_grad())
                foreach (var (parameter, i) in layers.SelectMany(l => l.parameters()).Select((p, i) => (p, i)))
                    parameter.copy_(randn(parameter.shape, generator: new Generator((ulong)i + 10)).mul(0.3));
            Tensor Block(IReadOnlyList<Tensor> inputs) => layers[1].call(layers[0].call(inputs[0]).tanh());
            var input = x.clone().requires_grad_(inputWantsGradient);
            var output = recompute ? GradientCheckpointing.Run(Block, [input]) : Block([input]);
            output.square().sum().backward();
            return [.. layers.SelectMany(l => l.parameters()).Select(p => p.grad!),
                .. inputWantsGradient ? new[] { input.grad! } : []];
        }
        foreach (bool wanted in new[] { true, false })
            foreach (var (plain, again) in Gradients(false, wanted).Zip(Gradients(true, wanted)))
                Goldens.Near($"gradient, input {wanted}", again, plain, 1e-5);
    }

    private static TrainerOptions Options(string folder) => new()
    {
        Folder = folder, Steps = 40, LearningRate = 0.05, CheckpointEvery = 10, Accumulation = 2, Seed = 7,
        Ema = new EmaOptions(0.9),
        Schedule = new LrSchedule(LrShape.Cosine, 5),
    };

    private static (Dictionary<string, Parameter>, Func<TrainingStep, (Tensor X, Tensor Y)>, Func<(Tensor X, Tensor Y),
        TrainingStep, Tensor>) Regression()
    {
        var parameters = new Dictionary<string, Parameter> { ["weight"] = new(zeros(2)), ["bias"] = new(zeros(1)) };
        return (parameters,
            at =>
            {
                var x = randn([16, 2], generator: at.Generator);
                return (x, x.matmul(tensor(new[] { 2f, -3f })).add(1));
            },
            (batch, _) => (batch.X.matmul(parameters["weight"]) + parameters["bias"] - batch.Y).square().mean());
    }
}
