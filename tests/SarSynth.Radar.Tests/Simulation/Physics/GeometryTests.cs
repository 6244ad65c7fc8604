// Layover, shadow, foreshortening and point targets against their closed forms.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class GeometryTests
{
    [Theory]
    [InlineData(35, 12)]
    [InlineData(45, 12)]
    [InlineData(55, 20)]
    public void WallCastsTheShadowAndLayoverOfItsHeight(double incidence, float height)
    {
        const int columns = 400, first = 200, width = 8;
        const double spacing = 0.4;
        var sensor = Sensors.AirborneX040 with { IncidenceAngle = incidence };
        var truth = Simulator.Observe(TestScenes.Wall(8, columns, spacing, first, width, height), sensor, 1).Truth;
        double tan = Math.Tan(incidence * Math.PI / 180), cells = height / spacing;
        // Cell centres: the wall's foot is at first - 0.5, the roof's far edge at first + width - 0.5.
        double foot = first - 0.5, far = first + width - 0.5;
        int[] layover = [.. Enumerable.Range(0, columns).Where(c => truth.Layover[3 * columns + c] == 1)];
        int[] shadow = [.. Enumerable.Range(0, columns).Where(c => truth.Shadow[3 * columns + c] == 1)];
        Assert.InRange(layover.Min() - (foot - cells / tan), -1, 1);
        Assert.InRange(layover.Max() - foot, -1, 1);
        Assert.Equal(layover.Length, layover.Max() - layover.Min() + 1);
        Assert.InRange(shadow.Min() - Math.Max(foot, far - cells / tan), -1, 1.5);
        Assert.InRange(shadow.Max() - (far + cells * tan), -1.5, 1);
        Assert.Equal(shadow.Length, shadow.Max() - shadow.Min() + 1);
        // The first cell holds half of the corner's line.
        Assert.All(shadow.Skip(1), c => Assert.Equal(RadarTruth.NoClass, truth.Classes[3 * columns + c]));
        // The corner at the foot is the brightest place of the line.
        var line = truth.Reflectivity.AsSpan(3 * columns, columns).ToArray();
        Assert.InRange(Array.IndexOf(line, line.Max()) - foot, -1, 1);
    }

    [Theory]
    [InlineData(0.3, 45)]
    [InlineData(-0.3, 45)]
    [InlineData(0.5, 35)]
    public void SlopeIsForeshortenedAndItsPowerConserved(double slope, double incidence)
    {
        const int columns = 600, start = 250, length = 60;
        const double spacing = 0.4;
        float[] heights = new float[4 * columns];
        for (int r = 0; r < 4; r++)
        {
            for (int c = 0; c < columns; c++)
                heights[r * columns + c] = (float)(slope * spacing * Math.Clamp(c - start, 0, length));
        }
        var surface = new Dictionary<LandCover, Surface> { [LandCover.BareSoil] = new() { DiffuseGamma = 0.1 } };
        var scene = Scene.FromMaps(new byte[4 * columns], heights, 4, columns, spacing, surfaces: surface);
        double theta = incidence * Math.PI / 180, rise = slope * length;
        var truth = Simulator.Observe(scene, Sensors.AirborneX040 with { IncidenceAngle = incidence }, 1).Truth;
        // sigma = gamma cos(local) times the true area: gamma (cos + slope sin) for each metre of ground.
        double expected = 0.1 * (Math.Cos(theta) + slope * Math.Sin(theta)) * length, flat = 0.1 * Math.Cos(theta);
        double near = start, far = start + length - rise / Math.Tan(theta), sum = 0;
        for (int c = start - 20; c < start + length + 60; c++)
            sum += truth.Reflectivity[columns + c];
        Assert.Equal(expected + flat * (near - (start - 20) + (start + length + 60) - far), sum, expected * 0.01);
        // In the middle the density is the power over the foreshortened width.
        Assert.Equal(expected / (far - near), truth.Reflectivity[columns + (int)((near + far) / 2)],
            expected / (far - near) * 0.02);
    }

    [Fact]
    public void CornerOfAWallGrowsWithItsHeightAndFadesWithItsAspect()
    {
        var sensor = Sensors.AirborneX040;
        double Corner(float height)
        {
            var truth = Simulator.Observe(TestScenes.Wall(8, 400, 0.4, 200, 60, height), sensor, 1, Fidelity.Plain)
                .Truth;
            return truth.Reflectivity[3 * 400 + 199] + truth.Reflectivity[3 * 400 + 200];
        }
        // Both bounces together are proportional to the wall's height; the ground, wall and
        // roof beneath differ a little.
        Assert.Equal(2, Corner(8) / Corner(4), 0.1);
        Assert.Equal(3, Corner(12) / Corner(4), 0.15);
        // Brightest of a line, for a wall turned away by 0, 10 and 25 degrees.
        double Turned(double degrees)
        {
            const int size = 200;
            double slope = Math.Tan(degrees * Math.PI / 180);
            byte[] classes = new byte[size * size];
            float[] heights = new float[size * size];
            for (int i = 0; i < classes.Length; i++)
            {
                double from = 100 + (i / size - 100) * slope;
                if (i % size > from && i % size < from + 50)
                    (classes[i], heights[i]) = ((byte)LandCover.Roof, 8);
            }
            var truth = Simulator.Observe(Scene.FromMaps(classes, heights, size, size, 0.4), sensor, 1,
                Fidelity.Plain).Truth;
            return Enumerable.Range(60, 80).Average(r => truth.Reflectivity.AsSpan(r * size, size).ToArray().Max());
        }
        double straight = Turned(0), little = Turned(10), far = Turned(25);
        Assert.True(straight > 1.5 * little, $"{straight:F2} {little:F2}");
        Assert.True(little > 3 * far, $"{little:F2} {far:F2}");
    }

    [Fact]
    public void TruthOnTheGridOfTheDetectedImage()
    {
        var scene = Scene.Generate(3, new SceneOptions { Rows = 128, Columns = 128, Kind = SceneKind.Suburb });
        var seen = Simulator.Observe(scene, Sensors.SatelliteX160, 1);
        var coarse = seen.Truth.ToGrid(seen.Detected.Rows, seen.Detected.Columns);
        Assert.Equal(1.6, coarse.Spacing, 1e-12);
        Assert.Equal(seen.Truth.Reflectivity.Average(), coarse.Reflectivity.Average(), 1e-5);
        float block = 0;
        for (int r = 40; r < 44; r++)
        {
            for (int c = 80; c < 84; c++)
                block += seen.Truth.Reflectivity[r * 128 + c] / 16;
        }
        Assert.Equal(block, coarse.Reflectivity[10 * 32 + 20], 1e-6f);
        Assert.Throws<ArgumentOutOfRangeException>(() => coarse.ToGrid(64, 64));
    }

    // Closed values: sinc -13.26 dB and 0.886 cells, raised cosine 0.5 -21.21 dB; Kaiser 4 from the
    // transform of numpy.kaiser(4096, 4); Taylor's design level holds nearly for five side lobes.
    [Theory]
    [InlineData("rectangular", 0, -13.26)]
    [InlineData("kaiser", 4, -29.95)]
    [InlineData("hamming", 0.75, -21.21)]
    [InlineData("taylor", 30, -30)]
    public void PointTargetHasTheWidthAndSideLobesOfItsWindow(string kind, double coefficient, double sideLobe)
    {
        SpectralWindow window = kind switch
        {
            "rectangular" => new RectangularWindow(),
            "kaiser" => new KaiserWindow(coefficient),
            "hamming" => new HammingWindow(coefficient),
            _ => new TaylorWindow(coefficient, 5),
        };
        var sensor = Sensors.AirborneX040 with { RangeWindow = window, AzimuthWindow = window,
            NoiseEquivalentSigmaNought = -80 };
        foreach (var (row, column) in new[] { (128.0, 128.0), (127.37, 130.61) })
        {
            var target = new Target(TargetKind.CornerReflector, row, column, 0, 1000);
            var image = Simulator.Observe(TestScenes.Flat(256, gamma: 0, targets: [target]), sensor, 1).SingleLook;
            foreach (bool alongRange in new[] { true, false })
            {
                var (position, width, lobe) = Cut(image.Pixels, 256, alongRange, alongRange ? (int)Math.Round(row)
                    : (int)Math.Round(column));
                Assert.Equal(alongRange ? column : row, position, 0.02);
                double band = alongRange ? sensor.RangeBandFraction : sensor.AzimuthBandFraction;
                Assert.Equal(window.WidthFactor() / band, width, 0.01);
                Assert.Equal(sideLobe, lobe, kind == "taylor" ? 0.3 : 0.1);
            }
            // Integral method (Gray et al. 1990): energy times the area of a sample is the cross-section.
            double energy = image.Pixels.Sum(p =>
                (double)p.MagnitudeSquared) * sensor.AzimuthSpacing * sensor.GroundRangeSpacing;
            Assert.Equal(1000, energy, 10.0);
        }
    }

    [Fact]
    public void HighTargetFallsTowardsTheSensorAndHiddenOneIsGone()
    {
        var sensor = Sensors.AirborneX040 with { NoiseEquivalentSigmaNought = -80 };
        var mast = new Target(TargetKind.Pole, 60, 150, 10, 1000);
        var image = Simulator.Observe(TestScenes.Flat(256, gamma: 0, targets: [mast]), sensor, 1).Detected;
        int brightest = Array.IndexOf(image.Pixels, image.Pixels.Max());
        Assert.Equal((60, 125), (brightest / 256, brightest % 256));

        var wall = TestScenes.Wall(64, 400, 0.4, 200, 8, 12);
        Target behind = new(TargetKind.CornerReflector, 32, 220, 0.5, 1e5), clear = behind with { Column = 260 };
        double Brightest(Target target) =>
            Simulator.Observe(Scene.FromMaps(wall.Classes, wall.Heights, 64, 400, 0.4, [target],
            surfaces: wall.Surfaces), sensor, 1).Detected.Pixels.Max();
        Assert.True(Brightest(behind) < 30);
        Assert.True(Brightest(clear) > 300);
    }

    private static (double Position, double Width, double SideLobe) Cut(Complex32[] pixels, int size, bool alongRange,
        int at)
    {
        const int oversampling = 32;
        var line = new Complex32[size];
        for (int i = 0; i < size; i++)
            line[i] = pixels[alongRange ? at * size + i : i * size + at];
        Fourier.Forward(line);
        var padded = new Complex32[size * oversampling];
        for (int k = 0; k < size; k++)
            padded[k < size / 2 ? k : padded.Length - size + k] = line[k];
        Fourier.Inverse(padded);
        double[] power = Array.ConvertAll(padded, p => (double)p.MagnitudeSquared);
        int peak = Array.IndexOf(power, power.Max());
        double half = power[peak] / 2;
        double Crossing(int step)
        {
            int i = peak;
            while (power[i] > half)
                i += step;
            return i - step * (half - power[i]) / (power[i - step] - power[i]);
        }
        int valley = peak;
        while (power[valley + 1] < power[valley])
            valley++;
        double lobe = power.Skip(valley).Take(20 * oversampling).Max();
        return (peak / (double)oversampling, (Crossing(1) - Crossing(-1)) / oversampling,
            10 * Math.Log10(lobe / power[peak]));
    }
}
