using MathNet.Numerics;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Evaluation;

public sealed class WithoutTruthTests
{
    // Ground whose brightness changes from square to square of 4 x 4 pixels, and within squares.
    private static AmplitudeImage Satellite(int size)
    {
        var random = new Random(3);
        var squares = Enumerable.Range(0, size * size / 16).Select(_ => random.NextDouble()).ToArray();
        return new(size, size, [.. Enumerable.Range(0, size * size).Select(i =>
            (float)Math.Exp(squares[i / size / 4 * (size / 4) + i % size / 4]) * (i % 2 == 0 ? 1 : 1.2f))]);
    }

    private static AmplitudeImage Fine(AmplitudeImage image, int scale, Func<float, float> map) => new(
        image.Rows * scale, image.Columns * scale, [.. from r in Enumerable.Range(0, image.Rows * scale)
            from c in Enumerable.Range(0, image.Columns * scale)
            select map(image.Pixels[r / scale * image.Columns + c / scale])]);

    [Theory]
    [InlineData(1.0), InlineData(1.4), InlineData(0.5), InlineData(0.0)]
    public void ContrastIsThePowerThatWasTakenOfIt(double power)
    {
        var satellite = Satellite(48);
        // Within a square all pixels have one ratio, so its decibels are multiplied, but for a shift that is the same.
        var found = WithoutTruth.Of(satellite, Fine(satellite, 4, a => 2 * (float)Math.Pow(a, power)), looks: 1e9);
        Assert.Equal(power, found.Slope, 0.005);
        if (power == 1)
        {
            Assert.Equal(20 * Math.Log10(2), found.Power, 1e-4);
            Assert.Equal(20 * Math.Log10(2), found.SeenAgain, 1e-4);
        }
    }

    [Fact]
    public void SpeckleOfTheSatelliteIsNoContrastThatMustBeKept()
    {
        var (random, ground) = (new Random(8), Satellite(192));
        var satellite = new AmplitudeImage(192, 192, Array.ConvertAll(ground.Pixels, a =>
            a * (float)Math.Sqrt(-Math.Log(1 - random.NextDouble()))));
        // Who gives the ground keeps its contrast, who gives the speckle too exaggerates.
        Assert.Equal(1, WithoutTruth.Of(satellite, Fine(ground, 4, a => a), looks: 1).Slope, 0.06);
        Assert.True(WithoutTruth.Of(satellite, Fine(satellite, 4, a => a), looks: 1).Slope > 1.1);
    }

    [Fact]
    public void FlatGroundOfIndependentSpeckleSpreadsByItsLooks()
    {
        var random = new Random(5);
        var satellite = new AmplitudeImage(96, 96, [.. Enumerable.Range(0, 96 * 96)
            .Select(i => i % 96 < 48 ? 1 + 0.01f * (i % 3) : (float)(0.2 + 3 * random.NextDouble()))]);
        var made = Fine(satellite, 4, a => a * (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())));
        // The mean of 64 exponential intensities has the logarithm's variance trigamma(64).
        var trigamma = 1 / 64.0 + 1 / (2 * 64.0 * 64) + 1 / (6 * 64.0 * 64 * 64);
        var expected = 10 / Constants.Ln10 * Math.Sqrt(trigamma);
        Assert.InRange(WithoutTruth.Of(satellite, made).Flat, 0.93 * expected, 1.07 * expected);
        // Structure that nobody saw, of the size of satellite pixels, is found.
        var invented = Fine(satellite, 4, a => a);
        for (var i = 0; i < invented.Pixels.Length; i++)
            invented.Pixels[i] = made.Pixels[i] * (i / 384 / 8 % 2 == 0 ? 1 : 1.3f);
        Assert.True(WithoutTruth.Of(satellite, invented).Flat > 2 * expected);
        Assert.Throws<ArgumentException>(() => WithoutTruth.Of(satellite, satellite.Crop(new(0, 0, 90, 96))));
    }
}
