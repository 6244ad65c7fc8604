// Speckle drawn for a translated image against theory: exponential intensity, the sensor's spectrum, power,
// independence.
using System.Numerics;
using MathNet.Numerics;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class SpeckleStreamTests
{
    private static readonly Sensor sensor = Sensors.AirborneX040;

    private static readonly ComplexImage flat = SpeckleStream.Draw(Mean(1024, 1024, (_, _) => 2), sensor, 7);

    [Fact]
    public void FlatGroundHasOneLook()
    {
        double[] intensity = [.. flat.Pixels.Select(s => (double)s.MagnitudeSquared)];
        double mean = intensity.Average(), variance = intensity.Average(i => (i - mean) * (i - mean));
        Assert.InRange(mean, 1.98, 2.02);
        Assert.InRange(mean * mean / variance, 0.98, 1.02);
        // The logarithm of an exponential variable has the variance pi² / 6.
        var log = intensity.Select(i => Math.Log(i)).ToArray();
        var centre = log.Average();
        Assert.InRange(log.Average(l => Math.Pow(l - centre, 2)), 1.645 * 0.98, 1.645 * 1.02);
        Assert.InRange(flat.Pixels.Average(p => (double)p.Real * p.Imaginary), -0.02, 0.02);
        Assert.DoesNotContain(0.0, intensity);
    }

    [Fact]
    public void ItsSpectrumIsTheSensorsWindowSquaredAndNothingBeyondTheBand()
    {
        const int size = 1024;
        foreach (var (along, band, window) in new[] { (false, sensor.RangeBandFraction, sensor.RangeWindow),
            (true, sensor.AzimuthBandFraction, sensor.AzimuthWindow) })
        {
            var power = new double[size];
            for (var line = 0; line < size; line += 4)
            {
                var samples = new Complex[size];
                for (var i = 0; i < size; i++)
                {
                    var s = flat.Pixels[along ? i * size + line : line * size + i];
                    samples[i] = new Complex(s.Real, s.Imaginary);
                }
                MathNet.Numerics.IntegralTransforms.Fourier.Forward(samples,
                    MathNet.Numerics.IntegralTransforms.FourierOptions.Matlab);
                for (var k = 0; k < size; k++)
                    power[k] += samples[k].Magnitude * samples[k].Magnitude;
            }
            // Sixteenths of the spectrum, as shares, beside the integral of the window squared over the same.
            double total = power.Sum(), expectedTotal = Enumerable.Range(0, size).Sum(Expected);
            for (var cell = 0; cell < 16; cell++)
            {
                var bins = Enumerable.Range(cell * size / 16, size / 16).ToArray();
                Assert.Equal(bins.Sum(Expected) / expectedTotal, bins.Sum(k => power[k]) / total, 0.004);
            }

            double Expected(int k)
            {
                var frequency = (k <= size / 2 ? k : k - size) / (double)size;
                return Math.Pow(window.Weight(2 * frequency / band), 2);
            }
        }
    }

    /// <summary>One scatterer in dark ground gives the response's peak at its place, and its power, whatever the
    /// seed; with speckle the peak is exponential.</summary>
    [Fact]
    public void ASingleScattererDoesNotFade()
    {
        const int size = 96, at = 48;
        var mean = new float[size * size];
        var single = new bool[size * size];
        (mean[at * size + at], single[at * size + at]) = (400, true);
        var (peaks, fading, phases) = (new List<double>(), new List<double>(), new List<double>());
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var alone = Draw(seed, single);
            Assert.Equal(400, alone.Sum(s => (double)s.MagnitudeSquared), 0.2);
            peaks.Add(alone[at * size + at].Magnitude);
            phases.Add(alone[at * size + at].Phase);
            fading.Add(Draw(seed, [])[at * size + at].MagnitudeSquared);
        }
        Assert.InRange(peaks.Max() / peaks.Min(), 1, 1.0001);
        // Of 40 exponential draws the mean is known to 16 %.
        Assert.InRange(peaks[0] * peaks[0] / fading.Average(), 0.5, 1.9);
        Assert.True(fading.Max() / fading.Min() > 5);
        Assert.True(phases.Max() - phases.Min() > 5);

        Complex32[] Draw(ulong seed, bool[] which)
        {
            var samples = new Complex32[size * size];
            var stream = new SpeckleStream(sensor, seed, size, size, (row, line) => line.CopyTo(samples, row * size));
            stream.Add(mean, which);
            return samples;
        }
    }

    [Fact]
    public void SinglesAreOfTheLinesThatAreAdded()
    {
        var stream = new SpeckleStream(sensor, 1, 4, 4, (_, _) => { });
        Assert.Contains("found 3 pixels, expected none or the 8",
            Assert.Throws<ArgumentException>(() => stream.Add(new float[8], new bool[3])).Message);
    }

    [Fact]
    public void PowerStaysAlsoAtAnEdgeAndAtABrightPoint()
    {
        double found = 0, expected = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var mean = Mean(64, 64, (r, c) => r == 30 && c == 31 ? 3000 : c < 20 ? 10 : 0.1);
            expected += mean.Pixels.Sum(p => (double)p);
            found += SpeckleStream.Draw(mean, sensor, seed).Pixels.Sum(s => (double)s.MagnitudeSquared);
        }
        // The point is one exponential draw of a fifth of the power in each image: 60 of them.
        Assert.InRange(found / expected, 0.9, 1.1);
    }

    [Fact]
    public void ItIsTheSameHoweverItsLinesCome()
    {
        var mean = Mean(150, 40, (r, c) => 1 + r % 7 + 0.3f * c);
        var whole = SpeckleStream.Draw(mean, sensor, 3).Pixels;
        var gathered = new Complex32[whole.Length];
        var next = 0;
        var stream = new SpeckleStream(sensor, 3, 150, 40, (row, line) =>
        {
            Assert.Equal(next++, row);
            line.CopyTo(gathered, row * 40);
        });
        foreach (var (from, to) in new[] { (0, 1), (1, 64), (64, 65), (65, 150) })
            stream.Add(mean.Pixels.AsSpan(from * 40, (to - from) * 40));
        Assert.Equal(150, next);
        Assert.Equal(whole, gathered);
        // Begun further down it is the same again, from where all that it is made of was added.
        var reach = SpeckleStream.ReachOf(sensor);
        foreach (var first in new[] { 40, 149 - reach })
        {
            List<int> rows = [];
            var part = new SpeckleStream(sensor, 3, 150, 40, (row, line) =>
            {
                rows.Add(row);
                Assert.Equal(whole[(row * 40)..((row + 1) * 40)], line);
            }, first);
            part.Add(mean.Pixels.AsSpan(first * 40));
            Assert.Equal(Enumerable.Range(first + reach, 150 - first - reach), rows);
        }
        // A few lines, less than the filter is long.
        var few = SpeckleStream.Draw(Mean(5, 40, (_, _) => 1), sensor, 3);
        Assert.Equal(5 * 40, few.Pixels.Count(s => s.Magnitude > 0));
        Assert.Throws<ArgumentException>(() => stream.Add(new float[40]));
        Assert.Throws<ArgumentException>(() => SpeckleStream.Draw(mean, sensor with { RangeLooks = 2 }, 1));
    }

    [Fact]
    public void SeedsAndTheSimulatorHaveOtherSpeckle()
    {
        var truth = Simulator.Observe(TestScenes.Flat(1024), sensor, 7).SingleLook.Pixels;
        var other = SpeckleStream.Draw(Mean(1024, 1024, (_, _) => 2), sensor, 8).Pixels;
        Assert.InRange(Coherence(flat.Pixels, truth), 0, 0.01);
        Assert.InRange(Coherence(flat.Pixels, other), 0, 0.01);
        Assert.InRange(Coherence(flat.Pixels, flat.Pixels), 0.999, 1.001);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.8)]
    [InlineData(1.5)]
    public void TextureHasUnitVarianceAndTheCorrelationOfItsLength(double length)
    {
        const int size = 600;
        var field = new CorrelatedField(4, "texture", size, length);
        var lines = Enumerable.Range(-5, size).Select(field.Line).ToArray();
        double Product(int rows, int columns)
        {
            double sum = 0;
            for (var r = 0; r < size - rows; r++)
            {
                for (var c = 0; c < size - columns; c++)
                    sum += lines[r][c] * lines[r + rows][c + columns];
            }
            return sum / ((size - rows) * (double)(size - columns));
        }
        Assert.Equal(1, Product(0, 0), 0.03);
        foreach (var lag in new[] { 1, 2, 3 })
        {
            var expected = length == 0 ? 0 : Math.Exp(-lag * lag / (4 * length * length));
            // The kernel is sampled, which shows where it is narrow.
            Assert.Equal(expected, Product(lag, 0), 0.03);
            Assert.Equal(expected, Product(0, lag), 0.03);
        }
        Assert.Equal(new CorrelatedField(4, "texture", size, length).Line(100), lines[105]);
        Assert.NotEqual(new CorrelatedField(5, "texture", size, length).Line(100), lines[105]);
    }

    private static double Coherence(Complex32[] a, Complex32[] b)
    {
        double real = 0, imaginary = 0, first = 0, second = 0;
        foreach (var (x, y) in a.Zip(b))
        {
            var product = x * y.Conjugate();
            (real, imaginary) = (real + product.Real, imaginary + product.Imaginary);
            (first, second) = (first + x.MagnitudeSquared, second + y.MagnitudeSquared);
        }
        return Math.Sqrt(real * real + imaginary * imaginary) / Math.Sqrt(first * second);
    }

    private static IntensityImage Mean(int rows, int columns, Func<int, int, double> at)
    {
        var pixels = new float[rows * columns];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (float)at(i / columns, i % columns);
        return new(rows, columns, pixels);
    }
}
