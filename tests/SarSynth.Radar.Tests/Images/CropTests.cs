// A window of an image: its pixels, its facts and its place on the ground.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Tests.Images;

public sealed class CropTests
{
    private static readonly RasterWindow Window = new(1, 2, 2, 2);
    private static readonly SarMetadata Facts = new() { Sensor = "X", RangeSpacing = 2 };
    private static readonly GeoReference Place = new([100, 2, 0, 50, 0, -3], "");

    [Fact]
    public void TheWindowOfEveryKindOfImageIsCut()
    {
        float[] numbers = [.. Enumerable.Range(0, 12).Select(i => (float)i)];
        Assert.Equal([6f, 7, 10, 11], new AmplitudeImage(3, 4, numbers).Crop(Window).Pixels);
        Assert.Equal([6f, 7, 10, 11], new IntensityImage(3, 4, numbers).Crop(Window).Pixels);
        Complex32[] samples = Array.ConvertAll(numbers, n => new Complex32(n, -n));
        Assert.Equal([samples[6], samples[7], samples[10], samples[11]], new ComplexImage(3, 4, samples).Crop(Window)
            .Pixels);
    }

    [Fact]
    public void FactsAndPlaceGoWithIt()
    {
        var part = new AmplitudeImage(3, 4, new float[12], Facts, Place).Crop(Window);
        Assert.Equal((2, 2, Facts), (part.Rows, part.Columns, part.Metadata));
        // x = 100 + 2 columns of 2 m, y = 50 - 1 row of 3 m.
        Assert.Equal(new GeoReference([104, 2, 0, 47, 0, -3], ""), part.GeoReference);
    }

    [Fact]
    public void AWindowOutsideIsRefused() => Assert.Contains("inside 3 x 4",
        Assert.Throws<ArgumentOutOfRangeException>(() => new AmplitudeImage(3, 4, new float[12]).Crop(new(2, 0, 2, 2)))
            .Message);
}
