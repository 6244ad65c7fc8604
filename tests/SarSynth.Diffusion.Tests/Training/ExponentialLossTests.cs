// Likelihoods of exponential values against closed forms and a numerical integral.
using SarSynth.Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

public sealed class ExponentialLossTests
{
    [Fact]
    public void TheLikelihoodIsLowestAtTheMean()
    {
        using var scope = NewDisposeScope();
        float[] values = [0.1f, 0.7f, 2.5f, 0.02f, 9];
        var mean = values.Average();
        var log = tensor(new float[] { MathF.Log(mean) }, requires_grad: true);
        var loss = ExponentialLoss.Of(log.expand(5), tensor(values));
        loss.backward();
        Assert.Equal(Math.Log(mean) + 1, loss.ToSingle(), 1e-5);
        Assert.Equal(0, log.grad!.ToSingle(), 1e-5);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.3)]
    [InlineData(0.8)]
    public void TheCompoundLikelihoodIsTheIntegralOverTheMeans(double spread)
    {
        using var scope = NewDisposeScope();
        foreach (var value in new[] { 0.01, 0.4, 1.7, 6.0 })
        {
            const double logMean = 0.2;
            double sum = 0, weight = 0;
            for (var z = -8.0; z <= 8; z += 0.001)
            {
                var m = Math.Exp(logMean + spread * z - spread * spread / 2);
                sum += Math.Exp(-z * z / 2) * Math.Exp(-value / m) / m;
                weight += Math.Exp(-z * z / 2);
            }
            var found = ExponentialLoss.Compound(tensor(new[] { (float)logMean }), tensor(new[] { (float)spread }),
                tensor(new[] { (float)value })).ToSingle();
            Assert.Equal(-Math.Log(sum / weight), found, 0.02);
        }
    }

    [Fact]
    public void TheCompoundLikelihoodFindsTheSpreadThatValuesHave()
    {
        using var scope = NewDisposeScope();
        var random = new Random(5);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
            * Math.Cos(2 * Math.PI * random.NextDouble());
        var values = tensor(Enumerable.Range(0, 60_000).Select(_ =>
            (float)(Math.Exp(0.6 * Normal() - 0.18) * -Math.Log(1 - random.NextDouble()))).ToArray());
        double Loss(double s) =>
            ExponentialLoss.Compound(zeros_like(values), full_like(values, s), values).ToSingle();
        var best = Enumerable.Range(1, 24).Select(i => i * 0.05).MinBy(Loss);
        Assert.InRange(best, 0.54, 0.66);
    }

    [Fact]
    public void TheLogarithmsStartIsAtTheMeanToo()
    {
        using var scope = NewDisposeScope();
        var random = new Random(6);
        var values = tensor(Enumerable.Range(0, 60_000).Select(_ =>
            (float)(3 * -Math.Log(1 - random.NextDouble()))).ToArray());
        double Loss(double log) => ExponentialLoss.OfLogarithms(full_like(values, log), values, 1e-6).ToSingle();
        // Smooth L1 lies between mean and median of the skewed logarithm, which are a quarter neper apart.
        var best = Enumerable.Range(-20, 41).Select(i => Math.Log(3) + i * 0.025).MinBy(Loss);
        Assert.InRange(best - Math.Log(3), -0.05, 0.3);
    }
}
