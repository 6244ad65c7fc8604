// Speckle of homogeneous ground against theory: exponential intensity, Rayleigh amplitude,
// calibration, band, independence.
using System.Numerics;
using MathNet.Numerics;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class SpecklePhysicsTests
{
    [Fact]
    public void SingleLookHasOneLookAndRayleighAmplitude()
    {
        var image = Simulator.Observe(TestScenes.Flat(1024), Sensors.AirborneX040, 11).SingleLook;
        // Every third sample: correlation of the band-limited speckle is then below 0.1.
        var intensity = new List<double>();
        for (int r = 0; r < image.Rows; r += 3)
        {
            for (int c = 0; c < image.Columns; c += 3)
                intensity.Add(image.Pixels[r * image.Columns + c].MagnitudeSquared);
        }
        double mean = intensity.Average(), variance = intensity.Average(i => (i - mean) * (i - mean));
        // Standard error of the ENL of n exponential samples: 2 sqrt(2 / n) (Goodman 2007); four of them.
        Assert.InRange(mean * mean / variance, 1 - 8 * Math.Sqrt(2.0 / intensity.Count),
            1 + 8 * Math.Sqrt(2.0 / intensity.Count));
        double amplitude = intensity.Average(Math.Sqrt), spread =
            Math.Sqrt(intensity.Average(i => i) - amplitude * amplitude);
        Assert.Equal(Math.Sqrt(4 / Math.PI - 1), spread / amplitude, 0.006);
        // Circular: no correlation between real and imaginary part.
        double cross = image.Pixels.Average(p => (double)p.Real * p.Imaginary) / (mean / 2),
            power = image.Pixels.Average(p => (double)p.Real * p.Real) / (mean / 2);
        Assert.InRange(cross, -0.01, 0.01);
        Assert.InRange(power, 0.98, 1.02);
    }

    [Theory]
    [InlineData("airborne-x-040", 0.4)]
    [InlineData("airborne-x-080", 0.4)]
    [InlineData("airborne-x-160", 0.4)]
    [InlineData("satellite-x-160", 0.4)]
    [InlineData("terrasar-x-spotlight", 0.4)]
    [InlineData("terrasar-x-stripmap", 0.4)]
    [InlineData("uavsar-l", 0.5)]
    [InlineData("sentinel-1-iw", 2)]
    public void SigmaNoughtComesBackWithinAFifthOfADecibel(string name, double spacing)
    {
        var sensor = Sensors.Named(name);
        var seen = Simulator.Observe(TestScenes.Flat(768, spacing), sensor, 5);
        double theta = sensor.IncidenceAngle * Math.PI / 180, sigma = 0.1 * Math.Cos(theta),
            noise = Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10);
        double measured = seen.SingleLook.Pixels.Average(p => (double)p.MagnitudeSquared) - noise;
        int independent = (int)(0.7 * seen.SingleLook.Pixels.Length
            * sensor.RangeBandFraction * sensor.AzimuthBandFraction);
        // 0.2 dB, or four standard errors where a scene has too few samples of a coarse sensor for that.
        double tolerance = Math.Max(0.2, 10 * Math.Log10(1 + 4 / Math.Sqrt(independent)));
        Assert.InRange(10 * Math.Log10(measured / sigma), -tolerance, tolerance);
        Assert.Equal(sigma, seen.Truth.Reflectivity.Average(), sigma * 1e-3);
        double detected = seen.Detected.Pixels.Average(a => (double)a * a) - noise;
        Assert.Equal(measured, detected, measured * 0.01 + noise * 0.02);
    }

    [Fact]
    public void SpectrumFillsItsBandAndNothingElse()
    {
        var sensor = Sensors.AirborneX040;
        var image = Simulator.Observe(TestScenes.Flat(1024), sensor, 3).SingleLook;
        var spectrum = (Complex32[])image.Pixels.Clone();
        // Hann's taper keeps the edges of the finite image from leaking over the band's border.
        for (int i = 0; i < spectrum.Length; i++)
            spectrum[i] *= (float)(Math.Pow(Math.Sin(Math.PI * (i % image.Columns) / image.Columns),
                2) * Math.Pow(Math.Sin(Math.PI * (i / image.Columns) / image.Rows), 2));
        Fourier.Forward2D(spectrum, image.Rows, image.Columns);
        double inBand = 0, outOfBand = 0, edgeIn = 0;
        int edges = 0, outs = 0, ins = 0;
        for (int r = 0; r < image.Rows; r++)
        {
            for (int c = 0; c < image.Columns; c++)
            {
                double fr = Frequency(r, image.Rows), fc = Frequency(c, image.Columns),
                    power = spectrum[r * image.Columns + c].MagnitudeSquared;
                double limitR = sensor.AzimuthBandFraction / 2, limitC = sensor.RangeBandFraction / 2, margin = 0.02;
                if (Math.Abs(fr) > limitR + margin || Math.Abs(fc) > limitC + margin)
                    (outOfBand, outs) = (outOfBand + power, outs + 1);
                else if (Math.Abs(fr) < limitR - margin && Math.Abs(fc) < limitC - margin)
                    (inBand, ins) = (inBand + power, ins + 1);
                if (Math.Abs(fr) < 0.1 && Math.Abs(fc) < limitC - margin && Math.Abs(fc) > limitC - 2 * margin)
                    (edgeIn, edges) = (edgeIn + power, edges + 1);
            }
        }
        Assert.InRange(10 * Math.Log10(outOfBand / outs / (inBand / ins)), -200, -30);
        // Just inside the band the power is that of the window there, over its mean.
        double edge = (sensor.RangeBandFraction - 0.06) / sensor.RangeBandFraction;
        double expected = Square(sensor.RangeWindow.Weight(edge))
            * MeanSquare(sensor.AzimuthWindow, 0.1 / sensor.AzimuthBandFraction)
            / (MeanSquare(sensor.RangeWindow, 0.5 - 0.02 / sensor.RangeBandFraction) * MeanSquare(sensor.AzimuthWindow,
                0.5 - 0.02 / sensor.AzimuthBandFraction));
        Assert.Equal(expected, edgeIn / edges / (inBand / ins), expected * 0.08);
    }

    [Fact]
    public void LooksAreWhatTheirSpectralAutocorrelationPredicts()
    {
        var sensor = Sensors.SatelliteX160;
        var seen = Simulator.Observe(TestScenes.Flat(1280), sensor, 9);
        double mean = seen.Detected.Pixels.Average(a => (double)a * a),
            variance = seen.Detected.Pixels.Average(a => Square((double)a * a - mean));
        // 1/ENL of n averaged samples: sum over pairs of |complex correlation|² / n² per axis (Goodman 2007).
        double PerAxis(SpectralWindow window, double band, int looks)
        {
            double sum = 0;
            for (int i = 0; i < looks; i++)
            {
                for (int j = 0; j < looks; j++)
                    sum += Square(Correlation(window, band * (i - j)));
            }
            return sum / (looks * looks);
        }
        double expected = 1 / (PerAxis(sensor.AzimuthWindow, sensor.AzimuthBandFraction,
            sensor.AzimuthLooks) * PerAxis(sensor.RangeWindow, sensor.RangeBandFraction, sensor.RangeLooks));
        Assert.Equal(expected, mean * mean / variance, expected * 0.04);
    }

    [Fact]
    public void SpeckleOfTwoSensorsAndOfTwoSeedsIsIndependent()
    {
        var scene = TestScenes.Flat(512);
        var one = Simulator.Observe(scene, Sensors.AirborneX040, 4).SingleLook.Pixels;
        var renamed = Simulator.Observe(scene, Sensors.AirborneX040 with { Name = "another" }, 4).SingleLook.Pixels;
        var reseeded = Simulator.Observe(scene, Sensors.AirborneX040, 5).SingleLook.Pixels;
        // |coherence| of n independent samples is below 4 / sqrt(n) but once in ten million; n holds for the band used.
        double limit = 4 / Math.Sqrt(one.Length * 0.5);
        Assert.InRange(Coherence(one, renamed), 0, limit);
        Assert.InRange(Coherence(one, reseeded), 0, limit);
        Assert.Equal(1, Coherence(one, one), 6);
    }

    [Fact]
    public void SatelliteAndAirborneShowTheSameGround()
    {
        var scene = Scene.Generate(21, new SceneOptions { Rows = 512, Columns = 512, Kind = SceneKind.Farmland });
        var air = Simulator.Observe(scene, Sensors.AirborneX040, 1);
        var satellite = Simulator.Observe(scene, Sensors.SatelliteX160, 1);
        Assert.Equal((128, 128), (satellite.Detected.Rows, satellite.Detected.Columns));
        var coarse = new double[128 * 128];
        for (int r = 0; r < 512; r++)
        {
            for (int c = 0; c < 512; c++)
                coarse[r / 4 * 128 + c / 4] += Square(air.Detected.Pixels[r * 512 + c]) / 16;
        }
        double Correlate(int dr, int dc)
        {
            var a = new List<double>();
            var b = new List<double>();
            for (int r = 2; r < 126; r++)
            {
                for (int c = 2; c < 126; c++)
                {
                    a.Add(Math.Log(coarse[r * 128 + c]));
                    b.Add(Math.Log(Square(satellite.Detected.Pixels[(r + dr) * 128 + c + dc])));
                }
            }
            return MathNet.Numerics.Statistics.Correlation.Pearson(a, b);
        }
        double here = Correlate(0, 0);
        Assert.True(here > 0.6, $"correlation {here:F3}");
        foreach (var (dr, dc) in new[] { (1, 0), (-1, 0), (0, 1), (0, -1) })
            Assert.True(Correlate(dr, dc) < here - 0.05, $"shift {dr},{dc}");
        // Symmetric fall on both sides: no shift of a fraction of a pixel.
        Assert.Equal(Correlate(0, 1), Correlate(0, -1), 0.08);
        Assert.Equal(Correlate(1, 0), Correlate(-1, 0), 0.08);
        // Calibrated alike: the means agree once the noise is taken off.
        double airMean = air.Detected.Pixels.Average(Square),
            satelliteMean = satellite.Detected.Pixels.Average(Square) - Math.Pow(10, -2.1);
        Assert.InRange(10 * Math.Log10(airMean / satelliteMean), -0.3, 0.3);
    }

    private static double Coherence(Complex32[] a, Complex32[] b)
    {
        Complex sum = 0;
        double pa = 0, pb = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += new Complex(a[i].Real, a[i].Imaginary) * new Complex(b[i].Real, -b[i].Imaginary);
            pa += a[i].MagnitudeSquared;
            pb += b[i].MagnitudeSquared;
        }
        return sum.Magnitude / Math.Sqrt(pa * pb);
    }

    private static double Frequency(int k, int n) => k < n / 2 ? k / (double)n : k / (double)n - 1;

    private static double Square(double x) => x * x;

    private static double Square(float x) => (double)x * x;

    private static double MeanSquare(SpectralWindow window, double limit)
    {
        double sum = 0;
        for (int i = 0; i < 1000; i++)
            sum += Square(window.Weight(2 * limit * ((i + 0.5) / 500 - 1)));
        return sum / 1000;
    }

    // Normalised autocorrelation of filtered white noise: transform of the squared window.
    private static double Correlation(SpectralWindow window, double lag)
    {
        double sum = 0, norm = 0;
        for (int i = 0; i < 2000; i++)
        {
            double x = (i + 0.5) / 2000 - 0.5, w = Square(window.Weight(2 * x));
            sum += w * Math.Cos(2 * Math.PI * x * lag);
            norm += w;
        }
        return sum / norm;
    }
}
