// Displacement against images in closed form: sums of Gaussians, moved by known fractions of a pixel.
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Radar.Tests.Statistics;

public sealed class DisplacementTests
{
    private const int Size = 96;

    private static readonly RasterWindow middle = new(24, 24, 48, 48);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.37, -1.42)]
    [InlineData(-2.25, 0.5)]
    [InlineData(4.1, 3.8)]
    public void ComesBackToATenthOfAPixel(double down, double across)
    {
        var shift = Assert.Single(Displacement.Local(Blobs(down, across), Blobs(0, 0), Size, Size, [middle]))!;
        Assert.Equal(down, shift.Row, 0.1);
        Assert.Equal(across, shift.Column, 0.1);
        Assert.Null(shift.Axis);
        Assert.True(shift.Correlation > 0.9);
        Assert.Equal(Math.Sqrt(down * down + across * across), shift.DistanceTo(0, 0), 0.15);
        Assert.Equal(0, shift.DistanceTo(down, across), 0.15);
    }

    [Fact]
    public void SpeckleAndBrightnessDoNotMatter()
    {
        var random = new Random(1);
        float[] seen = Array.ConvertAll(Blobs(1.3, -0.6), i => (float)(-7 * i * Math.Log(1 - random.NextDouble())));
        var shift = Displacement.Local(seen, Blobs(0, 0), Size, Size, [middle]).Single()!;
        Assert.Equal(1.3, shift.Row, 0.3);
        Assert.Equal(-0.6, shift.Column, 0.3);
    }

    [Fact]
    public void AlongAnEdgeNothingIsClaimed()
    {
        // An edge that falls by one row in two columns, across its normal (2, 1) / sqrt(5).
        static float[] Edge(double offset) => [.. Enumerable.Range(0, Size * Size).Select(i =>
            (float)(1 + 20 / (1 + Math.Exp(-(i / Size + 0.5 * (i % Size) - 70 - offset) / 2)))
            + 0.01f * (i * 7919 % 13))];
        var shift = Displacement.Local(Edge(2), Edge(0), Size, Size, [middle], reach: 8).Single();
        // Moved by 2 rows, or by 4 columns, or anything between: 2 * 2 / sqrt(5) across the edge.
        if (shift is null)
            return;
        Assert.NotNull(shift.Axis);
        Assert.Equal(2 / Math.Sqrt(5), Math.Abs(shift.Axis.Value.Row), 0.1);
        Assert.Equal(4 / Math.Sqrt(5), shift.DistanceTo(0, 0), 0.2);
        Assert.Equal(0, shift.DistanceTo(2, 0), 0.2);
        Assert.Equal(0, shift.DistanceTo(0, 4), 0.2);
    }

    [Fact]
    public void WhereNothingCanBeFoundNothingIs()
    {
        var flat = Enumerable.Repeat(1f, Size * Size).ToArray();
        var holes = Blobs(0, 0);
        Array.Fill(holes, float.NaN, 40 * Size, 8 * Size);
        Assert.Null(Displacement.Local(flat, Blobs(0, 0), Size, Size, [middle]).Single());
        Assert.Null(Displacement.Local(holes, Blobs(0, 0), Size, Size, [middle]).Single());
        // Not inside with the reach around it, and moved farther than the reach.
        Assert.Null(Displacement.Local(Blobs(0, 0), Blobs(0, 0), Size, Size, [new(2, 24, 48, 48)]).Single());
        Assert.Null(Displacement.Local(Blobs(0, 9), Blobs(0, 0), Size, Size, [middle], reach: 4).Single());
        Assert.Throws<ArgumentException>(() => Displacement.Local(flat, new float[9], Size, Size, [middle]));
    }

    private static float[] Blobs(double down, double across)
    {
        var random = new Random(5);
        (double Row, double Column, double Power)[] blobs = [.. Enumerable.Range(0, 60).Select(_ =>
            (random.NextDouble() * Size, random.NextDouble() * Size, 1 + 30 * random.NextDouble()))];
        var image = new float[Size * Size];
        for (var i = 0; i < image.Length; i++)
        {
            image[i] = 0.5f + (float)blobs.Sum(b => b.Power * Math.Exp(-(Math.Pow(i / Size - b.Row - down, 2)
                + Math.Pow(i % Size - b.Column - across, 2)) / (2 * 2.5 * 2.5)));
        }
        return image;
    }
}
