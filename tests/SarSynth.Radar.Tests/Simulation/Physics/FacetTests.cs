// The facet simulator against closed forms: every field of the model changes what it says, and nothing else.
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class FacetTests
{
    private static readonly Sensor sensor = Sensors.AirborneX040;

    // Right in all that has a figure.
    private static readonly FacetModel exact = new()
    {
        MaterialError = 0, CalibrationError = 0, RegistrationError = 0,
    };

    [Theory]
    [InlineData("airborne-x-040")]
    [InlineData("satellite-x-160")]
    public void WithAllThatIsMeasuredItIsTheTruth(string name)
    {
        var scene = Town();
        var truth = Simulator.Observe(scene, Sensors.Named(name), 3);
        var facets = Simulator.Observe(scene, Sensors.Named(name), 3, FacetModel.AsMeasured);
        Assert.Equal(truth.SingleLook.Pixels, facets.SingleLook.Pixels);
        Assert.Equal(truth.Detected.Pixels, facets.Detected.Pixels);
        Assert.Equal(truth.Truth.Reflectivity, facets.Truth.Reflectivity);
        Assert.Null(truth.SpeckleFree);
        Assert.Equal(new FacetErrors(0, 0, 0), facets.Errors);
    }

    [Fact]
    public void TheFidelityIsTheModelWithItsDefaults()
    {
        var scene = Town();
        var a = Simulator.Observe(scene, sensor, 3, Fidelity.Simulator);
        var b = Simulator.Observe(scene, sensor, 3, new FacetModel());
        Assert.Equal(a.Detected.Pixels, b.Detected.Pixels);
        // Speckle hangs on the seed, the map on the scene alone.
        var c = Simulator.Observe(scene, sensor, 4, new FacetModel());
        Assert.NotEqual(a.Detected.Pixels, c.Detected.Pixels);
        Assert.Equal(a.SpeckleFree!.Pixels, c.SpeckleFree!.Pixels);
        Assert.Equal("airborne-x-040 facets", a.Detected.Metadata.Sensor);
        Assert.Null(a.SpeckleFree.Metadata.Looks);
    }

    /// <summary>Flat ground of sigma nought 0.1 cos 45, and errors in dB that multiply.</summary>
    [Fact]
    public void ALevelIsItsMaterialsWithItsErrorsAndNothingElse()
    {
        const double level = 0.1 * 0.70710678;
        var flat = TestScenes.Flat(48, texture: new Texture(TextureLaw.K, 2, 1));
        Assert.All(Map(flat, exact), i => Assert.Equal(level, i, 1e-6));
        // Texture of order 2: variance of half the squared mean, from cell to cell.
        var rough = Map(flat, exact with { Texture = true });
        Assert.InRange(rough.Average(i => Math.Pow(i / level - 1, 2)), 0.2, 0.9);
        var noise = Math.Pow(10, -3.4);
        Assert.All(Map(flat, exact with { NoiseFloor = true }), i => Assert.Equal(level + noise, i, 1e-6));

        var wrong = new FacetModel { RegistrationError = 0 };
        var errors = wrong.ErrorsOf(flat);
        var decibels = wrong.ErrorOf(LandCover.BareSoil) + errors.Calibration;
        Assert.All(Map(flat, wrong), i => Assert.Equal(10 * Math.Log10(level) + decibels, 10 * Math.Log10(i), 1e-3));
        Assert.NotEqual(wrong.ErrorOf(LandCover.BareSoil), wrong.ErrorOf(LandCover.Grass));
        Assert.NotEqual(wrong.ErrorOf(LandCover.BareSoil),
            (wrong with { MaterialSeed = 2 }).ErrorOf(LandCover.BareSoil));
    }

    [Fact]
    public void ErrorsOfScenesSpreadAsTheModelSays()
    {
        var model = new FacetModel { CalibrationError = 2, RegistrationError = 3 };
        FacetErrors[] errors = [.. Enumerable.Range(0, 400)
            .Select(seed => model.ErrorsOf(TestScenes.Flat(2, seed: (ulong)seed)))];
        // A normal value held to two deviations has the deviation 0.9597; standard error 0.07.
        Assert.Equal(2 * 0.9597, Deviation(e => e.Calibration), 0.25);
        // A uniform one of half-width 3: 3 / sqrt(3); standard error 0.06.
        Assert.Equal(Math.Sqrt(3), Deviation(e => e.Row), 0.2);
        Assert.Equal(Math.Sqrt(3), Deviation(e => e.Column), 0.2);
        Assert.All(errors, e => Assert.InRange(Math.Max(Math.Abs(e.Row), Math.Abs(e.Column)), 0, 3));

        double Deviation(Func<FacetErrors, double> of) =>
            Math.Sqrt(errors.Average(e => Math.Pow(of(e) - errors.Average(of), 2)));
    }

    [Fact]
    public void ASceneIsDisplacedByItsRegistrationErrorAndKeepsItsPower()
    {
        var scene = TestScenes.Wall(64, 96, 0.4, 50, 12, 4);
        var right = Map(scene, exact);
        var model = exact with { RegistrationError = 2.5 };
        var errors = model.ErrorsOf(scene);
        var moved = Map(scene, model);
        Assert.NotEqual(0, errors.Column);
        Assert.Equal(errors.Column, Centroid(moved) - Centroid(right), 1e-3);
        Assert.Equal(right.Sum(), moved.Sum(), 1e-3 * right.Sum());

        // Of what stands out of the ground, at columns.
        static double Centroid(float[] map)
        {
            double level = 0.1 * 0.70710678, weight = 0, sum = 0;
            for (var i = 32 * 96; i < 33 * 96; i++)
                (weight, sum) = (weight + map[i] - level, sum + (map[i] - level) * (i - 32 * 96));
            return sum / weight;
        }
    }

    [Fact]
    public void OnlyModelledScatterersAreThereEachInOnePixel()
    {
        var area = sensor.AzimuthSpacing * sensor.GroundRangeSpacing;
        Target[] targets =
        [
            new(TargetKind.CornerReflector, 20, 20, 0, 50), new(TargetKind.Pole, 20, 44, 0, 70),
        ];
        var scene = TestScenes.Flat(64, targets: targets);
        float[] bare = Map(TestScenes.Flat(64), exact), some = Map(scene, exact),
            all = Map(scene, exact with { Scatterers = [TargetKind.CornerReflector, TargetKind.Pole] });
        Assert.Equal([20 * 64 + 20], Different(bare, some));
        Assert.Equal(50 / area, some[20 * 64 + 20] - bare[20 * 64 + 20], 1e-2);
        Assert.Equal([20 * 64 + 20, 20 * 64 + 44], Different(bare, all));

        static int[] Different(float[] a, float[] b) => [.. Enumerable.Range(0, a.Length).Where(i => a[i] != b[i])];
    }

    [Fact]
    public void SpeckleIsWhiteUnlessTheResponseIsAskedFor()
    {
        var flat = TestScenes.Flat(256);
        var white = Simulator.Observe(flat, sensor, 1, exact).Detected;
        var shared = Simulator.Observe(flat, sensor, 1, exact with { SensorResponse = true }).Detected;
        // Single look: mean over deviation of intensity is 1 with a standard error of 0.01.
        double[] intensity = [.. white.Pixels.Select(a => (double)a * a)];
        var mean = intensity.Average();
        Assert.Equal(1, mean / Math.Sqrt(intensity.Average(i => (i - mean) * (i - mean))), 0.03);
        Assert.Equal(0.1 * 0.70710678, mean, 0.002);
        Assert.Equal(0, Neighbours(white), 0.02);
        Assert.True(Neighbours(shared) > 0.05, $"{Neighbours(shared)}");

        static double Neighbours(AmplitudeImage image)
        {
            double[] i = [.. image.Pixels.Select(a => (double)a * a)];
            var m = i.Average();
            return Enumerable.Range(0, i.Length - 1).Average(k => (i[k] - m) * (i[k + 1] - m))
                / i.Average(v => (v - m) * (v - m));
        }
    }

    [Fact]
    public void CrownsOfFacetsAreOpaqueAndShadowsEmpty()
    {
        const int size = 96;
        var (classes, heights) = (new byte[size * size], new float[size * size]);
        Array.Fill(classes, (byte)LandCover.Grass);
        for (var i = 0; i < classes.Length; i++)
        {
            if (i % size is >= 40 and < 50)
                (classes[i], heights[i]) = ((byte)LandCover.Tree, 8);
        }
        var scene = Scene.FromMaps(classes, heights, size, size, 0.4);
        float[] opaque = Map(scene, exact), volume = Map(scene, exact with { Canopy = true });
        // A crown of 8 m casts its shadow over 20 cells at 45 degrees, behind its ten: columns 50 to 69.
        for (var c = 52; c < 67; c++)
        {
            Assert.Equal(0, opaque[48 * size + c]);
            Assert.True(volume[48 * size + c] > 0, $"column {c}");
        }
        Assert.Equal(opaque[48 * size + 80], volume[48 * size + 80]);
    }

    [Fact]
    public void ParcelsAndFacadesAreThereWhenAskedFor()
    {
        var scene = Town();
        var city = Scene.Generate(11, new SceneOptions { Rows = 192, Columns = 192, Kind = SceneKind.City });
        var fields = Scene.Generate(11, new SceneOptions { Rows = 128, Columns = 128, Kind = SceneKind.Farmland });
        foreach (var (land, model) in new[] { (fields, exact with { Parcels = true }),
            (city, exact with { Facades = true }) })
        {
            var rich = Map(land, model);
            Assert.NotEqual(Map(land, exact), rich);
            Assert.Equal(rich, Map(land, model));
        }
        var plain = Simulator.Observe(scene, sensor, 1, Fidelity.Plain).Truth;
        // The plain physics differ from a flawless facet simulator by the canopies alone.
        Assert.Equal(plain.Reflectivity,
            Simulator.Observe(scene, sensor, 1, exact with { Canopy = true }).Truth.Reflectivity);
    }

    [Fact]
    public void ACoarserSensorSeesTheMeanOfTheCells()
    {
        var scene = Town();
        var fine = Map(scene, exact);
        var coarse = Simulator.Observe(scene, Sensors.SatelliteX160, 1, exact).SpeckleFree!;
        Assert.Equal((32, 32), (coarse.Rows, coarse.Columns));
        // Sensors of one geometry and nearly one frequency: the sum over a pixel's 16 cells, within 0.1 dB.
        for (var r = 0; r < 32; r++)
        {
            for (var c = 0; c < 32; c++)
            {
                double sum = 0;
                for (var k = 0; k < 16; k++)
                    sum += fine[(4 * r + k / 4) * 128 + 4 * c + k % 4] / 16;
                Assert.Equal(sum, coarse.Pixels[r * 32 + c], 0.025 * sum + 1e-6);
            }
        }
    }

    [Fact]
    public void AFieldOutOfRangeIsNamed() => Assert.Contains("CalibrationError",
        Assert.Throws<ArgumentException>(() => Simulator.Observe(TestScenes.Flat(8), sensor, 1,
            new FacetModel { CalibrationError = -1 })).Message);

    private static float[] Map(Scene scene, FacetModel model) =>
        Simulator.Observe(scene, sensor, 1, model).SpeckleFree!.Pixels;

    private static Scene Town() => Scene.Generate(11,
        new SceneOptions { Rows = 128, Columns = 128, Kind = SceneKind.Suburb });
}
