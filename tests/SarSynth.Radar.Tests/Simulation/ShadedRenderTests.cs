using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class ShadedRenderTests
{
    private const int Side = 64;

    // A wall of 10 m that runs up and down the picture, on flat concrete.
    private static readonly Scene wall = Scene.FromMaps(
        [.. Enumerable.Repeat((byte)LandCover.Concrete, Side * Side)],
        [.. Enumerable.Range(0, Side * Side).Select(i => i % Side is >= 40 and < 44 ? 10f : 0f)], Side, Side, 1.0);

    private static double Light(float[] pixels, RenderStyle style, int from, int to) =>
        Enumerable.Range(0, Side * Side).Where(i => i % Side >= from && i % Side < to)
            .Average(i => Math.Pow(pixels[i], style.Gamma));

    [Theory]
    [InlineData(45)]
    [InlineData(30)]
    public void AWallCastsAShadowAwayFromTheSunAsLongAsItsHeightOverTheTangent(double elevation)
    {
        var style = new RenderStyle(SunAzimuth: 90, SunElevation: elevation, Ambient: 0.4);
        var pixels = ShadedRender.Of(wall, style);
        var length = 10 / Math.Tan(elevation * Math.PI / 180);
        // The half-shadow at its end is some metres wide, the wall's own cells are shaded by their slope.
        var shadow = Light(pixels, style, (int)(40 - length + 3), 38);
        var lit = Light(pixels, style, 5, (int)(40 - length - 3));
        Assert.Equal(0.4, shadow / lit, 0.02);
        // Nothing on the sun's side lies in shadow.
        Assert.Equal(1, Light(pixels, style, 47, 60) / lit, 0.05);
    }

    [Fact]
    public void GroundThatFacesTheSunIsAsBrightAsLambertSays()
    {
        const double slope = 0.2;
        Scene Tilted(double rise) => Scene.FromMaps([.. Enumerable.Repeat((byte)LandCover.Sand, Side * Side)],
            [.. Enumerable.Range(0, Side * Side).Select(i => (float)(i % Side * rise))], Side, Side, 1.0);
        var style = new RenderStyle(SunAzimuth: 270, SunElevation: 50, Ambient: 0.3);
        // The cosine of the angle between the sun and the normal, over that on flat ground. It rises to the right,
        // towards a sun at the left.
        var (sin, cos) = (Math.Sin(50 * Math.PI / 180), Math.Cos(50 * Math.PI / 180));
        var facing = (sin + slope * cos) / Math.Sqrt(1 + slope * slope) / sin;
        var flat = Light(ShadedRender.Of(Tilted(0), style), style, 8, 56);
        var tilted = Light(ShadedRender.Of(Tilted(slope), style), style, 8, 56);
        Assert.Equal(0.3 + 0.7 * facing, tilted / flat, 0.01);
    }

    [Fact]
    public void TheSameStyleGivesTheSamePictureAndAnotherSeedOthers()
    {
        var scene = Scene.Generate(7, new SceneOptions { Rows = Side, Columns = Side, Spacing = 0.8 });
        var pixels = ShadedRender.Of(scene, RenderStyle.Draw(3));
        Assert.Equal(pixels, ShadedRender.Of(scene, RenderStyle.Draw(3)));
        Assert.NotEqual(pixels, ShadedRender.Of(scene, RenderStyle.Draw(4)));
        Assert.All(pixels, p => Assert.InRange(p, 0, 1));
        var error = Assert.Throws<ArgumentOutOfRangeException>(
            () => ShadedRender.Of(scene, new RenderStyle(SunElevation: 0)));
        Assert.Contains("SunElevation: found 0", error.Message);
    }

    [Fact]
    public void PhrasingsOfOtherOpeningsSayTheSameThings()
    {
        var scene = Scene.Generate(7, new SceneOptions { Rows = Side, Columns = Side, Spacing = 0.8 });
        var plain = scene.Phrasings(0, 0, Side, Side, 3, ["a photo of"]);
        var radar = scene.Phrasings(0, 0, Side, Side, 1)[0];
        Assert.Equal(scene.Caption(0, 0, Side, Side), radar);
        Assert.All(plain, p => Assert.StartsWith("a photo of ", p));
        Assert.All(plain, p => Assert.DoesNotContain("radar", p));
        Assert.Throws<ArgumentOutOfRangeException>(() => scene.Phrasings(1, 0, Side, Side, 1));
    }
}
