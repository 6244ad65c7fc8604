using System.Text.Json;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

/// <summary>Losses against their formulas in float64, noise and timesteps against their distributions.</summary>
public sealed class LossTests : IDisposable
{
    private static readonly NoiseSchedule Schedule = NoiseSchedule.Create();

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Tensor x0 = randn([3, 4, 6, 5], generator: new Generator(1));
    private readonly Tensor noise = randn([3, 4, 6, 5], generator: new Generator(2));
    private readonly Tensor guess = randn([3, 4, 6, 5], generator: new Generator(3));
    private readonly Tensor timesteps = tensor(new long[] { 20, 400, 900 });

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(1.0)]
    [InlineData(5.0)]
    [InlineData(20.0)]
    public void MinSnrWeighsTheSameErrorAlikeWhateverIsPredicted(double gamma)
    {
        // One guess of x0, said as noise, as velocity and as itself: Hang et al., sections 3.2 and 3.4.
        double expected = 0;
        for (int i = 0; i < 3; i++)
        {
            double error = (guess[i] - x0[i]).to(ScalarType.Float64).square().mean().ToDouble();
            expected += Math.Min(Schedule.Snr((int)timesteps[i].ToInt64()), gamma) * error / 3;
        }
        foreach (var target in new[] { TrainingTarget.Epsilon, TrainingTarget.Velocity, TrainingTarget.Sample })
        {
            var recipe = new LossRecipe { Target = target, MinSnrGamma = gamma };
            double found = DiffusionLoss.OfNoise(Schedule, (noisy, t) => Said(noisy, t, target), x0, noise, timesteps,
                recipe).ToDouble();
            Assert.Equal(1, found / expected, 2e-4); // alphasCumprod is float32: 1 - 0.998 has four digits less.
        }
    }

    [Fact]
    public void TheDefaultIsTheSchedulesTargetWithMinSnrOfFive()
    {
        var v = NoiseSchedule.Create(prediction: PredictionType.Velocity);
        double by = DiffusionLoss.OfNoise(v, (_, _) => guess, x0, noise, timesteps, new LossRecipe()).ToDouble();
        Assert.Equal(DiffusionLoss.OfNoise(v, (_, _) => guess, x0, noise, timesteps, 5).ToDouble(), by);
        double target = DiffusionLoss.OfNoise(Schedule, (_, _) => guess, x0, noise, timesteps,
            new LossRecipe { Target = TrainingTarget.Velocity }).ToDouble();
        Assert.Equal(by, target);
        Assert.Equal(PredictionType.Velocity,
            new LossRecipe { Target = TrainingTarget.Velocity }.Schedule(Schedule).Prediction);
    }

    [Fact]
    public void FlowMatchingPredictsTheStraightLinesVelocity()
    {
        var times = tensor(new[] { 0.1f, 0.5f, 0.75f });
        Tensor? seen = null, told = null;
        double loss = DiffusionLoss.OfFlow((noisy, t) =>
        {
            (seen, told) = (noisy.clone().DetachFromDisposeScope(), t.clone().DetachFromDisposeScope());
            return guess;
        }, x0, noise, times, timesteps: 800).ToDouble();
        for (int i = 0; i < 3; i++)
        {
            double t = times[i].ToDouble();
            Goldens.Near("noisy", seen![i], x0[i] * (1 - t) + noise[i] * t, 1e-6);
            Assert.Equal(800 * t, told![i].ToDouble(), 1e-3);
        }
        var expected = (guess - (noise - x0)).to(ScalarType.Float64).square().mean().ToDouble();
        Assert.Equal(expected, loss, 1e-5);
        seen!.Dispose();
        told!.Dispose();
        // The velocity leads from each point of the line to its ends.
        double exact = DiffusionLoss.OfFlow((noisy, t) =>
            (noisy - x0) / (t / 800).reshape(3, 1, 1, 1), x0, noise, times, timesteps: 800).ToDouble();
        Assert.Equal(0, exact, 1e-9);
    }

    [Theory]
    [InlineData(HuberSchedule.Constant)]
    [InlineData(HuberSchedule.Exponential)]
    [InlineData(HuberSchedule.Snr)]
    public void PseudoHuberIsItsFormula(HuberSchedule form)
    {
        var huber = new PseudoHuber(0.2, form);
        double expected = 0;
        for (int i = 0; i < 3; i++)
        {
            long t = timesteps[i].ToInt64();
            double sigma = 1 / Math.Sqrt(Schedule.Snr((int)t));
            double c = form switch
            {
                HuberSchedule.Constant => 0.2,
                HuberSchedule.Exponential => Math.Exp(Math.Log(0.2) / 1000 * t),
                _ => 0.8 / Math.Pow(1 + sigma, 2) + 0.2,
            };
            var error = (guess[i] - noise[i]).to(ScalarType.Float64).flatten().data<double>().ToArray();
            expected += error.Average(e => 2 * c * (Math.Sqrt(e * e + c * c) - c)) / 3;
        }
        double found = DiffusionLoss.OfNoise(Schedule, (_, _) => guess, x0, noise, timesteps,
            new LossRecipe { MinSnrGamma = null, Huber = huber }).ToDouble();
        Assert.Equal(1, found / expected, 1e-5);
        Assert.Throws<ArgumentOutOfRangeException>(() => (huber with { C = 0 }).At(1, 1000, 1));
    }

    [Fact]
    public void WhatTheMaskLeavesOutDoesNotCount()
    {
        var mask = (rand([3, 1, 6, 5], generator: new Generator(4)) > 0.4).to(ScalarType.Float32);
        mask[2] = zeros(1, 6, 5); // A sample of which nothing counts.
        double expected = 0;
        for (int i = 0; i < 2; i++)
        {
            var error = (guess[i] - noise[i]).to(ScalarType.Float64).square();
            expected += (error * mask[i]).sum().ToDouble() / (4 * mask[i].sum().ToDouble())
                * DiffusionLoss.MinSnrWeight(Schedule, (int)timesteps[i].ToInt64(), 5) / 2;
        }
        var prediction = guess.clone().requires_grad_(true);
        var loss = DiffusionLoss.OfNoise(Schedule, (_, _) => prediction, x0, noise, timesteps, new LossRecipe(), mask);
        Assert.Equal(1, loss.ToDouble() / expected, 1e-5);
        loss.backward();
        Assert.Equal(0, (prediction.grad! * (1 - mask)).abs().max().ToDouble());
        Assert.True((prediction.grad!.abs() * mask).sum().ToDouble() > 0);
        var nothing = DiffusionLoss.OfNoise(Schedule, (_, _) => guess, x0, noise, timesteps, new LossRecipe(),
            zeros(3, 1, 6, 5));
        Assert.Equal(0, nothing.ToDouble());
        var error2 = Assert.Throws<ArgumentException>(() => DiffusionLoss.OfNoise(Schedule, (_, _) => guess, x0, noise,
            timesteps, new LossRecipe(), ones(3, 1, 12, 10)));
        Assert.Contains("found shape [3, 1, 12, 10], expected [3, 1, 6, 5]", error2.Message);
    }

    [Fact]
    public void ALatentCountsWhereAllItsPixelsDo()
    {
        var valid = ones(1, 1, 8, 12);
        valid[0, 0, 5, 9] = 0;
        var latents = DiffusionLoss.MaskOfLatents(valid, 4);
        Assert.Equal([1f, 1, 1, 1, 1, 0], latents.data<float>().ToArray());
        Assert.Contains("multiples of 8",
            Assert.Throws<ArgumentException>(() => DiffusionLoss.MaskOfLatents(valid, 8)).Message);
    }

    [Fact]
    public void OffsetNoiseMovesWholeChannels()
    {
        var drawn = new NoiseRecipe(Offset: 0.5).Draw([4000, 2, 8, 8], new Generator(5)).to(ScalarType.Float64);
        Assert.Equal(1.25, drawn.square().mean().ToDouble(), 0.02);
        // Means of 64 pixels: the offset's variance and a 64th of the noise's; 8000 of them, so 1.6 % of error.
        Assert.Equal(0.25 + 1.0 / 64, drawn.mean([2, 3]).square().mean().ToDouble(), 0.02);
        var means = drawn.mean([2, 3]);
        Assert.Equal(0, means.select(1, 0).mul(means.select(1, 1)).mean().ToDouble(), 0.02); // Each channel its own.
    }

    [Theory] // Blocks of 2, 4, 8, 16; two pixels d apart in a row are in one block of s with probability 1 - d / s.
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void PyramidNoiseHasVarianceOneAndItsCovariance(double discount)
    {
        var drawn = new NoiseRecipe(Pyramid: discount).Draw([1, 20_000, 16, 16], new Generator(6))[0]
            .to(ScalarType.Float64);
        // All channels of a call share the places of the blocks: several calls, so that places average out.
        var more = Enumerable.Range(0, 200).Select(i => new NoiseRecipe(Pyramid: discount)
            .Draw([1, 200, 16, 16], new Generator((ulong)i + 100))[0].to(ScalarType.Float64)).ToArray();
        // Every pixel, not their mean alone.
        Assert.InRange((drawn.square().mean([0]) - 1).abs().max().ToDouble(), 0, 0.05);
        double total = 1 + Enumerable.Range(1, 4).Sum(i => Math.Pow(discount, 2 * i));
        foreach (int d in new[] { 1, 3, 6, 12 })
        {
            double expected = Enumerable.Range(1, 4)
                .Sum(i => Math.Pow(discount, 2 * i) * Math.Max(0, 1 - d / Math.Pow(2, i))) / total;
            double found = more.Average(n => (n.narrow(2, 0, 16 - d) * n.narrow(2, d, 16 - d)).mean().ToDouble());
            Assert.Equal(expected, found, 0.03);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            new NoiseRecipe(Pyramid: 1).Draw([1, 1, 4, 4], new Generator(1)));
    }

    [Fact]
    public void UniformTimestepsFillTheirRange()
    {
        var drawn = new TimestepSampling(From: 0.2, To: 0.6).Draw(40_000, 1000, new Generator(7)).data<long>()
            .ToArray();
        Assert.Equal((200, 599), ((int)drawn.Min(), (int)drawn.Max()));
        Assert.Equal(399.5, drawn.Average(), 3.0);
        var all = new TimestepSampling().Draw(40_000, 1000, new Generator(7)).data<long>().ToArray();
        Assert.Equal((0, 999), ((int)all.Min(), (int)all.Max()));
        foreach (double to in new[] { 0.5, 0.5002 }) // No range, and one without a timestep.
            Assert.Throws<ArgumentOutOfRangeException>(() =>
                new TimestepSampling(From: 0.5, To: to).Draw(1, 1000, new Generator(1)));
    }

    [Fact] // Median sigmoid(mean); a share of 0.8413 lies below sigmoid(mean + deviation).
    public void LogitNormalTimestepsHaveTheirQuantiles()
    {
        var sampling = new TimestepSampling(TimestepDistribution.LogitNormal, Mean: -0.5, Deviation: 0.8);
        var drawn = sampling.Draw(40_000, 1000, new Generator(8)).data<long>().ToArray();
        static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
        double Below(double share) => drawn.Average(t => (t + 0.5) / 1000 < share ? 1.0 : 0);
        Assert.Equal(0.5, Below(Sigmoid(-0.5)), 0.01);
        Assert.Equal(0.841345, Below(Sigmoid(0.3)), 0.01);
        Assert.Equal(0.022750, Below(Sigmoid(-2.1)), 0.005);
        // In a range the same curve, squeezed into it.
        var squeezed = (sampling with { From = 0.5, To = 0.7 }).Draw(40_000, 1000, new Generator(8)).data<long>()
            .ToArray();
        Assert.True(squeezed.Min() >= 500 && squeezed.Max() < 700);
        Assert.Equal(0.5, squeezed.Average(t => (t + 0.5) / 1000 < 0.5 + 0.2 * Sigmoid(-0.5) ? 1.0 : 0), 0.015);
    }

    [Theory]
    [InlineData(TrainingTarget.OfSchedule, "timesteps")]
    [InlineData(TrainingTarget.FlowMatching, "times")]
    public void ADrawSaysItsTimestepsAndFollowsItsGenerator(TrainingTarget target, string what)
    {
        var recipe = new LossRecipe
        {
            Target = target, Noise = new(0.1, 0.4), Huber = new(), Timesteps = new(TimestepDistribution.LogitNormal),
        };
        double Loss(ulong seed, out TrainingStep at)
        {
            at = new TrainingStep(3, 0, new Generator(seed), 3);
            return DiffusionLoss.Draw(Schedule, (noisy, t) => noisy * 0.5, x0, at, recipe, ones(3, 1, 6, 5)).ToDouble();
        }
        double first = Loss(1, out var step);
        Assert.Equal(what, Assert.Single(step.Notes).What);
        Assert.Equal(3, step.Notes[0].Values.Split(", ").Length);
        Assert.Equal(first, Loss(1, out _));
        Assert.NotEqual(first, Loss(2, out _));
    }

    [Fact]
    public void RecipesComeBackFromJson()
    {
        var recipe = new LossRecipe
        {
            Target = TrainingTarget.FlowMatching, MinSnrGamma = null, Huber = new(0.3, HuberSchedule.Exponential),
            Noise = new(0.05, 0.6), Timesteps = new(TimestepDistribution.LogitNormal, 0.1, 0.9, -1, 2),
        };
        var text = JsonSerializer.Serialize(recipe);
        Assert.Contains("\"FlowMatching\"", text);
        Assert.Equal(recipe, JsonSerializer.Deserialize<LossRecipe>(text));
        var own = new AutoencoderLossRecipe { SpectrumMean = SpectrumMean.Cells, Scale = new(true, 2, -1) };
        Assert.Equal(own, JsonSerializer.Deserialize<AutoencoderLossRecipe>(JsonSerializer.Serialize(own)));
    }

    // The prediction that means "x0 is guess".
    private Tensor Said(Tensor noisy, Tensor t, TrainingTarget target)
    {
        var bars = t.data<long>().ToArray().Select(i => (double)Schedule.AlphasCumprod[(int)i]).ToArray();
        var alpha = tensor(bars.Select(Math.Sqrt).ToArray()).reshape(3, 1, 1, 1);
        var sigma = tensor(bars.Select(b => Math.Sqrt(1 - b)).ToArray()).reshape(3, 1, 1, 1);
        var epsilon = (noisy.to(ScalarType.Float64) - alpha * guess) / sigma;
        return target switch
        {
            TrainingTarget.Epsilon => epsilon,
            TrainingTarget.Velocity => alpha * epsilon - sigma * guess,
            _ => guess,
        };
    }
}
