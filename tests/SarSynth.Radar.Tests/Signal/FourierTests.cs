// The transform against its definition, computed directly in double precision.
using MathNet.Numerics;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Tests.Signal;

public class FourierTests
{
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(7), InlineData(8),
        InlineData(15)]
    [InlineData(16), InlineData(30), InlineData(37), InlineData(49), InlineData(60), InlineData(64), InlineData(97),
        InlineData(143)]
    [InlineData(210), InlineData(251), InlineData(486), InlineData(500), InlineData(1009)]
    public void EveryLengthFollowsTheDefinition(int length)
    {
        var line = Noise(length, seed: length);
        var expected = Definition(line);
        var found = (Complex32[])line.Clone();
        Fourier.Forward(found);
        var scale = Math.Sqrt(expected.Average(v => v.MagnitudeSquared()));
        for (var k = 0; k < length; k++)
            Assert.True((found[k].ToComplex() - expected[k])
                .Magnitude < 4e-6 * scale, $"N {length}, k {k}: {found[k]} for {expected[k]}");
        Fourier.Inverse(found);
        for (var k = 0; k < length; k++)
            Assert.True((found[k] - line[k]).Magnitude < 4e-6, $"N {length}, n {k}: {found[k]} for {line[k]}");
    }

    [Theory]
    [InlineData(12, 35), InlineData(8, 8), InlineData(1, 20), InlineData(17, 1), InlineData(9, 74)]
    public void BothAxesFollowTheDefinition(int rows, int columns)
    {
        var image = Noise(rows * columns, seed: 5);
        var expected = image.Select(v => v.ToComplex()).ToArray();
        for (var r = 0; r < rows; r++)
            Definition(expected.AsSpan(r * columns, columns).ToArray()).CopyTo(expected, r * columns);
        for (var c = 0; c < columns; c++)
        {
            var column = Definition([.. Enumerable.Range(0, rows).Select(r => expected[r * columns + c])]);
            for (var r = 0; r < rows; r++)
                expected[r * columns + c] = column[r];
        }
        var found = (Complex32[])image.Clone();
        Fourier.Forward2D(found, rows, columns);
        for (var i = 0; i < found.Length; i++)
            Assert.True((found[i].ToComplex() - expected[i])
                .Magnitude < 2e-5 * Math.Sqrt(rows * columns), $"{rows} x {columns}, {i}");
        Fourier.Inverse2D(found, rows, columns);
        for (var i = 0; i < found.Length; i++)
            Assert.True((found[i] - image[i]).Magnitude < 4e-6, $"{rows} x {columns}, {i}");
    }

    [Fact]
    public void AWaveIsOneLine()
    {
        // exp(2 pi i (5 r / 96 + 11 c / 130)) has all its power, 96 x 130, at (5, 11).
        var wave = new Complex32[96 * 130];
        for (var i = 0; i < wave.Length; i++)
        {
            var (s, c) = Math.SinCos(2 * Math.PI * (5.0 * (i / 130) / 96 + 11.0 * (i % 130) / 130));
            wave[i] = new Complex32((float)c, (float)s);
        }
        Fourier.Forward2D(wave, 96, 130);
        for (var i = 0; i < wave.Length; i++)
            Assert.InRange((wave[i] - (i == 5 * 130 + 11 ? 96 * 130 : 0)).Magnitude, 0, 0.05);
    }

    [Fact]
    public void AWrongSizeIsNamed()
    {
        var error = Assert.Throws<ArgumentException>(() => Fourier.Forward2D(new Complex32[10], 3, 4));
        Assert.Contains("found 10 values, expected 3 x 4 = 12", error.Message);
    }

    private static Complex32[] Noise(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count)
            .Select(_ => new Complex32(random.NextSingle() - 0.5f, random.NextSingle() - 0.5f))];
    }

    private static System.Numerics.Complex[] Definition(Complex32[] line) =>
        Definition([.. line.Select(v => v.ToComplex())]);

    private static System.Numerics.Complex[] Definition(System.Numerics.Complex[] line) =>
        [.. Enumerable.Range(0, line.Length).Select(k => Enumerable.Range(0, line.Length)
            .Aggregate(System.Numerics.Complex.Zero, (sum, n) =>
                sum + line[n] * System.Numerics.Complex.FromPolarCoordinates(1,
                    -2 * Math.PI * ((long)k * n % line.Length) / line.Length)))];
}

internal static class Complex32Extensions
{
    public static double MagnitudeSquared(this System.Numerics.Complex value) =>
        value.Real * value.Real + value.Imaginary * value.Imaginary;
}
