// The comparison of simulated, bridged and true images, with bridges whose figures are known beforehand.
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Tests.Evaluation;

public class BridgeTests
{
    [Theory]
    [InlineData(0.25, 0.01, 0.01, 1)]
    [InlineData(0.25, 0.25, 0.01, 0)]
    [InlineData(0.25, 0.13, 0.01, 0.5)]
    [InlineData(0.25, 0.37, 0.01, -0.5)]
    public void TheShareIsThatOfTheGap(double simulator, double bridged, double floor, double expected) =>
        Assert.Equal(expected, BridgeComparison.ShareClosed(simulator, bridged, floor), 1e-12);

    [Fact]
    public void WithoutAGapThereIsNoShare() => Assert.True(double.IsNaN(BridgeComparison.ShareClosed(0.1, 0.05, 0.2)));

    [Fact]
    public void ABridgeToTheTruthClosesAllAndOneToNowhereNothing()
    {
        var scenes = BridgeScene.Unseen(3, 160);
        // Kinds that have all five classes of ground among them.
        var lessons = BridgeScene.Unseen(8, 128, GroundClassifier.FirstSeed);
        var byMap = scenes.Concat(lessons).ToDictionary(s => s.Map.Pixels, s => s, new SamePixels());
        AmplitudeImage Perfect(AmplitudeImage map, ulong seed) => byMap[map.Pixels].Truth.Again!(seed + 77);
        AmplitudeImage Nothing(AmplitudeImage map, ulong seed) => byMap[map.Pixels].Facets.Detected;

        var perfect = Compare(Perfect);
        Assert.Equal(["simulator", "with noise and response", "bridged", "floor"], perfect.Table.Candidates);
        Assert.InRange(perfect.Gaps.Single(g => g.Id == "kl").Closed!.Value, 0.97, 1.03);
        Assert.InRange(perfect.Gaps.Single(g => g.Id == "kl").Lower!.Value, 0.9, 1.03);
        Assert.InRange(perfect.Use!.Gain, 0.8, 1.2);
        // Seen by the sensor itself it has no registration error: what is "taken off" appears.
        foreach (var what in new[] { "layover", "shadow", "edges" })
        {
            Assert.InRange(Place(perfect, "bridged", what, registered: false).Median, 0, 0.4);
            Assert.InRange(Place(perfect, "simulator", what, registered: true).Median, 0, 0.4);
            Assert.True(Place(perfect, "simulator", what, registered: false).Median > 0.4);
            Assert.InRange(Place(perfect, "floor", what, registered: false).Found, 10, 10_000);
        }
        Assert.Contains(perfect.Goals(), g => g.Goal.StartsWith("KL", StringComparison.Ordinal) && g.Meets);

        var nothing = Compare(Nothing);
        Assert.Equal(0, nothing.Gaps.Single(g => g.Id == "kl").Closed!.Value, 1e-9);
        Assert.Equal(0, nothing.Use!.Gain, 1e-9);
        Assert.Contains(nothing.Goals(), g => g.Goal.StartsWith("use", StringComparison.Ordinal) && !g.Meets);
        Assert.Contains("| KL, log bins |", nothing.ToMarkdown());

        BridgeComparison Compare(Func<AmplitudeImage, ulong, AmplitudeImage> bridge) => BridgeComparison.Of(scenes,
            BridgeComparison.Candidates(scenes, bridge), lessons, bridge, resamples: 60);

        static BridgedPlace Place(BridgeComparison of, string image, string what, bool registered) =>
            of.Places.Single(p => p.Image == image && p.What == what && p.IsRegistered == registered);
    }

    [Fact]
    public void APanelHasTheThreeImagesAndTheirParts()
    {
        var scene = BridgeScene.Of(SceneKind.City, 96, BridgeScene.FirstSeed);
        var html = scene.ToPanel(scene.Facets.Detected, part: 32).ToHtml();
        foreach (var title in new[] { "facet simulator", "bridged", "simulated airborne" })
            Assert.Equal(2, html.Split($">{title}<").Length - 1);
    }

    private sealed class SamePixels : IEqualityComparer<float[]>
    {
        public bool Equals(float[]? x, float[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(float[] pixels) => BitConverter.SingleToInt32Bits(pixels[pixels.Length / 2]);
    }
}
