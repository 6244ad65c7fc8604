// Backscatter against the same equations computed with numpy
// (tests/goldens/simulation/make_backscatter.py) and usual levels.
using System.Text.Json;
using SarSynth.Radar.Simulation;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class SurfaceTests
{
    [Fact]
    public void ModelsGiveTheValuesOfTheirEquations()
    {
        using var cases = JsonDocument.Parse(File.ReadAllText(TestData.Golden("simulation/backscatter.json")));
        int count = 0;
        foreach (var item in cases.RootElement.EnumerateArray())
        {
            double Get(string name) => item.TryGetProperty(name, out var value) ? value.GetDouble() : 0;
            var surface = new Surface
            {
                Permittivity = Get("permittivity"),
                Loss = Get("loss"),
                RmsHeight = Get("rmsHeight"),
                RmsSlope = Get("rmsSlope"),
                CanopyGamma = Get("canopyGamma"),
                OpticalDepth = Get("opticalDepth"),
                BraggScale = item.GetProperty("model").GetString() == "water" ? 1 : 0,
            };
            double expected = Get("sigma"),
                found = surface.SigmaNought(Get("incidence") * Math.PI / 180, Get("frequency"),
                item.GetProperty("polarisation").GetString()!);
            Assert.True(Math.Abs(found - expected) < 1e-9 * expected, $"{item}: found {found}");
            count++;
        }
        Assert.Equal(120, count);
    }

    [Fact]
    public void DefaultsKeepTheOrderThatXBandImagesShow()
    {
        double At(LandCover cover, double degrees = 45, double frequency = 9.6, string polarisation = "VV") =>
            10 * Math.Log10(Surface.Defaults[cover].SigmaNought(degrees * Math.PI / 180, frequency, polarisation));
        Assert.InRange(At(LandCover.BareSoil), -14, -7);
        Assert.InRange(At(LandCover.Grass), -15, -9);
        Assert.InRange(At(LandCover.Crop), -12, -8);
        Assert.InRange(At(LandCover.Tree), -10, -6);
        Assert.InRange(At(LandCover.Asphalt), -30, -20);
        Assert.True(At(LandCover.Water) < At(LandCover.Asphalt));
        Assert.True(At(LandCover.Asphalt) < At(LandCover.Grass) - 6);
        Assert.True(At(LandCover.BareSoil, 25) > At(LandCover.BareSoil, 60) + 3);
        // Smooth at L band, rough at X band; a canopy lets L band through.
        Assert.True(At(LandCover.Asphalt, frequency: 1.2575) < At(LandCover.Asphalt) - 4);
        var trees = Surface.Defaults[LandCover.Tree];
        Assert.True(trees.TwoWayTransmission(0.7, 1.2575) > 10 * trees.TwoWayTransmission(0.7, 9.6));
        // Vertical polarisation sees more of smooth ground and of water.
        Assert.True(At(LandCover.Water) > At(LandCover.Water, polarisation: "HH") + 3);
    }

    [Fact]
    public void BrewsterAndNadirHoldForFresnel()
    {
        var lossless = new Surface { Permittivity = 4, Loss = 0 };
        Assert.Equal(0, lossless.Reflectivity(Math.Atan(2), vertical: true), 1e-12);
        Assert.Equal(1.0 / 9, lossless.Reflectivity(0, vertical: true), 1e-12);
        Assert.Equal(1.0 / 9, lossless.Reflectivity(0, vertical: false), 1e-12);
    }

    [Fact]
    public void TrihedralHasItsPeakCrossSection() =>
        Assert.Equal(4 * Math.PI / (3 * 0.03 * 0.03), Target.Trihedral(1, 0.03), 1e-6);
}
