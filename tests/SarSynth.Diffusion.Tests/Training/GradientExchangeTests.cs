// Gradients that travel while the backward pass goes on: when they leave, and that what comes back is the sum.
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

public sealed class GradientExchangeTests
{
    // Two ranks of which the other always does what this one does: a step of half the loss on each ends as one rank's
    // step of the whole, but for the order in which a mark has three gradients of one tensor added: recomputed blocks
    // add theirs inside.
    [Theory]
    [InlineData("full", 1e-6)]
    [InlineData("lora", 1e-6)]
    [InlineData("recomputed", 0)]
    [InlineData("recomputed bfloat16", 0)]
    public void TwoRanksThatDoTheSameEndAsOne(string how, double tolerance)
    {
        var (alone, _) = Train(how, Ranks.Alone);
        var twins = new Twins();
        var (both, early) = Train(how, twins);
        Assert.Equal(alone.Keys, both.Keys);
        var apart = alone.Select(p => (p.Key, By: p.Value.Zip(both[p.Key], (a, b) => Math.Abs(a - b)).Max()))
            .MaxBy(p => p.By);
        Assert.True(apart.By <= tolerance, $"{apart.Key}: {apart.By:g3}");
        Assert.All(early, sums => Assert.True(sums >= 2, $"{sums} sums before the backward pass had ended"));
    }

    [Fact]
    public void AFailureOfASumEndsTheStepWithItsMessage()
    {
        var error = Assert.Throws<InvalidDataException>(() => Train("full", new Twins { FailsAt = 2 }));
        Assert.Equal("the link is down", error.Message);
    }

    // Each parameter after three steps, and for each step how many messages left before its backward pass had ended.
    private static (SortedDictionary<string, float[]> Values, List<int> Early) Train(string how, Ranks ranks)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        using var unet = TinyModels.Unet();
        var twins = ranks as Twins;
        using var autocast = how.EndsWith("bfloat16", StringComparison.Ordinal) ? new Autocast(unet) : null;
        if (how.StartsWith("recomputed", StringComparison.Ordinal))
            unet.BlockRunner = GradientCheckpointing.Run;
        IReadOnlyDictionary<string, Parameter> trained = autocast?.Masters
            ?? unet.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        if (how == "lora")
        {
            foreach (var parameter in unet.parameters())
                parameter.requires_grad = false;
        }
        using var lora = how == "lora" ? Lora.Create(new Dictionary<string, nn.Module> { ["unet"] = unet },
            Lora.UNetAttention, 4) : null;
        trained = lora?.Parameters ?? trained.ToDictionary(p => $"unet.{p.Key}", p => p.Value);
        var options = new TrainerOptions
        {
            Steps = 3, LearningRate = 1e-3, Seed = 4, Optimizer = new AdamWOptions(Epsilon: 1e-3), Ranks = ranks,
            Accumulation = ranks.Count, Autocast = autocast,
            Networks = [("unet", unet)], GradientBucket = how == "lora" ? 300 : 20_000,
        };
        var early = new List<int>();
        Trainer.Run(options, trained, _ => 0, (_, at) =>
        {
            Tensor Random(params long[] shape) => randn(shape, generator: at.Generator);
            // The way back ends at the sample: what is waited for there leaves before.
            var sample = Random(2, 4, 16, 16).requires_grad_(true);
            if (twins is not null)
                sample = Gate.apply([twins, early, sample]);
            return unet.forward(sample, Random(2), Random(2, 7, 64), Random(2, 40), ones(2, 6)).square().mean();
        }).Dispose();
        return (new(trained.ToDictionary(p => p.Key, p => p.Value.detach().to(ScalarType.Float32).contiguous()
            .data<float>().ToArray())), early);
    }

    private sealed class Twins : Ranks
    {
        private int sums;

        public int FailsAt { get; init; } = int.MaxValue;

        public override int Rank => 0;

        public override int Count => 2;

        // Waits for a message and then for the one after it, a minute at the most.
        public int TakeSums()
        {
            SpinWait.SpinUntil(() => Volatile.Read(ref sums) >= 2, TimeSpan.FromMinutes(1));
            return Interlocked.Exchange(ref sums, 0);
        }

        public override void Sum(double[] values)
        {
            foreach (ref var value in values.AsSpan())
                value *= 2;
        }

        public override void Sum(float[] values)
        {
            if (Interlocked.Increment(ref sums) == FailsAt)
                throw new InvalidDataException("the link is down");
            foreach (ref var value in values.AsSpan())
                value *= 2;
        }

        public override void Abort() => throw new NotSupportedException();
    }

    private sealed class Gate : autograd.SingleTensorFunction<Gate>
    {
        public override string Name => nameof(Gate);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.save_data("twins", vars[0]);
            ctx.save_data("early", vars[1]);
            return ((Tensor)vars[2]).alias();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            ((List<int>)ctx.get_data("early")).Add(((Twins)ctx.get_data("twins")).TakeSums());
            return [null!, null!, grad_output];
        }
    }
}
