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
        var options = new TrainerOptions { Steps = 600, LearningRate = 0.05, Schedule = new LrSchedule(LrShape.Cosine, 10), Optimizer = new AdamWOptions(WeightDecay: 0) };
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
        Assert.Throws<IOException>(() => Trainer.Run(options, first, batch1, (b, at) => ++calls > 2 * 23 ? throw new IOException("broken") : loss1(b, at)));
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
            Assert.Equal(straight.Ema!.Values[name].data<float>().ToArray(), resumed.Ema!.Values[name].data<float>().ToArray());
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
        var seed = Assert.Throws<CheckpointException>(() => Trainer.Run(Options(folder) with { Seed = 8 }, parameters, batch, loss));
        Assert.Contains("Seed is 7, this training has 8", seed.Message);
        var renamed = new Dictionary<string, Parameter> { ["weight"] = parameters["weight"], ["offset"] = parameters["bias"] };
        Assert.Contains("'offset' is missing", Assert.Throws<CheckpointException>(() => Trainer.Run(Options(folder), renamed, batch, loss)).Message);
    }

    [Fact]
    public void ALossThatIsNotFiniteEndsTheTraining()
    {
        var (parameters, batch, loss) = Regression();
        var error = Assert.Throws<InvalidOperationException>(() => Trainer.Run(Options(folder), parameters, batch,
            (b, at) => at.Step == 12 ? loss(b, at).log().mul(double.NaN) : loss(b, at)));
        Assert.Contains("step 13", error.Message);
        Assert.Contains("step 10", error.Message);
        Assert.Equal(10, TrainingCheckpoint.Newest(folder)!.Value.Step);
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
        var options = new TrainerOptions { Steps = 100, LearningRate = 1e-4, Optimizer = new AdamWOptions(WeightDecay: 0), Ema = new EmaOptions(0.5), Folder = folder };
        var result = Trainer.Run(options, parameters, _ => 0, (_, _) => weight.sum());
        Assert.Equal(0.9900, result.Ema!.Values["w"].data<float>()[0], 3e-4);
        Assert.Equal(ScalarType.BFloat16, weight.dtype);
        Assert.Equal(0.98828125f, weight.to(ScalarType.Float32).data<float>()[0]); // 0.99 rounded to bfloat16.
        using var state = SafeTensorsFile.Open(Path.Combine(TrainingCheckpoint.Newest(folder)!.Value.Folder, "optimizer.safetensors"));
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
            return [.. layers.SelectMany(l => l.parameters()).Select(p => p.grad!), .. inputWantsGradient ? new[] { input.grad! } : []];
        }
        foreach (bool wanted in new[] { true, false })
            foreach (var (plain, again) in Gradients(false, wanted).Zip(Gradients(true, wanted)))
                Goldens.Near($"gradient, input {wanted}", again, plain, 1e-5);
    }

    private static TrainerOptions Options(string folder) => new()
    {
        Folder = folder, Steps = 40, LearningRate = 0.05, CheckpointEvery = 10, Accumulation = 2, Seed = 7, Ema = new EmaOptions(0.9),
        Schedule = new LrSchedule(LrShape.Cosine, 5),
    };

    private static (Dictionary<string, Parameter>, Func<TrainingStep, (Tensor X, Tensor Y)>, Func<(Tensor X, Tensor Y), TrainingStep, Tensor>) Regression()
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
