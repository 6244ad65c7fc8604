// Every sensor that is shipped beside every airborne one that is finer: grid, place, spectrum, brightness and looks.
using System.Numerics;
using MathNet.Numerics;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class SensorPairTests
{
    private static IEnumerable<(Sensor Fine, Sensor Coarse)> All =>
        from fine in Sensors.Names.Select(Sensors.Named)
        where fine.Platform == "airborne"
        from coarse in Sensors.Names.Select(Sensors.Named)
        where coarse.Name != fine.Name
        select (fine, coarse);

    private static bool Fits((Sensor Fine, Sensor Coarse) pair) =>
        Pixel(pair.Fine) is var (r, a) && Pixel(pair.Coarse) is var (range, azimuth) && r <= range + 1e-9
            && a <= azimuth + 1e-9;

    public static TheoryData<string, string> Finer => Rows(All.Where(Fits));

    public static TheoryData<string, string> NotFiner => Rows(All.Where(pair => !Fits(pair)));

    [Fact]
    public void TheTableHoldsWhatIsShipped()
    {
        // Four airborne sensors beside seven others each. Finer: 0.4 m than all; 0.8 m than 1.6 m airborne and
        // spaceborne, stripmap and IW; 1.6 m than 1.6 m and IW; UAVSAR's 2.4 x 0.6 m than IW.
        Assert.Equal(28, All.Count());
        Assert.Equal(7 + 4 + 2 + 1, All.Count(Fits));
    }

    [Theory, MemberData(nameof(Finer))]
    public void APixelOfTheCoarseOneIsAWholeNumberOfFinePixels(string fine, string coarse)
    {
        var (a, b) = (Sensors.Named(fine), Sensors.Named(coarse));
        var pair = SensorPair.Of(a, b);
        var ((fineRange, fineAzimuth), (range, azimuth), own) = (Pixel(a), Pixel(pair.Satellite), Pixel(b));
        Assert.Equal(pair.Scale * fineRange, range, 1e-9);
        Assert.Equal(pair.Scale * fineAzimuth, azimuth, 1e-9);
        // No axis gets finer by more than half a fine pixel.
        Assert.InRange(range, own.Range - fineRange / 2, double.MaxValue);
        Assert.InRange(azimuth, own.Azimuth - fineAzimuth / 2, double.MaxValue);
        // The band is the sensor's, and its samples hold it.
        Assert.Equal(b.RangeBandwidthMHz, pair.Satellite.RangeBandwidthMHz);
        Assert.Equal(b.AzimuthBandwidth, pair.Satellite.AzimuthBandwidth);
        Assert.InRange(pair.Satellite.RangeBandFraction, 0, 1);
        Assert.InRange(pair.Satellite.AzimuthBandFraction, 0, 1);
        Assert.True(pair.Satellite.RangeLooks >= b.RangeLooks && pair.Satellite.AzimuthLooks >= b.AzimuthLooks);
        Assert.Equal(pair.IsResampled, pair.Satellite != b);
    }

    [Theory, MemberData(nameof(NotFiner))]
    public void WhatIsNotFinerIsRefusedWithWhatToTake(string fine, string coarse)
    {
        var message = Assert.Throws<ArgumentException>(() => SensorPair.Of(Sensors.Named(fine), Sensors.Named(coarse)))
            .Message;
        Assert.Contains(fine, message);
        Assert.Contains(coarse, message);
        var expected = All.Where(pair => pair.Coarse.Name == coarse && Fits(pair)).Select(pair => pair.Fine.Name)
            .ToArray();
        Assert.EndsWith(expected.Length > 0 ? $"take {string.Join(", ", expected)}."
            : "no airborne sensor of the kit is finer.", message);
    }

    [Fact]
    public void AWholeMultipleStaysAsItIs()
    {
        var pair = SensorPair.Of(Sensors.AirborneX040, Sensors.SatelliteX160);
        Assert.Equal((4, false, Sensors.SatelliteX160), (pair.Scale, pair.IsResampled, pair.Satellite));
        var scene = TestScenes.Flat(64);
        var (airborne, satellite) = pair.Observe(scene, 3);
        Assert.Equal(Simulator.Observe(scene, Sensors.AirborneX040, 3).Detected.Pixels, airborne.Pixels);
        Assert.Equal(Simulator.Observe(scene, Sensors.SatelliteX160, 3).Detected.Pixels, satellite.Pixels);
    }

    [Fact]
    public void OneSensorIsNoPair() => Assert.Contains("airborne-x-040",
        Assert.Throws<ArgumentException>(() => SensorPair.Of(Sensors.AirborneX040, Sensors.AirborneX040)).Message);

    [Theory, MemberData(nameof(Finer))]
    public void APointTargetLiesWhereGeometrySays(string fine, string coarse)
    {
        var pair = SensorPair.Of(Quiet(fine), Quiet(coarse));
        var (rows, columns, cell) = SceneOf(pair, 40);
        // Off the grid of both, near the middle.
        double row = 0.47 * rows + 0.3, column = 0.53 * columns + 0.4;
        var target = new Target(TargetKind.CornerReflector, row, column, 0, 1e6);
        var scene = Ground(rows, columns, cell, 0, target);
        foreach (var sensor in new[] { pair.Airborne, pair.Satellite })
        {
            var image = Simulator.Observe(scene, sensor, 1).SingleLook;
            var (foundRow, foundColumn) = Peak(image);
            Assert.Equal((row + 0.5) * cell / sensor.AzimuthSpacing - 0.5, foundRow, 0.1);
            Assert.Equal((column + 0.5) * cell / sensor.GroundRangeSpacing - 0.5, foundColumn, 0.1);
        }
        // The brightest coarse pixel covers the brightest fine one.
        var (airborne, satellite) = pair.Observe(scene, 1);
        Assert.Equal((satellite.Rows * pair.Scale, satellite.Columns * pair.Scale), (airborne.Rows, airborne.Columns));
        int bright = Array.IndexOf(satellite.Pixels, satellite.Pixels.Max()),
            at = Array.IndexOf(airborne.Pixels, airborne.Pixels.Max());
        Assert.Equal((row + 0.5) * cell / Pixel(pair.Satellite).Azimuth - 0.5, bright / satellite.Columns, 0.75);
        Assert.Equal((column + 0.5) * cell / Pixel(pair.Satellite).Range - 0.5, bright % satellite.Columns, 0.75);
        Assert.Equal(at / airborne.Columns, (bright / satellite.Columns + 0.5) * pair.Scale - 0.5,
            0.75 * pair.Scale + 0.5);
    }

    [Theory, MemberData(nameof(Finer))]
    public void SamplesOnTheNewGridAreThoseOfTheSameSpectrum(string fine, string coarse)
    {
        var pair = SensorPair.Of(Quiet(fine), Quiet(coarse));
        var (rows, columns, cell) = SceneOf(pair, 72);
        var scene = Ground(rows, columns, cell, 0.1);
        var own = Simulator.Observe(scene, Quiet(coarse), 2).SingleLook;
        var sampled = Simulator.Observe(scene, pair.Satellite, 2).SingleLook;
        var (expected, places) = Resample(own, sampled.Rows, sampled.Columns,
            pair.Satellite.AzimuthSpacing / Sensors.Named(coarse).AzimuthSpacing,
            pair.Satellite.GroundRangeSpacing / Sensors.Named(coarse).GroundRangeSpacing);
        Assert.True(places.Count > 300, $"{places.Count} samples");
        double error = 0, power = 0;
        foreach (int i in places)
        {
            error += (expected[i] - new Complex(sampled.Pixels[i].Real, sampled.Pixels[i].Imaginary))
                .Magnitude is var e ? e * e : 0;
            power += sampled.Pixels[i].MagnitudeSquared;
        }
        // The simulator cuts responses at 24 cells; without weighting there is more left of them.
        double limit = Sensors.Named(coarse).RangeWindow is RectangularWindow ? 0.02 : 0.01;
        Assert.InRange(Math.Sqrt(error / power), 0, limit);
    }

    [Theory, MemberData(nameof(Finer))]
    public void BrightnessAndLooksAreWhatTheBandImplies(string fine, string coarse)
    {
        var pair = SensorPair.Of(Sensors.Named(fine), Sensors.Named(coarse));
        var sensor = pair.Satellite;
        var (rows, columns, cell) = SceneOf(pair, 64);
        var (_, image) = pair.Observe(Ground(rows, columns, cell, 0.1), 7);
        double theta = sensor.IncidenceAngle * Math.PI / 180;
        double expected = 0.1 * Math.Cos(theta) + Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10);
        double[] intensity = Array.ConvertAll(image.Pixels, a => (double)a * a);
        double mean = intensity.Average(), variance = intensity.Average(i => (i - mean) * (i - mean));
        // Jointly Gaussian samples: intensities correlate as |g|², g the transform of the
        // squared window (Goodman 2007).
        var (rangeLooks, rangeFree) = Axis(sensor.RangeWindow, sensor.RangeBandFraction, sensor.RangeLooks);
        var (azimuthLooks, azimuthFree) = Axis(sensor.AzimuthWindow, sensor.AzimuthBandFraction, sensor.AzimuthLooks);
        double looks = rangeLooks * azimuthLooks, free = image.Pixels.Length * rangeFree * azimuthFree;
        Assert.InRange(Math.Abs(mean / expected - 1), 0, 4 / Math.Sqrt(free * looks));
        // Standard error of the ENL from n free pixels: L sqrt(2 (1 + 1/L) / n).
        Assert.InRange(Math.Abs(mean * mean / variance - looks), 0, 4 * looks * Math.Sqrt(2 * (1 + 1 / looks) / free));
    }

    [Theory, InlineData("terrasar-x-spotlight"), InlineData("terrasar-x-stripmap"), InlineData("sentinel-1-iw")]
    public void ASatelliteViewOfAnAirborneImageIsAWholeMultipleOfItToo(string coarse)
    {
        var (fine, sensor) = (Sensors.AirborneX040, SensorPair.Of(Sensors.AirborneX040, Sensors.Named(coarse))
            .Satellite);
        int scale = SensorPair.Of(fine, sensor).Scale, size = 48 * scale;
        var airborne = Simulator.Observe(TestScenes.Flat(size), fine, 3).SingleLook;
        var recipe = SatelliteRecipe.Of(Sensors.Named(coarse), airborne.Metadata);
        var image = recipe.Apply(airborne).ToIntensity();
        Assert.Equal((48, 48), (image.Rows, image.Columns));
        Assert.Equal(scale * fine.AzimuthSpacing, image.Metadata.AzimuthSpacing!.Value, 1e-9);
        Assert.Equal(scale * fine.SlantRangeSpacing, image.Metadata.RangeSpacing!.Value, 1e-9);
        Assert.Equal(sensor.AzimuthResolution, recipe.AzimuthResolution);
        // The airborne level, at the other incidence with constant gamma nought, and the satellite's noise.
        double expected = airborne.Pixels.Average(p => (double)p.MagnitudeSquared)
            * Math.Cos(sensor.IncidenceAngle * Math.PI / 180) / Math.Cos(fine.IncidenceAngle * Math.PI / 180)
            + Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10);
        double mean = image.Pixels.Average(i => (double)i), variance =
            image.Pixels.Average(i => (i - mean) * (i - mean));
        var (rangeLooks, rangeFree) = Axis(sensor.RangeWindow, sensor.RangeBandFraction, sensor.RangeLooks);
        var (azimuthLooks, azimuthFree) = Axis(sensor.AzimuthWindow, sensor.AzimuthBandFraction, sensor.AzimuthLooks);
        double looks = rangeLooks * azimuthLooks, free = image.Pixels.Length * rangeFree * azimuthFree;
        Assert.InRange(Math.Abs(mean / expected - 1), 0, 4 / Math.Sqrt(free * looks));
        Assert.InRange(Math.Abs(mean * mean / variance - looks), 0, 4 * looks * Math.Sqrt(2 * (1 + 1 / looks) / free));
        // The recipe says it all, also in a file.
        Assert.Equal(recipe, SatelliteRecipe.FromJson(recipe.ToJson()));
    }

    [Fact]
    public void AnAirborneImageCoarserThanTheSensorIsRefused()
    {
        var facts = new SarMetadata { RangeSpacing = 1.5, AzimuthSpacing = 0.4, SlantRange = false,
            IncidenceAngle = 45 };
        Assert.Contains("terrasar-x-spotlight", Assert.Throws<ArgumentException>(() =>
            SatelliteRecipe.Of(Sensors.TerraSarXSpotlight, facts)).Message);
        Assert.Contains("spacing", Assert.Throws<ArgumentException>(() =>
            SatelliteRecipe.Of(Sensors.TerraSarXSpotlight, new SarMetadata { AzimuthSpacing = 0.4 })).Message);
    }

    private static TheoryData<string, string> Rows(IEnumerable<(Sensor Fine, Sensor Coarse)> pairs)
    {
        var rows = new TheoryData<string, string>();
        foreach (var (fine, coarse) in pairs)
            rows.Add(fine.Name, coarse.Name);
        return rows;
    }

    private static (double Range, double Azimuth) Pixel(Sensor sensor) =>
        (sensor.GroundRangeSpacing * sensor.RangeLooks, sensor.AzimuthSpacing * sensor.AzimuthLooks);

    private static Sensor Quiet(string name) => Sensors.Named(name) with { NoiseEquivalentSigmaNought = -80 };

    // A scene of so many coarse pixels on cells as large as the finest sampling allows.
    private static (int Rows, int Columns, double Cell) SceneOf(SensorPair pair, int pixels)
    {
        double cell = new[] { pair.Airborne, pair.Satellite }.Min(s =>
            Math.Min(s.GroundRangeSpacing, s.AzimuthSpacing));
        var (range, azimuth) = Pixel(pair.Satellite);
        return ((int)(pixels * azimuth / cell), (int)(pixels * range / cell), cell);
    }

    private static Scene Ground(int rows, int columns, double cell, double gamma, params Target[] targets) =>
        Scene.FromMaps(new byte[rows * columns], new float[rows * columns], rows, columns, cell, targets, 1,
            new Dictionary<LandCover,
                Surface> { [LandCover.BareSoil] = new() { DiffuseGamma = gamma, Texture = Texture.None } });

    // The brightest place between the samples: parabola through the intensities around the brightest one, on a grid
    // that is refined sixteenfold by zeros in the spectrum.
    private static (double Row, double Column) Peak(ComplexImage image)
    {
        int bright = 0;
        for (int i = 1; i < image.Pixels.Length; i++)
            bright = image.Pixels[i].MagnitudeSquared > image.Pixels[bright].MagnitudeSquared ? i : bright;
        int row = bright / image.Columns, column = bright % image.Columns;
        return (Refined([.. Enumerable.Range(0, image.Rows).Select(r => image.Pixels[r * image.Columns + column])]),
            Refined(image.Pixels.AsSpan(row * image.Columns, image.Columns).ToArray()));

        static double Refined(Complex32[] line)
        {
            int n = line.Length, fine = 16 * n;
            Fourier.Forward(line);
            var padded = new Complex32[fine];
            for (int k = 0; k < n; k++)
                padded[k < n / 2 ? k : fine - n + k] = line[k];
            Fourier.Inverse(padded);
            int peak = Enumerable.Range(0, fine).MaxBy(i => padded[i].MagnitudeSquared);
            return peak / 16.0;
        }
    }

    // Band-limited interpolation of the own samples, by a sinc with Kaiser's taper; only where
    // 24 of them lie on all sides.
    private static (Complex[] Values, List<int> Places) Resample(ComplexImage own, int rows, int columns,
        double rowStep, double columnStep)
    {
        const int reach = 24;
        var (rowWeights, rowFirst) = Taps(own.Rows, rows, rowStep);
        var (columnWeights, columnFirst) = Taps(own.Columns, columns, columnStep);
        var lines = new Complex[own.Rows, columns];
        var values = new Complex[rows * columns];
        var places = new List<int>();
        for (int c = 0; c < columns; c++)
        {
            for (int r = 0; r < own.Rows && columnFirst[c] >= 0; r++)
            {
                for (int k = 0; k < 2 * reach; k++)
                {
                    var sample = own.Pixels[r * own.Columns + columnFirst[c] + k];
                    lines[r, c] += columnWeights[c][k] * new Complex(sample.Real, sample.Imaginary);
                }
            }
            for (int r = 0; r < rows; r++)
            {
                if (columnFirst[c] < 0 || rowFirst[r] < 0)
                    continue;
                for (int k = 0; k < 2 * reach; k++)
                    values[r * columns + c] += rowWeights[r][k] * lines[rowFirst[r] + k, c];
                places.Add(r * columns + c);
            }
        }
        return (values, places);

        static (double[][] Weights, int[] First) Taps(int size, int count, double step)
        {
            var weights = new double[count][];
            var first = new int[count];
            for (int i = 0; i < count; i++)
            {
                double centre = (i + 0.5) * step - 0.5;
                first[i] = (int)Math.Floor(centre) - reach + 1;
                weights[i] = new double[2 * reach];
                for (int k = 0; k < 2 * reach; k++)
                {
                    double x = first[i] + k - centre, u = Math.Clamp(x / reach, -1, 1);
                    weights[i][k] = (Math.Abs(x) < 1e-12 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x))
                        * SpecialFunctions.BesselI0(6 * Math.Sqrt(1 - u * u)) / SpecialFunctions.BesselI0(6);
                }
                if (first[i] < 0 || first[i] + 2 * reach > size)
                    first[i] = -1;
            }
            return (weights, first);
        }
    }

    // Of one axis: equivalent looks of the average of n samples, and the share of its pixels
    // that are free of one another.
    private static (double Looks, double Free) Axis(SpectralWindow window, double band, int looks)
    {
        double Covariance(int pixel)
        {
            double sum = 0;
            for (int i = 0; i < looks; i++)
            {
                for (int j = 0; j < looks; j++)
                    sum += Math.Pow(Correlation(window, band * (pixel * looks + i - j)), 2);
            }
            return sum / (looks * looks);
        }
        double own = Covariance(0), all = own;
        for (int pixel = 1; pixel <= 20; pixel++)
            all += 2 * Covariance(pixel);
        return (1 / own, own / all);
    }

    // Normalised autocorrelation of filtered white noise: transform of the squared window.
    private static double Correlation(SpectralWindow window, double lag)
    {
        double sum = 0, norm = 0;
        for (int i = 0; i < 2000; i++)
        {
            double x = (i + 0.5) / 2000 - 0.5, w = Math.Pow(window.Weight(2 * x), 2);
            sum += w * Math.Cos(2 * Math.PI * x * lag);
            norm += w;
        }
        return sum / norm;
    }
}
