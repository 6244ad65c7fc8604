// The whole table against numpy, scipy and scikit-image (tests/goldens/evaluation/make_goldens.py).
using System.Runtime.InteropServices;
using System.Text.Json;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Evaluation;

public class TableGoldenTests
{
    private const int Rows = 64, Columns = 96;

    private static readonly JsonElement golden =
        JsonDocument.Parse(File.ReadAllText(TestData.Golden("evaluation/table.json"))).RootElement
        .GetProperty("values");

    private static readonly TruthScene[] scenes = [Scene(0), Scene(1)];

    private static readonly Lazy<TranslationTable> known = new(() =>
        TranslationTable.Of(scenes, [Made], classifier: GroundClassifier.Train(scenes), resamples: 20));

    private static readonly Lazy<TranslationTable> plain = new(() =>
        TranslationTable.Of([.. scenes.Select(s => s with { Ground = null })], [Made], resamples: 20));

    // Of the Kolmogorov-Smirnov and Wasserstein distances the kit has bins, scipy has every value.
    private static double Tolerance(string id, double expected) => id.Split('-')[0] is "ks" or "w1"
        ? 2e-3 * (1 + Math.Abs(expected)) : 2e-5 * (1 + Math.Abs(expected));

    public static TheoryData<string> All => [.. golden.EnumerateObject().Select(p => p.Name)];

    private static Candidate Made => new("made", [Image("image-0"), Image("image-1")])
    {
        Seeds = [.. Enumerable.Range(0, 2).Select(k => (IReadOnlyList<AmplitudeImage>)[.. Enumerable.Range(0, 3)
            .Select(j => new AmplitudeImage(64, 64, Floats($"seed-{k}-{j}")))])],
    };

    [Theory]
    [MemberData(nameof(All))]
    public void EqualsTheIndependentComputation(string id)
    {
        var table = known.Value.Rows.Any(r => r.Id == id) ? known.Value : plain.Value;
        var expected = golden.GetProperty(id).GetDouble();
        Assert.Equal(expected, table[id, "made"].Value!.Value, Tolerance(id, expected));
    }

    [Fact]
    public void EveryMeasureHasAnIndependentValue()
    {
        var measured = Measures.All.Concat(Measures.Unpaired).Select(m => m.Id).Distinct()
            // Copies and what is none: TranslationTableTests; the network: ResNet18Tests.
            .Except(["nearest-training"]).Except(EncoderMeasures.OfResNet().Select(m => m.Id))
            // Against a model whose features are known: SarTextMeasuresTests.
            .Except(SarTextMeasures.All().Select(m => m.Id));
        Assert.Empty(measured.Except(golden.EnumerateObject().Select(p => p.Name)));
    }

    /// <summary>Heaps have the same sums as pairs where a measure needs no pairs.</summary>
    [Fact]
    public void HeapsOfTheSameImagesGiveTheSame()
    {
        var heaps = TranslationTable.Unpaired(new("true", [.. scenes.Select(s => s.Airborne)]), [Made], resamples: 20);
        foreach (var row in heaps.Rows.Where(r => r.Id != "missing"))
            Assert.Equal(golden.GetProperty(row.Id).GetDouble(), row.Cells[0].Value!.Value,
                Tolerance(row.Id, golden.GetProperty(row.Id).GetDouble()));
    }

    private static TruthScene Scene(int k) => new($"scene {k}", Image($"truth-{k}"))
    {
        Satellite = new(Rows / 4, Columns / 4, Floats($"satellite-{k}")),
        Ground = new(Rows, Columns, Bytes($"classes-{k}"), Floats($"reflectivity-{k}"),
            Array.ConvertAll(Bytes($"flat-{k}"), b => b == 1)) { AirborneNoise = 0.001f, SatelliteNoise = 0.01f },
    };

    private static AmplitudeImage Image(string name) => new(Rows, Columns, Floats(name));

    private static float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(
        File.ReadAllBytes(TestData.Golden($"evaluation/{name}.f32"))).ToArray();

    private static byte[] Bytes(string name) => File.ReadAllBytes(TestData.Golden($"evaluation/{name}.u8"));
}
